"""Sign-in for Cruse: OpenID Connect with every check on, and who is signed in."""

from cruse_auth.extension import Auth, confirm_login, login_user, logout_user
from cruse_auth.factors import (
    Factor,
    Factors,
    FactorStore,
    LastFactor,
    LoginStep,
    MemoryFactors,
    PasskeyRefused,
    Passkeys,
)
from cruse_auth.guards import (
    LoginRequired,
    auth_required,
    fresh_login_required,
    login_fresh,
    login_remembered,
    login_required,
    login_url,
)
from cruse_auth.http import InProcess
from cruse_auth.limits import Limits, Rule, TooManyAttempts
from cruse_auth.oidc import Identity
from cruse_auth.passwords import PasswordCheck, Passwords, WeakPassword
from cruse_auth.providers import Provider
from cruse_auth.redirects import is_safe_next, safe_next
from cruse_auth.resources import AccessToken, BearerError, MemoryProofs, ProofStore, Resource
from cruse_auth.rights import InsufficientScope
from cruse_auth.settings import AuthSettings
from cruse_auth.signals import (
    identity_linked,
    login_ended,
    remember_theft,
    tokens_misused,
    tokens_refreshed,
    user_factors_changed,
    user_loaded_from_cookie,
    user_loaded_from_request,
    user_logged_in,
    user_logged_out,
    user_login_confirmed,
    user_login_failed,
    user_needs_refresh,
    user_unauthorized,
)
from cruse_auth.state import AuthState
from cruse_auth.stores import MemoryStore, SessionRecord, SessionStore
from cruse_auth.tokens import (
    MemoryTokenStore,
    NoTokenError,
    ProviderAPI,
    StoredTokens,
    TokenStore,
)
from cruse_auth.users import AnonymousUser, UserMixin, current_user

__all__ = [
    "AccessToken",
    "AnonymousUser",
    "AnonymousUserMixin",
    "Auth",
    "AuthSettings",
    "AuthState",
    "BearerError",
    "Factor",
    "FactorStore",
    "Factors",
    "Identity",
    "InProcess",
    "InsufficientScope",
    "LastFactor",
    "Limits",
    "LoginManager",
    "LoginRequired",
    "LoginStep",
    "MemoryFactors",
    "MemoryProofs",
    "MemoryStore",
    "MemoryTokenStore",
    "NoTokenError",
    "PasskeyRefused",
    "Passkeys",
    "PasswordCheck",
    "Passwords",
    "ProofStore",
    "Provider",
    "ProviderAPI",
    "Resource",
    "Rule",
    "SessionRecord",
    "SessionStore",
    "StoredTokens",
    "TokenStore",
    "TooManyAttempts",
    "UserMixin",
    "WeakPassword",
    "auth_required",
    "confirm_login",
    "current_user",
    "fresh_login_required",
    "identity_linked",
    "is_safe_next",
    "login_ended",
    "login_fresh",
    "login_remembered",
    "login_required",
    "login_url",
    "login_user",
    "logout_user",
    "remember_theft",
    "safe_next",
    "tokens_misused",
    "tokens_refreshed",
    "user_factors_changed",
    "user_loaded_from_cookie",
    "user_loaded_from_request",
    "user_logged_in",
    "user_logged_out",
    "user_login_confirmed",
    "user_login_failed",
    "user_needs_refresh",
    "user_unauthorized",
]

#: Flask-Login's names for the same things.
LoginManager = Auth
AnonymousUserMixin = AnonymousUser
