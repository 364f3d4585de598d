"""What a provider says of itself (OpenID Connect Discovery 1.0), read once and checked."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cruse_auth.errors import ProviderError
from cruse_auth.oidc.cooldown import Cooldown
from cruse_auth.origins import is_this_machine
from cruse_auth.steps import Fetch

if TYPE_CHECKING:
    from cruse_auth.settings import AuthSettings
    from cruse_auth.steps import Steps

__all__ = ["Discovery", "Metadata", "check_url"]

#: How many issuers one provider may have, for issuers that depend on the request.
MAX_ISSUERS = 16

_TENANT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


@dataclass(frozen=True)
class Metadata:
    """The part of a provider's metadata that a login needs."""

    #: The issuer; ``{tenantid}`` in it stands for the id of an organization.
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str = ""
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    algorithms: frozenset[str] = frozenset()
    client_auth_methods: frozenset[str] = frozenset(["client_secret_basic"])
    #: Whether it promises to name itself in its answers (RFC 9207).
    names_itself: bool = False
    #: Where it tells what a token is worth (RFC 7662).
    introspection_endpoint: str | None = None
    #: Where it takes tokens back (RFC 7009).
    revocation_endpoint: str | None = None

    def issuer_of(self, tenant: Any) -> str | None:
        """Return the issuer of ID tokens for an organization, given by its id.

        That of most providers is the same for all; ``None`` where it is not, and there is no id.
        """
        if "{tenantid}" not in self.issuer:
            return self.issuer
        if not isinstance(tenant, str) or _TENANT.fullmatch(tenant) is None:
            return None
        return self.issuer.replace("{tenantid}", tenant)

    def is_issuer(self, issuer: str) -> bool:
        """Whether an issuer is this one, for whatever organization."""
        before, _, after = self.issuer.partition("{tenantid}")
        return self.issuer_of(issuer.removeprefix(before).removesuffix(after)) == issuer


@dataclass
class _Document:
    """What is known of one issuer's document."""

    cooldown: Cooldown
    metadata: Metadata | None = None
    read_at: float = 0.0


class Discovery:
    """Reads and keeps the metadata of one provider.

    Args:
        settings: How long a document is good, and what waits for how long.
        insecure_http: Allow ``http://`` beyond this machine.
        template: What the documents say the issuer is, where that is not the one asked for.
    """

    def __init__(
        self, settings: AuthSettings, insecure_http: bool, template: str | None = None
    ) -> None:
        self.settings = settings
        self.insecure_http = insecure_http
        self.template = template
        self._documents: dict[str, _Document] = {}

    def find(self, issuer: str) -> Steps[Metadata]:
        """Return the metadata of an issuer, fetched unless it is known.

        Raises:
            ProviderError: When there is none, or it is not that issuer's; also when that was so
                a moment ago.
        """
        document = self._documents.get(issuer)
        if document is not None and document.metadata is not None:
            if time.monotonic() - document.read_at < self.settings.metadata_lifetime:
                return document.metadata
        elif document is None:
            check_url(issuer, "the issuer", self.insecure_http)
            if len(self._documents) >= MAX_ISSUERS:
                self._documents.clear()
            cooldown = Cooldown(self.settings.provider_cooldown)
            document = self._documents.setdefault(issuer, _Document(cooldown))
        metadata = yield from document.cooldown.around(self._fetch(issuer))
        document.metadata, document.read_at = metadata, time.monotonic()
        return metadata

    def _fetch(self, issuer: str) -> Steps[Metadata]:
        url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        reply = yield Fetch("GET", url, {"Accept": "application/json"})
        if reply.status != 200:
            raise ProviderError(f"{url} answered with status {reply.status}")
        return self._read(issuer, reply.json())

    def _read(self, issuer: str, document: dict[str, Any]) -> Metadata:
        # Section 4.3: else one provider could speak for another.
        if document.get("issuer") != (self.template or issuer):
            raise ProviderError(
                f"the metadata of issuer {issuer!r} is that of {document.get('issuer')!r};"
                " write the issuer exactly as the provider does"
            )
        return Metadata(
            issuer=document["issuer"],
            authorization_endpoint=self._url(document, "authorization_endpoint"),
            token_endpoint=self._url(document, "token_endpoint"),
            jwks_uri=self._url(document, "jwks_uri"),
            userinfo_endpoint=self._url_if_any(document, "userinfo_endpoint"),
            end_session_endpoint=self._url_if_any(document, "end_session_endpoint"),
            # RS256 is what every provider must have (OpenID Connect Core section 15.1).
            algorithms=_names(document, "id_token_signing_alg_values_supported", "RS256"),
            client_auth_methods=_names(
                document, "token_endpoint_auth_methods_supported", "client_secret_basic"
            ),
            names_itself=(document.get("authorization_response_iss_parameter_supported") is True),
            introspection_endpoint=self._url_if_any(document, "introspection_endpoint"),
            revocation_endpoint=self._url_if_any(document, "revocation_endpoint"),
        )

    def _url(self, document: dict[str, Any], key: str) -> str:
        url = document.get(key)
        if not isinstance(url, str):
            raise ProviderError(f"the provider's metadata has no {key!r}")
        check_url(url, key, self.insecure_http)
        return url

    def _url_if_any(self, document: dict[str, Any], key: str) -> str | None:
        return None if document.get(key) is None else self._url(document, key)


def check_url(url: str, what: str, insecure_http: bool) -> None:
    """Refuse the address of an endpoint that others could listen to.

    Raises:
        ProviderError: When it is none, or neither ``https://`` nor on this machine.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError as error:
        raise ProviderError(f"{what} is not a URL: {url!r}") from error
    if parts.scheme == "https" and host:
        return
    if parts.scheme == "http" and host and (insecure_http or is_this_machine(host)):
        return
    raise ProviderError(
        f"{what} is {url!r}, but must be an https:// address (plain http:// is for this"
        " machine only, unless AUTH_INSECURE_HTTP is set)"
    )


def _names(document: dict[str, Any], key: str, default: str) -> frozenset[str]:
    values = document.get(key)
    if not isinstance(values, list) or not values:
        return frozenset([default])
    return frozenset(value for value in values if isinstance(value, str))
