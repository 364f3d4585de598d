"""The command line: how it finds an application, what its commands do, what it reads first."""

import os
import re
import sys
from contextlib import chdir
from importlib.metadata import EntryPoint
from unittest.mock import Mock, patch

import click
from click.testing import CliRunner

from tests.differential.harness import scenario

HEAD = "from {name} import {App} as App, Blueprint, current_app, g\nimport click\n"
APP = "app = App('shop')\n"


def write(fw, **files):
    """Write modules below the folder of the scenario; ``a_in_b`` is ``b/a.py``."""
    for name, text in files.items():
        path = fw.folder.joinpath(*name.split("_in_")[::-1]).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HEAD.format(name=fw.name, App=fw.App.__name__) + text)


def command_line(fw, **options):
    cli = fw.module("cli")
    return (cli.FlaskGroup if fw.name == "flask" else cli.CruseGroup)(**options)


def invoke(fw, *arguments, group=None, **environment):
    """Run the command line in the folder; return its exit code and what it wrote."""
    path, modules = sys.path.copy(), set(sys.modules)
    group = group or command_line(fw)
    try:
        with chdir(fw.folder):
            return CliRunner().invoke(group, arguments, env=environment)
    finally:
        sys.path[:] = path
        for name in set(sys.modules) - modules:
            module = sys.modules[name]
            places = [getattr(module, "__file__", None), *getattr(module, "__path__", [])]
            if any(str(place).startswith(str(fw.folder)) for place in places):
                del sys.modules[name]


def no_server(fw):
    """Put something in the place of the development server; Flask has it in two."""
    server = Mock()
    flask = patch("flask.cli.run_simple", server)
    return patch("werkzeug.serving.run_simple", server) if fw.name == "cruse" else flask


def went(result):
    """What of a result has to be equal: not the words of errors."""
    ok = result.exit_code == 0
    error = None if ok or isinstance(result.exception, SystemExit) else result.exception
    return [result.exit_code, result.stdout if ok else "", error]


# -- finding the application --

MODULES = {
    "app": "app = App('found')",
    "application": "application = App('found')",
    "both": "application = App('second')\napp = App('found')",
    "another name": "shop = App('found')",
    "two of other names": "one = App('one')\ntwo = App('two')",
    "create_app": "def create_app():\n    return App('found')",
    "make_app": "def make_app():\n    return App('found')",
    "factory with defaults": "def create_app(a=1, *, b=2):\n    return App('found')",
    "factory with needs": "def create_app(name):\n    return App('found')",
    "factory of nothing": "def create_app():\n    return None",
    "factory that fails": "def create_app():\n    raise TypeError('inside')",
    "nothing": "x = 1",
    "app is something else": "app = 1\nshop = App('found')",
    "import error": "import no_such_module",
    "error": "1 / 0",
    "syntax error": "def",
    "a subclass": "class Own(App): pass\nx = Own('found')",
    "an imported app": "from module_b import app",
}


@scenario(each=MODULES)
def what_a_module_holds(fw, text):
    write(fw, module=text, module_b="app = App('imported')")
    found = command_line(fw, add_default_commands=False)

    @found.command("which")
    @fw.module("cli").with_appcontext
    def which():
        click.echo(fw.current_app.name)

    result = invoke(fw, "--app", "module", "which", group=found)
    fw.observe(went=went(result))


REFERENCES = {
    "module": "module",
    "name": "module:named",
    "missing name": "module:missing",
    "factory": "module:make",
    "factory called": "module:make()",
    "argument": "module:make('arg')",
    "arguments": "module:make('arg', 1)",
    "keyword": "module:make(name='kw')",
    "not a literal": "module:make(name=x)",
    "too many": "module:make(1, 2, 3)",
    "attribute": "module:holder.app",
    "expression": "module:1 + 1",
    "call of a call": "module:make()()",
    "star": "module:make(*[1])",
    "empty name": "module:",
    "file": "module.py",
    "file and name": "module.py:named",
    "package": "package",
    "module of a package": "package.inner",
    "file of a package": "package/inner.py",
    "init of a package": "package/__init__.py",
    "missing module": "no_such",
    "missing in package": "package.missing",
    "not an app": "module:number",
    "spaces": "module:make( 'arg' )",
}


