"""Open multipart uploads of a bucket, which obstore does not list: signed requests of our own.

A killed process leaves the parts of an object behind that it had not completed. They cost money,
no listing of objects shows them, and only these two requests find and remove them (Amazon S3 API,
``ListMultipartUploads`` and ``AbortMultipartUpload``, signed with AWS Signature Version 4).
"""

from __future__ import annotations

import hashlib
import hmac
import os
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from obstore.store import S3Store

__all__ = ["Bucket", "OpenUpload"]

TIMEOUT = 60  # seconds
_EMPTY = hashlib.sha256(b"").hexdigest()  # of the body


@dataclass(frozen=True)
class OpenUpload:
    """A multipart upload that was neither completed nor aborted."""

    key: str
    id: str
    #: When it began, in seconds since the epoch.
    begun: float


@dataclass(frozen=True)
class Bucket:
    """A bucket and who may look after it.

    Args:
        url: Its URL, without a slash at the end.
        region: Its region.
        access_key: The name of the key.
        secret_key: The key.
        token: What belongs to keys for a session.
    """

    url: str
    region: str
    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, store: S3Store) -> Bucket | None:
        """Return the bucket of a store; ``None`` when its keys are not known here.

        They are those that the store was made with, or those of the environment.
        """
        config: Mapping[str, Any] = store.config
        keys = [config.get(name) for name in ("access_key_id", "secret_access_key")]
        token = config.get("session_token") or config.get("token")
        if not all(keys):
            keys = [os.environ.get(f"AWS_{n}") for n in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY")]
            token = os.environ.get("AWS_SESSION_TOKEN")
        access_key, secret_key = keys
        if not access_key or not secret_key:
            return None
        region = config.get("region") or os.environ.get("AWS_REGION") or "us-east-1"
        return cls(_url_of(config, region), region, access_key, secret_key, token)

    def open_uploads(self, prefix: str) -> Iterator[OpenUpload]:
        """Iterate over the open uploads of keys that begin with a prefix."""
        page: dict[str, str] = {}
        while True:
            found = self._send("GET", "", {"uploads": "", "prefix": prefix} | page)
            tree = ElementTree.fromstring(found)  # noqa: S314 - of the store that has our files
            for each in tree.iterfind("{*}Upload"):
                begun = datetime.fromisoformat(_text(each, "Initiated")).timestamp()
                yield OpenUpload(_text(each, "Key"), _text(each, "UploadId"), begun)
            if _text(tree, "IsTruncated") != "true":
                return
            page = {
                "key-marker": _text(tree, "NextKeyMarker"),
                "upload-id-marker": _text(tree, "NextUploadIdMarker"),
            }

    def abort(self, upload: OpenUpload) -> None:
        """Remove the parts of an open upload; it is no error when there is none any more."""
        try:
            self._send("DELETE", upload.key, {"uploadId": upload.id})
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise

    def _send(self, method: str, key: str, query: Mapping[str, str]) -> bytes:
        url = f"{self.url}/{quote(key)}" if key else self.url
        headers = self.sign(method, url, query, time.time())
        target = f"{url}?{_canonical(query)}"
        request = urllib.request.Request(target, method=method, headers=headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:  # noqa: S310
            body: bytes = response.read()
        return body

    def sign(self, method: str, url: str, query: Mapping[str, str], now: float) -> dict[str, str]:
        """Return the header fields of a signed request without a body.

        Args:
            method: Its method.
            url: Its URL without the query, escaped.
            query: The query's parameters.
            now: The time, in seconds since the epoch.
        """
        moment = datetime.fromtimestamp(now, UTC)
        stamp, day = f"{moment:%Y%m%dT%H%M%SZ}", f"{moment:%Y%m%d}"
        parts = urlsplit(url)
        fields = {"host": parts.netloc, "x-amz-content-sha256": _EMPTY, "x-amz-date": stamp}
        if self.token is not None:
            fields["x-amz-security-token"] = self.token
        names = ";".join(fields)  # in order
        lines = "".join(f"{name}:{value}\n" for name, value in fields.items())
        asked = "\n".join((method, parts.path or "/", _canonical(query), lines, names, _EMPTY))
        scope = f"{day}/{self.region}/s3/aws4_request"
        digest = hashlib.sha256(asked.encode()).hexdigest()
        signing = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
        key = f"AWS4{self.secret_key}".encode()
        for step in (day, self.region, "s3", "aws4_request"):
            key = _hmac(key, step)
        credential = f"AWS4-HMAC-SHA256 Credential={self.access_key}/{scope}"
        signature = _hmac(key, signing).hex()
        fields["authorization"] = f"{credential}, SignedHeaders={names}, Signature={signature}"
        del fields["host"]  # which the client adds itself
        return fields


def _url_of(config: Mapping[str, Any], region: str) -> str:
    """Return a bucket's URL as obstore makes it: no host has the bucket's name unasked.

    Names with dots are not covered by Amazon's certificates.
    """
    bucket, host = config["bucket"], f"s3.{region}.amazonaws.com"
    hosted = str(config.get("virtual_hosted_style_request", "")).lower() == "true"
    endpoint = config.get("endpoint") or config.get("endpoint_url")
    if endpoint is None:
        return f"https://{bucket}.{host}" if hosted else f"https://{host}/{bucket}"
    return str(endpoint).rstrip("/") + ("" if hosted else f"/{bucket}")


def _canonical(query: Mapping[str, str]) -> str:
    pairs = sorted((quote(name, safe=""), quote(value, safe="")) for name, value in query.items())
    return "&".join(f"{name}={value}" for name, value in pairs)


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def _text(tree: ElementTree.Element, name: str) -> str:
    return tree.findtext(f"{{*}}{name}") or ""
