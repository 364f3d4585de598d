"""A database that is not as it should be: each command says what is wrong, and what to do."""

import importlib
import sqlite3
import sys
import textwrap

import pytest

from cruse_db.models import bind_metadata

# A project is imported again and again here, which in a process of its own happens once.
pytestmark = pytest.mark.filterwarnings("ignore:This declarative base already contains")

APP = """
    from sqlalchemy import MetaData
    from cruse import Cruse
    from cruse_db import Database, IntegerKey, Mapped, Model
    from cruse_db.models import NAMING_CONVENTION


    class Base(Model):
        __abstract__ = True
        metadata = MetaData(naming_convention=NAMING_CONVENTION)


    class Brick(IntegerKey, Base):
        colour: Mapped[str]


    class Knock(IntegerKey, Model):
        __bind_key__ = "doors"
        door: Mapped[str]


    db = Database(metadata=Base.metadata)


    def create_app(**config):
        app = Cruse(__name__)
        app.config.update(config)
        app.use(db)
        return app
"""


class Wall:
    """An application with two databases, and its commands as somebody types them."""

    def __init__(self, folder):
        self.folder = folder / "wall"
        self.file = folder / "wall.db"
        self.config = {
            "DB_URL": f"sqlite:///{self.file}",
            "DB_BINDS": {"doors": f"sqlite:///{folder}/doors.db"},
            "DB_BUSY_TIMEOUT": 0.01,
        }
        self.folder.mkdir()
        (self.folder / "__init__.py").write_text(textwrap.dedent(APP))

    def app(self):
        forget()
        return importlib.import_module("wall").create_app(**self.config)

    def run(self, line, input=None):
        """Run a command; return what it said, having failed without a traceback."""
        code, output = self.try_to(line, input)
        assert code == 1
        lines = output.strip().splitlines()
        assert len(lines) <= 2, output
        return output

    def do(self, line, input=None):
        code, output = self.try_to(line, input)
        assert code == 0, output
        return output

    def try_to(self, line, input=None):
        app = self.app()
        result = app.test_cli_runner().invoke(args=["db", *line.split()], input=input)
        app.stop()
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.output

    def newest(self, bind=""):
        files = (self.folder / "migrations" / bind / "versions").glob("*.py")
        return max(files, key=lambda path: path.stat().st_mtime_ns)

    def change(self, body):
        """Add a migration with functions of its own; return its revision."""
        self.do("revision -m change")
        path = self.newest()
        head, _, _ = path.read_text().partition("def upgrade()")
        path.write_text(head + textwrap.dedent(body))
        return path.name.split("_")[1]


def forget():
    sys.modules.pop("wall", None)
    bind_metadata("doors").clear()
    importlib.invalidate_caches()


@pytest.fixture
def wall(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # files change within a second here
    wall = Wall(tmp_path)
    wall.do("migrate -m first")
    wall.do("migrate -m doors --bind doors")
    wall.do("upgrade")
    yield wall
    forget()


@pytest.fixture
def first(wall):
    """The revision that stays."""
    return wall.newest().name.split("_")[1]


@pytest.fixture
def lost(wall, first):
    """The revision that the database is at, and of which the file was deleted."""
    revision = wall.change("def upgrade(): pass\n")
    wall.do("upgrade")
    wall.newest().unlink()
    (wall.folder / "migrations/HEAD").write_text(f"{first}\n")
    return revision


# -- a revision without a file ---------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "upgrade",
        "downgrade --yes",
        "migrate -m more",
        "plan",
        "check",
        "current",
        "stamp head",
        "status",
        "health",
    ],
)
def test_a_revision_without_a_file_is_named_with_the_way_out(wall, first, lost, line):
    output = wall.try_to(line)
    assert output[0] == 1
    assert f"wall.db is at the revision {lost}, of which there is no file in" in output[1]
    assert f"there is {first} (first). Get the file back" in output[1]
    assert f"'cruse db stamp --purge {first}'" in output[1]


