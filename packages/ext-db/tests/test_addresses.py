"""Database URLs, and that their secrets stay out of sight."""

import pytest

from cruse_db.addresses import is_temporary, need_usable, parse, place

SECRET = "s3cr3t"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_is_reached_through_psycopg(scheme):
    assert parse(f"{scheme}://ada@db.example/shop").drivername == "postgresql+psycopg"


def test_a_driver_that_was_chosen_is_kept():
    assert parse("mysql+pymysql://db.example/shop").drivername == "mysql+pymysql"


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://ada:{SECRET}@db.example/shop",
        f"postgresql://ada@db.example/shop?password={SECRET}",
        f"postgresql://db.example/shop?user=ada&password={SECRET}&sslmode=require",
    ],
)
def test_a_password_is_kept_but_never_shown(text):
    url = parse(text)
    assert url.password == SECRET
    assert SECRET not in str(url)
    assert SECRET not in repr(url)


@pytest.mark.parametrize(
    ("text", "what_to_do"),
    [
        ("", "looks like"),
        (f"just {SECRET}", "looks like"),
        (f"postgresql://db.example:{SECRET}/shop", "looks like"),
        (f"postgresql://ada:{SECRET}@more@db.example/shop", "%40"),
        (f"postgresql://ada:x@db.example/shop?password={SECRET}", "more than one password"),
        (f"postgresql://ada@h/shop?password={SECRET}&password=b", "more than one password"),
    ],
)
def test_what_is_not_a_url_is_refused_without_showing_it(text, what_to_do):
    with pytest.raises(ValueError, match=what_to_do) as caught:
        parse(text)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sqlite:///app.db", "/srv/instance/app.db"),
        ("sqlite:///data/app.db", "/srv/instance/data/app.db"),
        ("sqlite:////var/lib/app.db", "/var/lib/app.db"),
        ("sqlite:///file:app.db?mode=ro&uri=true", "file:app.db"),
        ("postgresql://db.example/shop", "shop"),
    ],
)
def test_a_relative_file_lies_in_the_instance_folder(text, expected):
    assert place(parse(text), "/srv/instance").database == expected


@pytest.mark.parametrize("text", ["sqlite://", "sqlite:///", "sqlite:///:memory:"])
def test_a_database_in_memory_is_told_from_a_file(text):
    assert is_temporary(parse(text))
    assert not is_temporary(parse("sqlite:///app.db"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"postgre://ada:{SECRET}@h/shop", "DB_URL: There is no kind of database 'postgre'. Did "),
        (f"postgre://ada:{SECRET}@h/shop", "you mean postgresql://"),
        (f"moon://ada:{SECRET}@h/shop", "Known are: sqlite, postgresql"),
        (f"postgresql+psy://ada:{SECRET}@h/shop", "no driver 'psy' for postgresql"),
        (f"just {SECRET}", "DB_URL: The URL could not be read"),
        ("sqlite://wall.db", "DB_URL is sqlite://wall.db, where a file's name"),
        (f"sqlite://ada:{SECRET}@wall.db", r"DB_URL is sqlite://ada:\*\*\*@wall.db, where"),
    ],
)
def test_a_url_that_can_not_be_connected_to_is_told_with_the_setting(text, said):
    with pytest.raises(ValueError, match=said) as caught:
        need_usable(text, "DB_URL")
    assert SECRET not in str(caught.value)
    assert "sqlite+cruse" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["sqlite://", "postgres://h/shop", "postgresql+asyncpg://h/shop", "mysql+pymysql://h/s"],
)
def test_what_can_be_connected_to_is_let_through(text):
    need_usable(text, "DB_URL")
