"""The configuration: where it comes from, and attributes that are views of it."""

import json
import os
import sys
import textwrap
import tomllib
from datetime import timedelta
from importlib import import_module

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.differential.harness import scenario


def config(fw):
    return fw.Config(str(fw.folder))


class Settings:
    UPPER = 1
    lower = 2
    Mixed = 3
    _UNDER = 4
    __DUNDER__ = 5


class More(Settings):
    MORE = 6


@scenario(each={"class": Settings, "subclass": More, "instance": More(), "module": "json.decoder"})
def from_object(fw, obj):
    made = config(fw)
    made.from_object(obj)
    fw.observe(keys=sorted(made))


@scenario(each={"missing": "no.such.module", "attribute": "json.no_such", "none": None})
def from_an_object_that_is_not_there(fw, name):
    fw.observe(outcome=fw.outcome(lambda: config(fw).from_object(name)))


FILES = {
    "values": "A = 1\nb = 2\nC = [A, 'x']\nfrom datetime import timedelta\nD = timedelta(1)",
    "empty": "",
    "error": "A = 1 / 0",
    "syntax": "A = ",
    "file": "A = __file__ is not None\nB = __name__",
    "coded": "# coding: latin-1\nA = '\xe4'",
    "function": "def A():\n    return 1\nB = A()",
}


@scenario(each=FILES)
def from_pyfile(fw, text):
    (fw.folder / "settings.cfg").write_bytes(text.encode("latin-1"))
    made = config(fw)
    fw.observe(outcome=fw.outcome(lambda: made.from_pyfile("settings.cfg")))
    fw.observe(keys=sorted(made), a=str(made.get("A")).partition(" at 0x")[0])


@scenario(each={"loud": {}, "silent": {"silent": True}})
def files_that_are_not_there(fw, options):
    (fw.folder / "folder").mkdir()
    (fw.folder / "file").write_text("x")
    seen = {}
    for name in ("missing.cfg", "folder", "file/below.cfg"):

        def load(name=name):
            try:
                return config(fw).from_pyfile(name, **options)
            except OSError as error:
                return type(error).__name__, error.strerror.partition("(")[0]

        seen[name] = fw.outcome(load)
    fw.observe(seen=seen)


@scenario(
    each={
        "json": (json.load, False, '{"A": 1, "b": 2, "C": {"d": 3}}'),
        "toml": (tomllib.load, False, "A = 1\nb = 2\n[C]\nd = 3\n"),
        "text": (lambda file: {"A": file.read()}, True, "ä"),
        "bytes": (lambda file: {"A": len(file.read())}, False, "ä"),
        "bad": (json.load, False, "{"),
        "list": (json.load, False, "[1]"),
    }
)
def from_file(fw, case):
    load, text, content = case
    (fw.folder / "settings").write_text(content, encoding="utf-8")
    made = config(fw)
    fw.observe(outcome=fw.outcome(lambda: made.from_file("settings", load, text=text)))
    fw.observe(made=dict(made))
    fw.observe(missing=fw.outcome(lambda: made.from_file("missing", load)))
    fw.observe(silent=fw.outcome(lambda: made.from_file("missing", load, silent=True)))


@scenario
def from_envvar(fw):
    (fw.folder / "settings.cfg").write_text("A = 1")
    made = config(fw)
    os.environ.pop("SHOP_SETTINGS", None)
    fw.observe(unset=fw.outcome(lambda: made.from_envvar("SHOP_SETTINGS")))
    fw.observe(silent=fw.outcome(lambda: made.from_envvar("SHOP_SETTINGS", silent=True)))
    os.environ["SHOP_SETTINGS"] = str(fw.folder / "settings.cfg")
    fw.observe(set=fw.outcome(lambda: made.from_envvar("SHOP_SETTINGS")), a=made["A"])
    os.environ["SHOP_SETTINGS"] = str(fw.folder / "missing.cfg")
    fw.observe(missing=fw.outcome(lambda: made.from_envvar("SHOP_SETTINGS")))
    os.environ["SHOP_SETTINGS"] = ""
    fw.observe(empty=fw.outcome(lambda: made.from_envvar("SHOP_SETTINGS")))


@scenario(
    each={
        "dict": (({"A": 1, "b": 2},), {}),
        "names": ((), {"A": 1, "b": 2}),
        "both": (({"A": 1, "B": 2},), {"A": 3}),
        "pairs": (([("A", 1), ("b", 2)],), {}),
        "nothing": ((), {}),
        "none": ((None,), {}),
        "two": (({"A": 1}, {"B": 2}), {}),
    }
)
def from_mapping(fw, arguments):
    args, kwargs = arguments
    made = config(fw)
    fw.observe(outcome=fw.outcome(lambda: made.from_mapping(*args, **kwargs)), made=dict(made))