@pytest.mark.parametrize(
    "line", ["downgrade nosuch --yes", "upgrade nosuch", "downgrade +9 --yes"]
)
def test_nothing_is_copied_for_a_revision_that_there_is_not(wall, line):
    wall.change("def upgrade(): pass\ndef downgrade(): pass\n")
    wall.run(line)
    assert not wall.file.with_suffix(".db.backup").exists()


def test_what_is_noted_can_be_forgotten(wall, first, lost):
    assert wall.do(f"stamp --purge {first} --yes").endswith(f"noted as {first}.\n")
    assert wall.do("current") == f"{first}\n"
    assert "agree" in wall.do("check")


def test_what_is_noted_is_not_forgotten_without_a_word(wall, first, lost):
    output = wall.run(f"stamp --purge {first}")  # nobody answers
    assert f"forget the revision {lost}, note {first}?" in output
    assert lost in wall.run("current")
    wall.do(f"stamp --purge {first}", input="y\n")
    assert wall.do("current") == f"{first}\n"


def test_nothing_is_forgotten_for_a_revision_that_is_not_there(wall, first, lost):
    assert "nowhere" in wall.run("stamp --purge nowhere --yes")
    assert f"is at the revision {lost}" in wall.run("current")


def test_the_way_out_of_a_further_database_names_it(wall):
    path = wall.newest("doors")
    revision = path.name.split("_")[1]
    path.unlink()
    (wall.folder / "migrations/doors/HEAD").write_text("")
    output = wall.run("upgrade")
    assert f"doors.db is at the revision {revision}, of which" in output
    assert "there is none." in output
    assert "'cruse db stamp --purge --bind doors base'" in output
    first = wall.do("current")
    wall.do("stamp --purge --bind doors base --yes")
    assert wall.do("current --bind doors") == "none\n"
    assert wall.do("current") == first


def test_a_folder_that_was_moved_is_not_taken_for_a_beginning(wall, first):
    (wall.folder / "migrations").rename(wall.folder / "moved")
    for line in ("upgrade", "migrate -m first", "check"):
        assert f"is at the revision {first}, of which there is no file" in wall.run(line)
    assert not (wall.folder / "migrations").exists()


@pytest.mark.parametrize("line", ["upgrade", "check", "plan", "heads", "history", "sql"])
def test_a_file_that_is_missing_in_the_middle_is_named(wall, first, line):
    path = wall.newest()
    wall.change("def upgrade(): pass\n")
    path.unlink()
    assert f"comes after '{first}', of which no file is there" in wall.run(line)


def test_a_revision_that_somebody_has_misspelt_is_told(wall):
    assert "'cruse db history' lists those that are there" in wall.run("upgrade nowhere")


def test_a_file_that_is_no_python_is_named_with_its_line(wall):
    path = wall.newest().with_name("half_merged.py")
    path.write_text("\n<<<<<<< HEAD\n")
    assert f"Can't be read: {path}, line 2: invalid syntax." in wall.run("upgrade")


# -- at three in the morning -----------------------------------------------------------------

COMMANDS = ["upgrade", "check", "status", "health", "dump", "drop --yes"]


@pytest.mark.parametrize("line", COMMANDS)
def test_a_server_that_is_away_is_told_in_a_line_without_the_password(wall, line):
    wall.config["DB_URL"] = "postgresql://ada:s3cr3t@127.0.0.1:9/wall"
    code, output = wall.try_to(line)
    assert code == 1
    assert "postgresql+psycopg://ada:***@127.0.0.1:9/wall: " in output
    assert "Does the server run, and is the port right?" in output
    assert output.count("\n") == (3 if line == "status" else 1)
    assert "s3cr3t" not in output


