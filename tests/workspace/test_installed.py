"""A row of the matrix has what its name says, and nothing of what others need."""

import os
import re
import sys
import tomllib
from importlib.metadata import distributions, version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXTENSIONS = ("auth", "db", "flask", "forms", "uploads")
WANTED = os.environ.get("CRUSE_PACKAGES", "all")
ROW = {"all": EXTENSIONS, "core": ()}.get(WANTED, (WANTED,))


def normal(name: str) -> str:
    """A distribution's name as PEP 503 normalizes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


INSTALLED = {normal(dist.name) for dist in distributions()}


def libraries(extension: str) -> set[str]:
    """The distributions that an extension requires, beside the core."""
    (path,) = ROOT.glob(f"packages/*-{extension}/pyproject.toml")
    requirements = tomllib.loads(path.read_text())["project"]["dependencies"]
    names = {normal(re.split(r"[\[<>=!~ ;]", requirement)[0]) for requirement in requirements}
    return names - {"cruse"}


def test_exactly_the_packages_of_the_row_are_installed():
    here = {name for name in INSTALLED if name == "cruse" or name.startswith("cruse-")}
    assert here == {"cruse", *(f"cruse-{name}" for name in ROW)}


def test_the_libraries_of_other_extensions_are_absent():
    needed = set().union(*map(libraries, ROW))
    foreign = set().union(*map(libraries, EXTENSIONS)) - needed
    assert needed <= INSTALLED
    assert foreign & INSTALLED == set()


def test_the_libraries_that_the_extensions_are_made_for_are_known():
    assert "sqlalchemy" in libraries("db")
    assert "wtforms" in libraries("forms")
    assert "authlib" in libraries("auth")
    assert libraries("uploads") == libraries("flask") == set()


def test_flask_is_there_where_applications_of_other_frameworks_are_mounted():
    assert ("flask" in INSTALLED) is (WANTED in ("core", "all"))


def test_what_compresses_is_there_where_compression_is_tried():
    codings = {"brotli"} if sys.version_info >= (3, 14) else {"brotli", "backports-zstd"}
    assert (codings <= INSTALLED) is (WANTED in ("core", "all"))


def test_what_is_installed_has_one_version():
    assert {version(f"cruse-{name}") for name in ROW} <= {version("cruse")}
