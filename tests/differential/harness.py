"""Runs one program on Flask and on Cruse and compares everything that can be seen of it.

A **scenario** is a plain function with one argument, ``fw``: a framework under the names that both
have. It is written as a user's program, and says what is worth comparing::

    from tests.differential.harness import scenario

    @scenario(async_too=True)
    def before_request_stops_at_the_first_answer(fw):
        app = fw.App(__name__)
        order = []

        @app.before_request
        @fw.colour
        def first():
            order.append("first")
            return "stopped"

        app.add_url_rule("/", "index", fw.colour(lambda: "view"))
        fw.client(app).get("/")          # status, headers and body are recorded by themselves
        fw.observe(order=order)          # whatever else is to be equal, by name

It stands in a module of ``scenarios/`` and needs no more than that: ``test_scenarios.py`` and
``python -m tests.differential`` find it. Its id is ``module.function``. ``@scenario(each={"case":
value})`` makes one scenario per case, called as ``function(fw, value)``; its id ends in
``[case]``.

It runs on Flask and on Cruse's WSGI and ASGI faces, there also without anybody listening to the
signals; with ``async_too`` once more with all functions given to ``fw.colour`` being coroutine
functions, on both. With ``signals=False`` nobody but the scenario listens to signals: where one of
several receivers fails, it is chance which of them were called before. Compared are:

- each response that ``fw.client(app)`` got: status, header fields, body;
- the signals in their order: name, names of the arguments, and that an application sent them;
- log records: logger, level, message, type of the exception;
- what was given to ``fw.observe``.

What ``fw`` has:

``fw.App``, ``fw.Blueprint``, ``fw.request``, ``fw.render_template_string`` and so on
    The framework's names, its submodules too (``fw.views``, ``fw.json``, ``fw.sessions``);
    ``fw.module("json.tag")`` for those further down. ``fw.App`` is ``Flask`` or ``Cruse``.
``fw.client(app, record=True, **options)``
    A test client on the face that is tried.
``fw.colour(function)``
    The function, or a coroutine function of it.
``fw.observe(name=value, ...)``
    Records values. Addresses, and the path of ``fw.folder``, are taken out of them.
``fw.outcome(function, message=False)``
    Calls it: what it returned, or the type (and message) of what it raised, to be observed. An
    exception that leaves a scenario is an error of the scenario.
``fw.folder``
    A temporary folder (a ``Path``). Modules imported from it are forgotten after the run.
``fw.env("DEBUG")``
    The name of an environment variable: ``FLASK_DEBUG`` or ``CRUSE_DEBUG``. The environment is put
    back after each run, and so are the loggers and ``sys.path``.
``fw.time``
    The time that cookies are signed at, in seconds; it stands still unless it is set.
``fw.name``
    ``"flask"`` or ``"cruse"``, for the rare line that must differ.

A difference is named by where it is: ``"response 1 status"``, ``"response 2 header Vary"``,
``"response 1 body"``, ``"signals"``, ``"logs"``, or the name given to ``observe``. Those that are
meant stand in ``intended.py``.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
import re
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache, wraps
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from itsdangerous import TimestampSigner

from tests.differential.intended import GENERAL, PARTICULAR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SCENARIOS: dict[str, Scenario] = {}
SIGNALS = (
    "appcontext_popped",
    "appcontext_pushed",
    "appcontext_tearing_down",
    "before_render_template",
    "got_request_exception",
    "message_flashed",
    "request_finished",
    "request_started",
    "request_tearing_down",
    "template_rendered",
)
ABSENT = "(absent)"


# -- scenarios --


@dataclass(frozen=True)
class Scenario:
    """A program to run on both frameworks."""

    id: str
    run: Callable[[Framework], None]
    async_too: bool
    signals: bool


def scenario(
    function: Callable[..., None] | None = None,
    *,
    async_too: bool = False,
    signals: bool = True,
    each: Mapping[str, Any] | None = None,
) -> Any:
    """Make a function a scenario; see the top of the module."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        name = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
        if each is None:
            runs = {name: function}
        else:
            runs = {
                f"{name}[{case}]": lambda fw, value=value: function(fw, value)
                for case, value in each.items()
            }
        for key, run in runs.items():
            assert key not in SCENARIOS, f"two scenarios are called {key}"
            SCENARIOS[key] = Scenario(key, run, async_too, signals)
        return function

    return decorate if function is None else decorate(function)


