"""The very applications that are served under ASGI."""

from benchmarks.peers.asgi.cruse import *  # noqa: F403
