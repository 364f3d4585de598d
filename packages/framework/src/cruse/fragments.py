"""Blocks of Jinja templates, rendered without the page around them.

A block may use what its page sets and imports before it, extend the block of a layout with
``super()``, or be the layout's alone. So the page is run up to the block, with all other blocks
left out, and a layout's own text never: that may be slow, or have effects, such as showing the
flashed messages.
"""

from __future__ import annotations

from collections import ChainMap
from typing import TYPE_CHECKING, Any

from jinja2 import Template as JinjaTemplate
from jinja2.runtime import new_context

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jinja2.runtime import Context

__all__ = ["BlockNotFound", "Blocks", "Template"]


class BlockNotFound(LookupError):  # noqa: N818 - as jinja2.TemplateNotFound
    """A template has no block of that name."""


class Template(JinjaTemplate):
    """A template of Jinja's whose blocks are templates too."""

    def new_context(
        self,
        vars: dict[str, Any] | None = None,  # noqa: A002 - Jinja's name
        shared: bool = False,
        locals: Mapping[str, Any] | None = None,  # noqa: A002 - Jinja's name
    ) -> Context:
        """Return the context of a rendering.

        Jinja copies the globals through a ``ChainMap``, name by name in Python; here each of its
        dictionaries is copied as a whole.
        """
        known: Any = self.globals
        if isinstance(known, ChainMap):
            chain, known = known, {}
            for names in reversed(chain.maps):
                known |= names
        return new_context(self.environment, self.name, self.blocks, vars, shared, known, locals)

    def block(self, *names: str) -> Blocks:
        """Return blocks of this template, one behind the other, as a template."""
        return Blocks(self, names)


class Blocks:
    """Blocks of a template, as a template.

    Args:
        template: The template.
        names: Their names, in the order in which they are rendered.
    """

    def __init__(self, template: JinjaTemplate, names: tuple[str, ...]) -> None:
        self.template = template
        self.names = names
        self.name = template.name

    def render(self, context: dict[str, Any]) -> str:
        """Return the text of the blocks.

        Raises:
            BlockNotFound: When the template and those it extends have no block of a name.
        """
        return "".join(self.generate(context))

    def generate(self, context: dict[str, Any]) -> Iterator[str]:
        """Render the blocks piece by piece."""
        for name in self.names:
            try:
                here = _reach(self.template, name, self.template.new_context(context))
                yield from here.blocks[name][0](here)
            except BlockNotFound:
                raise
            except Exception:
                self.template.environment.handle_exception()  # shows the template's lines


class _Reached(Exception):  # noqa: N818 - no error: it ends the run
    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context


def _stop(context: Context) -> Iterator[str]:
    raise _Reached(context)
    yield


def _skip(context: Context) -> Iterator[str]:
    return
    yield


def _reach(template: JinjaTemplate, name: str, context: Context) -> Context:
    """Run a page up to a block and return the context that the block has there."""
    own = template.blocks
    for block in own:
        context.blocks[block].insert(0, _stop if block == name else _skip)
    try:
        for _ in template.root_render_func(context):
            if _extends(context, own):
                break  # that was the layout's first text
    except _Reached as reached:
        context = reached.context
    for functions in context.blocks.values():
        functions[:] = [f for f in functions if f is not _stop and f is not _skip]
    if not context.blocks.get(name):
        known = ", ".join(map(repr, sorted(context.blocks))) or "none"
        raise BlockNotFound(
            f"The template {template.name!r} has no block {name!r}. Its blocks: {known}."
        )
    return context


def _extends(context: Context, own: dict[str, Any]) -> bool:
    """Whether a layout has added its blocks behind the page's own, each with its stand-in."""
    return any(
        len(functions) > (2 if name in own else 0) for name, functions in context.blocks.items()
    )
