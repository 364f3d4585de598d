"""Forms in several steps, each a page; what was sent so far is in the session.

Kept are the texts, as for a form that is shown again, and at the end all steps are bound and
validated once more: what was free in the first step may have been taken since.
"""

from __future__ import annotations

import inspect
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple

from cruse import abort, redirect, request, session, url_for
from cruse_forms.binding import FormData
from cruse_forms.lookups import look_up
from cruse_forms.policy import SAFE_METHODS
from cruse_forms.trees import walk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cruse import Response
    from cruse_forms.form import Form

    Steps = Mapping[str, type[Form[Any]]]

__all__ = ["Step", "make_wizard_view"]


class Step(NamedTuple):
    """One step, for the template to link to."""

    name: str
    url: str
    #: Whether something valid was sent for it.
    done: bool
    #: Whether it is the one that is shown.
    current: bool


class _Progress:
    """How far a visitor has come.

    Args:
        steps: The forms by the names of their steps.
        step: The step of the current request.
        values: The other values in its URL.
    """

    def __init__(self, steps: Steps, step: str, values: dict[str, Any]) -> None:
        if step not in steps:
            abort(404)
        self.steps = steps
        self.step = step
        self.values = values
        self.key = f"_wizard_{request.endpoint}"
        self.sent: dict[str, dict[str, list[str]]] = dict(session.get(self.key, {}))

    def skipped(self) -> Any:
        """Return the answer to a request that skips a step, ``None`` to others."""
        for name in self.steps:
            if name == self.step:
                break
            if name not in self.sent:
                return self.go(name)
        return None

    def form(self, name: str) -> Form[Any]:
        """Return the form of a step with what was sent for it."""
        texts = self.sent.get(name)
        return self.steps[name](None if texts is None else FormData(_copied(texts).items()))

    def forms(self) -> dict[str, Form[Any]]:
        """Return the forms of all steps."""
        return {name: self.form(name) for name in self.steps}

    def keep(self, form: Form[Any]) -> Any:
        """Keep what was sent for this step, and go to the next; ``None`` after the last."""
        formdata: Any = form._formdata
        texts: dict[str, list[str]] = {}
        for field in walk(form):
            if field.name in formdata and field.name not in formdata.file_names:
                texts[field.name] = formdata.getlist(field.name)
            if getattr(field, "kept", None) is not None:  # the file of an UploadField
                texts[field.kept_name] = [field.reference]  # type: ignore[attr-defined]
        self.sent[self.step] = texts
        session[self.key] = self.sent
        names = list(self.steps)
        following = names[names.index(self.step) + 1 :]
        return self.go(following[0]) if following else None

    def forget(self) -> None:
        """Forget everything."""
        session.pop(self.key, None)

    def go(self, name: str) -> Any:
        """Send the visitor to a step."""
        return redirect(self._url(name), 303)

    def show(self, form: Form[Any], template: str, context: dict[str, Any]) -> Response:
        """Answer with the page of this step."""
        steps = [
            Step(name, self._url(name), name in self.sent, name == self.step)
            for name in self.steps
        ]
        return form.respond(template, step=self.step, steps=steps, **context)

    def _url(self, name: str) -> str:
        return url_for(str(request.endpoint), **{**self.values, "step": name})


def make_wizard_view(
    function: Callable[..., Any], steps: Steps, template: str, context: dict[str, Any]
) -> Callable[..., Any]:
    """Return a view that leads through steps; see ``Forms.wizard``."""
    make = _make_async_view if inspect.iscoroutinefunction(function) else _make_sync_view
    return make(function, steps, template, context)


def _make_sync_view(
    function: Callable[..., Any], steps: Steps, template: str, context: dict[str, Any]
) -> Callable[..., Any]:
    @wraps(function)
    def view(*, step: str, **values: Any) -> Any:
        progress = _Progress(steps, step, values)
        skipped = progress.skipped()
        if skipped is not None:
            return skipped
        if request.method in SAFE_METHODS:
            return progress.show(progress.form(step), template, context)
        form = steps[step]()
        if not form.validate_on_submit():
            return progress.show(form, template, context)
        further = progress.keep(form)
        if further is not None:
            return further
        forms = progress.forms()
        for name, each in forms.items():
            if not each.validate():
                return progress.go(name)
        answer = function(forms, **values)
        progress.forget()
        return answer

    return view


def _make_async_view(
    function: Callable[..., Any], steps: Steps, template: str, context: dict[str, Any]
) -> Callable[..., Any]:
    @wraps(function)
    async def view(*, step: str, **values: Any) -> Any:
        progress = _Progress(steps, step, values)
        skipped = progress.skipped()
        if skipped is not None:
            return skipped
        if request.method in SAFE_METHODS:
            form = progress.form(step)
            await look_up(form, choices=True)
            return progress.show(form, template, context)
        form = await steps[step].abind()
        if not await form.avalidate_on_submit():
            return progress.show(form, template, context)
        further = progress.keep(form)
        if further is not None:
            return further
        forms = progress.forms()
        for name, each in forms.items():
            if not await each.avalidate():
                return progress.go(name)
        answer = await function(forms, **values)
        progress.forget()
        return answer

    return view


def _copied(texts: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: list(values) for name, values in texts.items()}
