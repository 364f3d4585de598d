"""The engines of one application: made at first use, per process and event loop, and disposed."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import threading
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine
from sqlalchemy.util import greenlet_spawn

from cruse_db import postgres, sqlite
from cruse_db.addresses import is_temporary, parse, place
from cruse_db.discretion import hide_values
from cruse_db.outages import tell_of_connecting

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from sqlalchemy.engine import URL, Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

    from cruse import Cruse
    from cruse_db.settings import DatabaseSettings

__all__ = ["Engines"]

_ALL: weakref.WeakSet[Engines] = weakref.WeakSet()
# Pools that a forked child inherited. Closing their connections would talk over the parent's
# sockets, and so would collecting them; they stay as they are until the child ends.
_INHERITED: list[Any] = []


class _Opened:
    """What has to be closed in the end, also when nobody says so."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.engine: Engine | None = None
        self.loops: dict[asyncio.AbstractEventLoop, AsyncEngine] = {}
        self.endings: dict[asyncio.AbstractEventLoop, AsyncGenerator[None, None]] = {}

    def add(self, loop: asyncio.AbstractEventLoop, engine: AsyncEngine) -> None:
        """Keep the engine of the running loop, until the loop ends at the latest."""
        self.loops[loop] = engine
        ending = self.endings[loop] = self._close_with(loop)
        with suppress(StopIteration):
            ending.__anext__().__await__().send(None)  # from now on the loop knows it

    async def _close_with(self, loop: asyncio.AbstractEventLoop) -> AsyncGenerator[None, None]:
        # Before a loop is closed, asyncio finishes its async generators: the last moment at which
        # a driver can still say goodbye to the server.
        try:
            yield
        finally:
            engine = self.loops.get(loop)
            if engine is not None:
                # The pool stays: what is still used comes back to it, and is closed in the end.
                await greenlet_spawn(engine.pool.dispose)

    def forget(self, loop: asyncio.AbstractEventLoop) -> AsyncEngine | None:
        """Return the engine of a loop, which is to be closed now and not with the loop."""
        engine = self.loops.pop(loop, None)
        ending: Any = self.endings.pop(loop, None)
        # What runs already, as when the collector comes while the loop ends, goes on by itself.
        if ending is not None and not ending.ag_running:
            with suppress(StopIteration):
                ending.aclose().__await__().send(None)
        return engine

    def close(self, dispose: Callable[[asyncio.AbstractEventLoop, AsyncEngine], None]) -> None:
        """Close all pools; in a forked child nothing, for they are the parent's.

        Args:
            dispose: How the pool of an event loop is closed.
        """
        if self.owner != os.getpid():
            return
        engine, self.engine = self.engine, None
        if engine is not None:
            engine.dispose()
        for loop in list(self.loops):
            loop_engine = self.forget(loop)
            if loop_engine is not None:
                dispose(loop, loop_engine)


class _TemporaryFolder:
    """The folder of the file behind ``:memory:``; whoever made it removes it."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.path: str | None = None

    def remove(self) -> None:
        if self.path is not None and self.owner == os.getpid():
            shutil.rmtree(self.path, ignore_errors=True)


def _finish(opened: _Opened, folder: _TemporaryFolder) -> None:
    # Nobody uses the pools any more; and a collector's finalizer must not wait for a loop.
    opened.close(_dispose_here)
    folder.remove()


def _dispose_on(loop: asyncio.AbstractEventLoop, engine: AsyncEngine) -> None:
    """Close a loop's pool on that loop, if it still runs; others may be using it there."""
    if loop.is_running() and asyncio._get_running_loop() is not loop:
        asyncio.run_coroutine_threadsafe(engine.dispose(), loop).result()
    else:
        _dispose_here(loop, engine)


def _dispose_here(loop: asyncio.AbstractEventLoop, engine: AsyncEngine) -> None:
    """Close a loop's pool without the loop: the drivers here wait for nothing when they close."""
    closing = engine.dispose()
    try:
        closing.send(None)
    except StopIteration:
        return
    closing.close()