def with_environment(fw, environment, **options):
    os.environ.update(environment)
    made = config(fw)
    made["KEPT"] = {"a": 1}
    made["FLAT"] = "text"
    outcome = fw.outcome(lambda: made.from_prefixed_env(**options))
    for name in environment:
        del os.environ[name]
    return outcome, dict(made)


ENVIRONMENTS = {
    "string": {"P_A": "text"},
    "number": {"P_A": "1"},
    "float": {"P_A": "1.50"},
    "true": {"P_A": "true"},
    "True": {"P_A": "True"},
    "null": {"P_A": "null"},
    "list": {"P_A": "[1, 2]"},
    "dict": {"P_A": '{"b": 1}'},
    "quoted": {"P_A": '"1"'},
    "empty": {"P_A": ""},
    "lower": {"P_a": "1"},
    "other prefix": {"Q_A": "1", "PA": "1"},
    "only prefix": {"P_": "1"},
    "nested": {"P_A__B": "1"},
    "nested twice": {"P_A__b__C": "1"},
    "into a dict": {"P_KEPT__b": "2"},
    "over a dict": {"P_KEPT": "2"},
    "replaced then nested": {"P_KEPT": '{"x": 1}', "P_KEPT__b": "2"},
    "leading": {"P___A": "1"},
    "trailing": {"P_A__": "1"},
    "several": {"P_B": "2", "P_A": "1", "P_C": "3"},
    "spaces": {"P_A": " 1 "},
    "infinity": {"P_A": "Infinity"},
    "large": {"P_A": "1" * 30},
}


@scenario(each=ENVIRONMENTS)
def from_prefixed_env(fw, environment):
    outcome, made = with_environment(fw, environment, prefix="P")
    fw.observe(outcome=outcome, made=made)


@scenario(each={"text": {"P_FLAT__B": "1"}, "none": {"P_A": "null", "P_A__B": "1"}})
def nesting_into_what_is_no_dict(fw, environment):
    outcome, made = with_environment(fw, environment, prefix="P")
    fw.observe(outcome=outcome, made=made.get("A"))


@scenario(each={"int": int, "upper": str.upper, "fails": lambda value: 1 / 0})
def values_read_in_another_way(fw, loads):
    environment = {"P_A": "1", "P_B": "text"}
    outcome, made = with_environment(fw, environment, prefix="P", loads=loads)
    fw.observe(outcome=outcome, made=made)


@scenario
def the_prefix_is_the_frameworks(fw):
    outcome, made = with_environment(fw, {fw.env("TOWN"): "Bree"})
    fw.observe(outcome=outcome, town=made.get("TOWN"))


@scenario
def random_environments(fw):
    """Values and nesting that nobody thought of; the seeds are the same on both."""
    names = st.lists(st.sampled_from(["A", "B", "c", "KEPT", ""]), min_size=1, max_size=3)
    json_text = st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="ascii")),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("ab"), inner),
        max_leaves=4,
    ).map(json.dumps)
    values = st.text(st.characters(codec="ascii", exclude_characters="\0")) | json_text
    values = values.filter(lambda value: value != "null")
    seen = []

    @settings(max_examples=60, derandomize=True, database=None, deadline=None)
    @given(st.dictionaries(names.map("__".join), values, max_size=4))
    def compare(environment):
        prefixed = {f"P_{name}": value for name, value in environment.items()}
        outcome, made = with_environment(fw, prefixed, prefix="P")
        # What steps into text is refused, with one error or another.
        seen.append((sorted(prefixed.items()), made if outcome is True else "refused"))

    compare()
    fw.observe(seen=seen)


@scenario(
    each={
        "plain": {},
        "whole keys": {"trim_namespace": False},
        "as they are": {"lowercase": False},
        "neither": {"trim_namespace": False, "lowercase": False},
    }
)
def a_namespace(fw, options):
    made = config(fw)
    made.from_mapping(MAIL_HOST="h", MAIL_PORT=1, MAIL_="x", MAILS=2, OTHER=3)
    fw.observe(mail=made.get_namespace("MAIL_", **options), none=made.get_namespace("NO_"))


@scenario
def a_config_is_a_dictionary(fw):
    made = fw.Config("/root", {"A": 1, "b": 2})
    copied = made.copy()
    fw.observe(keys=sorted(made), copied=type(copied), repr="Config" in repr(made), root="/root")


