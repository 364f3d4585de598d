"""Files that are never used because others of the same name are found before them.

Template folders are searched one behind the other, so the ``index.html`` of one blueprint hides
that of the next. In debug mode the application says so when it starts.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cruse.app import Cruse
    from cruse.scaffold import Scaffold

__all__ = ["warn_of_hidden_files"]

MOST = 10  # lines; a folder that hides all of another says enough with these


def warn_of_hidden_files(app: Cruse) -> None:
    """Log a warning that names the templates and static folders that are hidden, if any are."""
    pairs = [*_hidden_templates(app), *_hidden_static_folders(app)]
    if not pairs:
        return
    lines = [f"  {first} hides {second}" for first, second in pairs[:MOST]]
    if len(pairs) > MOST:
        lines.append(f"  ... and {len(pairs) - MOST} more")
    app.logger.warning(
        "Files of the same name, of which only the first is ever used:\n%s\n"
        "Give templates a folder named after their blueprint, or render them as './name'; give "
        "static folders a 'static_url_path' of their own.",
        "\n".join(lines),
    )


def _hidden_templates(app: Cruse) -> Iterator[tuple[str, str]]:
    folders = [(owner, _template_folder(owner)) for owner in dict.fromkeys(_owners(app))]
    folders = [(owner, folder) for owner, folder in folders if os.path.isdir(folder)]
    first: dict[str, tuple[Scaffold, str]] = {}
    for owner, folder in folders if len(folders) > 1 else ():
        for name in _files(folder):
            by, where = first.setdefault(name, (owner, folder))
            # The application may replace what a package of somebody else brings along.
            on_purpose = by is app and not _is_inside(owner.root_path, app.root_path)
            if where != folder and not on_purpose:
                yield os.path.join(where, name), os.path.join(folder, name)


def _owners(app: Cruse) -> list[Scaffold]:
    return [app, *app.iter_blueprints()]


def _template_folder(owner: Scaffold) -> str:
    folder = owner.template_folder
    return "" if folder is None else os.path.realpath(os.path.join(owner.root_path, folder))


def _files(folder: str) -> Iterator[str]:
    """Yield the names of the files in a folder and those below it."""
    for place, folders, files in os.walk(folder):
        folders.sort()
        for file in sorted(files):
            if not file.startswith("."):
                yield os.path.relpath(os.path.join(place, file), folder)


def _is_inside(path: str, folder: str) -> bool:
    path, folder = os.path.realpath(path), os.path.realpath(folder)
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _hidden_static_folders(app: Cruse) -> Iterator[tuple[str, str]]:
    first: dict[object, str] = {}
    for rule in app.url_map.iter_rules():
        if rule.endpoint not in app.static_endpoints:
            continue
        owner: Scaffold = app.static_endpoints[rule.endpoint] or app
        folder = os.path.realpath(owner.static_folder or "")
        url = rule.rule.partition("<")[0]
        before = first.setdefault((rule.host, rule.subdomain, url), folder)
        if before != folder:
            yield f"{before} (at {url})", folder
