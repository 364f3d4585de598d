"""Names that Flask's modules have because they use them themselves.

Programs import them from there all the same: an editor has written the import, or an extension
wants what Flask has given a name of its own. They are looked up when somebody asks for one.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cruse.globals import (
    current_app,
    current_context,
    has_app_context,
    has_request_context,
    request,
)
from cruse.templating import render_template, stream_template
from cruse_flask.gone import missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jinja2 import Template

    from cruse.context import Context

__all__ = ["provide"]


class _ContextVar:
    """Stands for one of the two context variables of Flask 3.1.

    Args:
        is_set: Whether there is such a context.
    """

    def __init__(self, is_set: Callable[[], bool]) -> None:
        self._is_set = is_set

    def get(self, *default: Any) -> Any:
        """Return the current context, or the default.

        Raises:
            LookupError: When there is neither.
        """
        if self._is_set():
            return current_context()
        if default:
            return default[0]
        raise LookupError(self)

    def set(self, context: Context) -> Context:
        """Make a context the current one, and return what :meth:`reset` wants."""
        context.push()
        return context

    def reset(self, token: Context) -> None:
        """Leave the context that was set."""
        token.pop()


def _render(app: object, template: Template, context: dict[str, Any]) -> str:
    return render_template(template, **context)


def _stream(app: object, template: Template, context: dict[str, Any]) -> Iterator[str]:
    return stream_template(template, **context)


def _prepare_send_file_kwargs(**given: Any) -> dict[str, Any]:
    """Return what werkzeug's ``send_file`` wants to know besides."""
    if given.get("max_age") is None:
        given["max_age"] = current_app.get_send_file_max_age
    return {
        **given,
        "environ": request.environ,
        "response_class": current_app.response_class,
        "use_x_sendfile": current_app.config["USE_X_SENDFILE"],
        "_root_path": current_app.root_path,
    }


_OWN = {
    "_cv_app": _ContextVar(has_app_context),
    "_cv_request": _ContextVar(has_request_context),
    "_prepare_send_file_kwargs": _prepare_send_file_kwargs,
    "_render": _render,
    "_stream": _stream,
}
_MODULES = (
    "ast click contextvars copy dataclasses decimal errno hashlib importlib inspect json logging "
    "os pathlib platform re sys traceback types uuid weakref werkzeug"
)
_FROM = {
    "base64": "b64decode b64encode",
    "click.core": "ParameterSource",
    "click.testing": "CliRunner Result",
    "collections": "defaultdict",
    "collections.abc": "MutableMapping",
    "contextlib": "ExitStack contextmanager",
    "contextvars": "ContextVar",
    "cruse.typing": (
        "F T=F T_after_request=F T_before_request=F T_error_handler=F T_route=F "
        "T_shell_context_processor=F T_teardown=F T_template_context_processor=F "
        "T_template_filter=F T_template_global=F T_template_test=F T_url_defaults=F "
        "T_url_value_preprocessor=F"
    ),
    "datetime": "date datetime timedelta timezone",
    "flask.blueprints": "Blueprint SansioBlueprint=Blueprint",
    "flask.cli": "AppGroup ScriptInfo",
    "flask.ctx": "_AppCtxGlobals",
    "flask.globals": "app_ctx current_app g request request_ctx session",
    "flask.helpers": "get_debug_flag get_flashed_messages send_from_directory stream_with_context",
    "flask.json": "dumps loads",
    "flask.json.provider": "DefaultJSONProvider JSONProvider",
    "flask.logging": "create_logger",
    "flask.sansio.app": "App",
    "flask.sansio.scaffold": "Scaffold _endpoint_from_view_func find_package setupmethod",
    "flask.sessions": "SessionMixin",
    "flask.signals": (
        "appcontext_popped appcontext_pushed before_render_template template_rendered"
    ),
    "flask.templating": "DispatchingJinjaLoader Environment",
    "flask.wrappers": "Response",
    "functools": "cache update_wrapper",
    "inspect": "iscoroutinefunction",
    "itertools": "chain",
    "itsdangerous": "BadSignature URLSafeTimedSerializer",
    "jinja2": (
        "BaseEnvironment=Environment BaseLoader FileSystemLoader Template TemplateNotFound"
    ),
    "markupsafe": "Markup",
    "operator": "itemgetter",
    "types": "ModuleType TracebackType",
    "urllib.parse": "_url_quote=quote urlsplit",
    "uuid": "UUID",
    "werkzeug.datastructures": "CallbackDict",
    "werkzeug.exceptions": (
        "BadRequest BadRequestKeyError HTTPException _wz_abort=abort default_exceptions"
    ),
    "werkzeug.http": "http_date parse_date",
    "werkzeug.local": "LocalProxy",
    "werkzeug.routing": "BuildError RequestRedirect",
    "werkzeug.serving": "is_running_from_reloader run_simple",
    "werkzeug.test": "Client",
    "werkzeug.utils": "_wz_redirect=redirect cached_property import_string",
    "werkzeug.wrappers": (
        "BaseRequest=Request BaseResponse=Response RequestBase=Request ResponseBase=Response"
    ),
    "werkzeug.wsgi": "get_host",
}
#: Each name, with the module that it is from and what it is called there.
_SOURCES = {
    **{name: (name, "") for name in _MODULES.split()},
    **{"_json": ("json", ""), "c": ("collections.abc", ""), "cabc": ("collections.abc", "")},
    **{"cli": ("flask.cli", ""), "ft": ("flask.typing", ""), "t": ("typing", "")},
    **{
        name: (source, there or name)
        for source, names in _FROM.items()
        for name, _, there in (each.partition("=") for each in names.split())
    },
}


def provide(module: str, name: str) -> Any:
    """Return what a module of Flask has under a name; for its ``__getattr__``.

    ``flask`` itself has none of these: it gives what it is there to give.

    Raises:
        AttributeError: When it has none of that name.
        ImportError: When it had one once, and it is imported.
    """
    if module == "flask" or not (name in _OWN or name in _SOURCES):
        raise missing(module, name)
    if name in _OWN:
        return _OWN[name]
    source, there = _SOURCES[name]
    if name == "json" and module == "flask.wrappers":
        source = "flask.json"
    found = import_module(source)
    return getattr(found, there) if there else found