@scenario(each=REFERENCES)
def how_it_is_named(fw, reference):
    write(
        fw,
        module=(
            "app, named, number = App('app'), App('named'), 5\n"
            "class holder: app = App('held')\n"
            "def make(name='default', other=None):\n    return App(f'made {name} {other}')\n"
        ),
        __init___in_package="app = App('package')",
        inner_in_package="app = App('inner')",
    )
    group = command_line(fw, add_default_commands=False)

    @group.command("which")
    @fw.module("cli").with_appcontext
    def which():
        click.echo(fw.current_app.name)

    fw.observe(went=went(invoke(fw, "--app", reference, "which", group=group)))
    by_name = invoke(fw, "which", group=group, **{fw.env("APP"): reference})
    fw.observe(by_variable=went(by_name))


@scenario(
    each={
        "wsgi.py": {"wsgi": "app = App('wsgi')"},
        "app.py": {"app": "app = App('app')"},
        "both": {"wsgi": "app = App('wsgi')", "app": "app = App('app')"},
        "wsgi without an app": {"wsgi": "x = 1", "app": "app = App('app')"},
        "neither": {"main": "app = App('main')"},
        "package": {"__init___in_app": "app = App('package')"},
    }
)
def without_a_name(fw, files):
    write(fw, **files)
    group = command_line(fw, add_default_commands=False)

    @group.command("which")
    @fw.module("cli").with_appcontext
    def which():
        click.echo(fw.current_app.name)

    fw.observe(went=went(invoke(fw, "which", group=group)))


@scenario
def a_factory_given_to_the_group(fw):
    group = command_line(fw, create_app=lambda: fw.App("made"))

    @group.command("which")
    @fw.module("cli").with_appcontext
    def which():
        click.echo(fw.current_app.name)

    fw.observe(went=went(invoke(fw, "which", group=group)))


@scenario
def the_application_is_loaded_once(fw):
    made = []

    def make():
        made.append(1)
        return fw.App("made")

    info = fw.module("cli").ScriptInfo(create_app=make)
    fw.observe(same=info.load_app() is info.load_app(), made=made)


@scenario
def app_run_does_nothing_while_a_command_loads_it(fw):
    write(fw, app=f"{APP}app.run()\napp.cli.command('which')(lambda: click.echo(app.name))\n")
    with no_server(fw) as run_simple:
        result = invoke(fw, "which")
    fw.observe(exit=result.exit_code, served=run_simple.called)


# -- commands of an application --

COMMANDS = """
app = App('shop')

@app.cli.command('which')
@click.argument('rest', nargs=-1)
def which(rest):
    \"\"\"Say which.\"\"\"
    click.echo(' '.join([current_app.name, *rest]))

@app.cli.command('bare', with_appcontext=False)
def bare():
    click.echo('bare')

@app.cli.group('group')
def group():
    pass

@group.command('inner')
@click.option('--count', type=int, default=1)
def inner(count):
    click.echo(f'inner {current_app.name} {count}')

@app.cli.command()
def under_score():
    click.echo('dashed')

@app.cli.command('g')
def use_g():
    g.x = 1
    click.echo(g.x)

@app.teardown_appcontext
def end(error):
    click.echo(f'end {type(error).__name__}')

@app.cli.command('fail')
def fail():
    raise ZeroDivisionError
"""


@scenario(
    each={
        "plain": "which",
        "arguments": "which a b",
        "unknown option": "which --bad",
        "group": "group inner --count 3",
        "group without command": "group",
        "bad value": "group inner --count x",
        "dashed name": "under-score",
        "g": "g",
        "failing": "fail",
        "missing": "missing",
        "bare": "bare",
    }
)
def commands_of_an_application(fw, line):
    write(fw, app=COMMANDS)
    result = invoke(fw, *line.split())
    usage = line in ("group",)
    fw.observe(went=[result.exit_code] if usage else went(result))


@scenario
def the_list_of_commands(fw):
    write(fw, app=COMMANDS)
    result = invoke(fw, "--help")
    words = ("run", "shell", "routes", "which", "bare", "group", "under-score", "g", "fail")
    there = [word for word in words if re.search(rf"^  {word}\b", result.output, re.MULTILINE)]
    fw.observe(exit=result.exit_code, there=there, doc="Say which." in result.output)


@scenario(each={"broken": "1 / 0", "none": "x = 1"})
def the_list_when_the_application_is_broken(fw, text):
    write(fw, app=text)
    result = invoke(fw, "--help")
    fw.observe(exit=result.exit_code, built_in=" routes " in result.output)


