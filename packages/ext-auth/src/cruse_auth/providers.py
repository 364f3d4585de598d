"""The providers that an application offers to log in with, declared on the extension."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeVar

from cruse.extension import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["OpenIDProvider", "ProviderOptions", "Providers"]

F = TypeVar("F", bound="Callable[..., Any]")

#: What signs ID tokens that we believe: public keys only. ``none`` is no signature, and with the
#: ``HS`` family a public key could be passed off as the secret (RFC 8725 sections 2.1 and 3.1).
ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
)


@dataclass(frozen=True)
class ProviderOptions:
    """How one application talks to one provider."""

    name: str
    #: The issuer, exactly as the provider writes it; or a function that returns it, called
    #: within a request.
    issuer: str | Callable[[], str]
    client_id: str
    #: ``None`` for a public client.
    client_secret: str | None = field(default=None, repr=False)
    scope: str = "openid profile email"
    #: What visitors read on the button.
    label: str = ""
    #: How the client authenticates; ``None`` takes what the provider's metadata offers.
    client_auth: str | None = None
    #: Further parameters of the authorization request, such as ``{"hd": "example.com"}``.
    authorize_params: Mapping[str, str] = field(default_factory=dict)
    #: Whether to ask the userinfo endpoint for more about the person.
    userinfo: bool = True
    #: Signature algorithms of ID tokens to accept, a subset of the default.
    algorithms: tuple[str, ...] = ALGORITHMS
    #: An httpx2 transport to use instead of the network, such as ``InProcess(app)``.
    transport: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if "openid" not in self.scope.split():
            raise ValueError("the scope must contain 'openid'")
        if unknown := set(self.algorithms) - set(ALGORITHMS):
            raise ValueError(f"{sorted(unknown)} are not algorithms with public keys")
        if self.client_auth not in (None, "client_secret_basic", "client_secret_post", "none"):
            raise ValueError(f"client_auth {self.client_auth!r} is not known")


OPTIONS = {option.name for option in fields(ProviderOptions)} - {"name"}


class OpenIDProvider:
    """A declared provider; ``auth.providers.oidc(...)`` makes one.

    Args:
        name: Its name, a part of the URLs.
        options: What the code says; ``AUTH_PROVIDERS`` may say more.
    """

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        self.name = name
        self.options = dict(options)
        self.on_login_function: Callable[..., Any] | None = None

    def on_login(self, function: F) -> F:
        """Register what finds the user for a login with this provider, plain or async.

        It gets an :class:`~cruse_auth.oidc.Identity` and returns the user, made anew or not.
        ``None`` refuses the login with a 403.
        """
        self.on_login_function = function
        return function

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"


class Providers:
    """The providers of an extension, by name."""

    def __init__(self) -> None:
        self._declared: dict[str, OpenIDProvider] = {}

    def oidc(self, name: str, **options: Any) -> OpenIDProvider:
        """Declare an OpenID Connect provider.

        What is not given here comes from ``AUTH_PROVIDERS[name]``, which goes before what is.

        Args:
            name: Its name, a part of the URLs: lower-case letters, digits, ``-`` and ``_``.
            options: ``issuer``, ``client_id``, ``client_secret``, ``scope``, ``label`` and the
                other fields of :class:`ProviderOptions`.

        Raises:
            ValueError: When the name is taken, or cannot be part of a URL.
            TypeError: When an option is not known.
        """
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
            raise ValueError(f"{name!r} cannot be the name of a provider: it is part of URLs.")
        if name in self._declared:
            raise ValueError(f"There is a provider named {name!r} already.")
        if unknown := options.keys() - OPTIONS:
            raise TypeError(f"Unknown options {sorted(unknown)}. Known are {sorted(OPTIONS)}.")
        provider = self._declared[name] = OpenIDProvider(name, options)
        return provider

    def __getitem__(self, name: str) -> OpenIDProvider:
        return self._declared[name]

    def __contains__(self, name: object) -> bool:
        return name in self._declared

    def __iter__(self) -> Iterator[str]:
        return iter(self._declared)

    def resolve(self, configured: Mapping[str, Mapping[str, Any]]) -> dict[str, ProviderOptions]:
        """Return the options of all providers, those that only the configuration has included.

        Args:
            configured: The setting ``AUTH_PROVIDERS``.

        Raises:
            SettingsError: When one is not complete, or has an option that is not known.
        """
        names = dict.fromkeys([*self._declared, *configured])
        return {name: self._resolve(name, configured.get(name, {})) for name in names}

    def _resolve(self, name: str, configured: Mapping[str, Any]) -> ProviderOptions:
        where = f"AUTH_PROVIDERS[{name!r}]"
        declared = self._declared[name].options if name in self._declared else {}
        if not isinstance(configured, dict):
            raise SettingsError(f"{where} must be a dict, not {type(configured).__name__}.")
        options = {**declared, **configured}
        if unknown := options.keys() - OPTIONS:
            known = ", ".join(sorted(OPTIONS))
            raise SettingsError(f"{where} has unknown keys {sorted(unknown)}. Known are: {known}.")
        if missing := [key for key in ("issuer", "client_id") if not options.get(key)]:
            raise SettingsError(
                f"The provider {name!r} lacks {' and '.join(missing)}: set them in {where}."
            )
        try:
            return ProviderOptions(name=name, **options)
        except (TypeError, ValueError) as error:
            raise SettingsError(f"{where} is not valid: {error}.") from error
