"""What would keep people from signing in, found before they try: ``cruse auth doctor``."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from werkzeug.sansio.utils import host_is_trusted

from cruse import url_for
from cruse.checks import Finding
from cruse.extension import SettingsError
from cruse.signing import secret_keys
from cruse_auth.errors import LoginError
from cruse_auth.oidc.keys import Keys
from cruse_auth.oidc.openid import OpenIDClient
from cruse_auth.origins import is_this_machine, origin_of
from cruse_auth.resources.verifier import Verifier
from cruse_auth.steps import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cruse_auth.http import Http
    from cruse_auth.oidc.discovery import Metadata
    from cruse_auth.settings import AuthSettings
    from cruse_auth.state import AuthState
    from cruse_auth.steps import Steps

__all__ = ["default_base", "examine", "is_web", "meeting_points"]


def default_base(state: AuthState) -> str | None:
    """Return where browsers reach the application, as far as the configuration says it."""
    base: str | None = state.app.config["BASE_URL"]
    external = state.settings.external_url
    return base or (external if external and is_web(external) else None)


def meeting_points(state: AuthState) -> Iterator[tuple[str, str]]:
    """Return what to register with each provider: what it is, and the address.

    In the context of a request as browsers send it.
    """
    try:
        clients = state.clients
    except SettingsError:
        return  # told by examine()
    for name, client in clients.items():
        yield f"{name}, redirect URI", state.callback_url(name)
        if isinstance(client, OpenIDClient):
            after = state.external_url(state.settings.after_logout)
            yield f"{name}, post-logout redirect URI", after
            if state.auth.store is not None:
                path = url_for("auth.backchannel", provider=name)
                yield f"{name}, back-channel logout URI", state.external_url(path)


def examine(state: AuthState, url: str | None = None) -> Iterator[Finding]:
    """Return what is amiss with signing in; asks every provider for its metadata and keys.

    In the context of a request as browsers send it.

    Args:
        state: The application's.
        url: Where browsers reach it, if somebody has said so.
    """
    if not secret_keys(state.app):
        yield Finding(
            "error",
            "SECRET_KEY",
            "It is not set, so no login can begin. Make one with:"
            " python -c 'import secrets; print(secrets.token_hex())'",
        )
    yield from state.auth.check(state, deploy=True)
    yield from _addresses(state, url)
    settings = state.settings
    try:
        clients = state.clients
    except SettingsError as error:
        yield Finding("error", "AUTH_PROVIDERS", str(error))
        clients = {}
    for name, client in clients.items():
        yield from _callback(state, name)
        yield from _ask(name, _look(client.metadata(client.issuer), settings), client.http())
    for resource in state.auth.resources:
        verifier = Verifier(resource.options, settings)
        looking = _look(verifier.metadata(), settings)
        yield from _ask(f"resource {resource.options.audience}", looking, verifier.http())


# -- our own address ----------------------------------------------------------------------------


def _addresses(state: AuthState, url: str | None) -> Iterator[Finding]:
    external, config = state.settings.external_url, state.app.config
    if external is None:
        if not config["TRUSTED_PROXIES"]:
            yield Finding(
                "warning",
                "TRUSTED_PROXIES",
                "Neither it nor AUTH_EXTERNAL_URL is set, so redirect URIs are what each request"
                " says. Behind a proxy that ends TLS they begin with http://, and providers refuse"
                " them.",
            )
        return
    if not is_web(external):
        yield Finding(
            "error",
            "AUTH_EXTERNAL_URL",
            f"{external!r} is no address: it begins with 'https://' and a host, and has no query.",
        )
        return
    trusted = config["TRUSTED_HOSTS"]
    if trusted and not host_is_trusted(urlsplit(external).netloc, trusted):
        yield Finding(
            "error",
            "AUTH_EXTERNAL_URL",
            f"Its host {urlsplit(external).netloc!r} is not among TRUSTED_HOSTS: whoever comes"
            " back from a provider gets a 400.",
        )
    server = state.auth.authorization_server
    issuer = None if server is None else server.options.issuer
    issuer = None if callable(issuer) else issuer  # one goes by the host that is asked
    for what, other in (
        ("BASE_URL", config["BASE_URL"]),
        ("--url", url),
        ("the issuer of the authorization server", issuer),
    ):
        if other and origin_of(other) != origin_of(external):
            yield Finding(
                "warning",
                "AUTH_EXTERNAL_URL",
                f"Browsers are sent back to {origin_of(external)}, but {what} is at"
                f" {origin_of(other)}: there they don't have the cookies from here.",
            )


def _callback(state: AuthState, name: str) -> Iterator[Finding]:
    address = urlsplit(state.callback_url(name))
    if address.scheme == "http" and not is_this_machine(address.hostname or ""):
        yield Finding(
            "warning",
            name,
            "Its redirect URI begins with http://. If a proxy ends TLS, set TRUSTED_PROXIES or"
            " AUTH_EXTERNAL_URL; if nothing does, codes and cookies are there for all to read.",
        )


def is_web(url: str) -> bool:
    """Whether a text is an address that an application can have."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("https", "http") and bool(parts.netloc) and not parts.query


# -- theirs -------------------------------------------------------------------------------------


def _look(finding: Steps[Metadata], settings: AuthSettings) -> Steps[None]:
    """Read the metadata of a provider, and its keys if it has some."""
    metadata = yield from finding
    if metadata.jwks_uri:
        yield from Keys(metadata.jwks_uri, settings).read()


def _ask(subject: str, looking: Steps[None], http: Http) -> Iterator[Finding]:
    try:
        run(looking, http)
    except LoginError as error:
        yield Finding("error", subject, f"{error.cause}.")
