"""How often something may be tried: by account and by address. Needs the library ``limits``."""

from __future__ import annotations

import hmac
import math
import time
import unicodedata
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from werkzeug.exceptions import ServiceUnavailable, TooManyRequests

from cruse import current_app
from cruse.extension import SettingsError
from cruse.globals import current_context
from cruse.signing import secret_keys
from cruse_auth.steps import Call, arun, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from limits import RateLimitItem

    from cruse_auth.state import AuthState
    from cruse_auth.steps import Steps

__all__ = ["RULES", "Limits", "Rule", "TooManyAttempts"]


@dataclass(frozen=True)
class Rule:
    """How often something may be tried, as ``limits`` writes it: ``"5 per minute; 50 per day"``.

    An empty text is no limit.
    """

    #: For one account, whether it exists or not.
    account: str = ""
    #: For one address that requests come from; of IPv6 for one network of 64 bits.
    address: str = ""


#: What holds unless the application says otherwise.
RULES = {
    "login": Rule(account="5 per 5 minutes", address="30 per minute"),
    "register": Rule(account="5 per hour", address="20 per minute"),
    "reset": Rule(account="5 per hour", address="20 per minute"),
    "confirm": Rule(account="5 per hour", address="20 per minute"),
    # Whoever is asked for a second factor knows the password already. Of a million codes three
    # are good at a time, so the day has an end, too.
    "factor": Rule(account="5 per 5 minutes; 50 per day", address="30 per minute"),
    # What the authorization server keeps while people log in; a company may have one address.
    "authorize": Rule(address="300 per minute"),
    # Of clients of the authorization server the failures are counted. Not by client: else anybody
    # could lock one out.
    "client": Rule(address="30 per minute"),
    # Of an authorization server that everybody may register clients with.
    "registration": Rule(address="10 per hour"),
    # Codes that devices show and people type: 34 bits, good for ten minutes (RFC 8628 5.1).
    "device": Rule(account="10 per 10 minutes; 50 per day", address="30 per minute"),
}

#: What is tried by somebody who is known: the account is an id, in which the case counts. Else who
#: is "Ada" would forget the attempts for "ada".
BY_ID = frozenset({"device", "factor"})
#: The longest name of an account that is looked at, in characters.
LONGEST = 1000


class TooManyAttempts(TooManyRequests):
    """The 429 for those who have tried too often, with ``Retry-After`` (RFC 6585 section 4).

    Args:
        retry_after: Seconds until the next attempt.
    """

    def __init__(self, retry_after: int) -> None:
        super().__init__("Too many attempts. Try again later.", retry_after=retry_after)