@cache
def load() -> dict[str, Scenario]:
    """Import the modules of scenarios and return all scenarios by their ids."""
    folder = Path(__file__).with_name("scenarios")
    for module in sorted(module.name for module in iter_modules([str(folder)])):
        import_module(f"tests.differential.scenarios.{module}")
    return SCENARIOS


# -- a framework, and what is seen of it --


@dataclass
class Record:
    """What a scenario did that can be compared."""

    responses: list[dict[str, Any]] = field(default_factory=list)
    signals: list[str] = field(default_factory=list)
    logs: list[tuple[str, ...]] = field(default_factory=list)
    observed: dict[str, Any] = field(default_factory=dict)

    def facts(self) -> dict[str, Any]:
        """Return everything by where it is."""
        facts: dict[str, Any] = {"responses": len(self.responses)}
        for number, response in enumerate(self.responses, 1):
            facts |= {f"response {number} {what}": value for what, value in response.items()}
        return facts | {"signals": self.signals, "logs": self.logs} | self.observed


class Framework:
    """One framework as a scenario sees it; see the top of the module."""

    def __init__(self, name: str, gateway: str, is_async: bool, folder: Path) -> None:
        self.name = name
        self.gateway = gateway
        self.is_async = is_async
        self.folder = folder
        self.time = 1_700_000_000
        self.record = Record()
        self.App = getattr(import_module(name), name.capitalize())
        self._clients: list[Any] = []
        self._responses: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        package = import_module(self.name)
        try:
            return getattr(package, name)
        except AttributeError:
            return self.module(name)

    def module(self, name: str) -> Any:
        return import_module(f"{self.name}.{name}")

    def env(self, name: str) -> str:
        return f"{self.name.upper()}_{name}"

    def colour(self, function: Callable[..., Any]) -> Callable[..., Any]:
        if not self.is_async:
            return function

        @wraps(function)
        async def coloured(*args: Any, **kwargs: Any) -> Any:
            await asyncio.sleep(0)
            return function(*args, **kwargs)

        return coloured

    def observe(self, **values: Any) -> None:
        for name, value in values.items():
            assert name not in self.record.observed, f"{name} is observed twice"
            self.record.observed[name] = self._plain(value)

    def outcome(self, function: Callable[[], Any], message: bool = False) -> Any:
        try:
            return self._plain(function())
        except BaseException as error:
            raised = f"raised {describe(error)}"
            return self._plain(f"{raised}: {error}" if message else raised)

    def client(self, app: Any, record: bool = True, **options: Any) -> Any:
        if self.name == "cruse":
            options["gateway"] = self.gateway
        client = app.test_client(**options)
        self._clients.append(client)
        self._watch(client, record)
        return client

    def _watch(self, client: Any, record: bool) -> None:
        open_, depth = client.open, 0

        def watched_open(*args: Any, **kwargs: Any) -> Any:
            nonlocal depth
            depth += 1
            try:
                response = open_(*args, **kwargs)
            finally:
                depth -= 1
            self._responses.append(response)
            if record and depth == 0:  # werkzeug follows redirects by calling open() again
                for each in (*response.history, response):
                    self.record.responses.append(self._seen(each))
            return response

        client.open = watched_open

    def _seen(self, response: Any) -> dict[str, Any]:
        data = response.get_data()
        try:
            body = self._plain(data.decode())
        except UnicodeDecodeError:
            body = data
        seen = {"status": response.status, "body": body}
        for name in dict.fromkeys(name.title() for name in response.headers.keys()):  # noqa: SIM118
            values = response.headers.getlist(name)
            seen[f"header {name}"] = [self._plain(_everywhere(name, value)) for value in values]
        return seen

    def _plain(self, value: Any) -> Any:
        match value:
            case None | bool() | int() | float() | bytes():
                return value
            case str():
                return value.replace(str(self.folder), "<folder>")
            case dict():
                return {self._plain(key): self._plain(item) for key, item in value.items()}
            case list() | tuple():
                return [self._plain(item) for item in value]
            case set() | frozenset():
                return sorted((self._plain(item) for item in value), key=repr)
            case BaseException():
                return describe(value)
            case type():
                return value.__name__
        return self._plain(re.sub(r" at 0x[0-9a-f]+", "", repr(value)))

    def close(self) -> None:
        for response in self._responses:
            response.close()
        for client in self._clients:
            if self.name == "cruse":
                client.close()
                if client.application.lifecycle.started:
                    client.application.stop()


