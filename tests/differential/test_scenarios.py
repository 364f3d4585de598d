"""Each scenario does the same on Flask and on Cruse, but for what ``intended.py`` says."""

import pytest

from tests.differential.harness import load, result
from tests.differential.intended import GENERAL, PARTICULAR


@pytest.mark.parametrize("id", list(load()))
def test_only_intended_differences(id):
    outcome = result(id)
    assert not outcome.unknown, "\n".join(map(str, outcome.unknown))
    assert not outcome.stale, "intended.py names a difference that is none any more"


def test_every_particular_difference_belongs_to_a_scenario():
    assert PARTICULAR.keys() - load().keys() == set()


@pytest.mark.parametrize("general", [each.name for each in GENERAL])
def test_a_general_difference_occurs(general):
    assert any(each.general == general for key in load() for each in result(key).differences), (
        "no scenario shows it any more"
    )
