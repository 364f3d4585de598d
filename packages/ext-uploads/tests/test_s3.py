"""Requests to S3 that obstore has none for: their signatures are those of Amazon's examples."""

import pytest

from cruse_uploads.storage.s3 import Bucket

DAY = 1369353600  # 2013-05-24
HOST = "https://examplebucket.s3.amazonaws.com"


@pytest.fixture
def bucket():
    secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    return Bucket(HOST, "us-east-1", "AKIAIOSFODNN7EXAMPLE", secret)


@pytest.mark.parametrize(
    ("query", "signature"),
    [
        (
            {"lifecycle": ""},
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            {"prefix": "J", "max-keys": "2"},
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
def test_requests_are_signed(bucket, query, signature):
    fields = bucket.sign("GET", HOST, query, DAY)
    assert fields["authorization"].endswith(f"Signature={signature}")
    assert fields["x-amz-date"] == "20130524T000000Z"


class Store:
    def __init__(self, credential_provider=None, **config):
        self.config = {"bucket": "b"} | config
        self.credential_provider = credential_provider


@pytest.mark.parametrize(
    ("config", "url"),
    [
        ({}, "https://s3.us-east-1.amazonaws.com/b"),
        ({"region": "eu-west-1"}, "https://s3.eu-west-1.amazonaws.com/b"),
        (
            {"virtual_hosted_style_request": "true"},
            "https://b.s3.us-east-1.amazonaws.com",
        ),
        ({"endpoint": "http://s3.test:9000/"}, "http://s3.test:9000/b"),
        (
            {"endpoint": "http://b.s3.test", "virtual_hosted_style_request": "true"},
            "http://b.s3.test",
        ),
    ],
)
def test_a_bucket_is_found_as_its_store_finds_it(config, url):
    keys = {"access_key_id": "name", "secret_access_key": "key"}
    assert Bucket.of(Store(**keys, **config)).url == url


def test_keys_may_be_in_the_environment_or_nowhere(monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    assert Bucket.of(Store()) is None
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"):
        monkeypatch.setenv(f"AWS_{name}", name)
    bucket = Bucket.of(Store())
    assert (bucket.access_key, bucket.token) == ("ACCESS_KEY_ID", "SESSION_TOKEN")
    assert bucket.sign("GET", bucket.url, {}, DAY)["x-amz-security-token"] == "SESSION_TOKEN"


def test_keys_may_come_from_a_function(monkeypatch):
    def provide():
        return {"access_key_id": "name", "secret_access_key": "key", "token": "session"}

    class Away:
        async def __call__(self):
            raise AssertionError("A loop is needed to ask it.")

    async def provide_later():
        raise AssertionError("A loop is needed to ask it.")

    bucket = Bucket.of(Store(provide))
    assert (bucket.access_key, bucket.secret_key, bucket.token) == ("name", "key", "session")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    assert Bucket.of(Store(Away())) is None
    assert Bucket.of(Store(provide_later)) is None


def test_a_request_is_signed_for_somebody_else(bucket):
    url = bucket.presign("GET", "test.txt", {}, 86400, DAY)
    assert url == (
        f"{HOST}/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )


def test_what_a_signed_request_must_say_is_signed_with_it(bucket):
    headers = {"Content-Type": "image/png", "content-length": "5"}
    url = bucket.presign("PUT", "a b.png", headers, 60, DAY)
    assert url.startswith(f"{HOST}/a%20b.png?")
    assert "X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost&" in url
    other = bucket.presign("PUT", "a b.png", headers | {"content-length": "6"}, 60, DAY)
    assert url.rpartition("=")[2] != other.rpartition("=")[2]


def test_no_key_is_shown(bucket):
    assert bucket.secret_key not in repr(bucket)
