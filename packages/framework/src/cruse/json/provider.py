"""The providers: how an application turns values into JSON and back.

Assign an instance of another provider to ``app.json``, or its class to
``Cruse.json_provider_class``, to use another library for all of the framework's JSON.
"""

from __future__ import annotations

import json
import weakref
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import date
from enum import Enum
from inspect import iscoroutine
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import IO, TYPE_CHECKING, Any, cast
from uuid import UUID

from werkzeug.http import http_date

from cruse.globals import _cv
from cruse.making import response_from

if TYPE_CHECKING:
    from cruse.app import Cruse
    from cruse.responses import Response

__all__ = ["DefaultJSONProvider", "JSONProvider"]

#: More sets of options than a program has in its source; a bound for options made at run time.
_MAX_ENCODERS = 16

#: The options of compact responses, as encoders are kept by them.
_COMPACT = (("separators", (",", ":")),)

_Encode = Callable[[Any], str]
#: The encoder in C, which other implementations of Python need not have.
_make_c_encoder: Any = getattr(json.encoder, "c_make_encoder", None)


class JSONProvider:
    """What every provider does. A subclass needs :meth:`dumps` and :meth:`loads`.

    Args:
        app: The application; only a weak reference is kept.
    """

    def __init__(self, app: Cruse | None) -> None:
        self._app: Cruse | None = None if app is None else cast("Cruse", weakref.proxy(app))

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """Return ``obj`` as JSON text."""
        raise NotImplementedError

    def dump(self, obj: Any, fp: IO[str], **kwargs: Any) -> None:
        """Write ``obj`` as JSON text to a file that is open for text."""
        fp.write(self.dumps(obj, **kwargs))

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Read JSON text or bytes.

        Raises:
            ValueError: When it is no JSON; a request with it is answered with 400.
        """
        raise NotImplementedError

    def load(self, fp: IO[str] | IO[bytes], **kwargs: Any) -> Any:
        """Read JSON from an open file."""
        return self.loads(fp.read(), **kwargs)

    def _prepare_response_obj(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return what :meth:`response` was asked to serialize."""
        if args and kwargs:
            raise TypeError("app.json.response() takes either args or kwargs, not both")
        if len(args) == 1:
            return args[0]
        return args or kwargs or None

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """Make a response of one value, of a list of the arguments, or of the keyword arguments.

        Raises:
            TypeError: When there are both positional and keyword arguments.
        """
        text = self.dumps(self._prepare_response_obj(args, kwargs))
        if self._app is None:
            raise _no_application()
        return self._app.response_class(text, mimetype="application/json")


def _no_application() -> RuntimeError:
    return RuntimeError("This JSON provider has no application that could respond.")


def _default(o: Any) -> Any:
    """Turn a value that JSON does not have into one that it has.

    Dates become text as the setting ``JSON_DATE_FORMAT`` of the current application says.
    """
    if isinstance(o, date):
        context = _cv.get(None)
        return _format_date(o, None if context is None else context.app)
    from decimal import Decimal  # here: most applications have none

    if isinstance(o, (Decimal, UUID)):
        return str(o)
    if is_dataclass(o) and not isinstance(o, type):
        # Not `asdict`, which copies what is within, and finds dataclasses there but nothing else.
        return {field.name: getattr(o, field.name) for field in fields(o)}
    if isinstance(o, Enum):
        return o.value
    if hasattr(o, "__html__"):
        return str(o.__html__())
    if iscoroutine(o):
        raise TypeError(f"{o.__qualname__}() is a coroutine, not JSON: an 'await' is missing.")
    raise TypeError(f"Object of type {type(o).__name__} is not JSON serializable")


def _format_date(value: date, app: Cruse | None) -> str:
    """Return a date in ISO 8601 or, for the setting "http", as in HTTP's headers (RFC 9110)."""
    if app is not None and app.config.get("JSON_DATE_FORMAT") == "http":
        return http_date(value)
    return value.isoformat()


