"""Observers: generators that see a request from its arrival until its response has been sent.

    @app.observe
    def log(observation):
        yield                               # the request is answered and the response sent
        print(observation.status, observation.seconds)

Hooks see a response before it leaves, and none of them the end of a stream. Access logs, metrics
and traces are about all of it, so they are observers. Without any, nothing of this is there.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

    from cruse.context import Context

__all__ = ["Observation"]


class Observation:
    """One request and what became of it. Until the end, only ``context`` is of use.

    Args:
        context: The context of the request; its route has been looked for.
    """

    #: The status that was sent; ``None`` when an error reached the server instead.
    status: int | None = None
    #: The bytes of the body that were handed to the server.
    size = 0
    #: Whether all of the response was; if not, the client left or the stream failed.
    complete = False
    #: What went out to the server, if anything did.
    error: BaseException | None = None
    #: The time from the request's arrival to the end of its response, in seconds.
    seconds = 0.0
    _announced: int | None = None  # the Content-Length

    def __init__(self, context: Context) -> None:
        self.context = context
        #: Header fields to add to the response, whatever it will be.
        self.headers: list[tuple[str, str]] = []
        self._started = perf_counter()
        self._following: list[Generator[None, None, None]] = []
        for observer in context.app.observers:
            self._step(observer(self))

    def _step(self, following: Generator[None, None, None]) -> None:
        """Let an observer run to its ``yield``, or from there to its end. It may not do harm."""
        try:
            next(following)
        except StopIteration:
            return
        except Exception:
            self.context.app.logger.exception("An observer of requests failed")
            return
        self._following.append(following)

    def head(self, status: int, head: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Note the head of the response and return it with the observers' fields; for gateways."""
        self.status = status
        fields = {name.lower(): value for name, value in head}
        length = fields.get("content-length", "")
        self._announced = int(length) if length.isdecimal() else None
        return [*head, *(each for each in self.headers if each[0].lower() not in fields)]

    def sent(self, size: int) -> None:
        """Note that so many bytes of the body were sent; for gateways."""
        self.size += size
        if self.size == self._announced:
            self.complete = True

    def end(self, error: BaseException | None = None) -> None:
        """Let the observers go on, the last first, once; for gateways."""
        following, self._following = self._following, []
        if not following:
            return
        self.seconds = perf_counter() - self._started
        self.error = error
        for each in reversed(following):
            self._step(each)
        # What leads back here would be a cycle, which only the collector would free: observers
        # that yield twice, the traceback, and the context.
        self._following.clear()
        self.error = self.context.observation = None
