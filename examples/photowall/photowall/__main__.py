"""Run the photo wall: ``python -m photowall``."""

from __future__ import annotations

import argparse
import socket
import sys

from werkzeug.serving import is_running_from_reloader

from cruse.extension import SettingsError

HOST = "127.0.0.1"
PORT = 5000


def is_free(port: int) -> bool:
    """Whether nobody listens at a port of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Return the usual port; another one where it is taken, as it is by AirPlay on Macs."""
    ports = range(PORT, PORT + 20)
    return next(filter(is_free, ports), 0)


def main() -> None:
    """Read the command line, say where the wall is, and serve it until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m photowall", description=__doc__)
    parser.add_argument("--port", type=int, help=f"the port to listen at (default: {PORT})")
    parser.add_argument("--debug", action="store_true", help="reload, and tracebacks in pages")
    options = parser.parse_args()

    from photowall.main import app

    try:
        # Now, not with the first request: painting the first pictures takes a moment.
        app.start()
    except SettingsError as error:
        sys.exit(f"photowall: {error}")
    # With --debug the reloader starts this program again, while the port is taken by itself.
    port = options.port or (PORT if options.debug else free_port())
    if not is_running_from_reloader():
        print(f"\n  The photo wall is at http://{HOST}:{port}  (Ctrl-C stops it)\n", flush=True)
    app.run(HOST, port, debug=options.debug, load_dotenv=False)


if __name__ == "__main__":
    main()
