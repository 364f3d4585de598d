"""Every distribution builds, and each installs alone into an empty environment and works there.

Our own packages come from the files built here and nowhere else; third parties come from the
index. An application is then run by each environment's own interpreter, outside of the checkout.
"""

import email
import json
import re
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tools import version

pytestmark = pytest.mark.timeout(600)

ROOT = Path(__file__).resolve().parents[2]
VERSION = version.current()
PACKAGES = {
    "cruse": "framework",
    "cruse-db": "ext-db",
    "cruse-forms": "ext-forms",
    "cruse-uploads": "ext-uploads",
    "cruse-auth": "ext-auth",
    "cruse-flask": "compat-flask",
}
# A library that must be there with a distribution, and with no other.
LIBRARY = {"cruse-db": "sqlalchemy", "cruse-forms": "wtforms", "cruse-auth": "authlib"}


def run(*command: object, cwd: Path | None = None) -> str:
    """Run a program to its end and return what it printed; what it says on failure is shown."""
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Path:
    """A folder with the wheel and the sdist of every distribution."""
    folder = tmp_path_factory.mktemp("dist")
    for member in PACKAGES.values():
        package = ROOT / "packages" / member
        run(sys.executable, "-m", "hatchling", "build", "-d", folder, cwd=package)
    return folder


def stem(name: str) -> str:
    return f"{name.replace('-', '_')}-{VERSION}"


def wheel(folder: Path, name: str) -> Path:
    return folder / f"{stem(name)}-py3-none-any.whl"


def metadata(path: Path) -> email.message.Message:
    """The METADATA of a wheel."""
    with zipfile.ZipFile(path) as archive:
        (inside,) = (each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(inside))


def test_one_wheel_and_one_sdist_of_each_are_built(built):
    wanted = {wheel(built, name).name for name in PACKAGES}
    wanted |= {f"{stem(name)}.tar.gz" for name in PACKAGES}
    assert {path.name for path in built.iterdir()} - {".gitignore"} == wanted


@pytest.mark.parametrize("name", PACKAGES)
def test_the_metadata_of_a_wheel_is_complete(built, name):
    told = metadata(wheel(built, name))

    assert told["Name"] == name
    assert told["Version"] == VERSION
    assert told["License-Expression"] == "BSD-3-Clause"
    assert told["Requires-Python"] == ">=3.11"
    assert told.get_payload().startswith("# cruse"), "the README is the description"


@pytest.mark.parametrize("name", [name for name in PACKAGES if name != "cruse"])
def test_an_extension_demands_the_core_of_its_own_version(built, name):
    needs = metadata(wheel(built, name)).get_all("Requires-Dist")
    assert f"cruse=={VERSION}" in needs


def test_the_extras_of_the_core_demand_extensions_of_its_own_version(built):
    needs = metadata(wheel(built, "cruse")).get_all("Requires-Dist")
    for name in PACKAGES.keys() - {"cruse"}:
        extra = name.removeprefix("cruse-")
        assert f"{name}=={VERSION}; extra == '{extra}'" in needs


@pytest.mark.parametrize("name", PACKAGES)
def test_a_wheel_has_the_types_and_the_licence_and_no_tests(built, name):
    names = zipfile.ZipFile(wheel(built, name)).namelist()

    package = name.replace("-", "_")
    assert f"{package}/py.typed" in names
    assert f"{stem(name)}.dist-info/licenses/LICENSE" in names
    folders = {each.split("/")[0] for each in names}
    assert folders == {package, f"{stem(name)}.dist-info"}


@pytest.mark.parametrize("name", PACKAGES)
def test_the_sdist_alone_builds_the_same_wheel(built, name, tmp_path):
    with tarfile.open(built / f"{stem(name)}.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    source = tmp_path / stem(name)
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path, cwd=source)

    again = zipfile.ZipFile(wheel(tmp_path, name))
    first = zipfile.ZipFile(wheel(built, name))
    assert {i.filename: i.CRC for i in again.infolist()} == {
        i.filename: i.CRC for i in first.infolist()
    }


@dataclass(frozen=True)
class Environment:
    """A virtual environment that has pip and nothing else, until something is installed."""

    folder: Path

    @property
    def python(self) -> Path:
        scripts = "Scripts/python.exe" if sys.platform == "win32" else "bin/python"
        return self.folder / scripts

    def install(self, requirement: str, built: Path) -> dict[str, str]:
        """Install from the built files and the index; return where each distribution came from."""
        report = self.folder / "report.json"
        run(
            *(self.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--find-links", built, "--report", report, requirement),
        )
        installed = json.loads(report.read_text())["install"]
        return {
            each["metadata"]["name"].lower(): each["download_info"]["url"] for each in installed
        }

    def run(self, code: str) -> str:
        """Run a program in isolation: the environment's packages and nothing of the checkout."""
        program = self.folder / "program.py"
        program.write_text(code, encoding="utf-8")
        return run(self.python, "-I", "-W", "error", program, cwd=self.folder)


@pytest.fixture
def empty(tmp_path) -> Environment:
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    return Environment(tmp_path / "venv")


APPLICATION = """
from cruse import Cruse

app = Cruse("alone")

@app.get("/sync")
def sync():
    return "sync"

@app.get("/async")
async def asynchronous():
    return {"async": True}
"""

ANSWERS = """
for gateway in ("wsgi", "asgi"):
    client = app.test_client(gateway=gateway)
    assert client.get("/sync").text == "sync"
    assert client.get("/async").get_json() == {"async": True}
    assert client.get("/none").status_code == 404
print("answered")
"""

SAMPLES = re.compile(
    r"^```python\n(.*?)^```|^<!--- invisible-code-block: python\n(.*?)^-->",
    re.MULTILINE | re.DOTALL,
)


def readme(name: str) -> str:
    """The samples of a distribution's README: an application, and what it answers."""
    text = (ROOT / "packages" / PACKAGES[name] / "README.md").read_text(encoding="utf-8")
    return "\n".join(shown or hidden for shown, hidden in SAMPLES.findall(text))


@pytest.mark.parametrize("name", PACKAGES)
def test_it_installs_alone_and_works(built, empty, name):
    came_from = empty.install(f"{name}=={VERSION}", built)

    ours = {each for each in came_from if each.startswith("cruse")}
    assert ours == {"cruse", name}
    for each in ours:
        assert came_from[each] == wheel(built, each).as_uri()
    foreign = {library for owner, library in LIBRARY.items() if owner != name}
    assert foreign & came_from.keys() == set()
    if name in LIBRARY:
        assert LIBRARY[name] in came_from

    run(empty.python, "-m", "pip", "check")
    assert empty.run(APPLICATION + ANSWERS) == "answered\n"
    assert "assert " in readme(name)
    empty.run(readme(name))


def test_all_of_them_install_as_an_extra_of_the_core(built, empty):
    came_from = empty.install(f"cruse[all]=={VERSION}", built)

    ours = set(PACKAGES) - {"cruse-flask"}  # for applications that were written for Flask
    assert {each for each in came_from if each.startswith("cruse")} == ours
    run(empty.python, "-m", "pip", "check")
    imports = "\n".join(f"import {name.replace('-', '_')}" for name in ours)
    assert empty.run(f"{imports}\nprint('imported')") == "imported\n"


def test_the_command_line_is_installed_with_the_core(built, empty):
    empty.install(f"cruse=={VERSION}", built)

    command = empty.python.with_name("cruse" + empty.python.suffix)
    assert VERSION in run(command, "--version", cwd=empty.folder)
