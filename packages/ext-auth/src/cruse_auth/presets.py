"""What is known of well-known providers, as data; the application adds who it is there.

The values are those of the providers' own documentation.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from joserfc import jwt
from joserfc.jwk import ECKey

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["PRESETS", "Preset"]


@dataclass(frozen=True)
class Preset:
    """One provider: options, and what becomes options."""

    #: Of :class:`~cruse_auth.options.ProviderOptions`.
    options: Mapping[str, Any]
    #: The names of further options that only this provider has.
    own: frozenset[str] = frozenset()
    #: Makes those into options, in place; raises a ValueError for what makes no sense.
    complete: Callable[[dict[str, Any]], None] | None = None

    def fill(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return complete options, where what is given goes first."""
        options = {**self.options, **given}
        if self.complete is not None:
            self.complete(options)
        return options


# -- Microsoft ----------------------------------------------------------------------------------

MICROSOFT = "https://login.microsoftonline.com/{}/v2.0"
#: The tenant that all private accounts are in.
CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"


def _complete_microsoft(options: dict[str, Any]) -> None:
    tenant = options.pop("tenant", "common")
    options.setdefault("issuer", MICROSOFT.format(CONSUMERS if tenant == "consumers" else tenant))
    if tenant in ("common", "organizations"):
        options.setdefault("issuer_template", MICROSOFT.format("{tenantid}"))


# -- Apple --------------------------------------------------------------------------------------

APPLE = "https://appleid.apple.com"
#: Seconds that a client secret is good for. Apple takes six months, but each is used at once.
SECRET_LIFETIME = 300


def _complete_apple(options: dict[str, Any]) -> None:
    """Apple's client secret is a token that the client signs with its key."""
    own = {name: options.pop(name, None) for name in ("team_id", "key_id", "private_key")}
    if options.get("client_secret"):
        return
    if missing := [name for name, value in own.items() if not value]:
        raise ValueError(f"Apple needs {', '.join(missing)} too, or a client_secret")
    key = ECKey.import_key(own["private_key"])
    header = {"alg": "ES256", "kid": own["key_id"]}

    def client_secret() -> str:
        now = int(time.time())
        claims = {"iss": own["team_id"], "sub": options["client_id"], "aud": APPLE}
        return jwt.encode(header, {**claims, "iat": now, "exp": now + SECRET_LIFETIME}, key)

    options["client_secret"] = client_secret


# -- all ----------------------------------------------------------------------------------------

PRESETS: dict[str, Preset] = {
    "apple": Preset(
        {
            "label": "Apple",
            "issuer": APPLE,
            "scope": "openid name email",
            "client_auth": "client_secret_post",
            # Apple insists on it where a name or an address is asked for.
            "authorize_params": {"response_mode": "form_post"},
            "booleans_as_text": True,
        },
        frozenset({"team_id", "key_id", "private_key"}),
        _complete_apple,
    ),
    "discord": Preset(
        {
            "label": "Discord",
            "issuer": "https://discord.com",
            "scope": "identify email",
            "authorization_endpoint": "https://discord.com/oauth2/authorize",
            "token_endpoint": "https://discord.com/api/oauth2/token",
            "userinfo_endpoint": "https://discord.com/api/users/@me",
            "revocation_endpoint": "https://discord.com/api/oauth2/token/revoke",
            "api_url": "https://discord.com/api",
            "claims": {
                "sub": "id",
                "name": "global_name",
                "preferred_username": "username",
                "email": "email",
                "email_verified": "verified",
                "picture": "https://cdn.discordapp.com/avatars/{id}/{avatar}.png",
                "locale": "locale",
            },
        }
    ),
    "facebook": Preset(
        {
            "label": "Facebook",
            "issuer": "https://www.facebook.com",
            "scope": "public_profile email",
            "client_auth": "client_secret_post",
            # Without a version in the path: those of the Graph API end after two years.
            "authorization_endpoint": "https://www.facebook.com/dialog/oauth",
            "token_endpoint": "https://graph.facebook.com/oauth/access_token",
            "userinfo_endpoint": "https://graph.facebook.com/me?fields=id,name,email,picture",
            "api_url": "https://graph.facebook.com",
            # Nothing says whether the address was verified, so it counts as not.
            "claims": {
                "sub": "id",
                "name": "name",
                "email": "email",
                "picture": "picture.data.url",
            },
        }
    ),
    "github": Preset(
        {
            "label": "GitHub",
            # As it names itself in its answers (RFC 9207).
            "issuer": "https://github.com/login/oauth",
            "scope": "read:user user:email",
            "client_auth": "client_secret_post",
            "authorization_endpoint": "https://github.com/login/oauth/authorize",
            "token_endpoint": "https://github.com/login/oauth/access_token",
            "userinfo_endpoint": "https://api.github.com/user",
            # The profile has only the address that is shown to everybody, if there is one.
            "emails_endpoint": "https://api.github.com/user/emails",
            "api_url": "https://api.github.com",
            "claims": {
                "sub": "id",
                "name": "name",
                "preferred_username": "login",
                "picture": "avatar_url",
                "profile": "html_url",
            },
        }
    ),
    "gitlab": Preset(
        {
            "label": "GitLab",
            "issuer": "https://gitlab.com",
            "api_url": "https://gitlab.com/api/v4",
        }
    ),
    "google": Preset(
        {
            "label": "Google",
            "issuer": "https://accounts.google.com",
            # Many of its APIs are at hosts of their own; which of them, the application knows.
            "api_url": "https://www.googleapis.com",
        }
    ),
    "microsoft": Preset(
        # The ID token has all that userinfo would tell.
        {
            "label": "Microsoft",
            "userinfo": False,
            "api_url": "https://graph.microsoft.com/v1.0",
        },
        frozenset({"tenant"}),
        _complete_microsoft,
    ),
    "slack": Preset(
        {
            "label": "Slack",
            "issuer": "https://slack.com",
            "client_auth": "client_secret_post",
            "api_url": "https://slack.com/api",
        }
    ),
}
