"""The providers that an application offers to log in with, declared on the extension."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

from joserfc.errors import JoseError

from cruse.extension import SettingsError
from cruse_auth.options import ProviderOptions
from cruse_auth.presets import PRESETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["Provider", "Providers"]

F = TypeVar("F", bound="Callable[..., Any]")

OPTIONS = frozenset({option.name for option in fields(ProviderOptions)} - {"name"} | {"preset"})


class Provider:
    """A declared provider; ``auth.providers.oidc(...)`` and its like make one.

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
        self._declared: dict[str, Provider] = {}

    def oidc(self, name: str, **options: Any) -> Provider:
        """Declare an OpenID Connect provider.

        What is not given here comes from ``AUTH_PROVIDERS[name]``, which goes before what is.

        Args:
            name: Its name, a part of the URLs: lower-case letters, digits, ``-`` and ``_``.
            options: ``issuer``, ``client_id``, ``client_secret``, ``scope``, ``label`` and the
                other fields of :class:`~cruse_auth.options.ProviderOptions`.

        Raises:
            ValueError: When the name is taken, or cannot be part of a URL.
            TypeError: When an option is not known.
        """
        return self._declare(name, options)

    def oauth2(
        self,
        name: str,
        *,
        issuer: str,
        authorization_endpoint: str,
        token_endpoint: str,
        userinfo_endpoint: str,
        claims: Mapping[str, str],
        scope: str = "",
        **options: Any,
    ) -> Provider:
        """Declare a provider of plain OAuth 2.0, which has no ID tokens.

        Who logged in is what its userinfo endpoint says to the access token.

        Args:
            name: Its name, as for :meth:`oidc`.
            issuer: Its address: the first half of the identities' key.
            authorization_endpoint: Where browsers are sent.
            token_endpoint: Where codes become tokens.
            userinfo_endpoint: Where it tells about the person, as a JSON object.
            claims: Where in that object the claims are: ``{"sub": "id", "name": "login"}``.
            scope: What is asked for.
            options: As for :meth:`oidc`.

        Raises:
            ValueError: When the name is taken, or cannot be part of a URL.
            TypeError: When an option is not known.
        """
        options |= {
            "issuer": issuer,
            "authorization_endpoint": authorization_endpoint,
            "token_endpoint": token_endpoint,
            "userinfo_endpoint": userinfo_endpoint,
            "claims": claims,
            "scope": scope,
        }
        return self._declare(name, options)

    def preset(self, preset: str, *, name: str | None = None, **options: Any) -> Provider:
        """Declare a well-known provider.

        Args:
            preset: ``apple``, ``discord``, ``facebook``, ``github``, ``gitlab``, ``google``,
                ``microsoft`` or ``slack``.
            name: Its name, as for :meth:`oidc`; that of the preset unless given.
            options: As for :meth:`oidc`; for ``microsoft`` also ``tenant``, for ``apple``
                ``team_id``, ``key_id`` and ``private_key`` in place of a secret.

        Raises:
            ValueError: When there is no such preset, or as for :meth:`oidc`.
            TypeError: When an option is not known.
        """
        if preset not in PRESETS:
            raise ValueError(f"There is no preset {preset!r}, but {', '.join(PRESETS)}.")
        return self._declare(name or preset, {**options, "preset": preset})

    def _declare(self, name: str, options: dict[str, Any]) -> Provider:
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
            raise ValueError(f"{name!r} cannot be the name of a provider: it is part of URLs.")
        if name in self._declared:
            raise ValueError(f"There is a provider named {name!r} already.")
        known = _known(options)
        if unknown := options.keys() - known:
            raise TypeError(f"Unknown options {sorted(unknown)}. Known are {sorted(known)}.")
        provider = self._declared[name] = Provider(name, options)
        return provider

    def __getitem__(self, name: str) -> Provider:
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
        preset = options.get("preset")
        if preset is not None and preset not in PRESETS:
            raise SettingsError(
                f"{where} has the preset {preset!r}. There are: {', '.join(PRESETS)}."
            )
        known = _known(options)
        if unknown := options.keys() - known:
            names = ", ".join(sorted(known))
            raise SettingsError(f"{where} has unknown keys {sorted(unknown)}. Known are: {names}.")
        try:
            return self._complete(name, options)
        except (TypeError, ValueError, JoseError) as error:
            raise SettingsError(f"{where} is not valid: {error}.") from error

    @staticmethod
    def _complete(name: str, options: dict[str, Any]) -> ProviderOptions:
        preset = PRESETS.get(options.pop("preset", ""))
        if preset is not None:
            options = preset.fill(options)
        if missing := [key for key in ("issuer", "client_id") if not options.get(key)]:
            hint = ""
            if preset is None and name in PRESETS:
                hint = f"; for the well-known {name!r} say 'preset'"
            raise ValueError(f"the provider lacks {' and '.join(missing)}{hint}")
        return ProviderOptions(name=name, **options)


def _known(options: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of all options that may stand beside those given."""
    preset = PRESETS.get(options.get("preset", ""))
    return OPTIONS if preset is None else OPTIONS | preset.own