@scenario
def defaults_of_an_application(fw):
    names = """DEBUG TESTING PROPAGATE_EXCEPTIONS SECRET_KEY SECRET_KEY_FALLBACKS
        PERMANENT_SESSION_LIFETIME USE_X_SENDFILE TRUSTED_HOSTS SERVER_NAME APPLICATION_ROOT
        SESSION_COOKIE_NAME SESSION_COOKIE_DOMAIN SESSION_COOKIE_PATH SESSION_COOKIE_HTTPONLY
        SESSION_COOKIE_PARTITIONED SESSION_REFRESH_EACH_REQUEST MAX_FORM_MEMORY_SIZE
        MAX_FORM_PARTS SEND_FILE_MAX_AGE_DEFAULT TRAP_BAD_REQUEST_ERRORS TRAP_HTTP_EXCEPTIONS
        EXPLAIN_TEMPLATE_LOADING PREFERRED_URL_SCHEME TEMPLATES_AUTO_RELOAD MAX_COOKIE_SIZE
        PROVIDE_AUTOMATIC_OPTIONS"""
    app = fw.App(__name__)
    fw.observe(defaults={name: str(app.config[name]) for name in names.split()})


@scenario
def defaults_that_are_safer(fw):
    app = fw.App(__name__)
    fw.observe(
        length=app.config["MAX_CONTENT_LENGTH"],
        samesite=app.config["SESSION_COOKIE_SAMESITE"],
        secure=app.config["SESSION_COOKIE_SECURE"],
    )


@scenario
def attributes_that_are_views_of_the_config(fw):
    app = fw.App(__name__)
    app.secret_key, app.testing, app.debug = "k", True, True
    app.permanent_session_lifetime = 60
    fw.observe(
        config=[app.config[name] for name in ("SECRET_KEY", "TESTING", "DEBUG")],
        stored=str(app.config["PERMANENT_SESSION_LIFETIME"]),
        read=str(app.permanent_session_lifetime),
    )
    app.config.update(SECRET_KEY="other", TESTING=False, DEBUG=False)
    app.config["PERMANENT_SESSION_LIFETIME"] = timedelta(days=2)
    fw.observe(
        attributes=[app.secret_key, app.testing, app.debug, str(app.permanent_session_lifetime)]
    )


@scenario
def an_attribute_of_ones_own(fw):
    class Own(fw.App):
        town = fw.module("config").ConfigAttribute("TOWN")
        size = fw.module("config").ConfigAttribute("SIZE", get_converter=int)

    app = Own(__name__)
    app.config.update(TOWN="Bree", SIZE="5")
    fw.observe(town=app.town, size=app.size, on_the_class=type(Own.town).__name__)
    app.size = "6"
    fw.observe(stored=app.config["SIZE"], missing=fw.outcome(lambda: fw.App(__name__).town))


@scenario
def a_config_class_of_ones_own(fw):
    class OwnConfig(fw.Config):
        own = True

    class Own(fw.App):
        config_class = OwnConfig
        default_config = {**fw.App.default_config, "TOWN": "Bree"}

    app = Own(__name__)
    fw.observe(own=app.config.own, town=app.config["TOWN"], testing=app.config["TESTING"])


@scenario(each={"1": "1", "0": "0", "true": "true", "False": "False", "no": "no", "empty": ""})
def debug_of_the_environment(fw, value):
    os.environ[fw.env("DEBUG")] = value
    fw.observe(debug=fw.App(__name__).debug)


# -- the instance folder --


@scenario(each={"module": "shop.py", "package": "shop/__init__.py", "namespace": "town/shop.py"})
def where_the_instance_folder_is(fw, file):
    path = fw.folder / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        textwrap.dedent(f"""
        from {fw.name} import {fw.App.__name__} as App
        app = App(__name__)
        """)
    )
    sys.path.insert(0, str(fw.folder))
    name = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    app = import_module(name).app
    fw.observe(instance=app.instance_path, root=app.root_path, name=app.name)


@scenario(
    each={
        "lib": "lib/python3.13/site-packages",
        "Lib": "Lib/site-packages",
        "bare": "site-packages",
    }
)
def where_it_is_of_what_is_installed(fw, folder):
    packages = fw.folder / folder
    packages.mkdir(parents=True)
    (packages / "shop.py").write_text(
        f"from {fw.name} import {fw.App.__name__} as App\napp = App(__name__)\n"
    )
    sys.path.insert(0, str(packages))
    fw.observe(instance=import_module("shop").app.instance_path)


@scenario
def a_config_relative_to_the_instance(fw):
    (fw.folder / "instance").mkdir()
    (fw.folder / "instance" / "a.cfg").write_text("A = 'instance'")
    (fw.folder / "a.cfg").write_text("A = 'root'")
    seen = []
    for relative in (False, True):
        app = fw.App(
            "shop",
            root_path=str(fw.folder),
            instance_path=str(fw.folder / "instance"),
            instance_relative_config=relative,
        )
        app.config.from_pyfile("a.cfg")
        seen.append(app.config["A"])
    fw.observe(seen=seen)