@scenario(each={"own": None, "named": "other", "merged": "", "none": "unset"})
def commands_of_a_blueprint(fw, cli_group):
    app = fw.App("shop")
    options = {} if cli_group == "own" else {"cli_group": cli_group}
    bp = fw.Blueprint("bp", "shop", **({} if cli_group == "unset" else options))

    @bp.cli.command("which")
    def which():
        click.echo(fw.current_app.name)

    app.register_blueprint(bp)
    runner = app.test_cli_runner()
    seen = {}
    for line in (["which"], ["bp", "which"], ["other", "which"]):
        result = runner.invoke(args=line)
        seen[" ".join(line)] = [result.exit_code, result.output if not result.exit_code else ""]
    fw.observe(seen=seen)


@scenario
def the_group_of_a_registration(fw):
    app = fw.App("shop")
    bp = fw.Blueprint("bp", "shop", cli_group="first")
    bp.cli.command("which")(lambda: click.echo("here"))
    app.register_blueprint(bp, cli_group="second")
    runner = app.test_cli_runner()
    fw.observe(
        first=runner.invoke(args=["first", "which"]).exit_code,
        second=runner.invoke(args=["second", "which"]).output,
    )


@scenario
def nested_groups(fw):
    group = fw.module("cli").AppGroup("outer")
    app = fw.App("shop")

    @group.group("inner")
    def inner():
        pass

    @inner.command("which")
    def which():
        click.echo(fw.current_app.name)

    app.cli.add_command(group)
    result = app.test_cli_runner().invoke(args=["outer", "inner", "which"])
    fw.observe(went=went(result), kind=type(inner))


@scenario
def with_appcontext_once_for_nested_commands(fw):
    app, log = fw.App("shop"), []
    app.teardown_appcontext(lambda error: log.append("end"))

    @app.cli.command("first")
    @click.pass_context
    def first(ctx):
        ctx.invoke(second)

    @app.cli.command("second")
    def second():
        log.append("second")

    app.test_cli_runner().invoke(args=["first"])
    fw.observe(log=log)


@scenario
def plugins(fw):
    write(fw, plugin="@click.command()\ndef hello():\n    click.echo('from a plugin')\n")
    group = f"{fw.name}.commands"
    found = [
        EntryPoint("hello", "plugin:hello", group),
        EntryPoint("run", "plugin:hello", f"{fw.name}.others"),
    ]
    sys.path.insert(0, str(fw.folder))
    where = {"flask": "importlib.metadata", "cruse": "cruse.cli.options"}[fw.name]
    with patch(
        f"{where}.entry_points", lambda group: [each for each in found if each.group == group]
    ):
        fw.observe(went=went(invoke(fw, "hello")))


# -- what is read before --


def environment_of(fw, *arguments, variables=(), **environment):
    group = command_line(fw, add_default_commands=False)
    seen = {}

    @group.command("show", with_appcontext=False)
    def show():
        seen.update({name: os.environ.get(name) for name in variables})

    with patch.dict(os.environ):
        result = invoke(fw, *arguments, "show", group=group, **environment)
    return result.exit_code, seen


FILES = {
    "nothing": {},
    "dotenv": {".env": "A=env\nB=env"},
    "own": {"own": "A=own\nC=own"},
    "both": {".env": "A=env\nB=env", "own": "A=own\nC=own"},
    "given": {".env": "A=env\nB=env", "own": "A=own", "more.env": "A=more\nD=more"},
    "quotes": {".env": "A='single # x'\nB=\"double\\n\"\nexport C=exported"},
    "comments": {".env": "# A=1\nA=2 # two\n\n  B = 3  "},
    "references": {".env": "A=1\nB=${A}2\nC=${MISSING:-none}"},
    "empty": {".env": "A=\nB=''"},
    "no value": {".env": "A=1\nB"},
}


@scenario(each=FILES)
def files_of_variables(fw, files):
    for name, text in files.items():
        path = fw.folder / {"own": f".{fw.name}env"}.get(name, name)
        path.write_text(text)
    given = ["--env-file", "more.env"] if "more.env" in files else []
    names = ("A", "B", "C", "D")
    fw.observe(
        read=environment_of(fw, *given, variables=names),
        environment_wins=environment_of(fw, *given, variables=names, A="set"),
        skipped=environment_of(fw, variables=names, **{fw.env("SKIP_DOTENV"): "1"}),
    )


@scenario
def a_file_that_is_not_there(fw):
    fw.observe(outcome=environment_of(fw, "-e", "missing.env")[0])


