"""``cruse new``: a project that runs, from the templates in the folder ``template``.

They are Jinja templates with other brackets, ``<% %>`` and ``<< >>``, so that the templates of
the project itself can be among them. A file that comes out empty is not part of the project.
"""

from __future__ import annotations

import keyword
import re
import secrets
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import click

__all__ = ["new_command"]

_TEMPLATE = Path(__file__).with_name("template")
_SUFFIX = ".tmpl"
_PACKAGE = "package"  # the folder that gets the project's name
_TAKEN = {"instance", "static", "templates", "tests"}


class _Part(NamedTuple):
    """An extension that a project may begin with."""

    name: str
    module: str
    cls: str
    what: str


_PARTS = (
    _Part("auth", "cruse_auth", "Auth", "sign-in"),
    _Part("db", "cruse_db", "Database", "database"),
    _Part("forms", "cruse_forms", "Forms", "forms"),
    _Part("uploads", "cruse_uploads", "Uploads", "uploads"),
)
#: What a part needs besides: users are rows, pictures come in forms.
_NEEDS = {"auth": "db", "uploads": "forms"}


@click.command("new", short_help="Begin a project.")
@click.argument("name")
@click.option("--db", is_flag=True, help="With a database: models, and a command to post.")
@click.option("--forms", is_flag=True, help="With forms, protected against forged requests.")
@click.option("--uploads", is_flag=True, help="With uploads of pictures; adds --forms.")
@click.option("--auth", is_flag=True, help="With sign-in by OpenID Connect; adds --db.")
def new_command(name: str, **wanted: bool) -> None:
    """Begin a project in a new folder NAME: an application with tests, ready to run."""
    package = _package_of(name)
    folder = Path(name)
    if folder.exists():
        raise click.ClickException(
            f"There is a {'folder' if folder.is_dir() else 'file'} {name!r} here already. Take "
            "another name, or another place."
        )
    for part, needed in _NEEDS.items():
        wanted[needed] |= wanted[part]
    files = _render(name, package, wanted)
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.name == ".env":
            target.touch(mode=0o600)  # the secret key is nobody else's
        target.write_text(content, encoding="utf-8")
    steps = [f"cd {name}", 'pip install -e ".[dev]"']
    if wanted["db"]:
        steps += ['cruse db migrate -m "first tables"', "cruse db upgrade"]
    steps += ["cruse run", "pytest"]
    click.echo(f"Made {len(files)} files in {name}/. The next steps, told in its README.md:\n")
    click.echo("".join(f"    {step}\n" for step in steps), nl=False)


def _package_of(name: str) -> str:
    """Return the name of the package for a project's name.

    Raises:
        click.UsageError: When it can't be one, or would hide a module.
    """
    package = name.replace("-", "_").lower()
    if not re.fullmatch("[a-z][a-z0-9_]*", package, re.ASCII) or keyword.iskeyword(package):
        raise click.UsageError(
            f"{name!r} is no name for a project: it becomes a Python package. Take letters, "
            "digits, '-' and '_', a letter first, and no word of Python's."
        )
    if package in _TAKEN:
        raise click.UsageError(f"A folder {name!r} will be inside of the project: take another.")
    if package in sys.stdlib_module_names or find_spec(package) is not None:
        raise click.UsageError(
            f"{name!r} would hide the module {package!r}, which is installed here. Take another "
            "name."
        )
    return package


def _render(name: str, package: str, wanted: dict[str, bool]) -> dict[Path, str]:
    """Return the files of a project by their path in its folder."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(  # noqa: S701 - Python, TOML, and templates that escape themselves
        loader=FileSystemLoader(_TEMPLATE),
        undefined=StrictUndefined,
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    values = {**wanted, **_values(name, package, wanted)}
    files = {}
    for source in environment.list_templates(extensions=[_SUFFIX[1:]]):
        content = environment.get_template(source).render(values).lstrip("\n")
        if content.strip():
            files[_target(source, package)] = content
    return files


def _target(source: str, package: str) -> Path:
    first, *rest = source.removesuffix(_SUFFIX).split("/")
    return Path(package if first == _PACKAGE else first, *rest)


def _values(name: str, package: str, wanted: dict[str, bool]) -> dict[str, Any]:
    """Return what the templates are filled with, besides the parts that are wanted."""
    extensions = [part for part in _PARTS if wanted[part.name]]
    extras = ",".join(part.name for part in extensions)
    return {
        "name": name,
        "package": package,
        "prefix": package.upper(),
        "secret": secrets.token_hex(),
        "extensions": extensions,
        "exported": sorted(
            [part.name for part in extensions] + (["pictures"] if wanted["uploads"] else [])
        ),
        "form_names": sorted(
            ["PostForm" if wanted["db"] else "NameForm"]
            + (["PictureForm"] if wanted["uploads"] else [])
        ),
        "requirements": [f"cruse{f'[{extras}]' if extras else ''}~={version('cruse')}"],
    }
