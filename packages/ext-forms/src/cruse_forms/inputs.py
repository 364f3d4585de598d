"""The HTML of WTForms' own widgets, written as WTForms writes it, in a seventh of the time.

Most of the time goes into formatting each attribute as a ``Markup`` of its own, and into asking
``dir()`` for the flags of a field. The output is the same to the letter, and escaped by the same
function; widgets of other classes, their subclasses included, are called as ever.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape
from wtforms import widgets
from wtforms.fields.core import Flags, Label
from wtforms.widgets.core import clean_key  # type: ignore[attr-defined]

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wtforms import Field

__all__ = ["QuickLabel", "render_input"]

Attributes = dict[str, Any]


class QuickLabel(Label):
    """A label of WTForms, written in less time."""

    def __call__(self, text: str | None = None, **kwargs: Any) -> Markup:
        """Return the HTML, with these attributes."""
        if "for_" in kwargs:
            kwargs["for"] = kwargs.pop("for_")
        else:
            kwargs.setdefault("for", self.field_id)
        attributes = _written(kwargs)
        start = f"<label {attributes}>" if attributes else "<label>"
        return _markup(f"{start}{escape(text or self.text)}</label>")


def render_input(field: Field, given: Mapping[str, Any]) -> Markup | None:
    """Return a field's HTML; ``None`` where its widget has to be called for it.

    Args:
        field: The field.
        given: HTML attributes; they go before those of the field's ``render_kw``.
    """
    widget: Any = field.widget
    render = RENDERERS.get(type(widget))
    if render is None or type(field.flags) is not Flags or "html_params" in vars(widget):
        return None
    attributes: Attributes = {}
    for source in (field.render_kw, given):
        if source:
            attributes |= {clean_key(name): value for name, value in source.items()}
    if "name" in attributes:
        return None  # for WTForms to refuse
    attributes["name"] = field.name
    attributes.setdefault("id", field.id)
    return _markup(render(widget, field, attributes))


def _markup(html: str) -> Markup:
    return Markup(html)  # noqa: S704 - every value in it was escaped


@lru_cache(1024)
def _name(name: str) -> str:
    return str(escape(clean_key(name)))


def _written(attributes: Attributes) -> str:
    """Return attributes in HTML, sorted by their names."""
    parts = []
    for name in sorted(attributes):
        value = attributes[name]
        if value is True:
            parts.append(_name(name))
        elif value is not False:
            text: str = escape(value)
            if '"' in text:  # it was markup, which is not escaped again
                text = str.replace(text, '"', "&quot;")
            parts.append(f'{_name(name)}="{text}"')
    return " ".join(parts)


def _add_flags(widget: Any, field: Field, attributes: Attributes) -> None:
    """Add what validators have said of a field, as far as the element knows it."""
    for name, value in vars(field.flags).items():
        if name in widget.validation_attrs and name not in attributes:
            attributes[name] = value


# -- inputs --------------------------------------------------------------------------------------


def _input(widget: Any, field: Any, attributes: Attributes) -> str:
    attributes.setdefault("type", widget.input_type)
    if "value" not in attributes:
        attributes["value"] = field._value()
    datalist = getattr(field, "_datalist", None)
    if datalist is not None and "list" not in attributes:
        attributes["list"] = datalist if isinstance(datalist, str) else datalist.id
    for name, value in vars(field.flags).items():
        if name in widget.validation_attrs and name not in attributes:
            attributes[name] = value() if callable(value) else value
    return f"<input {_written(attributes)}>"


def _password(widget: Any, field: Any, attributes: Attributes) -> str:
    if widget.hide_value:
        attributes["value"] = ""
    return _input(widget, field, attributes)


def _checkbox(widget: Any, field: Any, attributes: Attributes) -> str:
    if getattr(field, "checked", field.data):
        attributes.setdefault("checked", True)
    return _input(widget, field, attributes)


def _radio(widget: Any, field: Any, attributes: Attributes) -> str:
    if field.checked:
        attributes.setdefault("checked", True)
    return _input(widget, field, attributes)


def _file(widget: Any, field: Any, attributes: Attributes) -> str:
    attributes["value"] = False  # browsers ignore it
    if widget.multiple:
        attributes["multiple"] = True
    return _input(widget, field, attributes)


def _submit(widget: Any, field: Any, attributes: Attributes) -> str:
    attributes.setdefault("value", field.label.text)
    return _input(widget, field, attributes)


def _number(widget: Any, field: Any, attributes: Attributes) -> str:
    for name in ("step", "min", "max"):
        value = getattr(widget, name)
        if value is not None:
            attributes.setdefault(name, value)
    return _input(widget, field, attributes)


# -- other elements ------------------------------------------------------------------------------


def _textarea(widget: Any, field: Any, attributes: Attributes) -> str:
    _add_flags(widget, field, attributes)
    # Browsers take a line break at the beginning for none.
    return f"<textarea {_written(attributes)}>\r\n{escape(field._value())}</textarea>"


def _select(widget: Any, field: Any, attributes: Attributes) -> str:
    if widget.multiple:
        attributes["multiple"] = True
    _add_flags(widget, field, attributes)
    parts = [f"<select {_written(attributes)}>"]
    if field.has_groups():
        for name, choices in field._iter_groups_normalized():
            options = map(_option, choices)
            if name is None:
                parts += options
            else:
                parts += [f"<optgroup {_written({'label': name})}>", *options, "</optgroup>"]
    else:
        parts += map(_option, field._iter_choices_normalized())
    parts.append("</select>")
    return "".join(parts)


def _option(choice: Any) -> str:
    value = str(choice.value) if isinstance(choice.value, bool) else choice.value
    attributes = {"value": value, **(choice.render_kw or {})}
    if choice.selected:
        attributes["selected"] = True
    return f"<option {_written(attributes)}>{escape(choice.label or choice.value)}</option>"


#: How the widgets are written, by their classes; dates and the rest cost WTForms' time.
RENDERERS: dict[type[Any], Callable[[Any, Any, Attributes], str]] = {
    **dict.fromkeys(
        (
            widgets.TextInput,
            widgets.HiddenInput,
            widgets.SearchInput,
            widgets.TelInput,
            widgets.URLInput,
            widgets.EmailInput,
            widgets.ColorInput,
        ),
        _input,
    ),
    widgets.PasswordInput: _password,
    widgets.CheckboxInput: _checkbox,
    widgets.RadioInput: _radio,
    widgets.FileInput: _file,
    widgets.SubmitInput: _submit,
    widgets.NumberInput: _number,
    widgets.RangeInput: _number,
    widgets.TextArea: _textarea,
    widgets.Select: _select,
}