class Engines:
    """The engines of one database of an application.

    Args:
        app: The application.
        read_settings: Returns the settings; called when they are needed first.
        url: The database's URL; that of the settings unless given.
    """

    def __init__(
        self, app: Cruse, read_settings: Callable[[], DatabaseSettings], url: str | None = None
    ) -> None:
        self._app = app
        self._read_settings = read_settings
        self._url = url
        #: Called with every engine that is made.
        self.on_new: list[Callable[[Engine], None]] = []
        self._temporary = _TemporaryFolder()
        self._begin()
        _ALL.add(self)

    def _begin(self) -> None:
        self._lock = threading.RLock()
        self._opened = _Opened()
        self._finalizer = weakref.finalize(self, _finish, self._opened, self._temporary)

    @property
    def url(self) -> URL:
        """The database's URL as it is used, its password masked in ``str()`` and ``repr()``."""
        url = parse(self._written)
        if is_temporary(url):
            return url.set(database=self._temporary_file())
        return place(url, self._app.instance_path)

    @property
    def shown(self) -> str:
        """The database as messages name it: its URL without the password.

        A file with its whole path, and ``:memory:`` as it was written.
        """
        written = parse(self._written)
        url = written if is_temporary(written) else self.url
        return url.render_as_string(hide_password=True)

    @property
    def _written(self) -> str:
        return self._url or self._read_settings().url

    @property
    def sync(self) -> Engine:
        """The engine for threads."""
        engine = self._opened.engine
        if engine is None:
            with self._lock:
                engine = self._opened.engine
                if engine is None:
                    engine = self._opened.engine = self._make_sync()
        return engine

    @property
    def on_loop(self) -> AsyncEngine:
        """The engine of the running event loop: connections can't change loops.

        Raises:
            RuntimeError: When no loop runs in this thread.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise RuntimeError(
                "'db.aio' was used where no event loop runs. In sync code use 'db.session' and "
                "the methods of 'db'."
            ) from None
        engine = self._opened.loops.get(loop)
        if engine is None:
            with self._lock:
                self._forget_closed_loops()
                engine = self._make_on_loop()
                self._opened.add(loop, engine)
        return engine

    def engine(self, on_loop: bool) -> Engine:
        """The engine of a session: that of the running loop, in its sync form, or of threads."""
        if on_loop:
            return self.on_loop.sync_engine
        return self._opened.engine or self.sync

    @property
    def opened(self) -> list[Engine]:
        """All engines that were made, and that for threads; those of loops in their sync form."""
        return [self.sync, *(engine.sync_engine for engine in self.loop_engines)]

    @property
    def loop_engines(self) -> list[AsyncEngine]:
        """The engines of all event loops that have one."""
        return list(self._opened.loops.values())

    def close(self) -> None:
        """Close all connections. What is used afterwards is opened anew."""
        # Without the lock: a loop that wants it could not close what is waited for.
        self._opened.close(_dispose_on)

    def leave_to_parent(self) -> None:
        """In a forked child: forget what the parent opened, and begin anew."""
        self._finalizer.detach()
        _INHERITED.append(self._opened)
        self._begin()  # with a new lock, too: another thread may have held it at the fork

    def _temporary_file(self) -> str:
        """Return the file behind ``:memory:``.

        A database in memory belongs to one connection, so threads and loops, each with their own,
        would see different ones or share one transaction. A file that nobody else knows behaves
        like every other database, and goes away with the application.
        """
        with self._lock:
            if self._temporary.path is None:
                self._temporary.owner = os.getpid()
                self._temporary.path = tempfile.mkdtemp(prefix="cruse-db-")
            return os.path.join(self._temporary.path, "memory.db")

    def _forget_closed_loops(self) -> None:
        opened = self._opened
        for loop in [loop for loop in list(opened.endings) if loop.is_closed()]:
            engine = opened.forget(loop)
            if engine is not None:
                _dispose_here(loop, engine)

    def _make_sync(self) -> Engine:
        url, options = self._arguments(on_loop=False)
        with _DriverHint(url):
            engine = create_engine(url, **options)
        self._prepare(engine)
        return engine

    def _make_on_loop(self) -> AsyncEngine:
        # Imported here: a sync application runs without greenlet.
        from sqlalchemy.ext.asyncio import create_async_engine

        url, options = self._arguments(on_loop=True)
        with _DriverHint(url):
            engine = create_async_engine(url, **options)
        self._prepare(engine.sync_engine)
        return engine

    def _arguments(self, *, on_loop: bool) -> tuple[URL, dict[str, Any]]:
        settings = self._read_settings()
        url = self.url
        options: dict[str, Any] = {
            "echo": settings.echo,
            "hide_parameters": not self._app.debug,
            "pool_size": settings.pool_size,
            "max_overflow": settings.pool_overflow,
            "pool_timeout": settings.pool_timeout,
            "pool_use_lifo": True,  # so that connections beyond the need become idle
            **settings.engine_options,
        }
        connect_args: Mapping[str, Any] = {}
        if url.get_backend_name() == "sqlite":
            url = url.set(drivername=sqlite.LOOP_DRIVER if on_loop else sqlite.THREAD_DRIVER)
            _make_folder(url)
            connect_args = {"timeout": settings.busy_timeout}
        elif url.drivername == "postgresql+asyncpg" and not on_loop:
            url = url.set(drivername="postgresql+psycopg")  # asyncpg is for event loops only
        if url.get_backend_name() == "postgresql" and "connect_timeout" not in url.query:
            asks = "timeout" if url.get_driver_name() == "asyncpg" else "connect_timeout"
            connect_args = {asks: settings.connect_timeout}
        options["connect_args"] = {**connect_args, **options.get("connect_args", {})}
        return url, options

    def _prepare(self, engine: Engine) -> None:
        """Let an engine's connections be used as its database deserves."""
        if not self._app.debug:
            hide_values(engine)
        for prepare in self.on_new:
            prepare(engine)
        if engine.dialect.name == "sqlite":
            return  # a file does not hang up, and the dialect is made for it
        if engine.dialect.name == "postgresql" and "isolation_level" not in (
            self._read_settings().engine_options
        ):
            postgres.rest_in_autocommit(engine)
        if engine.dialect.driver == "asyncpg":
            tell_of_connecting(engine)
        postgres.check_connections(engine, self._read_settings().ping_after)


def _make_folder(url: URL) -> None:
    """Make the folder of an SQLite file, which SQLite does not do itself."""
    if url.database and not url.database.startswith("file:"):
        os.makedirs(os.path.dirname(url.database) or ".", exist_ok=True)


class _DriverHint:
    """Says what to install when a database's driver is missing."""

    def __init__(self, url: URL) -> None:
        self.url = url

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, ModuleNotFoundError):
            hint = f"The database driver {error.name!r} is not installed."
            if self.url.get_backend_name() == "postgresql":
                hint += " Install it with: pip install 'cruse-db[postgres]'"
            raise ModuleNotFoundError(hint, name=error.name) from error


def _after_fork() -> None:
    for engines in list(_ALL):
        engines.leave_to_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
