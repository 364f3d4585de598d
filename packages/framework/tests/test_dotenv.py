""".env files."""

import os

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cruse.dotenv import find_dotenv, load_dotenv, parse_dotenv

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z_0-9]{0,20}", fullmatch=True)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"))
WITHOUT_ENVIRONMENT = {}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty current folder, and an environment that is as before after the test."""
    monkeypatch.chdir(tmp_path)
    before = dict(os.environ)
    yield tmp_path
    os.environ.clear()
    os.environ.update(before)


def parse(text, environ=WITHOUT_ENVIRONMENT):
    return parse_dotenv(text, environ)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("  A = b c  ", "b c"),
        ("A=", ""),
        ("A=   ", ""),
        ("export A=b", "b"),
        ("export   A=b", "b"),
        ("A=b # comment", "b"),
        ("A=b\t# comment", "b"),
        ("A= # comment", ""),
        ("A=#ff0000", "#ff0000"),
        ("A=b#c", "b#c"),
        ("A=b=c", "b=c"),
        ("A=https://example.org/?q=1&r=it's", "https://example.org/?q=1&r=it's"),
        (r"A=C:\new", r"C:\new"),
        ("A='b # c'", "b # c"),
        (r"A='\n${B}'", r"\n${B}"),
        ("A='b' # comment", "b"),
        (r'A="a\nb\t\"c\" \\ \$ \x"', 'a\nb\t"c" \\ $ \\x'),
        ('A="-----BEGIN\nline\n-----END"', "-----BEGIN\nline\n-----END"),
        ('A="b" # "comment"', "b"),
        ("A=$HOME", "$HOME"),
        ("A=b\r\n", "b"),
        ("\ufeffA=b", "b"),
    ],
)
def test_values(line, value):
    assert parse(line) == {"A": value}


def test_lines_that_hold_nothing_are_skipped():
    assert parse("\n# A=1\n   \n  # B=2\nC=3\n\n") == {"C": "3"}


def test_a_later_line_wins():
    assert parse("A=1\nA=2\n") == {"A": "2"}


@pytest.mark.parametrize(
    ("value", "expanded"),
    [
        ("x${B}y", "xby"),
        ('"x${B}y"', "xby"),
        ("${NOT_SET}", ""),
        ("${NOT_SET:-default}", "default"),
        ("${EMPTY:-default}", "default"),
        ("${B:-default}", "b"),
        (r'"\${B}"', "${B}"),
        ("$B", "$B"),
    ],
)
def test_variables(value, expanded):
    assert parse(f"B=b\nEMPTY=\nA={value}")["A"] == expanded


def test_the_real_environment_wins_in_variables():
    assert parse("B=file\nA=${B}", {"B": "real"})["A"] == "real"


@pytest.mark.parametrize("line", ["s3cret", "A='b", 'A="b', 'A="b"c', "=b", "A B=c", "'A'=b"])
def test_a_line_that_is_not_understood_is_an_error_with_its_number(line):
    with pytest.raises(ValueError, match=r"^\.env, line 3: expected NAME=value") as caught:
        parse(f"# fine\nX=1\n{line}\nB=2")
    assert "s3cret" not in str(caught.value)


@given(st.dictionaries(NAMES, TEXT))
@example({"A": "\n"})
@example({"A": "\\"})
def test_every_value_can_be_written_in_double_quotes(values):
    def quote(value):
        for char in '\\"$':
            value = value.replace(char, f"\\{char}")
        return f'"{value}"'

    assert parse("\n".join(f"{name}={quote(value)}" for name, value in values.items())) == values


@given(st.dictionaries(NAMES, TEXT.filter(lambda text: "'" not in text)))
def test_every_value_without_one_can_be_written_in_single_quotes(values):
    assert parse("\n".join(f"{name}='{value}'" for name, value in values.items())) == values


@given(st.text())
def test_any_text_is_read_or_refused(text):
    try:
        values = parse(text)
    except ValueError:
        return
    assert all(isinstance(value, str) for value in values.values())


def test_the_environment_wins_then_env_then_cruseenv(folder):
    (folder / ".cruseenv").write_text("ONE=cruseenv\nTWO=cruseenv\nTHREE=cruseenv\n")
    (folder / ".env").write_text("ONE=env\nTWO=env\n")
    os.environ["ONE"] = "real"
    assert load_dotenv() is True
    assert [os.environ[name] for name in ("ONE", "TWO", "THREE")] == ["real", "env", "cruseenv"]


def test_a_named_file_wins_over_the_others(folder):
    (folder / ".env").write_text("A=env\nB=env\n")
    (folder / "mine").write_text("A=mine\n")
    assert load_dotenv("mine") is True
    assert (os.environ["A"], os.environ["B"]) == ("mine", "env")


def test_only_the_named_file(folder):
    (folder / ".env").write_text("ENV_WAS_READ=1\n")
    (folder / "mine").write_text("A=mine\n")
    assert load_dotenv("mine", load_defaults=False) is True
    assert "ENV_WAS_READ" not in os.environ


def test_a_named_file_that_is_missing_is_an_error(folder):
    with pytest.raises(FileNotFoundError):
        load_dotenv("missing")


def test_an_error_names_the_file(folder):
    (folder / ".env").write_text("nonsense\n")
    with pytest.raises(ValueError, match=r"\.env, line 1"):
        load_dotenv()


def test_a_file_in_another_encoding_is_named(folder):
    (folder / ".env").write_text("A=1", encoding="utf-16")
    with pytest.raises(ValueError, match=r"\.env is not in UTF-8"):
        load_dotenv()


def test_files_of_the_folders_above_are_found(folder, monkeypatch):
    (folder / ".env").write_text("A=above\n")
    below = folder / "b" / "c"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert load_dotenv() is True
    assert os.environ["A"] == "above"


def test_nothing_to_load(folder):
    assert find_dotenv("no such file") is None
    assert load_dotenv(load_defaults=False) is False
