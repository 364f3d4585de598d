"""A pause after a failure: a provider that is down is not asked again by every login."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, TypeVar

from cruse_auth.errors import ProviderError

if TYPE_CHECKING:
    from cruse_auth.steps import Steps

__all__ = ["Cooldown"]

T = TypeVar("T")


class Cooldown:
    """Remembers that one document could not be had, and why.

    Without it each visitor of a provider that is down would wait for the whole timeout, and hold
    a worker for as long; and the provider, coming back, would find them all at its door.

    Args:
        seconds: How long the pause is; 0 for none.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._cause = ""
        self._until = 0.0

    def around(self, fetching: Steps[T]) -> Steps[T]:
        """Do what asks the provider, or fail as the last time if that was just now.

        Raises:
            ProviderError: When it fails, or has failed less than ``seconds`` ago.
        """
        left = self._until - time.monotonic()
        if left > 0:
            raise ProviderError(
                f"{self._cause} (that was just now; it is asked again in {math.ceil(left)} s)"
            )
        try:
            return (yield from fetching)
        except ProviderError as error:
            self._cause, self._until = error.cause, time.monotonic() + self.seconds
            raise
