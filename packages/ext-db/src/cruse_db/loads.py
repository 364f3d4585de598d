"""Relationships that are loaded one object at a time: the N+1 that makes pages slow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import event

from cruse_db.seeing import where_in_app
from cruse_db.sessions import DatabaseSession

if TYPE_CHECKING:
    from sqlalchemy.orm import ORMExecuteState

__all__ = ["NPlusOneError", "WatchedSession"]

_LOADS = "cruse_db.loads"  # the key in a session's info
_SUSPICIOUS = 3  # loads of one relationship, from one line, for an object each


class NPlusOneError(RuntimeError):
    """A relationship was loaded again and again, one object at a time."""


class WatchedSession(DatabaseSession):
    """A session that counts the loads of relationships."""

    def close(self) -> None:
        """Close, and tell what was loaded too often."""
        loads = self.info.pop(_LOADS, {})
        super().close()
        for (name, place), count in loads.items():
            if count >= _SUSPICIOUS:
                self.state.app.logger.warning(_describe(name, place, count))


def _describe(name: str, place: str, count: int) -> str:
    return (
        f"{name} was loaded {count} times at {place}, for one object each time (N+1). Load it "
        f"with the query: .options(selectinload({name}))."
    )


@event.listens_for(WatchedSession, "do_orm_execute")
def _count(state: ORMExecuteState) -> None:
    if not state.is_relationship_load or state.lazy_loaded_from is None:
        return
    relationship: Any = getattr(state.loader_strategy_path, "prop", None)
    if relationship is None:
        return
    name = f"{relationship.parent.class_.__name__}.{relationship.key}"
    session: Any = state.session
    loads = session.info.setdefault(_LOADS, {})
    key = name, where_in_app()
    count = loads[key] = loads.get(key, 0) + 1
    if count == _SUSPICIOUS and session.state.settings.n_plus_one == "raise":
        del loads[key]
        raise NPlusOneError(_describe(*key, count))
