"""Fields to choose rows of a database from: a select of one of them, or of several.

What is sent are primary keys. They are looked up among the rows that the field's statement
selects, so nobody can choose a row that was not offered, and however many there are, only those
that were sent are loaded. The choices are loaded when the field is shown.
"""

from __future__ import annotations

import inspect
import re
import uuid
from typing import TYPE_CHECKING, Any

import sqlalchemy
import wtforms
from sqlalchemy import types
from wtforms.fields import choices
from wtforms.validators import ValidationError

from cruse_forms.lookups import LookupField

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import Column, Select
    from wtforms.form import BaseForm

__all__ = ["QuerySelectField", "QuerySelectMultipleField", "key_column", "label_column"]

#: Whole numbers that databases have.
_NUMBER = re.compile(r"-?[0-9]{1,18}")


class QuerySelectField(LookupField, wtforms.SelectField):
    """A select of one row; its data is the object, or ``None``.

    Args:
        label: The field's label.
        validators: Validators, which get the object as ``field.data``.
        statement: What there is to choose from: ``select(Author).order_by(Author.name)``, or a
            function that returns such a statement for the current request. Its condition alone
            says what may be chosen, a limit in it does not count. The model must have a primary
            key of one column: a whole number, a text or a UUID.
        session: The session to ask, or a function that returns it, such as
            ``lambda: db.session``. For an ``AsyncSession`` the form has to be made with
            ``await abind()`` and validated with ``await avalidate()``.
        get_label: The name of the attribute that choices are shown with, or a function that
            returns an object's text. Unless given, it is ``str()`` where the model has a
            ``__str__``, else its first column of text.
        allow_blank: Whether nothing can be chosen. Otherwise the choice for it is there only as
            long as nothing is chosen.
        blank_text: The text of that choice.
        limit: The most choices that are shown; what is chosen already is always among them.
        kwargs: As for other fields.
    """

    multiple = False
    _data: Any = None
    #: The keys that were sent, until they are looked up.
    _sent: tuple[str, ...] = ()
    #: Whether a key was sent that is none of a row to choose.
    _unknown = False
    #: Keys and texts of what there is to choose from. No objects: after a rollback each would
    #: have to be loaded again.
    _offered: tuple[tuple[str, str], ...] | None = None
    #: The same of what is chosen.
    _chosen: tuple[tuple[str, str], ...] = ()

    def __init__(
        self,
        label: str | None = None,
        validators: Any = None,
        *,
        statement: Select[Any] | Callable[[], Select[Any]],
        session: Any,
        get_label: str | Callable[[Any], str] | None = None,
        allow_blank: bool = False,
        blank_text: str = "",
        limit: int = 1_000,
        **kwargs: Any,
    ) -> None:
        super().__init__(label, validators, **kwargs)
        self.statement = statement
        self.session = session
        self.get_label = get_label
        self.allow_blank = allow_blank
        self.blank_text = blank_text
        self.limit = limit

    # -- data ----------------------------------------------------------------------------------

    @property
    def data(self) -> Any:
        """The object, or ``None``; of a field for several a list."""
        if self._sent:
            statement, keys = self._question()
            self._take(keys, self._ask(statement))
        return self._data

    @data.setter
    def data(self, value: Any) -> None:
        self._sent = ()
        self._unknown = False
        self._data = value
        self._chosen = tuple(filter(None, map(self._choice_of, _objects(value))))

    def process_data(self, value: Any) -> None:
        """Take the object that the field starts with."""
        self.data = value

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Take the key of the object; an empty one is none."""
        keys = [str(each) for each in valuelist if each != ""]
        if valuelist or self.multiple:
            self.data = None
            self._sent = tuple(dict.fromkeys(keys if self.multiple else keys[:1]))

    def pre_validate(self, form: BaseForm) -> None:
        """Look up what was sent.

        Raises:
            ValidationError: When it is not among the choices.
        """
        if self._sent:
            self.data  # noqa: B018 - looks it up
        if self._unknown:
            raise ValidationError(self.gettext("Not a valid choice."))

    # -- choices -------------------------------------------------------------------------------

    def has_groups(self) -> bool:
        """Whether the choices are in groups; they are not."""
        return False

    def iter_choices(self) -> Any:
        """Return the choices."""
        choice: Any = choices.Choice  # type: ignore[attr-defined]
        if self._sent:
            self.data  # noqa: B018 - looks it up
        if self._offered is None:
            self._offer(self._ask(self._select().limit(self.limit)))
        chosen = dict(self._chosen)
        offered = {**dict(self._offered or ()), **chosen}
        found = [choice(key, text, key in chosen, {}) for key, text in offered.items()]
        if not self.multiple and (self.allow_blank or not chosen):
            found.insert(0, choice("", self.blank_text, not chosen, {}))
        return found

    def _offer(self, objects: Iterable[Any]) -> None:
        self._offered = tuple(filter(None, map(self._choice_of, objects)))

    def _choice_of(self, obj: Any) -> tuple[str, str] | None:
        """Return an object's key and text; ``None`` when it is not in the database yet."""
        state: Any = sqlalchemy.inspect(obj)
        if not state.identity:
            return None
        key = str(state.identity[0])
        return key, self._label_of(obj) or key

    def _label_of(self, obj: Any) -> str:
        if callable(self.get_label):
            return str(self.get_label(obj))
        if self.get_label is not None:
            return str(getattr(obj, self.get_label))
        if _has_text(type(obj)):
            return str(obj)
        column = label_column(type(obj))
        return "" if column is None else str(getattr(obj, column))

    # -- the database --------------------------------------------------------------------------

    def _select(self) -> Select[Any]:
        statement: Any = self.statement
        if not isinstance(statement, sqlalchemy.Select):
            statement = statement()
        # A limit of its own would be one of the rows that were sent, not of those to choose from.
        every: Select[Any] = statement.limit(None).offset(None)
        # A form that is looked at must not write what it may find invalid.
        return every.execution_options(autoflush=False)

    def _question(self) -> tuple[Select[Any], list[Any]]:
        """Return the statement for what was sent, and the keys, ``None`` for what is no key."""
        statement = self._select()
        entity: Any = statement.column_descriptions[0]["entity"]
        column = key_column(entity)
        # Of one row there are several texts, such as "1" and "01".
        keys = list(dict.fromkeys(map(_key_reader(column), self._sent)))
        mapper: Any = sqlalchemy.inspect(entity).mapper
        key_of = getattr(entity, mapper.get_property_by_column(column).key)
        if isinstance(column.type, types.Integer):
            # PostgreSQL fails where it is asked for a number that is too large for its type.
            key_of = sqlalchemy.type_coerce(key_of, types.BigInteger)
        return statement.where(key_of.in_([key for key in keys if key is not None])), keys

    def _take(self, keys: list[Any], objects: Sequence[Any]) -> None:
        """Take what was found for the keys that were sent, in their order."""
        by_key = {sqlalchemy.inspect(each).identity[0]: each for each in objects}
        found = [by_key[key] for key in keys if key in by_key]
        before = list(_objects(self.object_data))
        if set(map(id, found)) == set(map(id, before)):
            found = before  # browsers send them in the order of the choices
        self.data = found if self.multiple else next(iter(found), None)
        self._unknown = len(found) < len(keys)

    def _ask(self, statement: Select[Any]) -> Sequence[Any]:
        found = self._begin(statement)
        if inspect.iscoroutine(found):
            found.close()
            raise RuntimeError(
                f"The field {self.name!r} has an asynchronous session: make its form with "
                "'await abind()', and validate it with 'await avalidate()' or "
                "'await avalidate_on_submit()'."
            )
        return _all(found)

    async def _aask(self, statement: Select[Any]) -> Sequence[Any]:
        found = self._begin(statement)
        return _all(await found if inspect.isawaitable(found) else found)

    def _begin(self, statement: Select[Any]) -> Any:
        session = self.session() if callable(self.session) else self.session
        return session.scalars(statement)

    async def look_up(self) -> None:
        """Look up what was sent, unless that was done."""
        if self._sent:
            statement, keys = self._question()
            self._take(keys, await self._aask(statement))

    async def look_up_choices(self) -> None:
        """Look up what there is to choose from, unless that was done."""
        if self._offered is None:
            self._offer(await self._aask(self._select().limit(self.limit)))


