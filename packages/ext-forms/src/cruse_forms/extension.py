"""The extension: protection of requests, template globals, and the templates of forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Concatenate, TypeAlias, TypeVar

from cruse import (
    Blueprint,
    Extension,
    ExtensionState,
    app_ctx,
    has_request_context,
    inline,
)
from cruse.globals import current_context
from cruse_forms.policy import SAFE_METHODS
from cruse_forms.protection import CSRFError, Protection, Targets
from cruse_forms.settings import FormsSettings
from cruse_forms.tokens import csrf_meta_tag, csrf_token
from cruse_forms.translations import request_translations
from cruse_forms.views import make_form_view
from cruse_forms.wizards import make_wizard_view

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cruse import Cruse
    from cruse_forms.form import Form

    #: Takes a function for a valid form and returns the view.
    FormDecorator: TypeAlias = Callable[[Callable[Concatenate["F", ...], Any]], Callable[..., Any]]

__all__ = ["Forms", "FormsState", "current_state", "refusal_to_show", "translations"]

T = TypeVar("T")
L = TypeVar("L", bound="Callable[[], object]")
F = TypeVar("F", bound="Form[Any]")


class FormsState(ExtensionState[FormsSettings]):
    """What the extension keeps for one application."""

    extension: Forms
    _protection: Protection | None = None

    @property
    def protection(self) -> Protection:
        """The check for forged requests."""
        protection = self._protection
        if protection is None:
            protection = Protection(
                self.settings, self.extension.exemptions, self.extension.reshown
            )
            self._protection = protection
        return protection


class Forms(Extension[FormsState]):
    """Forms for an application, and the protection of all its unsafe requests against forgery.

    ::

        forms = Forms()
        app = Cruse(__name__, extensions=[forms])
    """

    name = "forms"
    prefix = "FORMS_"
    settings: ClassVar[type] = FormsSettings
    state_class: ClassVar[type[Any]] = FormsState

    def __init__(self, app: Cruse | None = None) -> None:
        self.exemptions = Targets()
        self.reshown = Targets()
        #: Returns the locale of error messages for the current request; see locale_selector.
        self.select_locale: Callable[[], object] | None = None
        super().__init__(app)

    def exempt(self, target: T) -> T:
        """Do without the protection where requests of other sites are expected: webhooks.

        Give the view function or class itself (this works as a decorator, above or below the
        route's), a blueprint, which includes those nested in it, or the name of an endpoint.
        Other views of the same name stay protected.

        Args:
            target: What to exempt.
        """
        return self.exemptions.add(target)

    def locale_selector(self, function: L) -> L:
        """Let a function say in which language errors are told, instead of what browsers ask.

        It returns a locale such as ``"de"`` or ``"pt_BR"``, as text or as an object of Babel;
        ``None`` for English.

        Args:
            function: Called without arguments, within the request.
        """
        self.select_locale = function
        return function

    def reshow(self, target: T) -> T:
        """Let the form of a view answer when a request lacks its token, instead of an error page.

        The view is called, ``form.validate()`` in it is false, and ``form.respond()`` shows what
        was typed, with a message, a new token and the status 403. So whatever the view changes
        has to be behind the validation of a form. Requests that name another site as their
        origin never get there.

        Args:
            target: The view, its class, its blueprint or its endpoint.
        """
        return self.reshown.add(target)

    def form(self, form_class: type[F], template: str, **context: Any) -> FormDecorator[F]:
        """Make a view of a function for a valid form: all else is answered here.

        ::

            @app.route("/contact", methods=["GET", "POST"])
            @forms.form(Contact, "contact.html")
            def contact(form):
                send(form.value)
                return redirect("/")

        The function gets the form before what the rule has; it is called for valid submissions
        only. A request without its token is answered with the form, as for :meth:`reshow`.

        Args:
            form_class: The form.
            template: The name of the page's template, which has the form as ``form``.
            context: More variables for it.
        """
        return lambda function: self.reshow(
            make_form_view(function, form_class, template, context)
        )

    def wizard(
        self, steps: Mapping[str, type[Form[Any]]], template: str, **context: Any
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Make a view of several forms, one after the other, and a function for what all have.

        ::

            @app.route("/order/<step>", methods=["GET", "POST"])
            @forms.wizard({"goods": Goods, "address": Address}, "order.html")
            def order(forms):
                send(forms["goods"].value, forms["address"].value)
                return redirect("/")

        The rule has to have a ``step``. The function gets the forms by their names, all valid,
        before what else the rule has. What was sent before is in the session meanwhile.

        Args:
            steps: The forms by the names of their steps, in order.
            template: The name of the page's template, which has the ``form``, the name of its
                ``step``, and all ``steps``: each with ``name``, ``url``, ``done``, ``current``.
            context: More variables for it.
        """
        return lambda function: self.reshow(make_wizard_view(function, steps, template, context))

    def protect(self) -> None:
        """Check the current request now, for applications with ``FORMS_CSRF`` off.

        In an async view the body is there already; elsewhere on an event loop use
        :meth:`aprotect`.

        Raises:
            CSRFError: When another site may have forged it.
        """
        self.state.protection.check_now(current_context())

    async def aprotect(self) -> None:
        """Check the current request now, without blocking the event loop.

        Raises:
            CSRFError: When another site may have forged it.
        """
        pending = self.state.protection.check(current_context())
        if pending is not None:
            await pending

    # -- the contract --------------------------------------------------------------------------

    def setup(self, state: FormsState) -> None:
        """Add the template globals ``csrf_token`` and ``csrf_meta_tag``."""
        state.app.add_template_global(csrf_token)
        state.app.add_template_global(csrf_meta_tag)

    def make_blueprint(self, state: FormsState) -> Blueprint:
        """Return a blueprint without routes that brings the templates of forms."""
        return Blueprint("cruse_forms", "cruse_forms", template_folder="templates")

    @inline
    def before_request(self) -> Any:
        """Refuse forged requests.

        It is marked as quick, so under an async server it runs on the event loop. Headers decide
        nearly always; where the body is needed it hands back a coroutine that reads it.
        """
        ctx = current_context()
        if ctx.method in SAFE_METHODS:
            return None
        state: FormsState = ctx.app.extensions[self.name]
        return state.protection.check(ctx) if state.settings.csrf else None


def current_state() -> FormsState:
    """Return what the extension keeps for the current application.

    Raises:
        RuntimeError: When it is not set up there.
    """
    state = current_context().app.extensions.get(Forms.name)
    if not isinstance(state, FormsState):
        raise RuntimeError(
            f"A form was bound to a request, but {app_ctx.app.name!r} does not use the extension "
            "that protects its forms. Add 'app.use(Forms())' where the application is made."
        )
    return state


def refusal_to_show() -> CSRFError | None:
    """Return the refusal of the current request that is left to its form to answer."""
    if not has_request_context():
        return None
    ctx = current_context()
    state = ctx.app.extensions.get(Forms.name)
    return state.protection.left_to_form(ctx) if isinstance(state, FormsState) else None


def translations() -> Any:
    """Return WTForms' messages in the language of the current request; ``None`` for English."""
    state = current_context().app.extensions.get(Forms.name) if has_request_context() else None
    if not isinstance(state, FormsState):
        return None
    return request_translations(state.extension.select_locale, state.settings.locales)
