"""Fields that ask something outside of the form, for which async code has to wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wtforms import Field

from cruse_forms.trees import walk

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["LookupField", "look_up"]


class LookupField(Field):
    """What a field is, too, when its data or its choices have to be looked up.

    Sync code makes it ask when it is first needed. In async code the form has to ask before.
    """

    async def look_up(self) -> None:
        """Look up what was sent, unless that was done."""

    async def look_up_choices(self) -> None:
        """Look up what there is to choose from, unless that was done."""


async def look_up(fields: Iterable[Field], *, choices: bool = False) -> None:
    """Let the fields of a form ask, one after the other: they may share a database session.

    Args:
        fields: The fields of a form.
        choices: Whether the form is going to be shown.
    """
    for field in walk(fields):
        if isinstance(field, LookupField):
            await field.look_up()
            if choices:
                await field.look_up_choices()
