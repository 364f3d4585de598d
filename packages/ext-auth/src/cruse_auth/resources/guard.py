"""An API that is protected by access tokens: what is declared, and the decorator for its views."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit

from werkzeug.exceptions import NotFound

from cruse import current_app, jsonify, request
from cruse.colors import is_async
from cruse_auth.errors import ProviderError
from cruse_auth.options import ALGORITHMS
from cruse_auth.origins import is_this_machine
from cruse_auth.resources.dpop import Proof, check_proof
from cruse_auth.resources.errors import BearerError, ProofError, TokenError
from cruse_auth.resources.verifier import Verifier
from cruse_auth.steps import Call, arun, run
from cruse_auth.users import is_active

if TYPE_CHECKING:
    from collections.abc import Callable

    from cruse import Response
    from cruse_auth.http import Http
    from cruse_auth.resources.dpop import ProofStore
    from cruse_auth.resources.tokens import AccessToken
    from cruse_auth.state import AuthState
    from cruse_auth.steps import Steps

__all__ = ["Resource", "ResourceOptions", "publish_metadata"]

F = TypeVar("F", bound="Callable[..., Any]")

#: The longest token that is looked at, in characters.
MAX_TOKEN = 16 * 1024
#: What a bearer token may consist of (RFC 6750 section 2.1).
TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
#: What the name of a scope may consist of (RFC 6749 section 3.3).
SCOPE = re.compile(r"[!#-\[\]-~]+")
WELL_KNOWN = "/.well-known/oauth-protected-resource"


@dataclass(frozen=True)
class ResourceOptions:
    """Whose tokens an API takes."""

    #: The issuer, exactly as its metadata have it.
    issuer: str
    #: What the tokens have to be for: the API's own name at the issuer, best its URL.
    audience: str
    #: The client id and secret to ask the issuer about each token with (RFC 7662); ``None`` for
    #: tokens that are JWTs, which are checked here.
    introspection: tuple[str, str] | None = field(default=None, repr=False)
    #: What the tokens may call themselves in their ``typ``, in lower case.
    types: tuple[str, ...] = ("at+jwt",)
    #: Signature algorithms to accept, a subset of the default.
    algorithms: tuple[str, ...] = ALGORITHMS
    #: The scopes to tell of in the metadata.
    scopes: tuple[str, ...] = ()
    #: Remembers used proofs, such as ``MemoryProofs()``: only tokens that are bound to a key are
    #: taken, with a proof that the client has it (DPoP, RFC 9449). ``None`` for bearer tokens.
    dpop: ProofStore | None = None
    #: Seconds for which a proof is good.
    proof_lifetime: int = 60
    #: An httpx2 transport to use instead of the network.
    transport: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not self.issuer or not self.audience:
            raise ValueError("A resource needs an issuer and an audience.")
        if unknown := set(self.algorithms) - set(ALGORITHMS):
            raise ValueError(f"{sorted(unknown)} are not algorithms with public keys.")


class Resource:
    """An API that is protected by access tokens; ``auth.resource(...)`` makes one.

    Args:
        options: Whose tokens it takes.
    """

    def __init__(self, options: ResourceOptions) -> None:
        self.options = options
        self.user_loader_function: Callable[[AccessToken], Any] | None = None

    @property
    def scheme(self) -> str:
        """How tokens are sent: ``Bearer``, or ``DPoP`` with a proof."""
        return "Bearer" if self.options.dpop is None else "DPoP"

    def require(self, *scopes: str) -> Callable[[F], F]:
        """Let only requests with a good access token call a view, plain or async.

        The view gets the :class:`AccessToken` as its first argument. Put it below the route::

            @app.get("/v1/me")
            @api.require("read:me")
            def me(token): ...

        Args:
            scopes: What the token has to allow, all of it.

        Raises:
            ValueError: When a scope has a space or a quote in it.
        """
        for scope in scopes:
            if not SCOPE.fullmatch(scope):
                raise ValueError(f"{scope!r} is not a scope: give each as an argument of its own.")

        def decorate(view: F) -> F:
            return self._guard(view, scopes)

        return decorate

    def user_loader(self, function: F) -> F:
        """Register what returns the user that an access token stands for, or ``None``.

        It may be plain or async. Views with ``@auth_required("bearer")`` have that user as the
        current one.
        """
        self.user_loader_function = function
        return function

    def _guard(self, view: F, scopes: tuple[str, ...]) -> F:
        guarded: Any
        if is_async(view):

            @wraps(view)
            async def guarded(*args: Any, **kwargs: Any) -> Any:
                verifier = self._verifier()
                token = await arun(self._admit(verifier, scopes), verifier.http())
                return await view(token, *args, **kwargs)

        else:

            @wraps(view)
            def guarded(*args: Any, **kwargs: Any) -> Any:
                verifier = self._verifier()
                token = run(self._admit(verifier, scopes), verifier.http())
                return view(token, *args, **kwargs)

        return cast("F", guarded)

    def is_asked(self) -> bool:
        """Whether the request brings credentials of this kind."""
        scheme = request.headers.get("Authorization", "").partition(" ")[0]
        return scheme.lower() == self.scheme.lower()

    def http(self) -> Http:
        """Return a client for what is asked of the issuer."""
        return self._verifier().http()

    def finding_user(self, scopes: tuple[str, ...]) -> Steps[Any]:
        """Return the user that the token of the request stands for; there is a user loader.

        Raises:
            BearerError: When there is no token that is good enough, or nobody that may come in.
        """
        token = yield from self._admit(self._verifier(), scopes)
        loader = cast("Callable[[AccessToken], Any]", self.user_loader_function)
        user = yield Call(loader, (token,))
        if user is None or not is_active(user):
            current_app.logger.info("An access token stands for nobody: %r", token.subject)
            raise self._error(401, "invalid_token", "Its user may not log in.", scopes)
        return user

    def _verifier(self) -> Verifier:
        state: AuthState = current_app.extensions["auth"]
        verifier = state.verifiers.get(self)
        if verifier is None:
            verifier = Verifier(self.options, state.settings)
            # Of two threads that come at once, both go on with the first one's.
            verifier = state.verifiers.setdefault(self, verifier)
        return verifier

    def _admit(self, verifier: Verifier, scopes: tuple[str, ...]) -> Steps[AccessToken]:
        """Return the token of the request.

        Raises:
            BearerError: When there is none that is good enough.
        """
        credentials = self._credentials(scopes)
        try:
            token = yield from verifier.verify(credentials)
            yield from self._check_proof(verifier, credentials, token)
        except ProofError as error:
            current_app.logger.info("A DPoP proof was refused: %s", error.cause)
            description = "The DPoP proof does not prove that this token is the client's."
            raise self._error(401, "invalid_dpop_proof", description, scopes) from error
        except TokenError as error:
            current_app.logger.info("An access token was refused: %s", error.cause)
            raise self._error(
                401, "invalid_token", "The access token is not valid here, or no longer.", scopes
            ) from error
        except ProviderError as error:
            current_app.logger.error("An access token could not be checked: %s", error.cause)
            raise self._error(
                503, "temporarily_unavailable", "Access tokens cannot be checked right now.", ()
            ) from error
        if missing := set(scopes) - token.scopes:
            names = " ".join(sorted(missing))
            raise self._error(
                403, "insufficient_scope", f"The access token does not allow: {names}.", scopes
            )
        return token

    def _check_proof(
        self, verifier: Verifier, credentials: str, token: AccessToken
    ) -> Steps[None]:
        options = self.options
        if options.dpop is None:
            return
        state: AuthState = current_app.extensions["auth"]
        path = request.base_url.removeprefix(request.host_url.rstrip("/"))
        proof = Proof(
            request.headers.get("DPoP"), request.method, state.external_url(path), credentials
        )
        yield from check_proof(
            proof,
            token.claims,
            options.dpop,
            algorithms=frozenset(options.algorithms),
            lifetime=options.proof_lifetime,
            leeway=verifier.settings.leeway,
        )

    def _credentials(self, scopes: tuple[str, ...]) -> str:
        # The header alone: a token in a URL ends up in logs (RFC 9700 section 4.3.2).
        scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
        credentials = credentials.strip()
        if scheme.lower() != self.scheme.lower():
            raise self._error(401, None, "An access token is required.", scopes)
        if len(credentials) > MAX_TOKEN or not TOKEN.fullmatch(credentials):
            raise self._error(
                401, "invalid_token", "The Authorization header has no token.", scopes
            )
        return credentials

    def _error(
        self, status: int, error: str | None, description: str, scopes: tuple[str, ...]
    ) -> BearerError:
        state: AuthState = current_app.extensions["auth"]
        challenge = {"realm": state.realm}
        if scopes:
            challenge["scope"] = " ".join(scopes)
        if (url := self.metadata_url) is not None:
            challenge["resource_metadata"] = url
        if self.options.dpop is not None:  # RFC 9449 section 7.1
            challenge["algs"] = " ".join(self.options.algorithms)
        return BearerError(status, error, description, challenge, self.scheme)

    # -- metadata -------------------------------------------------------------------------------

    @property
    def metadata_url(self) -> str | None:
        """Where clients read which issuer to ask (RFC 9728 section 3.1).

        ``None`` when the audience is no ``https://`` URL, and no ``http://`` URL of this machine,
        where APIs are developed.
        """
        parts = urlsplit(self.options.audience)
        if not parts.netloc or parts.fragment or parts.query:
            return None
        here = parts.scheme == "http" and is_this_machine(parts.hostname or "")
        if parts.scheme != "https" and not here:
            return None
        return f"{parts.scheme}://{parts.netloc}{WELL_KNOWN}{parts.path.rstrip('/')}"

    def metadata(self) -> dict[str, Any]:
        """Return the metadata (RFC 9728 section 2)."""
        document: dict[str, Any] = {
            "resource": self.options.audience,
            "authorization_servers": [self.options.issuer],
            "bearer_methods_supported": ["header"],
        }
        if self.options.dpop is not None:
            document["dpop_bound_access_tokens_required"] = True
            document["dpop_signing_alg_values_supported"] = list(self.options.algorithms)
        if self.options.scopes:
            document["scopes_supported"] = list(self.options.scopes)
        return document


def publish_metadata(state: AuthState) -> None:
    """Give an application the address at which clients find the metadata of its resources."""

    def protected_resource(path: str = "") -> Response:
        wanted = f"{WELL_KNOWN}/{path}".rstrip("/")
        for resource in state.auth.resources:
            url = resource.metadata_url
            if url is not None and urlsplit(url).path == wanted:
                response: Response = jsonify(resource.metadata())
                # For programs in browsers, too: there is nothing secret in it.
                response.headers["Access-Control-Allow-Origin"] = "*"
                return response
        raise NotFound

    for rule in (WELL_KNOWN, f"{WELL_KNOWN}/<path:path>"):
        state.app.add_url_rule(rule, "auth_protected_resource", protected_resource)
