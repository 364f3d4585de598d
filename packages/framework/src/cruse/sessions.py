"""Sessions: a dictionary that stays with one browser between its requests.

The default keeps it in a cookie that is signed, not encrypted: the browser's owner can read it but
not change it. The context opens a session when it is first touched, so a request that does not use
it costs nothing, sends no ``Vary: Cookie``, and does not put off the end of a permanent session.

The setting ``SESSION_STORE`` keeps sessions on the server instead; see
:mod:`cruse.stored_sessions`. Anything else is a :class:`SessionInterface` of your own, as
``app.session_interface``.
"""

from __future__ import annotations

import hashlib
import string
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from operator import itemgetter
from types import CoroutineType
from typing import TYPE_CHECKING, Any, NoReturn, cast

from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.datastructures import CallbackDict
from werkzeug.http import dump_cookie

from cruse.bridge import call
from cruse.colors import MARK, inline, is_inline
from cruse.globals import _cv
from cruse.json.tag import TaggedJSONSerializer
from cruse.responses import add_cookie, vary_by
from cruse.signing import HMAC, SigningSerializer, secret_keys

if TYPE_CHECKING:
    from cruse.app import Cruse
    from cruse.bridge import Bridge
    from cruse.requests import Request
    from cruse.responses import Response

__all__ = [
    "NullSession",
    "SecureCookieSession",
    "SecureCookieSessionInterface",
    "SessionInterface",
    "SessionMixin",
    "SessionTooLarge",
    "make_interface",
]

#: How many sets of keys have their serializer ready; tests make many applications in one process.
_MAX_SERIALIZERS = 16
#: How many cookies of the session's name are looked at: one per domain and path it may be for.
_COPIES = 3


class SessionTooLarge(ValueError):  # noqa: N818 - named as RequestEntityTooLarge is
    """The session does not fit into a cookie; browsers would drop it without a word."""


class SessionMixin(MutableMapping[str, Any]):
    """What a session is beside a dictionary.

    The values here are the safe ones for a store that does not track its use.
    """

    #: Whether the browser sent no session.
    new = False
    #: Whether something was changed. A change within a value (``session["cart"].append(...)``) is
    #: not seen: set it to True, or assign the value again.
    modified = True
    #: Whether something was read or written, so that the response depends on the cookie.
    accessed = True

    @property
    def permanent(self) -> bool:
        """Whether the session outlives the browser, by ``PERMANENT_SESSION_LIFETIME``."""
        return bool(self.get("_permanent", False))

    @permanent.setter
    def permanent(self, value: bool) -> None:
        self["_permanent"] = bool(value)

    def rotate(self) -> None:
        """Give the session another id, where it has one; the content stays.

        Call it when somebody logs in or gets more rights: who knew the id before (who planted it,
        maybe) must not have what it stands for now. A session in a cookie has no id.
        """
        self.modified = True


_getitem, _setitem, _get = dict.__getitem__, dict.__setitem__, dict.get
_fill, _length_of = dict.__init__, dict.__len__
_copy: Any = dict.copy


