"""A row of the matrix has what its name says, and nothing of what others need."""

import os
from importlib.metadata import distributions, version

EXTENSIONS = ("auth", "db", "forms", "uploads")
# What must not be there without the extension it belongs to, or the row proves nothing.
LIBRARIES = {
    "auth": {"authlib", "joserfc", "httpx", "cryptography"},
    "db": {"sqlalchemy", "aiosqlite"},
    "forms": {"wtforms"},
    "uploads": set(),
}
INSTALLED = {dist.name.lower().replace("_", "-") for dist in distributions()}
WANTED = os.environ.get("CRUSE_PACKAGES", "all")
ROW = {"all": EXTENSIONS, "core": ()}.get(WANTED, (WANTED,))


def test_exactly_the_packages_of_the_row_are_installed():
    here = {name for name in INSTALLED if name == "cruse" or name.startswith("cruse-")}
    assert here == {"cruse", *(f"cruse-{name}" for name in ROW)}


def test_the_libraries_of_other_extensions_are_absent():
    needed = set().union(*(LIBRARIES[name] for name in ROW))
    foreign = set().union(*LIBRARIES.values()) - needed
    assert foreign & INSTALLED == set()


def test_what_is_installed_has_one_version():
    assert {version(f"cruse-{name}") for name in ROW} <= {version("cruse")}
