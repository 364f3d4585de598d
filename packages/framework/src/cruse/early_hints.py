"""Early hints: what a page will need, told while it is still being made (RFC 8297)."""

from __future__ import annotations

import re

from cruse.globals import current_context

__all__ = ["send_early_hints"]

_LINK = re.compile(r"<[!-;=?-~]*>[ -~]*")  # a target and what is said of it, in ASCII on one line


def send_early_hints(*links: str) -> bool:
    """Send a ``103 Early Hints`` ahead of the response, so that the browser can begin to load.

    From sync and async views and hooks alike. Where the server cannot send it, nothing happens:
    under WSGI it is gunicorn that can, under ASGI servers with the extension
    ``http.response.early_hint``. Browsers heed the first one, over HTTP/2 and later.
    (gunicorn's ASGI worker can as well, by a message of its own, but no scope says so.)

    Args:
        links: Values of ``Link`` fields (RFC 8288), such as
            ``"</static/app.css>; rel=preload; as=style"``.

    Returns:
        Whether the server was told: not without links, nor when there is a response already, nor
        when the client has left.

    Raises:
        ValueError: When one of them is no value of a ``Link`` field.
        RuntimeError: Outside of a request.
    """
    for link in links:
        if _LINK.fullmatch(str(link)) is None:  # a list of links is none either
            raise ValueError(
                f"{link!r} is no value of a Link field. It begins with a URL in angle brackets "
                "and is ASCII on one line: '</static/app.css>; rel=preload; as=style'."
            )
    context = current_context()
    send = context.request.environ.get("wsgi.early_hints")
    if send is None or context.answered or not links:
        return False
    try:
        send([("Link", link) for link in links])
    except OSError:  # the client has left, which the response will find out as well
        return False
    return True
