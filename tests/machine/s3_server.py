"""OpenStack Swift with its S3 interface, in one process, for what keeps files in an object store.

    python tests/machine/s3_server.py FOLDER

It keeps everything in FOLDER and prints its port on localhost once it listens. There is a bucket
named ``bucket``; the keys are ``test:tester`` and ``testing``. Signatures are checked; parts,
conditional requests, presigned URLs and CORS are the real thing. What an installation spreads over
many machines (accounts, containers, objects, and the proxy in front) are green threads here.
"""

import os

os.environ["EVENTLET_NO_GREENDNS"] = "yes"  # its patched resolver imports what can't be patched
import eventlet

eventlet.monkey_patch()

import logging  # noqa: E402 (what is imported from here on is patched)
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

from swift.common.internal_client import InternalClient  # noqa: E402
from swift.common.ring import RingBuilder  # noqa: E402
from swift.common.storage_policy import reload_storage_policies  # noqa: E402
from swift.common.utils import set_swift_dir  # noqa: E402
from swift.common.wsgi import loadapp  # noqa: E402

SWIFT = "[swift-hash]\nswift_hash_path_suffix = tests\n"
BACKEND = """
[DEFAULT]
devices = {folder}/devices
mount_check = false
swift_dir = {folder}
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""
PROXY = """
[DEFAULT]
swift_dir = {folder}
[pipeline:main]
pipeline = {filters} proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:s3api]
use = egg:swift#s3api
cors_preflight_allow_origin = *
"""
PLAIN = (
    "catch_errors",
    "gatekeeper",
    "listing_formats",
    "bulk",
    "copy",
    "slo",
    "versioned_writes",
)
S3 = "catch_errors gatekeeper listing_formats bulk s3api tempauth copy slo versioned_writes"


class Server:
    def __init__(self, folder):
        self.folder = folder
        self.log = logging.Logger("quiet")
        self.log.addHandler(logging.NullHandler())
        (folder / "devices" / "disk").mkdir(parents=True)
        (folder / "swift.conf").write_text(SWIFT)
        set_swift_dir(str(folder))
        reload_storage_policies()

    def configure(self, name, text):
        path = self.folder / f"{name}.conf"
        path.write_text(text)
        return str(path)

    def start(self, config):
        """Serve an application; return its port."""
        listener = eventlet.listen(("127.0.0.1", 0))
        app = loadapp(config, global_conf={"log_name": config})
        eventlet.spawn(eventlet.wsgi.server, listener, app, self.log, log_output=False)
        return listener.getsockname()[1]

    def start_backend(self, kind):
        text = BACKEND.format(folder=self.folder, kind=kind)
        port = self.start(self.configure(kind, text))
        ring = RingBuilder(part_power=1, replicas=1, min_part_hours=0)
        disk = {"id": 0, "region": 1, "zone": 1, "ip": "127.0.0.1", "device": "disk", "weight": 1}
        ring.add_dev({**disk, "port": port})
        ring.rebalance()
        ring.get_ring().save(str(self.folder / f"{kind}.ring.gz"))

    def proxy(self, name, filters):
        text = PROXY.format(folder=self.folder, filters=filters)
        plain = "".join(f"[filter:{each}]\nuse = egg:swift#{each}\n" for each in PLAIN)
        return self.configure(name, text + plain)


def main():
    server = Server(Path(sys.argv[1]))
    for kind in ("account", "container", "object"):
        server.start_backend(kind)
    # The bucket is made from inside, where nobody has to sign.
    inside = InternalClient(server.proxy("inside", "catch_errors"), "tests", 1)
    inside.create_container("AUTH_test", "bucket")
    everybody = {"X-Container-Meta-Access-Control-Allow-Origin": "*"}  # pages of all origins
    inside.set_container_metadata("AUTH_test", "bucket", everybody)
    sys.stdout.write(f"{server.start(server.proxy('proxy', S3))}\n")
    sys.stdout.flush()
    eventlet.Event().wait()


if __name__ == "__main__":
    main()
