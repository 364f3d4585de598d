"""The core is a house of floors: a room knows only its own floor and those below it."""

from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tools.imports import Import, imports, modules, target

ROOT = Path(__file__).resolve().parents[2]

# From the ground up. A new room has to be placed here; that of a package is for all that is in it.
FLOORS: tuple[tuple[str, set[str]], ...] = (
    (
        "ground: knows no request",
        {
            "bridge",
            "config",
            "dotenv",
            "globals",
            "json",
            "lazy",
            "loops",
            "registry",
            "signals",
            "typing",
            "workers",
        },
    ),
    ("messages", {"body", "environ", "request", "response"}),
    ("context", {"context", "sessions"}),
    ("routes", {"routing"}),
    (
        "registration: what is called while setting up",
        {
            "app",
            "blueprints",
            "errors",
            "extension",
            "files",
            "flashing",
            "logging",
            "scaffold",
            "templating",
            "views",
        },
    ),
    ("pipeline", {"pipeline"}),
    ("gateways: the only rooms that know a protocol", {"gateway"}),
    ("tools: imported only when used", {"__main__", "cli", "debug", "devserver", "testing"}),
)
FLOOR = {room: number for number, (_, rooms) in enumerate(FLOORS, start=1) for room in rooms}

# A room may call a floor above it when a function runs, if that is what keeps `import cruse` light
# or breaks no direction of knowledge. Each pair says why.
UPWARD_CALLS: dict[tuple[str, str], str] = {}

MODULES = modules(ROOT / "packages/framework/src")
ROOMS = {dotted: path for dotted, path in MODULES.items() if dotted != "cruse"}


def room(dotted: str) -> str:
    """The room that a module is, or is part of: ``cruse.cli.routes`` is in ``cli``."""
    return dotted.split(".")[1]


def inner(dotted: str, when: str) -> list[tuple[Import, str]]:
    """What a module imports from the core, and the module it names."""
    found = [each for each in imports(dotted, MODULES[dotted]) if each.when == when]
    named = [(each, target(each, MODULES)) for each in found]
    return [(each, module) for each, module in named if module and module != dotted]


def test_every_room_has_a_floor():
    unknown = {room(dotted) for dotted in ROOMS} - FLOOR.keys()
    assert not unknown, f"place {sorted(unknown)} in FLOORS of {Path(__file__).name}"


def test_no_floor_has_rooms_that_do_not_exist():
    assert FLOOR.keys() - {room(dotted) for dotted in ROOMS} == set()


@pytest.mark.parametrize("dotted", ROOMS)
def test_a_room_imports_only_from_its_floor_and_below(dotted):
    for found, module in inner(dotted, "import"):
        assert module != "cruse", f"{found}: the package's own face is for users"
        assert FLOOR[room(module)] <= FLOOR[room(dotted)], f"{found}: that is a floor above"


@pytest.mark.parametrize("dotted", ROOMS)
def test_a_function_reaches_up_only_where_the_list_says_why(dotted):
    for found, module in inner(dotted, "call"):
        assert module != "cruse", f"{found}: the package's own face is for users"
        pair = (room(dotted), room(module))
        down = FLOOR[pair[1]] <= FLOOR[pair[0]]
        assert down or pair in UPWARD_CALLS, f"{found} from the floor above, see UPWARD_CALLS"


def test_the_list_of_exceptions_has_no_leftovers():
    used = {(room(d), room(module)) for d in ROOMS for _, module in inner(d, "call")}
    assert UPWARD_CALLS.keys() - used == set()


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
