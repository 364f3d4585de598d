"""Steps that hold up a busy PostgreSQL database, or break the code that still runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Finding", "findings"]

_NAME = r'(?:"[^"]+"|[\w.]+)'
_CREATED = re.compile(rf"CREATE TABLE (?:IF NOT EXISTS )?({_NAME})", re.I)
_TABLE = re.compile(rf"(?:ALTER TABLE|\bON) (?:ONLY )?({_NAME})", re.I)


class Finding(NamedTuple):
    """What is wrong with a statement, and what to do instead."""

    what: str
    instead: str
    statement: str


class _Rule(NamedTuple):
    pattern: re.Pattern[str]
    what: str
    instead: str


def _rule(pattern: str, what: str, instead: str) -> _Rule:
    return _Rule(re.compile(pattern, re.I | re.S), what, instead)


_RULES = (
    _rule(
        r"CREATE (UNIQUE )?INDEX (?!CONCURRENTLY)",
        "nobody can write to the table until the index is built",
        "'with op.get_context().autocommit_block():' and postgresql_concurrently=True",
    ),
    _rule(
        r"ADD COLUMN (?!.*\bDEFAULT\b).*\bNOT NULL",
        "a column that must have a value has none in the rows that are there",
        "add it with a server_default, or as nullable, fill it, and then change it",
    ),
    _rule(
        r"ALTER COLUMN \S+ (SET DATA )?TYPE ",
        "the whole table is written anew while nobody can read it",
        "add a new column, fill it, and drop the old one later",
    ),
    _rule(
        r"ALTER COLUMN \S+ SET NOT NULL",
        "the whole table is read while nobody can write to it",
        "add a CHECK constraint NOT VALID, validate it, and then set NOT NULL",
    ),
    _rule(
        r"ADD (CONSTRAINT \S+ )?FOREIGN KEY (?!.*NOT VALID)",
        "both tables are locked until all rows are checked",
        "add it with postgresql_not_valid=True and validate it in a later migration",
    ),
    _rule(
        r"DROP (COLUMN|TABLE) ",
        "code of the version before, which still runs while this is deployed, may use it",
        "deploy code without it first, and drop it with the next version",
    ),
    _rule(
        r"RENAME (COLUMN|TO) ",
        "code of the version before, which still runs while this is deployed, does not know it",
        "add a new column and keep both filled for one version",
    ),
)


def findings(sql: str) -> Iterator[Finding]:
    """Yield what should not be done to a table that is in use.

    Args:
        sql: The statements of one migration, for PostgreSQL.
    """
    created = {match.group(1) for match in _CREATED.finditer(sql)}
    for statement in filter(None, map(str.strip, re.sub(r"--.*", "", sql).split(";"))):
        table = _TABLE.search(statement)
        if table is not None and table.group(1) in created:
            continue  # nobody uses it yet
        if statement.upper().startswith("DROP TABLE") and "alembic_version" in statement:
            continue
        for rule in _RULES:
            if rule.pattern.search(statement):
                yield Finding(rule.what, rule.instead, " ".join(statement.split()))
