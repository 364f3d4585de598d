"""The request: werkzeug's, made lazy, and the same under every protocol."""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING, Any
from uuid import uuid4

from werkzeug.datastructures import (
    Authorization,
    EnvironHeaders,
    MultiDict,
)
from werkzeug.exceptions import BadRequest, ClientDisconnected, SecurityError, UnsupportedMediaType
from werkzeug.http import parse_options_header
from werkzeug.sansio.utils import get_host
from werkzeug.wrappers import Request as WerkzeugRequest

from cruse.body import CHUNK, BodyStream, Limit, ReadAhead, Waiting, length_of, read_once
from cruse.cookies import parse_cookies
from cruse.environ import PENDING
from cruse.formparser import (
    URLENCODED,
    FormParser,
    ImmutableMultiDict,
    SpooledFile,
    as_multidict,
    parse_query,
    parse_urlencoded,
    read_fields,
)
from cruse.headed import Headed
from cruse.hosts import SEEN_HOSTS, host_is_trusted, is_host
from cruse.lazy import lazy
from cruse.routed import Routed

if TYPE_CHECKING:
    from werkzeug.datastructures import FileStorage

    from cruse.parts import Parts
    from cruse.typing import WSGIEnvironment

__all__ = ["ClientDisconnected", "Request"]

#: The names that decide how forms are read.
_FORM_READING = frozenset(
    {
        *("form_data_parser_class", "make_form_data_parser", "mimetype"),
        *("max_form_memory_size", "max_form_parts", "_get_stream_for_parsing"),
    }
)
#: The names that decide how JSON is read; a class is asked for its own each time.
_JSON_READING = frozenset({"get_data", "is_json", "json_module", "mimetype"})
#: The names that decide what is to be closed.
_HOLDING = frozenset({"close", "files", "_load_form_data"})
#: The names whose own versions a subclass may have, so that the shorter way is not the same.
_WAYS = ("environ", "query_string", "stream", "content_length", *_FORM_READING, *_HOLDING)
_ID = re.compile(r"[A-Za-z0-9._~:/+=@-]{1,128}", re.ASCII)


def _text(value: str) -> str:
    """Decode a path from an environ, which holds its bytes as Latin-1 (PEP 3333)."""
    return value if value.isascii() else value.encode("latin-1").decode(errors="replace")