def describe(error: BaseException) -> str:
    """Return the type of an exception, and of those in it."""
    if isinstance(error, BaseExceptionGroup):
        return f"{type(error).__name__}({', '.join(map(describe, error.exceptions))})"
    return type(error).__name__


def _everywhere(name: str, value: str) -> str:
    """Take what belongs to one moment or one folder out of a header's value."""
    match name:
        case "Allow":  # Flask's comes from a set, whose order is another in every process
            return ", ".join(sorted(value.split(", ")))
        case "Date":
            return "<now>"
        case "Expires":  # to ten seconds, as those of cookies
            left = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
            return f"in {round(left, -1)} s"
        case "Etag":  # werkzeug's, of a file, ends with a checksum of its path
            return re.sub(r'(\d\.\d+-\d+)-\d+"$', r'\1-<path>"', value)
    return _relative_expiry(value)


def _relative_expiry(cookie: str) -> str:
    """Replace the moment a cookie expires by the seconds until then, to ten of them."""

    def seconds(match: re.Match[str]) -> str:
        moment = parsedate_to_datetime(match[1])
        left = (moment - datetime.now(UTC)).total_seconds()
        return f"Expires={match[1]}" if moment.year == 1970 else f"Expires in {round(left, -1)} s"

    return re.sub(r"Expires=([^;]+)", seconds, cookie)


# -- one run --


