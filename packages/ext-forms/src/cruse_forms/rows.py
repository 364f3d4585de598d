"""Lists of rows that people change with plain buttons: add, remove, move; no script needed.

The buttons submit the form under names of their own, ``phones-add`` or ``phones-remove`` with the
number of the row as value. Then the list changes, the form counts as not submitted, and the view
shows it again with everything that was typed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wtforms import FieldList
from wtforms.utils import unset_value
from wtforms.validators import ValidationError

from cruse_forms.trees import containers

if TYPE_CHECKING:
    from wtforms import Field
    from wtforms.form import BaseForm

__all__ = ["Rows", "pressed_row_button"]

ACTIONS = ("add", "remove", "up", "down")
#: What stands for the number of a row in the empty row that scripts copy.
PLACEHOLDER = "__row__"


class Rows(FieldList):  # type: ignore[type-arg]
    """A list with buttons to add, remove and move its rows.

    Args:
        unbound_field: The field of one row, mostly a ``FormField``.
        label: The label of the list.
        validators: Validators of the list as a whole.
        min: The least rows; as many are shown at first.
        max: The most rows; more that are sent are an error.
        movable: Whether there are buttons to move rows.
        kwargs: As for ``wtforms.FieldList``.
    """

    def __init__(
        self,
        unbound_field: Any,
        label: str | None = None,
        validators: Any = None,
        *,
        min: int = 0,  # noqa: A002 - as the attributes of HTML
        max: int | None = None,  # noqa: A002
        movable: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(unbound_field, label, validators, min_entries=min, **kwargs)
        self.min = min
        self.max = max
        self.movable = movable
        #: Whether the submission was one of the list's own buttons.
        self.pressed = False

    def process(self, formdata: Any, data: Any = unset_value, extra_filters: Any = None) -> None:
        """Take the rows that were sent, and do what the button says."""
        super().process(formdata, data, extra_filters)
        self.pressed = False
        if formdata is None or getattr(formdata, "json", None) is not None:
            return
        for action in ACTIONS:
            values = formdata.getlist(self.button_name(action))
            if values:
                self.pressed = True
                self._act(action, str(values[0]), formdata)
                return

    def button_name(self, action: str) -> str:
        """Return the name of the button for ``"add"``, ``"remove"``, ``"up"`` or ``"down"``."""
        return f"{self.name}-{action}"

    @property
    def is_full(self) -> bool:
        """Whether no more rows can be added."""
        return self.max is not None and len(self.entries) >= self.max

    @property
    def can_remove(self) -> bool:
        """Whether a row can be removed."""
        return len(self.entries) > self.min

    def template_row(self) -> Field:
        """Return an empty row for scripts to copy; ``__row__`` stands for its number."""
        count, last = len(self.entries), self.last_index
        row: Field = self.append_entry()
        del self.entries[count]
        self.last_index = last
        self._rename_entry(row, PLACEHOLDER)  # type: ignore[attr-defined]
        return row

    def _act(self, action: str, value: str, formdata: Any) -> None:
        if action == "add":
            if not self.is_full:
                self.append_entry()
            return
        # The page's numbers, which are those of the entries: it counts them from 0 each time.
        number = int(value) if value.isdecimal() and len(value) < 6 else -1
        if not 0 <= number < len(self.entries):
            return
        if action == "remove":
            if self.can_remove:
                rows: Any = super()
                rows.pop_entry(number)
            return
        other = number - 1 if action == "up" else number + 1
        if 0 <= other < len(self.entries):
            rows = self.entries
            rows[number], rows[other] = rows[other], rows[number]
            self._compact_indices()  # type: ignore[attr-defined]

    def validate(self, form: BaseForm, extra_validators: Any = ()) -> bool:
        """Validate the rows and how many they are."""
        return super().validate(form, [self._check_number, *extra_validators])

    def _check_number(self, form: BaseForm, field: Field) -> None:
        count = len(self.entries)
        if self.max is not None and count > self.max:
            raise ValidationError(
                self.gettext("There can be %(max)d at most.") % {"max": self.max}
            )
        if count < self.min:
            raise ValidationError(
                self.gettext("There must be %(min)d at least.") % {"min": self.min}
            )


def pressed_row_button(form: BaseForm) -> bool:
    """Whether a form was submitted by a button of a list of rows."""
    return any(isinstance(field, Rows) and field.pressed for field in containers(form))
