"""Which numbers a column can hold: others would fail only when they are written, with a 500."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import types
from wtforms.validators import StopValidation

if TYPE_CHECKING:
    from wtforms import Field

__all__ = ["Holdable"]

_BITS = ((types.SmallInteger, 16), (types.BigInteger, 64))


class Holdable:
    """Demands a number that a column can hold, on any database.

    A whole number has the 16, 32 or 64 bits of its type, a decimal one the digits of its own, and
    neither is infinite or no number.

    Args:
        kind: The type of the column: ``Integer``, ``Numeric``, ``Float`` or one derived from them.
    """

    def __init__(self, kind: Any) -> None:
        self.highest: Any = math.inf
        if isinstance(kind, types.Integer):
            bits = next((bits for size, bits in _BITS if isinstance(kind, size)), 32)
            self.highest = 2 ** (bits - 1) - 1
        elif not isinstance(kind, types.Float) and kind.precision is not None:
            # A Float's precision is one of bits.
            self.highest = Decimal((0, (9,) * kind.precision, -(kind.scale or 0)))
        self.lowest = -self.highest - isinstance(kind, types.Integer)

    def __call__(self, form: Any, field: Field) -> None:
        """Check a field.

        Raises:
            StopValidation: When the column cannot hold its number; what asks the database with it
                is not called then.
        """
        number = field.data
        if isinstance(number, Decimal) and not number.is_finite():  # cannot even be compared
            raise StopValidation(field.gettext("Not a valid decimal value."))
        if isinstance(number, float) and not math.isfinite(number):
            raise StopValidation(field.gettext("Not a valid float value."))
        is_number = isinstance(number, int | float | Decimal)
        if is_number and not self.lowest <= number <= self.highest:
            text = field.gettext("Number must be between %(min)s and %(max)s.")
            raise StopValidation(text % {"min": self.lowest, "max": self.highest})