class QuerySelectMultipleField(QuerySelectField, wtforms.SelectMultipleField):
    """A select of several rows; its data is a list of the objects. Arguments as above."""

    multiple = True

    def process_data(self, value: Any) -> None:
        """Take the objects that the field starts with, as they are now."""
        self.object_data: Any = list(_objects(value))
        super().process_data(self.object_data)

    @property
    def data(self) -> list[Any]:
        """The objects."""
        found: Any = super().data
        return [] if found is None else found

    @data.setter
    def data(self, value: Any) -> None:
        single: Any = QuerySelectField.data
        single.__set__(self, value)

    def populate_obj(self, obj: Any, name: str) -> None:
        """Write the objects into a relationship, be it a list or a set."""
        kind = set if isinstance(getattr(obj, name, None), set) else list
        setattr(obj, name, kind(self.data))


def key_column(entity: type[Any]) -> Column[Any]:
    """Return the column of a model's primary key.

    Raises:
        TypeError: When there are several, or it is of a type that has no text.
    """
    mapper: Any = sqlalchemy.inspect(entity).mapper
    columns = mapper.primary_key
    if len(columns) == 1 and _key_type(columns[0]) in READERS:
        column: Column[Any] = columns[0]
        return column
    raise TypeError(
        f"{mapper.class_.__name__} cannot be chosen: its primary key is not one column with a "
        "whole number, a text or a UUID."
    )


def label_column(entity: type[Any]) -> str | None:
    """Return the name of a model's first attribute with text, other than its key."""
    mapper: Any = sqlalchemy.inspect(entity)
    for attribute in mapper.column_attrs:
        column = attribute.columns[0]
        if isinstance(column.type, types.String) and not column.primary_key:
            return str(attribute.key)
    return None


def _key_type(column: Column[Any]) -> type[Any] | None:
    if isinstance(column.type, types.Uuid):
        return uuid.UUID
    try:
        return column.type.python_type
    except NotImplementedError:
        return None


def _key_reader(column: Column[Any]) -> Callable[[str], Any]:
    read = READERS[_key_type(column)]
    if isinstance(column.type, types.Uuid) and not column.type.as_uuid:
        return lambda text: None if (key := read(text)) is None else str(key)
    return read


def _read_uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


#: How the text of a key is read, by the type of keys; ``None`` is no key.
READERS: dict[type[Any] | None, Callable[[str], Any]] = {
    int: lambda text: int(text) if _NUMBER.fullmatch(text) else None,
    str: str,
    uuid.UUID: _read_uuid,
}


def _has_text(cls: Any) -> bool:
    return cls.__str__ is not object.__str__


def _objects(value: Any) -> Iterable[Any]:
    if value is None:
        return ()
    return value if isinstance(value, list | tuple | set | frozenset) else (value,)


def _all(found: Any) -> Sequence[Any]:
    rows: Sequence[Any] = found.unique().all()
    return rows
