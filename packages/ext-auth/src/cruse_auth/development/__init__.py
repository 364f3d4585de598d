"""An OpenID provider for development: everybody in it logs in with one click, without a password.

It is a real provider on the wire (discovery, authorization code with PKCE, signed ID tokens,
userinfo, logout), so an application behaves with it as it will with the one in production. It is
mounted in the application itself, and what the application asks of it never leaves the process:
one command starts both, under every server, also one with a single thread.

Never in production: it does not run unless the application is in debug mode or under test, or
``AUTH_DEVELOPMENT_PROVIDER`` says that this is a demonstration.
"""

from cruse_auth.development.people import Client, Person
from cruse_auth.development.provider import DevelopmentProvider

__all__ = ["Client", "DevelopmentProvider", "Person"]
