"""Sign-in for Cruse: OpenID Connect and OAuth 2 on Authlib, with every check on."""