class Request(Routed, Headed, WerkzeugRequest):
    """What the client sent.

    Nothing is read from the environ before it is asked for. Under ASGI and RSGI ``environ`` is
    there too, made when first looked into.

    Args:
        environ: The WSGI environ (PEP 3333).
        populate_request: Put the request into the environ as ``werkzeug.request``.
        shallow: Refuse to read the body.
    """

    form_data_parser_class = FormParser  # type: ignore[assignment]
    parameter_storage_class: type[MultiDict[str, Any]] = ImmutableMultiDict
    dict_storage_class: type[MultiDict[str, Any]] = ImmutableMultiDict
    #: Whether there may be anything to close.
    holds = False
    #: Whether a subclass has its own stream, or a constructor, which may set a limit.
    own_loading = False
    builtin_loading: Any  # what loads it, as this class has it
    builtin_constructor: Any  # likewise; it takes an environ that is to be made later
    #: Whether a subclass has its own place for the environ, or looks into it before it is made.
    own_environ = False
    #: Whether a subclass has its own query string, stream, or way to read forms.
    _own_query = _own_stream = _own_forms = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = {n for n in _WAYS if getattr(cls, n) is not getattr(Request, n)}
        cls.holds = not _HOLDING.isdisjoint(own)
        cls.own_environ = "environ" in own or cls.__new__ is not Request.__new__
        cls._own_query = "query_string" in own
        cls._own_stream = "stream" in own or "content_length" in own
        cls.own_loading = cls._own_stream or cls.__init__ is not Request.__init__
        cls._own_forms = not _FORM_READING.isdisjoint(own)

    def __init__(
        self, environ: WSGIEnvironment, populate_request: bool = True, shallow: bool = False
    ) -> None:
        self.shallow = shallow
        self.context = self._ahead = None
        if environ is not PENDING:
            self.environ = environ
            if populate_request and not shallow:
                environ["werkzeug.request"] = self

    # Werkzeug sets these in its constructor; here each is computed from the environ on demand.
    if not TYPE_CHECKING:

        @lazy
        def environ(self) -> WSGIEnvironment:
            """The WSGI environ."""
            context = self.context
            environ = context.made_environ
            if environ is PENDING:
                environ = context.made_environ = context.transport.make_environ()
            environ["werkzeug.request"] = None if context.is_over else self
            return environ

        @lazy
        def method(self) -> str:
            """The HTTP method, in upper case."""
            return self.environ.get("REQUEST_METHOD", "GET").upper()

        @lazy
        def scheme(self) -> str:
            """The scheme of the URL."""
            try:
                return self.environ["wsgi.url_scheme"]
            except KeyError:
                return "http"

        @lazy
        def server(self) -> tuple[str, int | None] | None:
            """The host and port that the server listens on."""
            name = self.environ.get("SERVER_NAME")
            if not name:
                return None
            try:
                return name, int(self.environ.get("SERVER_PORT"))
            except (TypeError, ValueError):
                return name, None  # a Unix socket

        @lazy
        def root_path(self) -> str:
            """The path that the application is mounted at."""
            return _text(self.environ.get("SCRIPT_NAME") or "").rstrip("/")

        @lazy
        def path(self) -> str:
            """The decoded path below the application's root, with its leading slash."""
            return "/" + _text(self.environ.get("PATH_INFO") or "").lstrip("/")

        @lazy
        def query_string(self) -> bytes:
            """The query, encoded."""
            return self.environ.get("QUERY_STRING", "").encode("latin-1")

        @lazy
        def headers(self) -> EnvironHeaders:
            """The header fields."""
            return EnvironHeaders(self.environ)

        @lazy
        def content_length(self) -> int | None:
            """How many bytes the body has, ``None`` when that was not announced."""
            return length_of(self.environ)

        @property
        def mimetype(self) -> str:
            """The media type of the body, without parameters, in lower case."""
            made = self.__dict__
            if "_parsed_content_type" in made:
                given = made["_parsed_content_type"][0]
            elif ";" in (given := self._declared()):
                made["_parsed_content_type"] = parsed = parse_options_header(given)
                given = parsed[0]
            return given.strip(" \t").lower()

        @property
        def json_module(self) -> Any:
            """What parses JSON bodies: the application's provider."""
            context = self.context
            return WerkzeugRequest.json_module if context is None else context.app.json

        @lazy
        def _parsed_content_type(self) -> tuple[str, dict[str, str]]:
            return parse_options_header(self._declared())

        def get_data(
            self, cache: bool = True, as_text: bool = False, parse_form_data: bool = False
        ) -> bytes | str:
            """Return all of the body, and keep it; with ``as_text`` decoded (UTF-8)."""
            data = self.__dict__.get("_cached_data")
            if data is None:
                if parse_form_data:
                    self._load_form_data()
                data = self._take_body()
                if data is None:
                    data = self.stream.read()
                if cache:
                    self._cached_data = data
            return data.decode(errors="replace") if as_text else data

        def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
            """Return what the body says as JSON, and keep it.

            Args:
                force: Read it whatever its type is said to be.
                silent: Return ``None`` for what can't be read, and raise nothing.
                cache: Keep what was read, for the next call.

            Raises:
                UnsupportedMediaType: When the body is not declared as JSON (415).
                BadRequest: When it is none (400).
            """
            made, context, cls = self.__dict__, self.context, type(self)
            if (
                not (cache and self._declared() == "application/json")
                or force
                or silent
                or context is None
                or cls.get_data is not _get_data
                or cls.is_json is not _is_json
                or cls.json_module is not _json_module
                or cls.mimetype is not _mimetype
                or "_cached_json" in made
                or "_cached_data" in made
                or not _JSON_READING.isdisjoint(made)
            ):
                return super().get_json(force, silent, cache)
            body = self._take_body(None)  # the usual case, without asking for each of those names
            made["_cached_data"] = body = self.stream.read() if body is None else body
            try:
                value = silent_value = context.app.json.loads(body)
            except ValueError as error:
                del context  # the error's traceback must not keep it
                value, silent_value = self.on_json_loading_failed(error), ...
            made["_cached_json"] = value, silent_value
            return value

        @lazy
        def form(self) -> ImmutableMultiDict[str, str]:
            """The fields of a form that are no files."""
            self._load_form_data()
            return self.__dict__["form"]

        @property
        def files(self) -> ImmutableMultiDict[str, FileStorage]:
            """The files of a form."""
            made = self.__dict__
            if "files" not in made:
                self._load_form_data()
                if "files" not in made:
                    self.files = as_multidict(self.parameter_storage_class, [])
            return made["files"]

        @files.setter
        def files(self, files: MultiDict[str, FileStorage]) -> None:
            self.__dict__["files"] = files
            self.holds = self.holds or bool(files) or not isinstance(files, ImmutableMultiDict)

    @lazy
    def id(self) -> str:
        """An id of this request: 32 hexadecimal digits, or what a trusted proxy calls it.

        That is what the header ``REQUEST_ID_HEADER`` says, when ``REQUEST_ID_TRUSTED`` is on.
        """
        config = {} if self.context is None else self.context.app.config
        header = config.get("REQUEST_ID_HEADER")
        if header and config.get("REQUEST_ID_TRUSTED"):
            given = self.headers.get(header, "")
            if _ID.fullmatch(given):  # it goes into logs and into the response
                return given
        return uuid4().hex

    # -- limits: this request's, the application's, or werkzeug's --

    max_content_length = Limit(None)
    max_form_memory_size = Limit(500_000)
    max_form_parts = Limit(1_000)

    @property
    def last_event_id(self) -> str | None:
        """The id of the last server-sent event that a client has, which comes back for more."""
        return self.environ.get("HTTP_LAST_EVENT_ID")

    # -- the host, credentials, cookies, the query and the body --

    @lazy
    def host(self) -> str:
        """The host that was asked for, with its port unless that is the scheme's usual one.

        Raises:
            SecurityError: When the ``Host`` header is no host (RFC 9110 section 7.2), or none of
                the trusted ones. Answered with 400.
        """
        host = self.headers.get("Host")
        if not host:
            return get_host(self.scheme, None, self.server, self.trusted_hosts)
        # Checked here, because werkzeug takes a bad one for an empty one, and a name with an
        # underscore, which containers' networks are full of, for a bad one.
        if host not in SEEN_HOSTS and not is_host(host):
            raise SecurityError("The Host header is not a valid host.")
        host = host.removesuffix(":443" if self.scheme in {"https", "wss"} else ":80")
        if self.trusted_hosts is not None and not host_is_trusted(host, self.trusted_hosts):
            raise SecurityError(f"The host {host!r} is not one of the trusted hosts.")
        return host

    @lazy
    def authorization(self) -> Authorization | None:
        """The credentials of the ``Authorization`` header, if it has readable ones."""
        try:
            return Authorization.from_header(self.headers.get("Authorization"))
        except ValueError:  # werkzeug lets what is not ASCII through to the base64 decoder
            return None

    @lazy
    def cookies(self) -> ImmutableMultiDict[str, str]:
        """The cookies that the client sent (RFC 6265)."""
        header = self.environ.get("HTTP_COOKIE")
        storage = self.dict_storage_class
        return parse_cookies(header, storage) if header else storage()  # type: ignore[return-value]

    @lazy
    def args(self) -> MultiDict[str, str]:
        """The parameters of the query string.

        Raises:
            BadRequest: When it is not valid UTF-8.
        """
        context = self.context
        if (
            context is None
            or context.made_environ is not PENDING  # it may have been changed
            or "environ" in self.__dict__
        ):
            try:  # a dictionary's own way to a key, which those of async servers have, too
                query = self.environ["QUERY_STRING"]
            except KeyError:
                query = ""
        else:
            query = context.transport.query()
        if self._own_query or not query.isascii():
            try:
                query = self.query_string.decode()
            except UnicodeDecodeError:
                raise BadRequest("The query string is not valid UTF-8.") from None
        return parse_query(query, "query string", self.parameter_storage_class)  # type: ignore[no-any-return]

    @lazy
    def stream(self) -> BodyStream:  # type: ignore[override]
        """The body as it arrives; read it once.

        ``read(size)``, ``for chunk in request.stream``, or ``async for`` in an async view whose
        route has ``stream=True``.

        Raises:
            RequestEntityTooLarge: When the body is announced longer than allowed.
        """
        if self.shallow:
            raise RuntimeError("A shallow request has no body to read.")
        if self._ahead is not None:
            return ReadAhead([self._ahead])
        environ = self.environ
        length = self.content_length
        if length is None and "wsgi.input_terminated" not in environ:
            length = 0  # the server does not end the input: reading on would wait for ever
        return BodyStream(environ["wsgi.input"], length, self.max_content_length)

    def parts(self) -> Parts:
        """Return the parts of a multipart form in the order of their arrival.

        For routes with ``stream=True``: iterate with ``for`` in a sync view and with
        ``async for`` in an async one, and over each part for its bytes.

        Raises:
            UnsupportedMediaType: When the body is no multipart form (415).
            BadRequest: While iterating, when the form is malformed or cut short.
            RequestEntityTooLarge: While iterating, when the form is over a limit.
        """
        if self.mimetype != "multipart/form-data":
            raise UnsupportedMediaType("A multipart/form-data body is expected here.")
        boundary = self.mimetype_params.get("boundary", "")
        from cruse.parts import MemoryBudget, Parts

        memory = MemoryBudget(self.max_form_memory_size)
        return Parts(self.stream, boundary, self.max_form_parts, memory)

    async def load_body(self) -> None:
        """Read the body without blocking, so that ``form``, ``files`` and the like have it.

        The pipeline does this before an async view; an async ``before_request`` function that
        needs the body calls it itself, as may several tasks. Large ones go to a temporary file.

        Raises:
            RequestEntityTooLarge: When the body is over ``max_content_length``.
            BadRequest: When it ends before its announced length.
        """
        while self._waiting is not None:  # another task is at it
            await self._waiting.join()
        if not self._needs_loading():
            return
        self._waiting = Waiting()
        try:
            environ = self.environ
            length = self._length_at_once(environ)
            first_chunk = length and getattr(environ["wsgi.input"], "first_chunk", None)
            if not first_chunk:
                self._use_loaded(*await self.stream.spool())
            else:
                body = await first_chunk()
                if len(body) != length:  # more is to come, or too little has come
                    body = await self.stream.acomplete(body)
                    del self.stream
                self._ahead = body
        except BaseException as error:
            stream = self.__dict__.get("stream")
            if not isinstance(error, Exception) and stream is not None and stream.received:
                self.stream = BodyStream.interrupted()
            raise
        finally:
            waiting, self._waiting = self._waiting, None
            if waiting:
                waiting.wake()

    def read_body(self) -> None:
        """Read the body as :meth:`load_body` does, from sync code."""
        if self._needs_loading():
            body = self._take_body()
            if body is None:
                self._use_loaded(*self.stream.spool_now())
            else:
                self._ahead = body

    def take_loaded(self, body: bytes) -> None:
        """Take a body that was read, all of it, before there was a request."""
        self._ahead = body

    #: A body that was read before anybody asked for it: what is not taken yet; or whether the
    #: stream has it, and the temporary file that it went to, if any.
    _ahead: bytes | None
    _loaded = False
    _file: IO[bytes] | None = None
    #: Who waits for the task that is reading it, while one is.
    _waiting: Waiting | None = None

    def _declared(self) -> str:
        """Return the field Content-Type as it came."""
        context = self.context
        if (
            context is not None
            and context.made_environ is PENDING  # nobody can have changed it
            and "environ" not in self.__dict__
            and (kind := context.transport.content_type()) is not None
        ):
            return kind
        try:
            kind = self.environ["CONTENT_TYPE"]
        except KeyError:
            kind = ""
        return kind

    def _needs_loading(self) -> bool:
        made = self.__dict__
        if self._ahead is not None or self._loaded or "form" in made or "_cached_data" in made:
            return False
        own = self._own_stream or "stream" in made  # which may be no more than a file
        return not own or isinstance(self.stream, BodyStream)

    def _use_loaded(self, stream: BodyStream, file: IO[bytes] | None) -> None:
        self.stream, self._file = stream, file
        self._loaded = True
        self.holds = self.holds or file is not None

    def _length_at_once(self, environ: WSGIEnvironment) -> int:
        """Return how many bytes the body has, if it can be read at once; 0 otherwise."""
        made, limit = self.__dict__, self.max_content_length
        if "stream" in made or self._own_stream or self.shallow:
            return 0
        length = made["content_length"] if "content_length" in made else length_of(environ)
        if length is None or length > CHUNK or (limit is not None and length > limit):
            return 0
        return length

    def _take_body(self, most: int | None = None) -> bytes | None:
        """Return the body if it has at most so many bytes, and comes in one piece: it is read."""
        body = self._ahead
        if body is None:
            environ = self.environ
            length = self._length_at_once(environ)
        else:
            length = 0 if "stream" in self.__dict__ else len(body)
        if not length or (most is not None and length > most):
            return None
        if body is None:
            body = read_once(environ["wsgi.input"], length)
            if len(body) != length:
                body = self.stream.complete(body)
                del self.stream
        self._ahead = b""
        return body

    def _load_form_data(self) -> None:
        made, context = self.__dict__, self.context
        if "form" in made:
            return
        if (
            context is None
            or self._own_forms
            or not _FORM_READING.isdisjoint(made)
            or (self._declared() != URLENCODED and self.mimetype != URLENCODED)
        ):
            super()._load_form_data()
            self.files = made["files"]
        else:  # the usual form, without asking each of those names
            config = context.app.config
            most = config["MAX_FORM_MEMORY_SIZE"]
            body = None if "_cached_data" in made else self._take_body(most)
            if body is None:
                made["stream"] = stream = self._get_stream_for_parsing()
                body = read_fields(stream, most)
            made["form"] = parse_urlencoded(
                body, config["MAX_FORM_PARTS"], self.parameter_storage_class
            )
        if (
            context is not None
            and context.app.debug
            and self.mimetype != "multipart/form-data"
            and not self.files
        ):
            from cruse.debug import attach_enctype_error_multidict

            attach_enctype_error_multidict(self)

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        return SpooledFile()

    def on_json_loading_failed(self, e: ValueError | None) -> Any:
        """Turn a JSON error into a 400, or a 415 when the body is not declared as JSON.

        The parser's words are told to the client in debug mode only.
        """
        if e is None:
            raise UnsupportedMediaType(
                "The body is not declared as JSON: its Content-Type is not 'application/json'."
            )
        debug = self.context is not None and self.context.app.debug
        raise BadRequest(f"The body is not valid JSON: {e}" if debug else None) from e

    def close(self) -> None:
        """Close the files of the form and the temporary file of the body."""
        if files := self.__dict__.get("files"):
            for _, file in files.items(multi=True):
                file.close()
        if self._file is not None:
            self._file.close()

    @property
    def client_disconnected(self) -> bool:
        """Whether the client is known to have left (ASGI and RSGI)."""
        return bool(getattr(self.environ.get("wsgi.input"), "disconnected", False))


Request.builtin_loading = Request.load_body
Request.builtin_constructor = staticmethod(Request.__init__)
_get_data, _is_json = Request.get_data, Request.is_json
_json_module, _mimetype = Request.json_module, Request.mimetype
