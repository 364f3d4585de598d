"""Rendering templates.

This module is imported with the framework; Jinja itself, with the environment and the loader in
:mod:`cruse.jinja`, is imported when the first template is rendered. An API without templates
starts faster and uses less memory.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cruse.colors import inline
from cruse.engines import block_of, engine_for, find_template
from cruse.globals import current_context
from cruse.shortcuts import stream_with_context
from cruse.signals import before_render_template, template_rendered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jinja2 import Template

    from cruse.app import Cruse
    from cruse.context import Context
    from cruse.jinja import DispatchingJinjaLoader, Environment
    from cruse.responses import Response

__all__ = [
    "DispatchingJinjaLoader",
    "Environment",
    "get_template_attribute",
    "render_block",
    "render_htmx",
    "render_template",
    "render_template_string",
    "stream_block",
    "stream_template",
    "stream_template_string",
]


def __getattr__(name: str) -> Any:
    if name in ("DispatchingJinjaLoader", "Environment"):
        return getattr(import_module("cruse.jinja"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def render_template(
    template_name_or_list: str | Template | list[str | Template], **context: Any
) -> str:
    """Render a template of the application's or a blueprint's folder.

    Args:
        template_name_or_list: The template; of several the first that exists.
        context: The variables of the template.

    Raises:
        jinja2.TemplateNotFound: When there is none.
    """
    current = current_context()
    return _render(current, find_template(current, template_name_or_list), context)


def render_block(
    template_name_or_list: str | Template | list[str | Template],
    block_name: str,
    /,
    *others: str,
    **context: Any,
) -> str:
    """Render blocks of a template, one behind the other, without the page around them.

    What the page sets or imports before a block is there, and so is ``super()``; what it passes
    over, such as the text of its layout, is not run.

    Args:
        template_name_or_list: The template; of several the first that exists.
        block_name: The block.
        others: Blocks to render behind it, such as those that htmx swaps "out of band".
        context: The variables of the template.

    Raises:
        BlockNotFound: When there is no such block.
        TypeError: When the template's engine has no blocks.
    """
    current = current_context()
    template = find_template(current, template_name_or_list)
    return _render(current, block_of(template, (block_name, *others)), context)


def stream_block(
    template_name_or_list: str | Template | list[str | Template],
    block_name: str,
    /,
    *others: str,
    **context: Any,
) -> Iterator[str]:
    """Render blocks of a template piece by piece; see :func:`render_block`."""
    current = current_context()
    template = find_template(current, template_name_or_list)
    return _stream(current, block_of(template, (block_name, *others)), context)


def render_htmx(
    template_name_or_list: str | Template | list[str | Template],
    block_name: str,
    /,
    *others: str,
    **context: Any,
) -> str:
    """Render a block for a request of htmx that asks for a part, and the page for any other.

    A link or form that htmx has boosted, and a page that it restores from the browser's history,
    want the page. The response says with ``Vary`` which fields decided.

    Args:
        template_name_or_list: The template; of several the first that exists.
        block_name: The block.
        others: Further blocks that may be asked for: by the name of the element that will be
            replaced, which is in ``HX-Target``.
        context: The variables of the template.
    """
    current = current_context()
    if not current.has_request:
        return render_template(template_name_or_list, **context)
    fields = ["HX-Request", "HX-Boosted", "HX-History-Restore-Request"]
    if others:
        fields.append("HX-Target")

    @inline
    def vary(response: Response) -> Response:
        response.vary.update(fields)
        return response

    current.after_this_request(vary)
    headers = current.request.headers
    asked, *for_page = [headers.get(field) == "true" for field in fields[:3]]
    if not asked or any(for_page):
        return render_template(template_name_or_list, **context)
    target = headers.get("HX-Target", "")
    block = target if target in others else block_name
    return render_block(template_name_or_list, block, **context)


def render_template_string(source: str, **context: Any) -> str:
    """Render a template from its source; variables are escaped as in HTML templates.

    Args:
        source: The template. It is code: never make it from what a client sent.
        context: The variables of the template.
    """
    current = current_context()
    return _render(current, engine_for(current, "").from_string(source), context)


def stream_template(
    template_name_or_list: str | Template | list[str | Template], **context: Any
) -> Iterator[str]:
    """Render a template piece by piece, for a response that starts before it is complete.

    Args:
        template_name_or_list: The template; of several the first that exists.
        context: The variables of the template.
    """
    current = current_context()
    return _stream(current, find_template(current, template_name_or_list), context)


def stream_template_string(source: str, **context: Any) -> Iterator[str]:
    """Render a template from its source, piece by piece; see :func:`stream_template`.

    Args:
        source: The template. It is code: never make it from what a client sent.
        context: The variables of the template.
    """
    current = current_context()
    return _stream(current, engine_for(current, "").from_string(source), context)


def get_template_attribute(template_name: str, attribute: str) -> Any:
    """Return a macro or a variable that a template exports, to use it from Python.

    Args:
        template_name: The template.
        attribute: The name of the macro or variable.
    """
    return getattr(current_context().app.jinja_env.get_template(template_name).module, attribute)


def _render(current: Context, template: Template, context: dict[str, Any]) -> str:
    app = current.app
    app.update_template_context(context)
    if before_render_template.receivers:
        _send(before_render_template, app, template, context)
    text = template.render(context)
    if template_rendered.receivers:
        _send(template_rendered, app, template, context)
    return text


def _stream(current: Context, template: Template, context: dict[str, Any]) -> Iterator[str]:
    app = current.app
    app.update_template_context(context)
    if before_render_template.receivers:
        _send(before_render_template, app, template, context)

    def generate() -> Iterator[str]:
        yield from template.generate(context)
        if template_rendered.receivers:
            _send(template_rendered, app, template, context)

    return stream_with_context(generate())


def _send(signal: Any, app: Cruse, template: Template, context: dict[str, Any]) -> None:
    signal.send(app, _async_wrapper=app.ensure_sync, template=template, context=context)
