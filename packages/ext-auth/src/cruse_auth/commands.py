"""The commands ``cruse auth ...``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click
from werkzeug.exceptions import SecurityError

from cruse import request
from cruse.cli import AppGroup
from cruse_auth.doctor import default_base, examine, is_web, meeting_points

if TYPE_CHECKING:
    from cruse.checks import Finding
    from cruse_auth.extension import Auth
    from cruse_auth.state import AuthState
    from cruse_auth.stores import SessionRecord

__all__ = ["make_group"]


def make_group(state: AuthState) -> AppGroup:
    """Return the group of the commands of an application's sign-in."""
    group = AppGroup("auth", help="Look after signing in.")
    group.add_command(_make_sessions(state))
    _add_doctor(group, state)
    if (server := state.auth.authorization_server) is not None:
        from cruse_auth.server.commands import make_client_group, make_key_group

        group.add_command(make_client_group(server))
        group.add_command(make_key_group(server))
    return group


def _make_sessions(state: AuthState) -> AppGroup:
    group = AppGroup("sessions", help="List and end the logins of a user.")

    @group.command("list")
    @click.argument("user")
    def list_sessions(user: str) -> None:
        """List the open logins of USER, given by their id: the one used last first."""
        for record in _stored(state).sessions(user):
            click.echo(_tell(record))

    @group.command()
    @click.argument("user")
    @click.option("--sid", help="Only this one, by its name in the list.")
    @click.option("--permissions", is_flag=True, help="Also end what other programs were given.")
    def revoke(user: str, sid: str | None, permissions: bool) -> None:
        """End the logins of USER, given by their id, in every browser."""
        auth = _stored(state)
        if sid is not None and permissions:
            raise click.UsageError("--permissions is for all logins, so not with --sid.")
        if sid is None:
            ended = auth.logout_everywhere(user, permissions=permissions)
            click.echo(f"Ended: {ended}.")
        elif auth.revoke_session(sid, user):
            click.echo("Ended: 1.")
        else:
            raise click.ClickException(f"The user {user!r} has no login {sid!r}.")

    return group


def _add_doctor(group: AppGroup, state: AuthState) -> None:
    @group.command()
    @click.option(
        "--url",
        callback=_web_address,
        help="Where browsers reach the application; AUTH_EXTERNAL_URL or BASE_URL unless given.",
    )
    @click.pass_context
    def doctor(ctx: click.Context, url: str | None) -> None:
        """Look for what would keep people from signing in, and ask each provider if it is there.

        Prints the addresses to register with the providers. Ends with 1 when there is an error.
        """
        base = url or default_base(state)
        try:
            with state.app.test_request_context(base_url=base):
                findings = _examine(state, url)
        except SecurityError as error:
            raise click.ClickException(
                f"The host of {base or 'http://localhost'} is not among TRUSTED_HOSTS, so requests"
                " for it get a 400. Say with --url where browsers reach the application."
            ) from error
        ctx.exit(int(any(finding.level == "error" for finding in findings)))


def _web_address(ctx: click.Context, option: click.Parameter, url: str | None) -> str | None:
    if url is not None and not is_web(url):
        raise click.BadParameter(f"{url!r} does not begin with https:// and a host.")
    return url


def _examine(state: AuthState, url: str | None) -> list[Finding]:
    if state.settings.external_url is None:
        click.echo(f"For requests to {request.url_root}:")
    for what, address in meeting_points(state):
        click.echo(f"{what}: {address}")
    findings = []
    for finding in examine(state, url):
        findings.append(finding)
        color = "red" if finding.level == "error" else "yellow"
        level = click.style(finding.level, fg=color)
        click.echo(f"{level} {finding.subject}: {finding.message}")
    if not findings:
        click.echo("All is well.")
    return findings


def _stored(state: AuthState) -> Auth[Any]:
    """Return the extension, which has a store.

    Raises:
        ClickException: When it has none.
    """
    if state.auth.store is None:
        raise click.ClickException(
            "Logins are not recorded: give the extension a store, such as"
            " 'Auth(store=cruse_auth.sql.SQLStore(db))'."
        )
    return state.auth


def _tell(record: SessionRecord) -> str:
    seen = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(record.seen_at))
    via = record.provider or "-"
    # What a browser calls itself may be anything, and this is a terminal.
    agent = "".join(c if c.isprintable() else "?" for c in record.user_agent)
    return f"{record.sid}  {seen}  {via}  {record.address or '-'}  {agent}"