@scenario
def the_name_of_the_application_in_a_file(fw):
    write(fw, shop="app = App('from the file')")
    (fw.folder / ".env").write_text(f"{fw.env('APP')}=shop")
    group = command_line(fw, add_default_commands=False)

    @group.command("which")
    @fw.module("cli").with_appcontext
    def which():
        click.echo(fw.current_app.name)

    fw.observe(went=went(invoke(fw, "which", group=group)))


@scenario(
    each={
        "on": (["--debug"], {}),
        "off": (["--no-debug"], {}),
        "unset": ([], {}),
        "variable": ([], {"DEBUG": "1"}),
        "variable off": ([], {"DEBUG": "0"}),
        "option wins": (["--no-debug"], {"DEBUG": "1"}),
    }
)
def debug_mode(fw, case):
    arguments, environment = case
    write(fw, app="app = App('shop')\nfirst = app.debug\n")
    group = command_line(fw, add_default_commands=False)

    @group.command("show")
    @fw.module("cli").with_appcontext
    def show():
        click.echo(f"{fw.current_app.debug} {sys.modules['app'].first}")

    environment = {fw.env(name): value for name, value in environment.items()}
    fw.observe(went=went(invoke(fw, *arguments, "show", group=group, **environment)))


@scenario
def the_debug_flag_of_a_group_that_does_not_set_it(fw):
    group = command_line(fw, create_app=lambda: fw.App("shop"), set_debug_flag=False)

    @group.command("show")
    @fw.module("cli").with_appcontext
    def show():
        click.echo(str(fw.current_app.debug))

    fw.observe(went=went(invoke(fw, "show", group=group)))


@scenario
def the_version(fw):
    result = invoke(fw, "--version")
    fw.observe(exit=result.exit_code, first=result.output.split()[0])


# -- run --


def served(fw, *arguments, **environment):
    """Return what ``run`` calls the server with."""
    with no_server(fw) as run_simple:
        result = invoke(fw, "run", *arguments, **environment)
    if not run_simple.called:
        return result.exit_code, None
    call = run_simple.call_args
    given = {**dict(zip(("hostname", "port"), call.args, strict=False)), **call.kwargs}
    wanted = ("hostname", "port", "use_reloader", "use_debugger", "threaded")
    seen = {
        name: bool(v) if name[:3] == "use" else v for name in wanted for v in [given.get(name)]
    }
    for name in ("extra_files", "exclude_patterns"):
        if given.get(name):
            seen[name] = [os.path.basename(each) for each in given[name]]
    context = given.get("ssl_context")
    if isinstance(context, tuple):
        context = [each and os.path.basename(each) for each in context]
    seen["ssl"] = context if isinstance(context, list | str | None) else type(context).__name__
    return result.exit_code, seen


@scenario(
    each={
        "nothing": [],
        "host and port": ["--host", "0.0.0.0", "--port", "8080"],
        "short": ["-h", "::1", "-p", "0"],
        "bad port": ["--port", "http"],
        "reload": ["--reload"],
        "no reload": ["--no-reload"],
        "no debugger": ["--no-debugger"],
        "without threads": ["--without-threads"],
        "extra files": ["--extra-files", f"a.txt{os.pathsep}b.txt"],
        "exclude": ["--exclude-patterns", f"*.a{os.pathsep}*.b"],
        "unknown": ["--workers", "2"],
    }
)
def options_of_run(fw, arguments):
    write(fw, app=APP)
    for name in ("a.txt", "b.txt"):
        (fw.folder / name).write_text("")
    fw.observe(served=served(fw, *arguments))


@scenario
def run_in_debug_mode(fw):
    write(fw, app=APP)
    with no_server(fw) as run_simple:
        invoke(fw, "--debug", "run", "--no-debugger")
    fw.observe(reload=bool(run_simple.call_args.kwargs.get("use_reloader")))


@scenario
def options_of_run_in_the_environment(fw):
    write(fw, app=APP)
    variables = {fw.env("RUN_PORT"): "8123", fw.env("RUN_HOST"): "127.0.0.2"}
    fw.observe(served=served(fw, **variables), option_wins=served(fw, "-p", "8124", **variables))


