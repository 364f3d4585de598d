"""The provider of ``auth_provider_app``, started by real servers, and an application beside it."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from werkzeug.serving import make_server

from cruse import Cruse
from tests.machine.auth_provider_app import make_app
from tests.relying import SECRET
from tests.servers.serving import Server, free_port, launch

ROOT = Path(__file__).parents[2]
MODULE = "tests.machine.auth_provider_app:app"
#: Servers that people use, one for each face.
SERVERS = {
    "asgi": f"granian --interface asgi --port {{port}} {MODULE}",
    "wsgi": f"gunicorn --bind 127.0.0.1:{{port}} --threads 8 {MODULE}",
}


@dataclass
class Provider:
    """A provider that runs in processes of its own, and its database."""

    issuer: str
    #: The processes; the first one is at the issuer's address.
    running: list[Server]
    #: The same application in this process, to look after clients.
    app: Cruse
    server: Any

    def add_client(self, client_id: str = "shop", **metadata: Any) -> None:
        """Register a client; its secret is ``SECRET``, if it has one."""
        method = metadata.get("token_endpoint_auth_method", "client_secret_basic")
        secret = SECRET if method.startswith("client_secret") else None
        with self.app.app_context():
            self.server.clients.remove(client_id)
            self.server.clients.add(
                client_id.title(), client_id=client_id, client_secret=secret, **metadata
            )

    def count(self, kind: str, client_id: str | None = None) -> int:
        """How many records of a kind there are."""
        with self.app.app_context():
            return len(self.server.options.store.find(kind, None, client_id))


@contextmanager
def providing(
    folder: Path,
    *faces: str,
    database: str | None = None,
    api: str = "https://api.example",
    issuer: str | None = None,
    **told: Any,
) -> Iterator[Provider]:
    """Start a provider.

    Args:
        folder: Where its logs are, and its database unless there is another.
        faces: A key of :data:`SERVERS` for each process.
        database: The URL of the database; a file of SQLite unless given.
        api: The one API that tokens can be for.
        issuer: Where it is for others; the first process's own address unless given.
        told: ``options`` for ``auth.server``, and ``config`` for the application.
    """
    ports = [free_port() for _ in faces]
    environment = {
        "PYTHONPATH": str(ROOT),
        "PEER_ISSUER": issuer or f"http://127.0.0.1:{ports[0]}",
        "PEER_DB": database or f"sqlite:///{folder}/id.db",
        "PEER_API": api,
        **{f"PEER_{name.upper()}": json.dumps(values) for name, values in told.items()},
    }
    app, server, db = make_app(environment)
    with app.app_context():
        db.create_all()
    with ExitStack() as stack:
        stack.callback(app.stop)
        running = []
        for face, port in zip(faces, ports, strict=True):
            logs = folder / str(port)
            logs.mkdir()
            command = ["-m", *SERVERS[face].format(port=port).split()]
            running.append(stack.enter_context(launch(command, logs, environment, port)))
        for each in running:  # they start at the same time
            each.wait()
        yield Provider(environment["PEER_ISSUER"], running, app, server)
    for each in running:
        assert "Traceback" not in each.log.read_text(), each.log.read_text()


@contextmanager
def listening(make: Any) -> Iterator[Any]:
    """Serve an application of this process; ``make`` makes it and is told its address."""
    made: list[Any] = []
    server = make_server("127.0.0.1", 0, lambda *wsgi: made[0](*wsgi), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        made.append(make(f"http://127.0.0.1:{server.server_port}"))
        yield made[0]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        for app in made:
            app.stop()
