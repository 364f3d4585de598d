"""The commands ``cruse auth client ...`` and ``cruse auth keys ...``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cruse.cli import AppGroup
from cruse_auth.server.clients import AUTH_METHODS
from cruse_auth.server.keys import FRESH

if TYPE_CHECKING:
    from cruse_auth.server.server import AuthorizationServer

__all__ = ["make_client_group", "make_key_group"]

#: For commands that take a random name, which may begin with a "-" and is no option then.
RANDOM_NAMES = {"ignore_unknown_options": True}


def make_client_group(server: AuthorizationServer) -> AppGroup:
    """Return the group of the commands for clients."""
    group = AppGroup("client", help="Look after the clients of the authorization server.")
    _add_registering(group, server)

    @group.command("list")
    def list_clients() -> None:
        """List all clients, the oldest first."""
        for client in server.clients.all():
            method, grants = client.token_endpoint_auth_method, ", ".join(client.grant_types)
            click.echo(f"{client.client_id}  {client.client_name or '-'}  {method}  {grants}")

    @group.command(context_settings=RANDOM_NAMES)
    @click.argument("client_id")
    @click.option("--yes", is_flag=True, help="Don't ask.")
    def revoke(client_id: str, yes: bool) -> None:
        """Forget the client CLIENT_ID, and end all that it was given."""
        if not yes:
            click.confirm(f"Forget the client {client_id} and end all its tokens?", abort=True)
        if not server.clients.remove(client_id):
            raise click.ClickException(f"There is no client {client_id!r}.")
        click.echo(f"Forgotten: {client_id}.")

    @group.command("renew-secret", context_settings=RANDOM_NAMES)
    @click.argument("client_id")
    def renew_secret(client_id: str) -> None:
        """Give the client CLIENT_ID another secret; the old one is good no more."""
        secret = server.clients.renew_secret(client_id)
        if secret is None:
            raise click.ClickException(f"There is no client {client_id!r} that has a secret.")
        click.echo(f"client_secret: {secret}")

    return group


def _add_registering(group: AppGroup, server: AuthorizationServer) -> None:
    @group.command()
    @click.argument("name")
    @click.option("--client-id", help="Its name in requests; a random one unless given.")
    @click.option("--redirect-uri", "redirect_uris", multiple=True, metavar="URL")
    @click.option("--post-logout-redirect-uri", "post_logout_redirect_uris", multiple=True)
    @click.option("--backchannel-logout-uri", metavar="URL")
    @click.option("--grant-type", "grant_types", multiple=True, metavar="GRANT")
    @click.option("--scope", help="What it may ask for; everything unless given.")
    @click.option("--auth-method", type=click.Choice(AUTH_METHODS), help="How it authenticates.")
    @click.option("--public", is_flag=True, help="It can't keep a secret: --auth-method none.")
    @click.option("--native", is_flag=True, help="It runs on the person's own machine.")
    @click.option("--serves", multiple=True, metavar="URL", help="It is the API at this address.")
    @click.option("--trusted", is_flag=True, help="It is one of our own: nobody is asked.")
    def add(name: str, client_id: str | None, auth_method: str | None, **options: Any) -> None:
        """Register a client, which people are told is called NAME."""
        public, native = options.pop("public"), options.pop("native")
        metadata = {key: value for key, value in options.items() if value}
        if method := auth_method or ("none" if public else None):
            metadata["token_endpoint_auth_method"] = method
        if native:
            metadata["application_type"] = "native"
        try:
            new = server.clients.add(name, client_id=client_id, **metadata)
        except ValueError as error:
            raise click.ClickException(str(error)) from error
        click.echo(f"client_id: {new.client_id}")
        if new.secret is not None:
            click.echo(f"client_secret: {new.secret}")
            click.echo("Keep the secret now: it is shown this once.", err=True)

    @group.command()
    @click.option("--hours", type=click.IntRange(1, 24 * 365), default=24, show_default=True)
    def invite(hours: int) -> None:
        """Make a token with which one client can register itself (RFC 7591)."""
        if server.options.registration != "token":
            raise click.ClickException("The server's 'registration' is not \"token\".")
        click.echo(server.clients.invite(hours * 3600))


def make_key_group(server: AuthorizationServer) -> AppGroup:
    """Return the group of the commands for signing keys."""
    group = AppGroup("keys", help="Look after the keys that tokens are signed with.")

    @group.command("list")
    def list_keys() -> None:
        """List the keys that are good, the oldest first."""
        for kid in server.keys.all():
            click.echo(kid)

    @group.command()
    @click.option("--at-once", is_flag=True, help="Sign with it now: the old one was stolen.")
    def rotate(at_once: bool) -> None:
        """Make a new key; the others go when nothing that they signed is good any more."""
        click.echo(server.keys.rotate(at_once=at_once))

    @group.command(context_settings=RANDOM_NAMES)
    @click.argument("kid")
    @click.option("--yes", is_flag=True, help="Don't ask.")
    def remove(kid: str, yes: bool) -> None:
        """Forget the key KID at once: nothing that it signed is good any more."""
        if not yes:
            click.confirm(f"Forget the key {kid}, so that its tokens are worthless?", abort=True)
        if not server.keys.remove(kid):
            raise click.ClickException(f"There is no key {kid!r}.")
        click.echo(f"Forgotten: {kid}.")
        click.echo(
            f"Other processes notice within {FRESH} seconds, or when they start again; APIs that"
            " keep our keys, when they read them again.",
            err=True,
        )

    return group
