"""Requests to S3 that obstore has none for, signed with AWS Signature Version 4.

A killed process leaves the parts of an object behind that it had not completed. They cost money,
no listing of objects shows them, and only two requests find and remove them (Amazon S3 API,
``ListMultipartUploads`` and ``AbortMultipartUpload``).

A browser that writes into a bucket gets a signed URL. Those of obstore leave to whoever has one
how many bytes come, and as what; these bind the header fields that say so.
"""

from __future__ import annotations

import hashlib
import hmac
import inspect
import os
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

from cruse_uploads.errors import StorageRefused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from obstore.store import S3Store

__all__ = ["Bucket", "OpenUpload"]

TIMEOUT = 60  # seconds
MAX_ERROR = 64 * 1024  # bytes read of what is said about an error
ASKED = "remove the parts of broken uploads"
RIGHTS = (
    "Its keys need the rights s3:ListBucketMultipartUploads and s3:AbortMultipartUpload for this "
    "bucket. All else is swept."
)
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

        They are those that the store was made with, those of its credential provider if that is a
        plain function (such as obstore's for boto3), or those of the environment.
        """
        config: Mapping[str, Any] = store.config
        access_key, secret_key, token = _keys_of(config, store.credential_provider)
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
        except StorageRefused as error:
            if error.status != 404:
                raise

    def _send(self, method: str, key: str, query: Mapping[str, str]) -> bytes:
        """Send a request; return the body of its answer.

        Raises:
            StorageRefused: When the store answers with an error, or not at all.
        """
        url = f"{self.url}/{quote(key)}" if key else self.url
        headers = self.sign(method, url, query, time.time())
        target = f"{url}?{_canonical(query)}"
        request = urllib.request.Request(target, method=method, headers=headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as response:  # noqa: S310
                body: bytes = response.read()
        except urllib.error.HTTPError as error:
            with error:
                said = _code(error.read(MAX_ERROR)) or str(error.reason)
            hint = RIGHTS if error.code in (401, 403) else ""
            raise StorageRefused(ASKED, said, error.code, hint) from None
        except OSError as error:
            raise StorageRefused(ASKED, str(error)) from None
        return body

    def presign(
        self, method: str, key: str, headers: Mapping[str, str], seconds: int, now: float
    ) -> str:
        """Return the URL of a request that somebody else will send.

        Args:
            method: Its method.
            key: The object's key.
            headers: The header fields that it must have, with their values.
            seconds: For how long it may begin.
            now: The time, in seconds since the epoch.
        """
        url = f"{self.url}/{quote(key)}"
        fields = {name.lower(): value for name, value in headers.items()}
        fields = dict(sorted({"host": urlsplit(url).netloc, **fields}.items()))
        scope, stamp = self._scope(now)
        query = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{self.access_key}/{scope}",
            "X-Amz-Date": stamp,
            "X-Amz-Expires": str(seconds),
            "X-Amz-SignedHeaders": ";".join(fields),
        }
        if self.token is not None:
            query["X-Amz-Security-Token"] = self.token
        signature = self._signature(method, url, query, fields, "UNSIGNED-PAYLOAD", now)
        return f"{url}?{_canonical(query)}&X-Amz-Signature={signature}"

    def sign(self, method: str, url: str, query: Mapping[str, str], now: float) -> dict[str, str]:
        """Return the header fields of a signed request without a body.

        Args:
            method: Its method.
            url: Its URL without the query, escaped.
            query: The query's parameters.
            now: The time, in seconds since the epoch.
        """
        scope, stamp = self._scope(now)
        fields = {
            "host": urlsplit(url).netloc,
            "x-amz-content-sha256": _EMPTY,
            "x-amz-date": stamp,
        }
        if self.token is not None:
            fields["x-amz-security-token"] = self.token
        signature = self._signature(method, url, query, fields, _EMPTY, now)
        credential = f"AWS4-HMAC-SHA256 Credential={self.access_key}/{scope}"
        names = ";".join(fields)
        fields["authorization"] = f"{credential}, SignedHeaders={names}, Signature={signature}"
        del fields["host"]  # which the client adds itself
        return fields

    def _scope(self, now: float) -> tuple[str, str]:
        """Return what a signature of this time is good for, and the time as S3 writes it."""
        moment = datetime.fromtimestamp(now, UTC)
        scope = f"{moment:%Y%m%d}/{self.region}/s3/aws4_request"
        return scope, f"{moment:%Y%m%dT%H%M%SZ}"

    def _signature(
        self,
        method: str,
        url: str,
        query: Mapping[str, str],
        fields: Mapping[str, str],
        body: str,
        now: float,
    ) -> str:
        """Return the signature of a request.

        Args:
            method: Its method.
            url: Its URL without the query, escaped.
            query: The query's parameters.
            fields: The header fields that are signed, in the order of their names.
            body: The hash of its body, or what stands for one.
            now: The time, in seconds since the epoch.
        """
        scope, stamp = self._scope(now)
        lines = "".join(f"{name}:{value}\n" for name, value in fields.items())
        path = urlsplit(url).path or "/"
        asked = "\n".join((method, path, _canonical(query), lines, ";".join(fields), body))
        digest = hashlib.sha256(asked.encode()).hexdigest()
        key = f"AWS4{self.secret_key}".encode()
        for step in scope.split("/"):
            key = _hmac(key, step)
        return _hmac(key, f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}").hex()


def _keys_of(config: Mapping[str, Any], provider: Any) -> tuple[str | None, ...]:
    """Return the name of the key, the key, and what belongs to keys for a session."""
    names = ("access_key_id", "secret_access_key")
    calls = (provider, getattr(provider, "__call__", None))  # noqa: B004 - a function, or an object
    if provider is not None and not any(map(inspect.iscoroutinefunction, calls)):
        given: Mapping[str, Any] = provider()
        return given.get(names[0]), given.get(names[1]), given.get("token")
    if all(map(config.get, names)):
        token = config.get("session_token") or config.get("token")
        return config[names[0]], config[names[1]], token
    return tuple(os.environ.get(f"AWS_{name.upper()}") for name in (*names, "session_token"))


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


def _code(body: bytes) -> str:
    """Return the word that S3 has for an error; ``""`` when there is none."""
    try:
        return _text(ElementTree.fromstring(body), "Code")  # noqa: S314 - of our own store
    except ElementTree.ParseError:
        return ""


def _text(tree: ElementTree.Element, name: str) -> str:
    return tree.findtext(f"{{*}}{name}") or ""
