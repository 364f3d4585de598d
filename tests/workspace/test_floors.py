"""The core is a house of floors: a room knows only its own floor and those below it."""

from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest

import cruse
from tools.imports import Import, imports, modules, target

ROOT = Path(__file__).resolve().parents[2]

# From the ground up. A new room has to be placed here; that of a package is for all that is in it.
FLOORS: tuple[tuple[str, set[str]], ...] = (
    (
        "ground: knows no request",
        {
            "bridge",
            "colors",
            "config",
            "dotenv",
            "globals",
            "instance",
            "kept",
            "lazy",
            "light",
            "loops",
            "outages",
            "registry",
            "settings",
            "signals",
            "signing",
            "stopping",
            "stores",
            "typing",
            "workers",
        },
    ),
    (
        "messages",
        {
            "body",
            "codings",
            "compression",
            "cookies",
            "dates",
            "early_hints",
            "environ",
            "formparser",
            "headed",
            "headerfields",
            "hosts",
            "json",
            "making",
            "parts",
            "proxies",
            "requests",
            "responses",
            "routed",
            "security",
            "sse",
            "websockets",
        },
    ),
    ("context", {"context", "sessions", "stored_sessions"}),
    ("routes", {"matching", "routing", "urls"}),
    (
        "registration: what is called while setting up",
        {
            "answers",
            "application",
            "background",
            "blueprints",
            "cors",
            "engines",
            "errors",
            "extension",
            "files",
            "flashing",
            "fragments",
            "hidden",
            "includes",
            "jinja",
            "lifecycle",
            "logging",
            "observers",
            "prefixes",
            "problems",
            "redirects",
            "scaffold",
            "shortcuts",
            "staticfiles",
            "templated",
            "templating",
            "views",
        },
    ),
    ("pipeline", {"beforehand", "calling", "ending", "pipeline", "plans"}),
    ("gateways: the only rooms that know a protocol", {"gateway"}),
    ("the application object: puts the floors together", {"app"}),
    (
        "tools: imported only when used",
        {
            "__main__",
            "checks",
            "cli",
            "debug",
            "debugger",
            "devserver",
            "operations",
            "listening",
            "reloader",
            "testing",
        },
    ),
)
FLOOR = {room: number for number, (_, rooms) in enumerate(FLOORS, start=1) for room in rooms}

# A room may import from a floor above it when a function runs, where that keeps `import cruse`
# light and the floor above is only handed out, not built on. Each pair says why.
UPWARD_CALLS: dict[tuple[str, str], str] = {
    ("app", "debug"): "raises the explanations that exist in debug mode only",
    ("app", "devserver"): "app.run() hands over to it",
    ("app", "operations"): "sets up, at start, what the settings have switched on",
    ("app", "testing"): "app.test_client() and its like hand one out",
    ("application", "gateway"): "app.mount() makes the list that the gateways look into",
    ("requests", "debug"): "explains a file that is missing for want of the form's encoding",
    ("scaffold", "cli"): "app.cli and blueprint.cli are made at first use, click with them",
}

MODULES = modules(ROOT / "packages/framework/src")
ROOMS = {dotted: path for dotted, path in MODULES.items() if dotted != "cruse"}


def room(dotted: str) -> str:
    """The room that a module is, or is part of: ``cruse.cli.routes`` is in ``cli``."""
    return dotted.split(".")[1]


def floor(dotted: str) -> int:
    """The floor that a module is on."""
    number = FLOOR.get(room(dotted))
    assert number, f"place {room(dotted)!r} in FLOORS of {Path(__file__).name}"
    return number


def inner(dotted: str, when: str) -> list[tuple[Import, str]]:
    """What a module imports from the core, and the module that each import names."""
    found = [each for each in imports(dotted, MODULES[dotted]) if each.when == when]
    named = [(each, target(each, MODULES)) for each in found]
    return [(each, module) for each, module in named if module and module != dotted]


@pytest.mark.parametrize("dotted", ROOMS)
def test_every_room_has_a_floor(dotted):
    assert floor(dotted)


def test_no_floor_has_rooms_that_do_not_exist():
    assert FLOOR.keys() - {room(dotted) for dotted in ROOMS} == set()


def test_no_room_hides_what_the_package_exports():
    """``cruse.request`` as a module would replace the proxy once somebody imported it."""
    hidden = {name for name in cruse.__all__ if f"cruse.{name}" in ROOMS}
    assert {
        name for name in hidden if getattr(cruse, name) is not import_module(f"cruse.{name}")
    } == set()


@pytest.mark.parametrize("dotted", ROOMS)
def test_no_room_enters_through_the_front_door(dotted):
    for found in imports(dotted, MODULES[dotted]):
        if found.source == "cruse":
            # A module is no detour, unless the package exports something of that name too.
            module = f"cruse.{found.name}" in ROOMS and found.name not in cruse.__all__
            assert module, f"{found}: the package's own face is for users"


@pytest.mark.parametrize("dotted", ROOMS)
def test_a_room_imports_only_from_its_floor_and_below(dotted):
    for found, module in inner(dotted, "import"):
        assert floor(module) <= floor(dotted), f"{found}: that is a floor above"


@pytest.mark.parametrize("dotted", ROOMS)
def test_a_function_reaches_up_only_where_the_list_says_why(dotted):
    for found, module in inner(dotted, "call"):
        listed = (room(dotted), room(module)) in UPWARD_CALLS
        assert floor(module) <= floor(dotted) or listed, f"{found}: above, see UPWARD_CALLS"


def test_the_list_of_exceptions_has_no_leftovers():
    calls = [(dotted, module) for dotted in ROOMS for _, module in inner(dotted, "call")]
    upward = {(room(d), room(module)) for d, module in calls if floor(module) > floor(d)}
    assert UPWARD_CALLS.keys() == upward


def test_no_module_imports_in_a_circle():
    graph = {dotted: {module for _, module in inner(dotted, "import")} for dotted in ROOMS}
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize(
    "source", sorted(ROOT.glob("packages/*/src")), ids=lambda p: p.parent.name
)
def test_imports_are_absolute(source):
    for dotted, path in modules(source).items():
        assert [str(each) for each in imports(dotted, path) if each.relative] == []
