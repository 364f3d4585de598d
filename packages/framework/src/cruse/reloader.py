"""Restarts the development server when the code changes.

Two processes, as with werkzeug's own reloaders, whose place this one takes: the first holds the
socket and starts the second, which serves and watches. What is watched are the files of imported
modules and the folders of the application, where new files count as changes too. No folder of
installed packages is searched, so a large environment costs nothing.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
from contextlib import contextmanager
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from werkzeug._internal import _log
from werkzeug._reloader import ReloaderLoop, reloader_loops

from cruse.app import Cruse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import FrameType

__all__ = ["Reloader", "watch_folders_of"]

_RESTART = 3  # the exit code by which the serving process asks for a new one
_STOP_TIMEOUT = 10  # seconds that the serving process has for its shutdown functions
_STANDARD_LIBRARY = tuple({sysconfig.get_path(name) + os.sep for name in ("stdlib", "platstdlib")})
_IGNORED_FOLDERS = {"__pycache__", "node_modules", "site-packages"}

_folders: set[str] = set()


def watch_folders_of(app: Any) -> None:
    """Choose the folders that are watched for new files too.

    Args:
        app: The application, whose folder and those of its blueprints are watched; anything else
            stands for one that failed to load, and the working directory is watched.
    """
    _folders.clear()
    if isinstance(app, Cruse):
        _folders.update((app.root_path, *(part.root_path for part in app.blueprints.values())))
    else:
        _folders.add(os.getcwd())


class Reloader(ReloaderLoop):
    """Compares the files with what they were, each second."""

    name = "cruse"

    def __enter__(self) -> Reloader:
        self.parent = os.getppid()
        self.seen = self.look()
        return self

    def run_step(self) -> None:
        """Look at all files; end the process when one is new, gone or changed."""
        if os.getppid() != self.parent:
            sys.exit(0)  # nobody is left to start the next one, or to be told to stop
        now = self.look()
        for path, state in now.items():
            # A module that was imported meanwhile is no change; a file that is new to a folder is.
            if state != self.seen.get(path, None if path in self.in_folders else state):
                self.trigger_reload(path)
        for path in self.seen.keys() - now.keys():
            if not os.path.exists(path):
                self.trigger_reload(path)
        self.seen = now

    def look(self) -> dict[str, tuple[int, int]]:
        """Return time and size of every file that is watched."""
        found = {}
        for path in self.paths():
            try:
                status = os.stat(path)
            except OSError:
                continue
            found[path] = status.st_mtime_ns, status.st_size
        return found

    def paths(self) -> set[str]:
        """Return the files that are watched."""
        self.in_folders = {path for folder in _folders for path in _python_files(folder)}
        for extra in self.extra_files:
            self.in_folders.update(_all_files(extra) if os.path.isdir(extra) else [extra])
        paths = self.in_folders.union(_imported_files())
        return {
            path
            for path in paths
            if not any(fnmatch(path, pattern) for pattern in self.exclude_patterns)
        }

    def restart_with_reloader(self) -> int:
        """Start the serving process, again and again while it asks for that; return its code."""
        environment = {**os.environ, "WERKZEUG_RUN_MAIN": "true"}
        while True:
            _log("info", " * Restarting")
            command = [sys.executable, *sys.orig_argv[1:]]
            child = None
            try:
                with _signals_put_off():
                    # The same command, with this process's open files: its socket is served.
                    child = subprocess.Popen(command, env=environment, close_fds=False)  # noqa: S603
                code = _wait(child)
            except (KeyboardInterrupt, SystemExit):
                # A terminal tells both to stop, others only this one. Let it run its shutdown.
                if child is not None:
                    _end(child)
                raise
            if code != _RESTART:
                return code


reloader_loops[Reloader.name] = Reloader


@contextmanager
def _signals_put_off() -> Iterator[None]:
    """Handle what tells this process to stop afterwards, when the other is known."""
    came: list[tuple[int, FrameType | None]] = []
    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    ours = {each: handler for each, handler in handlers.items() if callable(handler)}
    for each in ours:
        signal.signal(each, lambda *told: came.append(told))
    try:
        yield
    finally:
        for each, handler in ours.items():
            signal.signal(each, handler)
    for number, frame in came:
        ours[signal.Signals(number)](number, frame)


def _wait(child: subprocess.Popen[bytes]) -> int:
    """Wait for the serving process and return its code.

    Not in one go: a signal that comes just before the system is asked to wait would be slept over.
    """
    while True:
        try:
            return child.wait(1)
        except subprocess.TimeoutExpired:
            continue


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the serving process, by force if it takes too long."""
    try:
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
        child.wait(_STOP_TIMEOUT)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        child.kill()
        child.wait()


def _imported_files() -> Iterator[str]:
    """The files of the modules that are imported, without Python's own."""
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        # Installed packages may lie in a folder inside of the standard library's.
        if path and (not path.startswith(_STANDARD_LIBRARY) or "site-packages" in path):
            yield os.path.abspath(path)


def _python_files(folder: str) -> Iterator[str]:
    """The Python files in a folder, and in those below that have some themselves."""
    for path, folders, files in os.walk(folder):
        found = [os.path.join(path, name) for name in files if name.endswith(".py")]
        if path != folder and (not found or "pyvenv.cfg" in files):
            folders.clear()
            continue
        folders[:] = _visible(folders)
        yield from found


def _all_files(folder: str) -> Iterator[str]:
    for path, folders, files in os.walk(folder):
        folders[:] = _visible(folders)
        yield from (os.path.join(path, name) for name in files)


def _visible(folders: Iterable[str]) -> list[str]:
    return [name for name in folders if name not in _IGNORED_FOLDERS and name[0] != "."]
