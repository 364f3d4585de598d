"""Views as classes."""

from __future__ import annotations

from inspect import isawaitable, iscoroutinefunction
from typing import TYPE_CHECKING, Any, ClassVar

from cruse.globals import current_app, request

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from cruse.typing import RouteCallable

__all__ = ["MethodView", "View"]

_METHODS = frozenset({"get", "post", "head", "options", "delete", "put", "trace", "patch"})


class View:
    """A class whose :meth:`dispatch_request` is the view.

    Register it with ``app.add_url_rule("/path", view_func=MyView.as_view("endpoint"))``.
    """

    #: The methods of the routes; None for the default of a route.
    methods: ClassVar[Collection[str] | None] = None
    #: Whether OPTIONS is answered automatically; None for the default of a route.
    provide_automatic_options: ClassVar[bool | None] = None
    #: Decorators for the view function, applied in this order.
    decorators: ClassVar[list[Callable[..., Any]]] = []
    #: Make a new instance for each request. When False, one instance serves them all, so it must
    #: keep nothing of a request on itself.
    init_every_request: ClassVar[bool] = True

    def dispatch_request(self, **kwargs: Any) -> Any:
        """Answer a request; the keyword arguments are the variables of the URL.

        It may be a coroutine function.
        """
        raise NotImplementedError

    @classmethod
    def as_view(cls, name: str, *class_args: Any, **class_kwargs: Any) -> RouteCallable:
        """Return a view function for this class.

        Args:
            name: The name of the function, and with that of the endpoint.
            class_args: Passed to the class when it is instantiated.
            class_kwargs: Passed to the class when it is instantiated.
        """
        view: RouteCallable = _view_function(cls, class_args, class_kwargs)
        _describe(view, cls, name)
        for decorator in cls.decorators:
            view = decorator(view)
            _describe(view, cls, name)
        return view

    @classmethod
    def _is_async(cls) -> bool:
        """Whether a request has to be awaited."""
        return iscoroutinefunction(cls.dispatch_request)


def _view_function(cls: type[View], class_args: Any, class_kwargs: dict[str, Any]) -> Any:
    """Make the function, as a coroutine function when the class has something to await."""
    # Extensions that make a view anew look for `class_kwargs` in the closure of the function.
    shared = None if cls.init_every_request else cls(*class_args, **class_kwargs)

    if cls._is_async():

        async def async_view(**view_args: Any) -> Any:
            instance = cls(*class_args, **class_kwargs) if shared is None else shared
            result = instance.dispatch_request(**view_args)
            return await result if isawaitable(result) else result

        return async_view

    def view(**view_args: Any) -> Any:
        instance = cls(*class_args, **class_kwargs) if shared is None else shared
        return instance.dispatch_request(**view_args)

    return view


def _describe(function: Any, cls: type[View], name: str) -> None:
    """Give a view function what the routes and people want to know of its class."""
    function.view_class = cls
    function.__name__ = name
    function.__doc__ = cls.__doc__
    function.__module__ = cls.__module__
    function.methods = cls.methods
    function.provide_automatic_options = cls.provide_automatic_options


class MethodView(View):
    """A view with one method for each of HTTP's: ``get``, ``post``, ``put``...

    HEAD is answered by ``get`` unless there is a ``head``. Plain methods and coroutine methods may
    stand side by side; if there is one of the latter, the former run in a thread, so that they do
    not block the event loop.
    """

    _has_coroutines: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        handlers = {name.upper(): getattr(cls, name, None) for name in _METHODS}
        cls._has_coroutines = any(map(iscoroutinefunction, handlers.values()))
        if "methods" not in cls.__dict__:
            inherited = (getattr(base, "methods", None) or () for base in cls.__bases__)
            methods = {name for name, handler in handlers.items() if handler is not None}
            if methods := methods.union(*inherited):
                cls.methods = methods

    @classmethod
    def _is_async(cls) -> bool:
        return cls._has_coroutines or super()._is_async()

    def dispatch_request(self, **kwargs: Any) -> Any:
        """Call the method that is named as the request's."""
        name = request.method.lower()
        handler = getattr(self, name, None)
        if handler is None and name == "head":
            handler = getattr(self, "get", None)
        if handler is None:
            raise AssertionError(f"Unimplemented method {request.method!r}")
        if self._has_coroutines and not iscoroutinefunction(handler):
            return current_app.loop_bridge.cross(handler, **kwargs)
        return handler(**kwargs)
