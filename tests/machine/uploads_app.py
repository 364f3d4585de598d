"""A server that receives uploads, at /, into a folder or into an object store.

    python tests/machine/uploads_app.py FOLDER
    python tests/machine/uploads_app.py PREFIX ENDPOINT

It prints its port on localhost.
"""

import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

from cruse import Cruse
from cruse_uploads import ALL, LocalStorage, Uploads


class Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        pass


def tell(number):
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def make_storage(place, endpoint=None):
    """Return the storage that a folder is, or a prefix in the bucket of tests/machine."""
    if endpoint is None:
        return LocalStorage(place)
    from obstore.store import S3Store

    from cruse_uploads.storage.objects import ObjectStorage

    return ObjectStorage(
        S3Store(
            "bucket",
            prefix=place,
            endpoint=endpoint,
            region="us-east-1",
            access_key_id="test:tester",
            secret_access_key="testing",
            client_options={"allow_http": True},
        )
    )


def make_app(storage):
    uploads = Uploads(storage=lambda app: storage)
    files = uploads.set("files", allow=ALL, max_size=None)
    app = Cruse("uploads_app", extensions=[uploads], static_folder=None)

    @app.post("/", stream=True)
    def add():
        return files.receive(progress=tell).key

    return app


def main():
    app = make_app(make_storage(*sys.argv[1:]))
    with make_server("127.0.0.1", 0, app.wsgi_app, handler_class=Quiet) as server:
        tell(server.server_port)
        server.serve_forever()


if __name__ == "__main__":
    main()
