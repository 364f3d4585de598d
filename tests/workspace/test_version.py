"""The distributions move together: one version, written once, and exact pins between them."""

import shutil
import tomllib
from pathlib import Path

import pytest

from tools import version

ROOT = Path(__file__).resolve().parents[2]
EXTENSIONS = ("auth", "db", "flask", "forms", "uploads")


def projects(root: Path) -> dict[str, dict]:
    """The [project] table of every distribution, by its name."""
    files = (root / "packages").glob("*/pyproject.toml")
    tables = [tomllib.loads(path.read_text())["project"] for path in files]
    return {table["name"]: table for table in tables}


def pins(root: Path) -> set[str]:
    """The versions that the distributions demand of each other."""
    found = set()
    for table in projects(root).values():
        extras = table.get("optional-dependencies", {}).values()
        for requirement in (*table["dependencies"], *(each for extra in extras for each in extra)):
            if requirement.startswith("cruse") and requirement != "cruse[db,forms,uploads,auth]":
                _, operator, pinned = requirement.partition("==")
                assert operator, f"{table['name']} requires {requirement}: no exact version"
                found.add(pinned)
    return found


def test_the_distributions_are_the_core_and_the_extensions():
    assert set(projects(ROOT)) == {"cruse", *(f"cruse-{name}" for name in EXTENSIONS)}


def test_no_distribution_declares_a_version_of_its_own():
    for name, table in projects(ROOT).items():
        assert table["dynamic"] == ["version"], name
        assert "version" not in table, name


def test_every_pin_is_the_version_of_the_core():
    assert pins(ROOT) == {version.current()}


@pytest.mark.parametrize("name", EXTENSIONS)
def test_an_extension_pins_the_core(name):
    assert f"cruse=={version.current()}" in projects(ROOT)[f"cruse-{name}"]["dependencies"]


@pytest.mark.parametrize("name", EXTENSIONS)
def test_the_core_has_an_extra_that_pins_the_extension(name):
    extras = projects(ROOT)["cruse"]["optional-dependencies"]
    assert extras[name] == [f"cruse-{name}=={version.current()}"]


def test_the_extra_all_has_every_extension_for_new_applications():
    (everything,) = projects(ROOT)["cruse"]["optional-dependencies"]["all"]
    extras = set(everything.removeprefix("cruse[").removesuffix("]").split(","))
    assert extras == set(EXTENSIONS) - {"flask"}


@pytest.fixture
def copy(tmp_path):
    """A copy of the files that a version is written in."""
    for path in (version.SOURCE, *ROOT.glob("packages/*/pyproject.toml")):
        place = tmp_path / path.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    return tmp_path


def test_a_new_version_is_set_everywhere(copy):
    changed = version.set_everywhere("7.8.9", copy)

    assert pins(copy) == {"7.8.9"}
    assert version.current(copy / version.SOURCE.relative_to(version.ROOT)) == "7.8.9"
    assert len(changed) == 1 + len(EXTENSIONS) + 1


def test_setting_a_new_version_changes_nothing_else(copy):
    version.set_everywhere("7.8.9", copy)
    version.set_everywhere(version.current(), copy)

    for path in copy.rglob("*.*"):
        if path.is_file():
            assert path.read_text() == (ROOT / path.relative_to(copy)).read_text()


@pytest.mark.parametrize("wrong", ["", "1", "1.2", "v1.2.3", "1.2.3-beta", "latest"])
def test_what_is_no_version_is_refused(copy, wrong):
    with pytest.raises(SystemExit, match="is not a version"):
        version.set_everywhere(wrong, copy)
    assert pins(copy) == {version.current()}


def test_every_distribution_brings_its_licence_readme_and_types():
    licence = (ROOT / "LICENSE").read_text()
    for member in (ROOT / "packages").glob("*/pyproject.toml"):
        folder = member.parent
        assert (folder / "LICENSE").read_text() == licence, folder
        assert (folder / "README.md").read_text().startswith("# cruse"), folder
        assert len(list(folder.glob("src/*/py.typed"))) == 1, folder