def test_a_dump_that_fails_leaves_the_one_before(wall, tmp_path):
    (tmp_path / "rows.jsonl").write_text("yesterday's")
    wall.config["DB_URL"] = "postgresql://ada:s3cr3t@127.0.0.1:9/wall"
    assert wall.try_to(f"dump {tmp_path}/rows.jsonl")[0] == 1
    wall.config["DB_URL"] = f"sqlite:///{tmp_path}/text.db"
    (tmp_path / "text.db").write_text("a text " * 500)
    assert wall.try_to(f"dump {tmp_path}/rows.jsonl")[0] == 1
    assert (tmp_path / "rows.jsonl").read_text() == "yesterday's"
    assert sorted(path.name for path in tmp_path.glob("rows*")) == ["rows.jsonl"]


@pytest.mark.parametrize("line", ["upgrade", "dump"])
def test_a_file_that_is_no_database_is_told_in_a_line(wall, tmp_path, line):
    wall.config["DB_URL"] = f"sqlite:///{tmp_path}/text.db"
    (tmp_path / "text.db").write_text("a text " * 500)
    assert "text.db: file is not a database. It is another kind" in wall.run(line)


def test_a_folder_that_can_not_be_made_is_named(wall, tmp_path):
    (tmp_path / "file").write_text("")
    wall.config["DB_URL"] = f"sqlite:///{tmp_path}/file/wall.db"
    output = wall.run("current")
    assert f"{tmp_path}/file" in output


def test_a_file_that_may_only_be_read_is_told(wall):
    wall.config["DB_URL"] = f"sqlite:///file:{wall.file}?mode=ro&uri=true"
    wall.change("def upgrade(): op.execute('DELETE FROM brick')\n")
    output = wall.run("upgrade")
    assert "attempt to write a readonly database. The file and its folder must be" in output


def test_a_locked_file_is_told(wall):
    other = sqlite3.connect(wall.file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    output = wall.run("drop --yes")
    other.close()
    assert "wall.db: database is locked. Another process is writing to it" in output


def test_an_upgrade_that_waits_for_another_process_says_so(wall):
    other = sqlite3.connect(wall.file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    said = []

    def say(line):
        said.append(line)
        other.close()  # the other process has ended

    app = wall.app()
    with app.app_context():
        sys.modules["wall"].db.upgrade(say=say)
    app.stop()
    assert [line.partition(":")[0] for line in said] == [
        "Another process is changing the database"
    ]


def test_a_migration_that_fails_is_named_with_its_line(wall):
    revision = wall.change("""
        def upgrade():
            op.create_table("half", sa.Column("id", sa.Integer))
            op.execute("SELECT * FROM nowhere")
    """)
    before = wall.do("current")
    output = wall.try_to("upgrade")[1]
    assert f"The migration {revision} ({wall.newest()}, line " in output
    assert "failed: no such table: nowhere. Tables and revision are as they were" in output
    assert "Traceback" not in output
    assert wall.do("current") == before


@pytest.mark.parametrize(
    ("downgrade", "said"),
    [
        ("", "has no downgrade()"),
        ("def downgrade(): raise NotImplementedError('one way')", "one way"),
    ],
)
def test_a_migration_that_can_not_be_taken_back_says_so(wall, downgrade, said):
    revision = wall.change(f"def upgrade(): pass\n{downgrade}\n")
    wall.do("upgrade")
    output = wall.try_to("downgrade --yes")[1]
    assert (said in output, "Nothing was changed." in output, "Traceback" in output) == (
        True,
        True,
        False,
    )
    assert wall.do("current") == f"{revision}\n"


def test_a_head_file_that_is_missing_is_told(wall, first):
    (wall.folder / "migrations/HEAD").unlink()
    assert f"HEAD says nothing, but the newest revision is {first}" in wall.run("check")


# -- settings --------------------------------------------------------------------------------


def test_a_misspelt_url_is_told_by_every_command(wall):
    wall.config["DB_URL"] = "postgre://ada:s3cr3t@db.example/wall"
    output = wall.run("current")
    assert "DB_URL: There is no kind of database 'postgre'. Did you mean postgresql://?" in output
    assert "s3cr3t" not in output