class SecureCookieSession(CallbackDict[str, Any], SessionMixin):
    """The session of the signed cookie; it knows whether it was read and whether changed.

    Args:
        initial: What the cookie held.
    """

    modified = False
    accessed = False

    def __init__(self, initial: Any = None) -> None:
        # As `CallbackDict` does, in a call less.
        _fill(self, () if initial is None else initial)
        self.on_update = _note_change
        self.new = initial is None

    # What nearly all views do is written out: `_noting` and werkzeug take a few calls for each.

    def __getitem__(self, key: str) -> Any:
        self.accessed = True
        return _getitem(self, key)

    def __setitem__(self, key: str, value: Any) -> None:
        _setitem(self, key, value)
        note: Any = self.on_update
        if note is _note_change:
            self.modified = self.accessed = True
        elif note is not None:
            note(self)

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value, or ``default``."""
        self.accessed = True
        return _get(self, key, default)

    def __len__(self) -> int:
        self.accessed = True
        return _length_of(self)


def _note_change(session: SecureCookieSession) -> None:
    session.modified = True
    session.accessed = True


def _noting(name: str) -> Callable[..., Any]:
    """Make the method ``name`` of a dictionary note that the session was accessed."""
    method = getattr(CallbackDict, name)

    def noted(self: SecureCookieSession, *args: Any) -> Any:
        self.accessed = True
        return method(self, *args)

    noted.__name__ = name
    noted.__doc__ = method.__doc__
    return noted


# Whatever tells something about the content counts: a cache between must learn of it, or it gives
# one visitor's page to another (Flask's CVE-2023-30861 and GHSA-68rp-wp8r-4726).
for _name in (
    *("__contains__", "__eq__", "__iter__", "__ne__", "__or__"),
    *("__repr__", "__reversed__", "__ror__", "copy", "items", "keys", "pop"),
    *("setdefault", "values"),
):
    setattr(SecureCookieSession, _name, _noting(_name))


_items: Any = SecureCookieSession.items


class NullSession(SecureCookieSession):
    """The session of an application without a secret key: empty, and an error to write to."""

    def _fail(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise RuntimeError(
            "The session is unavailable because no secret key was set: it could not be signed. Set"
            " SECRET_KEY in the configuration;"
            " 'python -c \"import secrets; print(secrets.token_hex())\"' makes one."
        )

    __setitem__ = __delitem__ = clear = pop = popitem = _fail
    update = setdefault = __ior__ = _fail


_PLAIN = (string.ascii_letters + string.digits + "_.-").encode()


@lru_cache(64)
def _around_value(
    name: str,
    expires: datetime | None,
    domain: str | None,
    path: str,
    secure: bool,
    httponly: bool,
    samesite: str | None,
    partitioned: bool,
) -> tuple[str, str]:
    """Return what stands before and after the value in a ``Set-Cookie``, mostly the same."""
    cookie = dump_cookie(
        name,
        "",
        expires=expires,
        domain=domain,
        path=path,
        secure=secure,
        httponly=httponly,
        samesite=samesite,
        partitioned=partitioned,
        max_size=0,
    )
    end = cookie.index("=", len(name)) + 1
    return cookie[:end], cookie[end:]


def _is_secure() -> bool:
    """Whether the current request, if there is any, came over HTTPS."""
    context = _cv.get(None)
    return context is not None and context.has_request and context.request.is_secure


#: What tells what stands around the value, and the settings that it tells it by.
_GETTERS = frozenset(
    {
        *("get_cookie_domain", "get_cookie_httponly", "get_cookie_name", "get_cookie_partitioned"),
        *("get_cookie_path", "get_cookie_samesite", "get_cookie_secure"),
    }
)
_settings_of = itemgetter(
    *("SESSION_COOKIE_SECURE", "APPLICATION_ROOT", "SESSION_COOKIE_DOMAIN"),
    *("SESSION_COOKIE_HTTPONLY", "SESSION_COOKIE_NAME", "SESSION_COOKIE_PARTITIONED"),
    *("SESSION_COOKIE_PATH", "SESSION_COOKIE_SAMESITE"),
)
_around_by_settings: dict[Any, tuple[str, str]] = {}


class SessionInterface:
    """Opens and saves the sessions of an application.

    Subclasses implement :meth:`open_session` and :meth:`save_session`, as plain or async
    functions; the other methods tell what the settings ``SESSION_COOKIE_...`` say.

    Plain ones run in a thread where they would block an event loop, unless they are marked with
    :func:`cruse.inline`. An attribute cannot be awaited: what is not so marked is therefore opened
    before the hooks of an async view (see :meth:`opens_ahead`), all others when they are touched.
    """

    #: The session of applications whose store is not set up; see :meth:`make_null_session`.
    null_session_class: type[Any] = NullSession
    #: Whether the content is pickled; a flag for extensions, nothing here reads it.
    pickle_based = False

    @property
    def waits(self) -> bool:
        """Whether opening a session may take longer than an event loop should be kept waiting."""
        return not is_inline(self.open_session)

    def opens_ahead(self, app: Cruse, request: Request) -> bool:
        """Whether to open the session before an async view: when the request has its cookie."""
        return self.get_cookie_name(app) in request.cookies

    def open(self, app: Cruse, request: Request, bridge: Bridge) -> Any:
        """Call :meth:`open_session` where it belongs.

        Here and in :meth:`save` that is at once if it is marked as quick. For any other, and for
        what is still to be awaited, the result is a coroutine: who calls this from a subclass has
        to look.
        """
        function = self.open_session
        if not getattr(function, MARK, False):  # as `is_inline` asks, at half of the cost
            return call(bridge, function, app, request)
        session = function(app, request)
        return bridge.settle(session) if type(session) is CoroutineType else session

    def save(self, app: Cruse, session: SessionMixin, response: Response, bridge: Bridge) -> Any:
        """Call :meth:`save_session` where it belongs, if anybody looked into the session."""
        if not (session.accessed or session.modified):
            return None
        function = self.save_session
        if not getattr(function, MARK, False):
            return call(bridge, function, app, session, response)
        saved: Any = function(app, session, response)
        return bridge.settle(saved) if type(saved) is CoroutineType else saved

    def make_null_session(self, app: Cruse) -> NullSession:
        """Return what stands in for a session when :meth:`open_session` returned None."""
        return cast("NullSession", self.null_session_class())

    def is_null_session(self, obj: object) -> bool:
        """Whether an object is such a stand-in, which is never saved."""
        return self.null_session_class in obj.__class__.__mro__  # `isinstance` asks the ABC

    def get_cookie_name(self, app: Cruse) -> str:
        """Return the cookie's name, ``SESSION_COOKIE_NAME``.

        With a name that starts with ``__Host-`` or ``__Secure-`` the attributes are what browsers
        demand for it (RFC 6265bis, section 4.1.3), whatever the other settings say.
        """
        name: str = app.config["SESSION_COOKIE_NAME"]
        return name

    def get_cookie_domain(self, app: Cruse) -> str | None:
        """Return ``SESSION_COOKIE_DOMAIN``; None: only the very host that set the cookie."""
        domain: str | None = app.config["SESSION_COOKIE_DOMAIN"] or None
        if domain is not None and self.get_cookie_name(app).startswith("__Host-"):
            return None
        return domain

    def get_cookie_path(self, app: Cruse) -> str:
        """Return ``SESSION_COOKIE_PATH``, else ``APPLICATION_ROOT``."""
        path: str = app.config["SESSION_COOKIE_PATH"] or app.config["APPLICATION_ROOT"] or "/"
        if path != "/" and self.get_cookie_name(app).startswith("__Host-"):
            return "/"
        return path

    def get_cookie_httponly(self, app: Cruse) -> bool:
        """Return ``SESSION_COOKIE_HTTPONLY``: scripts of the page cannot read the cookie."""
        httponly: bool = app.config["SESSION_COOKIE_HTTPONLY"]
        return httponly

    def get_cookie_secure(self, app: Cruse) -> bool:
        """Return ``SESSION_COOKIE_SECURE``: the cookie is sent over HTTPS only.

        None, the default, means: when the current request came over HTTPS. Behind a proxy that
        ends TLS, that is known only with ``TRUSTED_PROXIES``.
        """
        if self.get_cookie_name(app).startswith(("__Host-", "__Secure-")):
            return True
        secure = app.config["SESSION_COOKIE_SECURE"]
        return _is_secure() if secure is None else bool(secure)

    def get_cookie_samesite(self, app: Cruse) -> str | None:
        """Return ``SESSION_COOKIE_SAMESITE``: "Lax", "Strict", "None" or, to say nothing, None."""
        samesite: str | None = app.config["SESSION_COOKIE_SAMESITE"]
        return samesite

    def get_cookie_partitioned(self, app: Cruse) -> bool:
        """Return ``SESSION_COOKIE_PARTITIONED``: one cookie per embedding site; implies Secure."""
        partitioned: bool = app.config["SESSION_COOKIE_PARTITIONED"]
        return partitioned

    def get_expiration_time(self, app: Cruse, session: SessionMixin) -> datetime | None:
        """Return when the browser shall forget the cookie, in UTC; None: when it is closed."""
        if session.permanent:
            return datetime.now(UTC) + app.permanent_session_lifetime
        return None

    def should_set_cookie(self, app: Cruse, session: SessionMixin) -> bool:
        """Whether the response sets the cookie.

        It does after a change, and for a permanent session that was opened, to put off its end,
        unless ``SESSION_REFRESH_EACH_REQUEST`` is off.
        """
        return session.modified or (
            session.permanent and bool(app.config["SESSION_REFRESH_EACH_REQUEST"])
        )

    def _goes_by_settings(self) -> bool:
        """Whether nothing that stands around the cookie's value is told by a method of its own."""
        cls = type(self)  # asked each time: a test may have put another method there
        return (
            cls.get_cookie_name is _get_name
            and cls.get_cookie_domain is _get_domain
            and cls.get_cookie_path is _get_path
            and cls.get_cookie_httponly is _get_httponly
            and cls.get_cookie_samesite is _get_samesite
            and cls.get_cookie_secure is _get_secure
            and cls.get_cookie_partitioned is _get_partitioned
            and _GETTERS.isdisjoint(self.__dict__)
        )

    def dump_cookie(self, app: Cruse, session: SessionMixin, value: str) -> str:
        """Return the ``Set-Cookie`` that gives the browser a value."""
        expires = self.get_expiration_time(app, session)
        settings: Any = None
        around = None
        if expires is None and self._goes_by_settings():
            settings = _settings_of(app.config)
            if settings[0] is None:
                settings = _is_secure(), settings
            around = _around_by_settings.get(settings)
        if around is None:
            if isinstance(expires, datetime):  # others may give what `set_cookie` takes
                expires = expires.replace(microsecond=0)  # it is written to the second
            around = _around_value(
                self.get_cookie_name(app),
                expires,
                self.get_cookie_domain(app),
                self.get_cookie_path(app),
                self.get_cookie_secure(app),
                self.get_cookie_httponly(app),
                self.get_cookie_samesite(app),
                self.get_cookie_partitioned(app),
            )
            if settings is not None and len(_around_by_settings) < _MAX_SERIALIZERS:
                _around_by_settings[settings] = around
        start, end = around
        if not value.isascii() or value.encode().translate(None, _PLAIN) or not value:
            value = dump_cookie("_", value, path=None, max_size=0)[2:]  # quoted
        return f"{start}{value}{end}"

    def delete_cookie(self, app: Cruse, response: Response) -> None:
        """Let the browser forget the cookie."""
        response.delete_cookie(
            self.get_cookie_name(app),
            domain=self.get_cookie_domain(app),
            path=self.get_cookie_path(app),
            secure=self.get_cookie_secure(app),
            httponly=self.get_cookie_httponly(app),
            samesite=self.get_cookie_samesite(app),
            partitioned=self.get_cookie_partitioned(app),
        )

    def open_session(self, app: Cruse, request: Request) -> Any:
        """Return the session of a request, a new one when it has none.

        None means that sessions are not set up; then reading gives nothing and writing fails.
        """
        raise NotImplementedError

    def save_session(self, app: Cruse, session: SessionMixin, response: Response) -> Any:
        """Keep the session. Called before the response is sent, if the session was opened."""
        raise NotImplementedError


