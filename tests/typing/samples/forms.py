"""Forms as users write them: the value has the class in the brackets."""

from dataclasses import dataclass
from typing import Any, assert_type

from wtforms import StringField

from cruse_forms import Form


@dataclass
class Account:
    email: str
    age: int


class Signup(Form[Account]):
    email = StringField()


class Plain(Form):
    name = StringField()


def signup() -> str:
    form = Signup()
    if not form.validate_on_submit():
        return "again"
    assert_type(form.value, Account)
    assert_type(form.value.email, str)
    age: str = form.value.age  # wrong: assignment, reportAssignmentType
    return age + form.value.emial  # wrong: attr-defined, reportAttributeAccessIssue


def plain() -> dict[str, Any]:
    form = Plain.bind(partial=True)
    assert_type(form.value, dict[str, Any])
    return form.value


async def asynchronous() -> int:
    form = await Signup.abind()
    await form.avalidate(only=["email"])
    return form.value.age
