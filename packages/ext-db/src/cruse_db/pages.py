"""One page of a query's rows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import quote, urlencode

from sqlalchemy import func, select

from cruse import abort, has_request_context, request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

__all__ = ["DEFAULT_PER_PAGE", "MAX_PER_PAGE", "Page", "page_size", "page_url", "paginate"]

T = TypeVar("T")
S = TypeVar("S")

DEFAULT_PER_PAGE = 20
MAX_PER_PAGE = 100
_LAST_ROW = 2**63 - 1  # what databases count to


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows, and where they stand.

    Args:
        items: The rows of this page.
        page: Its number, from 1.
        per_page: How many rows a full page has.
        has_next: Whether rows follow.
        total: How many rows there are; ``None`` when they were not counted.
    """

    items: list[T] = field(repr=False)
    page: int
    per_page: int
    has_next: bool
    total: int | None = None

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __bool__(self) -> bool:
        return bool(self.items)

    @property
    def has_prev(self) -> bool:
        """Whether there is a page before this one."""
        return self.page > 1

    @property
    def next_num(self) -> int | None:
        """The number of the next page."""
        return self.page + 1 if self.has_next else None

    @property
    def prev_num(self) -> int | None:
        """The number of the page before this one."""
        return self.page - 1 if self.has_prev else None

    @property
    def pages(self) -> int | None:
        """How many pages there are; ``None`` when the rows were not counted."""
        return None if self.total is None else -(-self.total // self.per_page)

    @property
    def next_url(self) -> str | None:
        """The address of the next page: that of the request, with another ``page``."""
        return None if self.next_num is None else self.url(self.next_num)

    @property
    def prev_url(self) -> str | None:
        """The address of the page before this one."""
        return None if self.prev_num is None else self.url(self.prev_num)

    def url(self, number: int) -> str:
        """Return the address of a page: that of the request, with another ``page``."""
        return page_url("page", number)

    def map(self, function: Callable[[T], S]) -> Page[S]:
        """Return the page with something made of each row, such as a dict for JSON."""
        return replace(self, items=list(map(function, self.items)))  # type: ignore[arg-type, return-value]

    def as_dict(self) -> dict[str, Any]:
        """Return what a view that returns the page answers as JSON."""
        return {
            "items": self.items,
            "page": self.page,
            "per_page": self.per_page,
            "pages": self.pages,
            "total": self.total,
            "next": self.next_url,
            "prev": self.prev_url,
        }

    def iter_pages(
        self,
        *,
        left_edge: int = 2,
        left_current: int = 2,
        right_current: int = 4,
        right_edge: int = 2,
    ) -> Iterator[int | None]:
        """Yield the numbers of pages to link to, and ``None`` where some are left out.

        Args:
            left_edge: How many of the first pages.
            left_current: How many before this one.
            right_current: How many behind this one.
            right_edge: How many of the last pages.
        """
        last = self.pages or 0
        shown = {
            *range(1, left_edge + 1),
            *range(self.page - left_current, self.page + right_current + 1),
            *range(last - right_edge + 1, last + 1),
        }
        previous = 0
        for number in sorted(number for number in shown if 1 <= number <= last):
            if number > previous + 1:
                yield None
            yield number
            previous = number


def paginate(
    session: Session,
    statement: Select[T],
    *,
    page: int | None = None,
    per_page: int | None = None,
    max_per_page: int = MAX_PER_PAGE,
    error_out: bool = True,
    count: bool = True,
) -> Page[T]:
    """Return one page of what a ``select`` of one entity or column finds.

    Args:
        session: The session to read with.
        statement: The ``select``; order it, or pages may overlap.
        page: The page's number, from 1; else from the query string, else 1.
        per_page: How many rows; else from the query string, else 20.
        max_per_page: The most rows, whoever asks.
        error_out: Answer 404 for a page that does not exist, rather than with an empty one.
        count: Whether to count all rows, which is slow on large tables.

    Raises:
        NotFound: For a number that is none, or a page beyond the last.
    """
    page = _number("page", page, 1, error_out)
    per_page = page_size(per_page, max_per_page, error_out=error_out)
    offset = (page - 1) * per_page
    found: list[T] = []
    if offset + per_page < _LAST_ROW:
        # One row more tells whether another page follows.
        limited = statement.limit(per_page + 1).offset(offset)
        found = list(session.scalars(limited).unique())
    if not found and page > 1 and error_out:
        abort(404)
    has_next = len(found) > per_page
    total = None
    if count:
        ends_here = not has_next and (found or page == 1)
        total = offset + len(found) if ends_here else _count(session, statement)
    return Page(found[:per_page], page, per_page, has_next, total)


def page_size(per_page: int | None, max_per_page: int, *, error_out: bool = True) -> int:
    """Return how many rows a page has.

    Args:
        per_page: How many; else from the query string, else 20.
        max_per_page: The most rows, whoever asks.
        error_out: Answer 404 for a number that is none.
    """
    return min(_number("per_page", per_page, DEFAULT_PER_PAGE, error_out), max_per_page)


def page_url(name: str, value: object) -> str:
    """Return the address of the request with one argument of the query string changed."""
    arguments = [(key, each) for key, each in request.args.items(multi=True) if key != name]
    # The request's path has one slash at its beginning; with two, what follows were a host.
    return f"{request.script_root}{quote(request.path)}?{urlencode([*arguments, (name, value)])}"


def _count(session: Session, statement: Select[Any]) -> int:
    rows = statement.order_by(None).limit(None).offset(None).subquery()
    return session.scalar(select(func.count()).select_from(rows)) or 0


def _number(name: str, given: int | None, default: int, error_out: bool) -> int:
    """Return a number from the caller or the query string, at least 1."""
    number: int = default
    if given is not None:
        number = given
    elif has_request_context() and name in request.args:
        try:
            number = int(request.args[name])
        except ValueError:
            number = 0
    if number < 1:
        if error_out:
            abort(404)
        return default
    return number