class DefaultJSONProvider(JSONProvider):
    """JSON by Python's :mod:`json`, and beside its types :class:`~datetime.date` and
    :class:`~datetime.datetime` (ISO 8601, or as in HTTP with the setting
    ``JSON_DATE_FORMAT = "http"``), :class:`~decimal.Decimal` and :class:`~uuid.UUID` (text),
    members of an :class:`~enum.Enum` (their values), dataclasses (dictionaries), objects with
    ``__html__`` (their markup), and what ``app.register_response_type`` was told about.

    Change the attributes on an instance or in a subclass. An encoder is made once for each set of
    options and made anew when an attribute of the instance is set.

    As with Python's :mod:`json`, and unlike the standard (RFC 8259), a float that is no number is
    written and read as ``NaN`` or ``Infinity``. Pass ``allow_nan=False`` to refuse it.
    """  # noqa: D205 - the list of types is one sentence

    #: Called with a value of a type that JSON does not have.
    default: Callable[[Any], Any] = staticmethod(_default)
    #: Write other characters than ASCII as escapes: right under any encoding, also for halves of
    #: surrogate pairs, which UTF-8 does not have.
    ensure_ascii = True
    #: Sort the keys of dictionaries, so that equal values give equal text to caches.
    sort_keys = True
    #: Leave out white space in responses; None means unless in debug mode.
    compact: bool | None = None
    #: The type of the responses.
    mimetype = "application/json"
    #: How deep lists and dictionaries may be nested in what is read; None for no limit. What
    #: is just not too deep to be read could be too deep to be written again or walked through.
    max_depth: int | None = 256

    #: Whether the instance has its own ``dumps``.
    _own_dumps = False

    def __init__(self, app: Cruse | None) -> None:
        super().__init__(app)
        self._encoders: dict[tuple[tuple[str, Any], ...], _Encode] = {}

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "dumps":
            self._own_dumps = True
        if name != "_encoders":
            super().__setattr__("_encoders", {})

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """Return ``obj`` as JSON text.

        Args:
            obj: Any value of the types named above.
            kwargs: Options of :func:`json.dumps`; they win over the attributes.
        """
        options = tuple(kwargs.items())
        try:
            encode = self._encoders.get(options)
        except TypeError:  # an option that cannot be hashed, such as a list
            return self._make_encoder(kwargs)(obj)
        if encode is None:
            encode = self._make_encoder(kwargs)
            if len(self._encoders) < _MAX_ENCODERS:
                self._encoders[options] = encode
        return encode(obj)

    def _make_encoder(self, options: dict[str, Any]) -> _Encode:
        attributes: dict[str, Any] = {
            "default": self._default_of_app if self.default is _default else self.default,
            "ensure_ascii": self.ensure_ascii,
            "sort_keys": self.sort_keys,
        }
        encoder = {"cls": json.JSONEncoder, **attributes, **options}
        return _encode_of(encoder.pop("cls")(**encoder))

    def _default_of_app(self, o: Any) -> Any:
        """Know the own application's types and date format, be it current or not."""
        app = self._app
        convert = app.response_type_of(type(o)) if app and app.response_types else None
        if convert is not None:
            return convert(o)
        return _format_date(o, app) if isinstance(o, date) else _default(o)

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Read JSON text, or bytes in UTF-8, UTF-16 or UTF-32.

        Raises:
            ValueError: When it is no JSON, or nested deeper than ``max_depth``.
        """
        try:
            value = json.loads(s, **kwargs) if kwargs else _loads(s)
        except RecursionError:
            raise ValueError("The JSON is nested too deeply.") from None
        limit = self.max_depth
        # As many brackets as that, at least, are in a text that is nested too deeply. Counting
        # them takes a fraction of the time of reading, the exact look as long as reading.
        if (
            limit is not None
            and len(s) > limit
            and _brackets(s) > limit
            and _is_deeper(value, limit)
        ):
            raise ValueError(f"The JSON is nested deeper than {limit} levels.")
        return value

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """Make a response of one value, of a list of the arguments, or of the keyword arguments.

        Its text ends with a line break; it is indented in debug mode unless ``compact`` is set.

        Raises:
            TypeError: When there are both positional and keyword arguments.
        """
        obj = (
            args[0] if len(args) == 1 and not kwargs else self._prepare_response_obj(args, kwargs)
        )
        app = self._app
        try:
            if self.compact is False or (self.compact is None and app is not None and app.debug):
                text = self.dumps(obj, indent=2)
            elif (
                type(self).dumps is not _dumps
                or self._own_dumps
                or (encode := self._encoders.get(_COMPACT)) is None
            ):
                text = self.dumps(obj, separators=(",", ":"))
            else:  # as that finds it
                text = encode(obj)
        except TypeError as error:
            # The view may have returned by now, and be in no traceback.
            ctx = _cv.get(None)
            error.add_note(
                "Raised while JSON was made for the answer of "
                f"{None if ctx is None else ctx.endpoint!r}. Return what JSON has, or say what to "
                "make of objects of the type with app.register_response_type()."
            )
            raise
        if app is None:
            raise _no_application()
        return response_from(app.response_class, f"{text}\n", self.mimetype)


def _encode_of(encoder: json.JSONEncoder) -> _Encode:
    """Return an encoder's ``encode``, with the part in C made once and not for each text.

    That part keeps no list of what it is within, which could not be shared between threads. What
    contains itself ends at the limit of recursion then, and the encoder's own way says why.
    """
    if (
        type(encoder) is not json.JSONEncoder
        or encoder.indent is not None
        or not encoder.check_circular
        or _make_c_encoder is None
    ):
        return cast("_Encode", encoder.encode)
    in_c = _make_c_encoder(
        None,
        encoder.default,
        encode_basestring_ascii if encoder.ensure_ascii else encode_basestring,
        None,
        encoder.key_separator,
        encoder.item_separator,
        encoder.sort_keys,
        encoder.skipkeys,
        encoder.allow_nan,
    )

    def encode(obj: Any) -> str:
        try:
            return "".join(in_c(obj, 0))
        except RecursionError:
            return encoder.encode(obj)

    return encode


_dumps = DefaultJSONProvider.dumps


def dumps_compact(provider: JSONProvider, obj: Any) -> str:
    """Return a value as JSON text without white space, by the provider's ``dumps``."""
    usual: Any = provider
    if type(usual).dumps is _dumps and not usual._own_dumps:
        encode = usual._encoders.get(_COMPACT)
        if encode is not None:  # as `dumps` finds it
            return cast("str", encode(obj))
    return provider.dumps(obj, separators=(",", ":"))


_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


def _loads(s: str | bytes) -> Any:
    """Read JSON by the part in C alone when nothing is around the value and the bytes are UTF-8.

    Those of other encodings are not, or have a NUL (RFC 4627 section 3), which that part refuses.
    """
    try:
        text: Any = s.decode() if type(s) is bytes else s
        value, end = _scan(text, 0)
        if end == len(text):
            return value
    except (StopIteration, TypeError, ValueError):
        pass
    return json.loads(s)  # it says what is wrong, or there is white space around it


def _brackets(s: str | bytes) -> int:
    """Count the brackets that open something, those within strings too."""
    if isinstance(s, str):
        return s.count("[") + s.count("{")
    return s.count(b"[") + s.count(b"{")


def _is_deeper(value: Any, limit: int) -> bool:
    """Whether lists and dictionaries are nested deeper than ``limit``."""
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(limit):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return bool(level)
