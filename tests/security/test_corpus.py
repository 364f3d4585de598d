"""Inputs that are kept for each parser, because they broke it once or are of a kind that might.

`python dev.py fuzz` starts from them, and adds what it finds.
"""

import sys
from pathlib import Path

import pytest

from tools import fuzz
from tools.fuzz_targets import TARGETS

CORPUS = Path(__file__).parents[1] / "corpus"
INPUTS = sorted(CORPUS.glob("*/*"))


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: f"{path.parent.name}: {path.name}")
def test_a_kept_input_breaks_nothing(path):
    TARGETS[path.parent.name](path.read_bytes())


def test_every_parser_has_kept_inputs_and_a_function():
    assert sorted(TARGETS) == fuzz.PARSERS


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["nonsense"], "no parser 'nonsense'"), (["json", "--seconds", "0"], "1 or more")],
)
def test_a_wrong_command_line_is_answered_in_one_line(capsys, arguments, said):
    with pytest.raises(SystemExit):
        fuzz.arguments(arguments)
    assert said in capsys.readouterr().err.splitlines()[-1]


def test_what_is_fuzzed_can_be_chosen():
    options = fuzz.arguments(["json", "host", "--seconds", "5"])
    assert (options.parsers, options.seconds) == (["json", "host"], 5)
    assert fuzz.arguments([]).seconds == 60


def test_without_the_fuzzer_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "atheris", None)  # as if it was not installed
    with pytest.raises(SystemExit, match=r"dev\.py fuzz. installs it"):
        fuzz.main(["json"])
