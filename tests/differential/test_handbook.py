"""What the handbook says to those who come from Flask is so."""

from inspect import ismodule
from pathlib import Path

import flask
import pytest

import cruse
from tests.differential.intended import GENERAL

PAGE = Path(__file__).parents[2] / "docs/coming_from_flask.md"


@pytest.mark.parametrize("name", [each.name for each in GENERAL])
def test_the_page_names_a_general_difference(name):
    assert f"| **{name}** |" in PAGE.read_text(encoding="utf-8")


def test_every_name_of_flask_but_its_own_is_a_name_here():
    names = {name for name in dir(flask) if not name.startswith("_")}
    public = {name for name in names if not ismodule(getattr(flask, name))}
    assert {name for name in public if not hasattr(cruse, name)} == {"Flask"}