_get_name, _get_domain = SessionInterface.get_cookie_name, SessionInterface.get_cookie_domain
_get_path, _get_httponly = SessionInterface.get_cookie_path, SessionInterface.get_cookie_httponly
_get_samesite = SessionInterface.get_cookie_samesite
_get_secure = SessionInterface.get_cookie_secure
_get_partitioned = SessionInterface.get_cookie_partitioned


class SecureCookieSessionInterface(SessionInterface):
    """Sessions in a signed cookie.

    A cookie that is forged, damaged, or older than ``PERMANENT_SESSION_LIFETIME`` gives an empty
    session. Cookies signed with a key of ``SECRET_KEY_FALLBACKS`` are read; new ones are always
    signed with ``SECRET_KEY``.
    """

    #: Sets these signatures apart from others made with the same key.
    salt = "cookie-session"
    #: How the signing key comes from the secret key and the salt.
    key_derivation = "hmac"
    #: Writes and reads the content.
    serializer = TaggedJSONSerializer()
    #: The class of the sessions.
    session_class: type[SecureCookieSession] = SecureCookieSession

    @staticmethod
    def digest_method(string: bytes = b"") -> Any:
        """Return a new hash for the signatures: SHA-1, which is safe within an HMAC.

        Looked up when it is used: builds of Python with FIPS may lack it.
        """
        return hashlib.sha1(string)  # noqa: S324

    #: How old a cookie may be, and how many seconds that is. Here, too: classes that bring along
    #: all that their constructor makes have one that does not call this.
    _lifetime: tuple[timedelta | None, int] = None, 0

    def __init__(self) -> None:
        self._serializers: dict[tuple[Any, ...], URLSafeTimedSerializer] = {}
        self._lifetime = None, 0

    def get_signing_serializer(self, app: Cruse) -> URLSafeTimedSerializer | None:
        """Return what signs and reads the cookie's value; None when there is no secret key."""
        key = app.secret_key
        if not key:
            return None
        keys = secret_keys(app) if app.config["SECRET_KEY_FALLBACKS"] else (key,)
        made_of = (keys, self.salt, self.key_derivation, self.digest_method, self.serializer)
        serializer = self._serializers.get(made_of)
        if serializer is None:
            if len(self._serializers) >= _MAX_SERIALIZERS:
                self._serializers.clear()
            serializer = self._serializers[made_of] = self._make_serializer(keys)
        return serializer

    def _make_serializer(self, keys: tuple[str | bytes, ...]) -> URLSafeTimedSerializer:
        secrets: list[Any] = list(keys)
        return SigningSerializer(
            secrets,
            salt=self.salt,
            serializer=self.serializer,
            signer_kwargs={
                "key_derivation": self.key_derivation,
                "digest_method": self.digest_method,
                "algorithm": HMAC(self.digest_method),
            },
        )

    @inline
    def open_session(self, app: Cruse, request: Request) -> SecureCookieSession | None:
        """Return what the cookie holds, if its signature is good, else an empty session."""
        serializer = self.get_signing_serializer(app)
        if serializer is None:
            return None
        # There are two where the settings for domain or path have changed, or where somebody
        # planted one: what is no session of ours must not hide the one that is.
        for value in request.cookies.getlist(self.get_cookie_name(app))[:_COPIES]:
            lifetime = app.permanent_session_lifetime
            known = self._lifetime
            if known[0] is not lifetime:
                known = self._lifetime = lifetime, int(lifetime.total_seconds())
            try:
                return self.session_class(serializer.loads(value, max_age=known[1]))
            except (BadData, TypeError, ValueError):
                # Forged, too old, or signed by us but in a form that we do not read any more.
                continue
        return self.session_class()

    @inline
    def save_session(self, app: Cruse, session: SessionMixin, response: Response) -> None:
        """Set the cookie, or delete it when the session was emptied.

        Raises:
            SessionTooLarge: When the cookie would be longer than ``MAX_COOKIE_SIZE``.
        """
        modified = session.modified
        varies = session.accessed or modified
        if varies:
            vary_by(response, "Cookie")
        if not session:
            if modified:
                self.delete_cookie(app, response)
            return
        if not self.should_set_cookie(app, session):
            return
        if not varies:
            vary_by(response, "Cookie")
        serializer = self.get_signing_serializer(app)
        if serializer is None:
            raise RuntimeError("The secret key was removed while a request used its session.")
        try:
            usual = type(session).items is _items
            text = serializer.dumps(_copy(session) if usual else dict(session.items()))
        except TypeError as error:
            name_the_keys(error, self.serializer, session)
            raise
        cookie = self.dump_cookie(app, session, text)
        limit = app.config["MAX_COOKIE_SIZE"]
        if limit and len(cookie) > limit:
            self.too_large(app, session, response, len(cookie))
        else:
            add_cookie(response, cookie)

    def too_large(self, app: Cruse, session: SessionMixin, response: Response, size: int) -> None:
        """Refuse a cookie that browsers would drop. Override it to do something else.

        Args:
            app: The application.
            session: The session.
            response: Has no session cookie; with what it is sent the browser keeps the old one.
            size: Of the whole cookie with its name and attributes, in bytes.

        Raises:
            SessionTooLarge: It names the largest values by their keys; it does not show them.
        """
        sizes = {key: len(self.serializer.dumps(value)) for key, value in session.items()}
        largest = sorted(sizes, key=sizes.__getitem__, reverse=True)[:3]
        raise SessionTooLarge(
            f"The session's cookie would have {size} bytes, but browsers drop one of more than"
            f" {app.config['MAX_COOKIE_SIZE']} (MAX_COOKIE_SIZE). The largest values are those of"
            f" {', '.join(f'{key!r} ({sizes[key]} bytes)' for key in largest)}. Keep them"
            " elsewhere and only their keys in the session, or keep sessions on the server: set"
            " SESSION_STORE."
        )


def name_the_keys(error: TypeError, serializer: Any, session: SessionMixin) -> None:
    """Say in an error which values a session cannot keep: what put them there has returned."""
    keys = []
    for key, value in session.items():
        try:
            serializer.dumps(value)
        except TypeError:
            keys.append(f"session[{key!r}]")
    error.add_note(
        f"Raised while the session was saved, which cannot keep {' and '.join(keys)}. Keep what "
        "JSON has, such as the id of an object in place of the object."
    )


def make_interface(app: Cruse) -> SessionInterface:
    """Return what opens and saves an application's sessions, as ``SESSION_STORE`` says.

    Raises:
        ValueError: When the setting names no store.
    """
    setting = app.config["SESSION_STORE"]
    if setting is None:
        return SecureCookieSessionInterface()
    from cruse.stored_sessions import StoredSessionInterface

    interface = StoredSessionInterface(setting)
    if interface.store is not setting and hasattr(interface.store, "close"):
        app.lifecycle.shutdown.append(interface.store.close)
    return interface
