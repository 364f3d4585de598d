"""What a killed process leaves in an object store is found there, and removed by a sweep."""

import subprocess
import sys
import time

from cruse_uploads.storage.objects import ObjectStorage
from cruse_uploads.storage.s3 import Bucket

KILLED = """
import os, sys, time
from obstore.store import S3Store
from cruse_uploads import Meta
from cruse_uploads.storage.objects import ObjectStorage

endpoint, prefix = sys.argv[1:]
store = S3Store(
    "bucket",
    prefix=prefix,
    endpoint=endpoint,
    region="us-east-1",
    access_key_id="test:tester",
    secret_access_key="testing",
    client_options={"allow_http": True},
)
writer = ObjectStorage(store).writer("files/a.bin", Meta("a.bin", "application/octet-stream"))
writer.write(bytes(12 * 1024 * 1024))
writer.write(bytes(12 * 1024 * 1024))  # waits until the upload has begun
print("begun", flush=True)
time.sleep(60)
"""


def test_a_sweep_removes_the_parts_of_killed_processes(s3_store, s3_endpoint):
    storage, bucket = ObjectStorage(s3_store), Bucket.of(s3_store)
    assert bucket is not None
    writing = subprocess.Popen(
        [sys.executable, "-c", KILLED, s3_endpoint, str(s3_store.prefix)], stdout=subprocess.PIPE
    )
    assert writing.stdout is not None
    assert writing.stdout.readline() == b"begun\n"
    deadline = time.monotonic() + 60
    while not (left := list(bucket.open_uploads(f"{s3_store.prefix}/"))):
        assert time.monotonic() < deadline
    writing.kill()
    writing.communicate()
    assert [upload.key for upload in left] == [f"{s3_store.prefix}/files/a.bin"]
    assert storage.sweep(time.time() - 3600) == 0
    assert storage.sweep(time.time() + 60) == 1
    assert list(bucket.open_uploads(f"{s3_store.prefix}/")) == []
    assert storage.keys() == []