def run(
    scenario: Scenario,
    name: str,
    gateway: str = "wsgi",
    is_async: bool = False,
    listen: bool = True,
) -> Record:
    """Run a scenario on one framework and return what was seen."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        fw = Framework(name, gateway, is_async, Path(folder).resolve())
        stack.enter_context(patch.dict(os.environ))
        stack.enter_context(_own_imports(fw.folder))
        stack.enter_context(_own_logging(fw.record))
        stack.enter_context(
            patch.object(TimestampSigner, "get_timestamp", lambda signer: int(fw.time))
        )
        if listen and scenario.signals:
            stack.enter_context(_signals(fw))
        stack.callback(fw.close)
        contextvars.copy_context().run(scenario.run, fw)
    return fw.record


@contextmanager
def _signals(fw: Framework) -> Iterator[None]:
    """Record every signal of the framework."""
    with ExitStack() as stack:
        for name in SIGNALS:

            def receive(sender: Any, _name: str = name, **arguments: Any) -> None:
                who = "" if issubclass(type(sender), fw.App) else f" from {type(sender).__name__}"
                fw.record.signals.append(f"{_name}({', '.join(sorted(arguments))}){who}")

            signal = getattr(fw.signals, name)
            signal.connect(receive, weak=False)
            stack.callback(signal.disconnect, receive)
        yield


@contextmanager
def _own_imports(folder: Path) -> Iterator[None]:
    """Put ``sys.path`` back, and forget the modules that came from a folder."""
    path = sys.path.copy()
    known = set(sys.modules)
    try:
        yield
    finally:
        sys.path[:] = path
        for name in sys.modules.keys() - known:
            if str(getattr(sys.modules[name], "__file__", None)).startswith(str(folder)):
                del sys.modules[name]


@contextmanager
def _own_logging(record: Record) -> Iterator[None]:
    """Record what is logged, and put all loggers back."""
    make = logging.getLogRecordFactory()
    root = logging.getLogger()
    known = {
        name: (logger, logger.level, logger.handlers.copy(), logger.propagate)
        for name, logger in logging.Logger.manager.loggerDict.items()
        if isinstance(logger, logging.Logger)
    }
    handlers = root.handlers.copy()

    def recording(*args: Any, **kwargs: Any) -> logging.LogRecord:
        made = make(*args, **kwargs)
        if made.name not in ("asyncio", "concurrent.futures"):
            error = made.exc_info[1] if made.exc_info else None
            message = made.getMessage()
            raised = "" if error is None else describe(error)
            record.logs.append((made.name, made.levelname, message, raised))
        return made

    root.handlers[:] = [logging.NullHandler()]  # so that nobody adds one that prints
    logging.setLogRecordFactory(recording)
    try:
        yield
    finally:
        logging.setLogRecordFactory(make)
        root.handlers[:] = handlers
        for name, logger in logging.Logger.manager.loggerDict.items():
            if isinstance(logger, logging.Logger):
                _, level, own, propagate = known.get(name, (logger, logging.NOTSET, [], True))
                logger.setLevel(level)
                logger.handlers[:] = own
                logger.propagate = propagate


# -- the comparison --


@dataclass(frozen=True)
class Difference:
    """Something that is one way on Flask and another on Cruse."""

    variant: str
    where: str
    flask: Any
    cruse: Any
    #: The name of the general difference that it is; ``None`` when it is none.
    general: str | None

    def __str__(self) -> str:
        return (
            f"{self.where} ({self.variant})\n    Flask: {self.flask!r}\n    Cruse: {self.cruse!r}"
        )


@dataclass(frozen=True)
class Result:
    """How a scenario went."""

    differences: list[Difference]
    #: Those that are not in ``intended.py``.
    unknown: list[Difference]
    #: Where ``intended.py`` names a difference that is none.
    stale: set[str]


@cache
def result(id: str) -> Result:
    """Run a scenario in all its variants and compare."""
    scenario = load()[id]
    differences: list[Difference] = []
    for is_async in (False, True) if scenario.async_too else (False,):
        reference = run(scenario, "flask", is_async=is_async)
        for gateway in ("wsgi", "asgi"):
            variant = f"{gateway}{' async' if is_async else ''}"
            seen = run(scenario, "cruse", gateway, is_async)
            differences += compare(variant, reference, seen)
            if scenario.signals and not is_async:
                quiet = run(scenario, "cruse", gateway, listen=False)
                quiet.signals = reference.signals
                differences += compare(f"{variant}, no listener", reference, quiet)
    particular = set(PARTICULAR.get(id, ()))
    own = [each for each in differences if each.general is None]
    return Result(
        differences,
        [each for each in own if each.where not in particular],
        particular - {each.where for each in own},
    )


def compare(variant: str, flask: Record, cruse: Record) -> list[Difference]:
    """Return the differences between what was seen of both frameworks."""
    ours, theirs = cruse.facts(), flask.facts()
    found = []
    for where in dict.fromkeys([*theirs, *ours]):
        pair = theirs.get(where, ABSENT), ours.get(where, ABSENT)
        if pair[0] != pair[1]:
            general = next((g.name for g in GENERAL if g.explains(where, *pair)), None)
            found.append(Difference(variant, where, *pair, general))
    bodies = {each.where for each in found if each.where.endswith(" body")}
    # A body of another length has another Content-Length: one difference, not two.
    return [
        each
        for each in found
        if each.where.replace(" header Content-Length", " body") not in bodies
        or each.where in bodies
    ]