@scenario(
    each={
        "files": ["--cert", "c.pem", "--key", "k.pem"],
        "other order": ["--key", "k.pem", "--cert", "c.pem"],
        "cert alone": ["--cert", "c.pem"],
        "key alone": ["--key", "k.pem"],
        "adhoc": ["--cert", "adhoc"],
        "adhoc and key": ["--cert", "adhoc", "--key", "k.pem"],
        "adhoc and key, other order": ["--key", "k.pem", "--cert", "adhoc"],
        "missing file": ["--cert", "missing.pem", "--key", "k.pem"],
        "missing key": ["--cert", "c.pem", "--key", "missing.pem"],
        "import": ["--cert", "tls.context"],
        "import and key": ["--cert", "tls.context", "--key", "k.pem"],
        "import of something else": ["--cert", "tls.number"],
        "import of nothing": ["--cert", "tls.missing"],
        "folder": ["--cert", ".", "--key", "k.pem"],
    }
)
def certificates(fw, arguments):
    write(
        fw,
        app=APP,
        tls="import ssl\ncontext = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\nnumber = 5\n",
    )
    sys.path.insert(0, str(fw.folder))
    for name in ("c.pem", "k.pem"):
        (fw.folder / name).write_text("")
    fw.observe(served=served(fw, *arguments))


@scenario(each={"import error": "import no_such", "no app": "x = 1", "error": "1 / 0"})
def an_application_that_can_not_be_loaded(fw, text):
    write(fw, app=text)
    with no_server(fw) as run_simple:
        result = invoke(fw, "run")
    fw.observe(failed=result.exit_code != 0, served=run_simple.called)


# -- shell --


@scenario
def the_shell(fw):
    write(
        fw,
        app=(
            "app = App('shop')\n"
            "@app.shell_context_processor\n"
            "def names():\n    return {'town': 'Bree', 'g': 'replaced'}\n"
        ),
    )
    seen = {}

    def interact(banner=None, local=None, **options):
        names = local if local is not None else {}
        seen.update(
            names=sorted(name for name in names if not name.startswith("__")),
            town=names.get("town"),
            g=names.get("g"),
            app=names.get("app") is fw.current_app._get_current_object(),
            banner="shop" in banner and sys.platform in banner,
        )

    with patch("code.interact", interact):
        result = invoke(fw, "shell")
    fw.observe(exit=result.exit_code, seen=seen)


@scenario
def the_file_of_pythonstartup(fw):
    write(fw, app=APP)
    (fw.folder / "start.py").write_text("started = True\n")
    seen = {}
    with patch("code.interact", lambda banner=None, local=None, **o: seen.update(local)):
        invoke(fw, "shell", PYTHONSTARTUP=str(fw.folder / "start.py"))
    fw.observe(started=seen.get("started"))


@scenario
def the_context_of_the_shell(fw):
    app = fw.App("shop")
    app.shell_context_processor(lambda: {"a": 1})
    app.shell_context_processor(lambda: {"b": 2, "a": 3})
    with app.app_context():
        context = app.make_shell_context()
    fw.observe(names=sorted(context), a=context["a"], app=context["app"] is app)


# -- routes --

ROUTES = """
app = App('shop', static_folder=None)
app.add_url_rule('/b', 'first', methods=['GET', 'POST'])
app.add_url_rule('/a/<int:x>', 'second')
app.add_url_rule('/c', 'third', methods=['PUT'])
"""


def table(result):
    """Return the rows below the line, cell by cell."""
    lines = result.output.rstrip().split("\n")
    rule = next((n for n, line in enumerate(lines) if set(line) <= {"-", " "} and line), None)
    if rule is None:
        return lines if result.exit_code == 0 else result.exit_code
    return [re.split(r"  +", line.strip()) for line in [lines[rule - 1], *lines[rule + 1 :]]]


@scenario(
    each={
        "nothing": [],
        "endpoint": ["--sort", "endpoint"],
        "methods": ["--sort", "methods"],
        "rule": ["-s", "rule"],
        "match": ["--sort", "match"],
        "domain": ["--sort", "domain"],
        "other": ["--sort", "other"],
        "all methods": ["--all-methods"],
    }
)
def routes(fw, arguments):
    write(fw, app=ROUTES)
    fw.observe(table=table(invoke(fw, "routes", *arguments)))


@scenario(
    each={
        "subdomains": (
            "app = App('shop', static_folder=None, subdomain_matching=True)\n"
            "app.add_url_rule('/', 'b', subdomain='b')\napp.add_url_rule('/', 'a')\n"
        ),
        "hosts": (
            "app = App('shop', static_folder=None, host_matching=True)\n"
            "app.add_url_rule('/', 'b', host='b.com')\n"
            "app.add_url_rule('/', 'a', host='a.com')\n"
        ),
        "none": "app = App('shop', static_folder=None)\n",
    }
)
def routes_of_domains(fw, text):
    write(fw, app=text)
    fw.observe(table=table(invoke(fw, "routes", "--sort", "domain")))