class Limits:
    """Counts attempts, and refuses those that are too many.

    Args:
        storage: A storage of ``limits``, plain or async; made of ``AUTH_LIMITS_STORAGE`` unless
            given.
        rules: Rules by what is tried, beside or in place of those in :data:`RULES`.

    Raises:
        ValueError: When a rule cannot be read.
    """

    def __init__(self, storage: Any = None, rules: dict[str, Rule] | None = None) -> None:
        self.storage = storage
        for action, rule in (rules or {}).items():
            _check(action, rule)
        #: The rules, by what is tried.
        self.rules = {**RULES, **(rules or {})}
        self._limiters: WeakKeyDictionary[AuthState, Any] = WeakKeyDictionary()

    def limiter(self, state: AuthState) -> Any:
        """Return what counts for an application.

        Raises:
            RuntimeError: When ``limits`` is not installed.
            SettingsError: When ``AUTH_LIMITS_STORAGE`` is no storage.
        """
        limiter = self._limiters.get(state)
        if limiter is None:
            # Of two threads that come at once, both go on with the first one's.
            made = self._make_limiter(state.settings.limits_storage)
            limiter = self._limiters.setdefault(state, made)
        return limiter

    def _make_limiter(self, uri: str) -> Any:
        """Return what counts, in windows that begin with an attempt."""
        try:
            from limits import aio, errors, storage, strategies
        except ImportError:
            raise RuntimeError(
                "Counting attempts needs the Python package 'limits'. Install it with:"
                " pip install 'cruse-auth[limits]'"
            ) from None
        store = self.storage
        if store is None:
            try:
                store = storage.storage_from_string(uri, wrap_exceptions=True)
            except (errors.ConfigurationError, ValueError):
                kind = uri.partition(":")[0]  # the rest may have a password in it
                raise SettingsError(
                    f"AUTH_LIMITS_STORAGE is of kind {kind!r}: 'limits' has no such storage, or"
                    " needs a package for it that is not installed."
                ) from None
        if isinstance(store, aio.storage.Storage):
            return aio.strategies.FixedWindowRateLimiter(store)
        return strategies.FixedWindowRateLimiter(store)

    def hit(self, action: str, account: str | None = None) -> None:
        """Count an attempt. Call it before the work, whoever it is.

        Args:
            action: What is tried: a key of :attr:`rules`.
            account: What was typed to say whose account it is. It need not exist; the case of
                letters makes no difference. For ``"factor"`` the id of the user.

        Raises:
            TooManyAttempts: When there were too many (429).
            ServiceUnavailable: When the storage can't be reached (503).
        """
        run(self.hitting(action, account))

    async def ahit(self, action: str, account: str | None = None) -> None:
        """Count an attempt, as :meth:`hit`, in async code."""
        await arun(self.hitting(action, account))

    def clear(self, action: str, account: str) -> None:
        """Forget the attempts for an account, after one that was right.

        Those of the address stay: it may try other accounts.
        """
        run(self.clearing(action, account))

    async def aclear(self, action: str, account: str) -> None:
        """Forget the attempts for an account, as :meth:`clear`, in async code."""
        await arun(self.clearing(action, account))

    # -- the work -------------------------------------------------------------------------------

    def hitting(self, action: str, account: str | None) -> Steps[None]:
        """Count an attempt; the work of :meth:`hit`."""
        limiter, rule = self.limiter(current_app.extensions["auth"]), self.rules[action]
        # The address first: who is over its limit must not use up those of accounts.
        for what, limits, who in (
            ("address", rule.address, _address()),
            ("account", rule.account, account),
        ):
            for item, key in _keys(action, what, limits, who):
                if not (yield from _ask(limiter.hit, item, key)):
                    reset, _ = yield from _ask(limiter.get_window_stats, item, key)
                    current_app.logger.info("Too many attempts: %s, by %s.", action, what)
                    raise TooManyAttempts(max(1, math.ceil(reset - time.time())))

    def clearing(self, action: str, account: str) -> Steps[None]:
        """Forget attempts; the work of :meth:`clear`."""
        limiter = self.limiter(current_app.extensions["auth"])
        for item, key in _keys(action, "account", self.rules[action].account, account):
            yield from _ask(limiter.clear, item, key)


def _check(action: str, rule: Rule) -> None:
    try:
        from limits import parse_many
    except ImportError:  # told when something is to be counted
        return
    for text in filter(None, (rule.account, rule.address)):
        try:
            parse_many(text)
        except ValueError as error:
            raise ValueError(f"The rule for {action!r} cannot be read: {error}.") from None


def _keys(
    action: str, what: str, limits: str, who: str | None
) -> Iterator[tuple[RateLimitItem, str]]:
    """Return the limits of one rule, with the name of the counter for each."""
    if who is None or not limits:
        return
    from limits import parse_many

    text = str(who)  # a JSON body may have anything
    name = _digest(text if action in BY_ID else _folded(text))
    for item in parse_many(limits):
        yield item, f"cruse-auth/{action}/{what}/{name}"


def _folded(who: str) -> str:
    """Return what was typed in the one way in which it is counted."""
    # Cut, because composing many accents takes the square of their number.
    return unicodedata.normalize("NFKC", who[:LONGEST]).strip().casefold()


def _digest(who: str) -> str:
    """Return the name of a counter: the storage need not know who it is for.

    With the application's key, so that nobody can try addresses, and applications that share a
    storage have counters of their own.
    """
    keys = secret_keys(current_app) or (b"",)
    key = keys[-1].encode() if isinstance(keys[-1], str) else keys[-1]
    # What is typed must not make another thing of the key: "cruse-auth.sealing" is one, too.
    message = f"cruse-auth.limits\0{who}".encode("utf-8", "surrogatepass")
    return hmac.digest(key, message, "sha256").hex()


def _ask(method: Any, item: RateLimitItem, key: str) -> Steps[Any]:
    from limits.errors import StorageError

    try:
        return (yield Call(method, (item, key)))
    except StorageError as error:
        # Without counting, whoever brings the storage down could guess as they like.
        cause = type(error.storage_error).__name__
        current_app.logger.error("The storage of attempts failed: %s", cause)
        raise ServiceUnavailable(retry_after=5) from None


def _address() -> str | None:
    """Return what stands for the client's address; ``None`` where there is none."""
    context = current_context()
    address = context.request.remote_addr if context.has_request else None
    if address is None:
        return None
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if found.version == 6 and found.ipv4_mapped is None:
        return found.exploded[:19]  # everybody has a network of 64 bits to take addresses from
    return str(getattr(found, "ipv4_mapped", None) or found)
