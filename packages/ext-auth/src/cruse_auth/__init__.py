"""Sign-in for Cruse: OpenID Connect with every check on, and who is signed in."""

from cruse_auth.extension import Auth, AuthState, login_user, logout_user
from cruse_auth.guards import (
    LoginRequired,
    fresh_login_required,
    login_fresh,
    login_required,
    login_url,
)
from cruse_auth.http import InProcess
from cruse_auth.oidc import Identity
from cruse_auth.providers import OpenIDProvider
from cruse_auth.redirects import is_safe_next, safe_next
from cruse_auth.settings import AuthSettings
from cruse_auth.signals import (
    user_logged_in,
    user_logged_out,
    user_login_failed,
    user_unauthorized,
)
from cruse_auth.users import AnonymousUser, UserMixin, current_user

__all__ = [
    "AnonymousUser",
    "AnonymousUserMixin",
    "Auth",
    "AuthSettings",
    "AuthState",
    "Identity",
    "InProcess",
    "LoginManager",
    "LoginRequired",
    "OpenIDProvider",
    "UserMixin",
    "current_user",
    "fresh_login_required",
    "is_safe_next",
    "login_fresh",
    "login_required",
    "login_url",
    "login_user",
    "logout_user",
    "safe_next",
    "user_logged_in",
    "user_logged_out",
    "user_login_failed",
    "user_unauthorized",
]

#: Flask-Login's names for the same things.
LoginManager = Auth
AnonymousUserMixin = AnonymousUser
