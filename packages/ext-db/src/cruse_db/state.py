"""What a database extension keeps for one application: engines, and which one a statement uses."""

from __future__ import annotations

import random
import re
import threading
import time
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from cruse import ExtensionState, app_ctx, has_app_context, has_request_context
from cruse import session as web_session
from cruse_db.engines import Engines
from cruse_db.hints import give_hints
from cruse_db.models import BIND_KEY
from cruse_db.seeing import QueryLog, watch_engine
from cruse_db.sessions import DatabaseSession
from cruse_db.settings import DatabaseSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.engine import Connection, Engine

    from cruse import Cruse

__all__ = ["DatabaseState"]

_TENANT = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,62}", re.ASCII)
_WROTE = "_db_wrote"  # in the web session: when this client wrote last
_DOWN = 30.0  # seconds until a replica that does not answer is tried again


class DatabaseState(ExtensionState[DatabaseSettings]):
    """What a :class:`Database` keeps for one application."""

    def __init__(self, app: Cruse, extension: Any) -> None:
        super().__init__(app, extension)
        #: Those of the first database.
        self.engines = self._make(None)
        #: In tests: where the functions go that wait for a commit, instead of being called.
        self.collect: list[Callable[[], Any]] | None = None
        #: In a sandbox: returns the connection that takes the place of an engine.
        self.sandbox: Callable[[Engines], Connection] | None = None
        self._named: dict[str, Engines] = {}
        self._down_until: dict[Engines, float] = {}
        self._lock = threading.Lock()
        self._watched: WeakSet[Engine] = WeakSet()
        self.engines.on_new.append(self._watch_if_asked)
        self.engines.on_new.append(partial(give_hints, state=self))

    @cached_property
    def session_class(self) -> type[DatabaseSession]:
        """The class of its sessions; one that costs nothing unless something is asked for."""
        if self.settings.n_plus_one == "off":
            return DatabaseSession
        from cruse_db.loads import WatchedSession

        return WatchedSession

    # -- what is sent ----------------------------------------------------------------------------

    @property
    def query_log(self) -> QueryLog | None:
        """The log of the current context; ``None`` outside of one."""
        if not has_app_context():
            return None
        extras = app_ctx.extras
        log: QueryLog | None = extras.get(self)
        if log is None:
            log = extras[self] = QueryLog()
        return log

    @property
    def logs_queries(self) -> bool:
        """Whether contexts keep a log of what they send; always in debug mode."""
        return self.settings.query_log or self.app.debug

    def tell_queries(self, sender: Cruse, exception: BaseException) -> None:
        """In debug mode, add to an error what its request had sent; the debugger shows it."""
        log = self.query_log if self.app.debug else None
        if log:
            exception.add_note(log.describe())

    def _watch_if_asked(self, engine: Engine) -> None:
        if self.logs_queries or self.settings.slow_ms is not None:
            self.watch(engine)

    def watch(self, engine: Engine) -> None:
        """Note what an engine sends from now on."""
        with self._lock:
            if engine in self._watched:
                return
            # Within the lock: whoever comes second counts on being heard.
            watch_engine(engine, self)
            self._watched.add(engine)

    def watch_all(self) -> None:
        """Note what every engine sends that there is, and the first one's."""
        for engines in self.all():
            for engine in engines.opened:
                self.watch(engine)

    # -- databases -------------------------------------------------------------------------------

    def _make(self, url: str | None) -> Engines:
        return Engines(self.app, lambda: self.settings, url)

    def _find(self, name: str, url: str) -> Engines:
        with self._lock:
            engines = self._named.get(name)
            if engines is None:
                engines = self._named[name] = self._make(url)
                engines.on_new.extend(self.engines.on_new)
        return engines

    def bind(self, key: str | None) -> Engines:
        """Return the engines of a database of ``DB_BINDS``, or of the first.

        Raises:
            LookupError: When there is none of that name.
        """
        if key is None:
            return self.engines
        url: str | None = self.settings.binds.get(key)
        if url is None:
            known = ", ".join(sorted(self.settings.binds)) or "empty"
            raise LookupError(f"There is no database {key!r} in DB_BINDS, which has: {known}.")
        return self._find(f"bind:{key}", url)

    def tenant(self, name: str) -> Engines:
        """Return the engines of a tenant's own database."""
        url = (self.settings.tenant_url or "").replace("{tenant}", name)
        return self._find(f"tenant:{name}", url)

    def replicas(self) -> list[Engines]:
        """Return the engines of the replicas."""
        urls = enumerate(self.settings.replicas)
        return [self._find(f"replica:{number}", url) for number, url in urls]

    def all(self) -> Iterator[Engines]:
        """Yield the engines of every database that was used."""
        yield self.engines
        yield from list(self._named.values())

    def migrations_folder(self, bind: str | None) -> Path:
        """Return where the migrations of a database are, or would be.

        In the application's package, so that they are installed with it.
        """
        return Path(self.app.root_path, self.settings.migrations, bind or "")

    # -- which one -------------------------------------------------------------------------------

    def route(self, session: DatabaseSession, mapper: Any, clause: Any) -> Engine | Connection:
        """Return where a statement of a session goes."""
        engines = self._engines_for(session, mapper, clause) if self._has_choice else self.engines
        if self.sandbox is not None:
            return self.sandbox(engines)
        return engines.engine(session.on_loop)

    @cached_property
    def _has_choice(self) -> bool:
        """Whether there is more than one database; most applications have one."""
        settings = self.settings
        return bool(settings.binds or settings.replicas or settings.tenant_url is not None)

    def _engines_for(self, session: DatabaseSession, mapper: Any, clause: Any) -> Engines:
        settings = self.settings
        if settings.binds:
            key = _bind_key(mapper, clause)
            if key is not None:
                return self.bind(key)
        tenant, replica = session.scope
        if tenant is not None and settings.tenant_url is not None:
            return self.tenant(tenant)
        if not settings.replicas:
            return self.engines
        if not getattr(clause, "is_select", False):
            session.wrote = True
        if replica and not session.wrote and not self._wrote_recently():
            return self._replica_of(session)
        return self.engines

    def _replica_of(self, session: DatabaseSession) -> Engines:
        """Return the replica that all of a session reads from; if all are down, the primary."""
        if session.replica is not None:
            return session.replica
        found = self.engines
        candidates = self.replicas()
        random.shuffle(candidates)
        for engines in candidates:
            if self._is_up(engines, session):
                found = engines
                break
        session.replica = found
        return found

    def _is_up(self, engines: Engines, session: DatabaseSession) -> bool:
        if time.monotonic() < self._down_until.get(engines, 0.0):
            return False
        try:
            engines.engine(session.on_loop).connect().close()
        except (DBAPIError, PoolTimeout, OSError) as error:
            if engines not in self._down_until:  # said once, until it has been back
                self.app.logger.warning(
                    "The replica %s does not answer; the primary does its work. %s",
                    engines.shown,
                    type(error).__name__,
                )
            self._down_until[engines] = time.monotonic() + _DOWN
            return False
        self._down_until.pop(engines, None)
        return True

    def _wrote_recently(self) -> bool:
        """Whether the client of this request wrote so recently that a replica may lag behind."""
        if not self._remembers_writes():
            return False
        wrote = web_session.get(_WROTE)
        return isinstance(wrote, int | float) and time.time() - wrote < self.settings.replica_delay

    def _remembers_writes(self) -> bool:
        return has_request_context() and bool(self.app.secret_key)

    # -- tenants ---------------------------------------------------------------------------------

    def tenant_options(self, tenant: str) -> dict[str, Any]:
        """Return the execution options of a tenant's statements.

        Raises:
            ValueError: For a name that no schema should have; it may come from a client.
        """
        if _TENANT.fullmatch(tenant) is None:
            raise ValueError(
                "A tenant's name begins with a letter and has at most 63 letters, digits, "
                "hyphens and underscores."
            )
        if self.settings.tenant_url is not None:
            return {}
        return {"schema_translate_map": {None: tenant}}

    # -- after a commit --------------------------------------------------------------------------

    def after_write(self) -> None:
        """Remember that the client of this request has written."""
        if self.settings.replicas and self._remembers_writes():
            web_session[_WROTE] = time.time()

    def run_callbacks(
        self, callbacks: list[Callable[[], Any]], call: Callable[[Callable[[], Any]], None]
    ) -> None:
        """Call what waited for a commit, each whatever the others do."""
        if self.collect is not None:
            self.collect.extend(callbacks)
            return
        for function in callbacks:
            try:
                call(function)
            except Exception:
                self.app.logger.exception(
                    "A function that waited for a commit failed: %r. What was committed stays.",
                    function,
                )


def _bind_key(mapper: Any, clause: Any) -> str | None:
    """Return the name of the database that a statement's tables are in."""
    if mapper is not None:
        return _key_of(mapper.local_table)
    if clause is None:
        return None
    for table in getattr(clause, "get_final_froms", list)() or [getattr(clause, "table", None)]:
        key = _key_of(table)
        if key is not None:
            return key
    return None


def _key_of(table: Any) -> str | None:
    metadata = getattr(table, "metadata", None)
    key: str | None = None if metadata is None else metadata.info.get(BIND_KEY)
    return key
