"""Checks of where a server is to listen; each failure is told in one line, before it starts."""

from __future__ import annotations

import errno
import socket
from typing import Any

import click

__all__ = ["check_address", "check_certificate"]


def check_address(host: str, port: int) -> None:
    """Check that a server can listen there.

    Args:
        host: An address or a name of this machine; ``unix://PATH`` is left to the server.
        port: 0 to 65535.

    Raises:
        click.ClickException: When it can't; the message says what to do.
    """
    if host.startswith("unix://"):
        return
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            # As servers do, so that connections of an earlier one, which still fade, don't count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, UnicodeError) as error:
        raise click.ClickException(_explain(error, host, port)) from None


def _explain(error: Exception, host: str, port: int) -> str:
    number = getattr(error, "errno", None)
    if isinstance(error, socket.gaierror | UnicodeError):
        return f"The host {host!r} is unknown. {_HOSTS}"
    if number == errno.EADDRINUSE:
        return (
            f"Port {port} is in use by another program. Stop that program, or take another port: "
            f"--port {port + 1 if port < 65535 else 8000}."
        )
    if number == errno.EACCES:
        return (
            f"Not allowed to listen on port {port}: those below 1024 are the system's. "
            "Take a higher one: --port 8000."
        )
    if number == errno.EADDRNOTAVAIL:
        return f"{host!r} is no address of this machine. {_HOSTS}"
    return f"Cannot listen on {host!r}, port {port}: {error}."


_HOSTS = "--host 127.0.0.1 serves this machine only, --host 0.0.0.0 everybody who can reach it."


def check_certificate(ssl_context: Any) -> None:
    """Check that a certificate and its key, given as a pair of files, belong together.

    Args:
        ssl_context: What :func:`werkzeug.serving.run_simple` takes; only a pair is looked at.

    Raises:
        click.ClickException: When they do not, or one of them is something else.
    """
    if not isinstance(ssl_context, tuple):
        return
    import ssl

    try:
        certificate, key = ssl_context
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        reason = getattr(error, "reason", None) or error
        raise click.ClickException(
            f"No HTTPS with the certificate {ssl_context[0]!r} and the key {ssl_context[1]!r}: "
            f"{reason}. Both must be PEM files, and belong to each other."
        ) from None
