"""The settings of the extension, ``AUTH_...`` in ``app.config``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["AuthSettings"]


@dataclass(frozen=True)
class AuthSettings:
    """What ``app.config`` may say about signing in; each field is read from ``AUTH_<FIELD>``."""

    #: Providers by name, each a dict of the arguments of ``auth.providers.oidc``. What is here
    #: goes before what the code says, so that secrets stay in the configuration.
    providers: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: Where browsers reach the application, such as ``https://example.com``. Without it the
    #: request's host is used, which behind a proxy is right only with ``TRUSTED_PROXIES``.
    external_url: str | None = None
    #: The endpoint or URL that visitors are sent to when they have to log in.
    login_view: str = "auth.login_page"
    #: The endpoint or URL of the page that asks for a second factor, where a login with a provider
    #: goes on for users who have one. Without it the provider is enough; ``""`` says so.
    factor_view: str | None = None
    #: Where a login leads to when nobody asked for a page.
    after_login: str = "/"
    #: Where a logout leads to; register its whole URL with the provider.
    after_logout: str = "/"
    #: Seconds after a login during which it counts as fresh.
    fresh_lifetime: int = 900
    #: Seconds after which a session ends, however much it is used; 0 for no end.
    absolute_timeout: int = 30 * 86400
    #: Seconds after which a session that nobody used ends; 0 for no end. Needs a store.
    idle_timeout: int = 0
    #: Seconds for which a browser is remembered, by ``login(..., remember=True)``.
    remember_lifetime: int = 30 * 86400
    #: The name of the cookie for it; over HTTPS with ``__Host-`` before it.
    remember_cookie: str = "remember_token"
    #: The fewest characters of a new password; ASVS recommends 15.
    password_min_length: int = 8
    #: Where attempts are counted, as ``limits`` writes it, such as ``redis://localhost``. Several
    #: processes that each count in their memory allow that many times as much.
    limits_storage: str = "memory://"
    #: Keys of the session that a login keeps. All others are from before it, and go.
    keep_in_session: tuple[str, ...] = ("_flashes",)
    #: Seconds that a request to a provider may take.
    http_timeout: float = 10.0
    #: The most bytes of a provider's reply.
    http_max_bytes: int = 1024 * 1024
    #: Allow providers at ``http://`` addresses that are not on this machine.
    insecure_http: bool = False
    #: Seconds by which a provider's clock may be off.
    leeway: int = 60
    #: Seconds for which a provider's metadata and keys are kept.
    metadata_lifetime: int = 3600
    #: Seconds between two looks for a key that is not among those known.
    jwks_cooldown: int = 60
    #: Seconds after a failure for which a provider's metadata and keys are not asked for again.
    provider_cooldown: int = 10
    #: Whether a logout at the logout page takes back the tokens of the provider, too.
    revoke_at_logout: bool = False
    #: The realm named in 401 answers; the application's name unless set.
    realm: str | None = None
    #: Allow the development provider, which asks for no password, outside of debug and tests.
    development_provider: bool = False
