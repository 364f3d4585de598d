"""Migrations: written, run, taken back, checked, and never half done."""

import importlib
import logging
import subprocess
import sys
import textwrap
from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine, func, inspect, select, text
from sqlalchemy.exc import OperationalError

from cruse_db.models import bind_metadata

# A project is imported again and again here, which in a process of its own happens once.
pytestmark = pytest.mark.filterwarnings("ignore:This declarative base already contains")

APP = """
    from sqlalchemy import MetaData
    from cruse import Cruse
    from cruse_db import Database, Model
    from cruse_db.models import NAMING_CONVENTION


    class Base(Model):  # of its own, for a process that imports this again and again
        __abstract__ = True
        metadata = MetaData(naming_convention=NAMING_CONVENTION)


    db = Database(metadata=Base.metadata)


    def create_app(**config):
        app = Cruse(__name__)
        app.config.update(config)
        app.use(db)
        return app
"""
MODELS = """
    from datetime import datetime
    from decimal import Decimal
    from typing import Any, Literal

    from cruse_db import *
    from shop import Base

    class Author(UUIDKey, Timestamps, SoftDelete, Slugged, Base):
        __tablename__ = "shop_author"
        title: Mapped[str]
        extra: Mapped[dict[str, Any] | None]
        kind: Mapped[Literal["a", "b"]] = column(default="a")
        password: Mapped[Password | None] = column(PasswordHash)
        token: Mapped[str | None] = column(EncryptedString)

    class Book(IntegerKey, Versioned, Base):
        __tablename__ = "shop_book"
        name: Mapped[str]
        price: Mapped[float | None]
        author_id: Mapped[Any] = column(
            ForeignKey(Author.id, ondelete="CASCADE"), type_=Author.id.type)
"""


class Project:
    """An application in a package of its own, and its commands."""

    def __init__(self, folder):
        self.folder = folder / "shop"
        self.config = {"DB_URL": f"sqlite:///{folder}/app.db"}
        self.folder.mkdir()
        (self.folder / "__init__.py").write_text(textwrap.dedent(APP))

    def models(self, source):
        (self.folder / "models.py").write_text(textwrap.dedent(source))

    @contextmanager
    def app(self):
        """The application as a new process would have it."""
        forget()
        shop = importlib.import_module("shop")
        app = shop.create_app(**self.config)
        try:
            yield app, shop.db
        finally:
            app.stop()

    def db(self, *arguments):
        """Run ``cruse db ...`` and return its exit code and output."""
        with self.app() as (app, _):
            result = app.test_cli_runner().invoke(args=["db", *arguments])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.output

    def do(self, *arguments):
        code, output = self.db(*arguments)
        assert code == 0, output
        return output

    def versions(self):
        return sorted((self.folder / "migrations/versions").glob("*.py"))


def forget():
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
        del sys.modules[name]
    bind_metadata("statistics").clear()
    importlib.invalidate_caches()


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # files change within a second here
    yield Project(tmp_path)
    forget()


@pytest.fixture
def engine(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/app.db")
    yield engine
    engine.dispose()


SMALL = """
    from cruse_db import *
    from shop import Base

    class Shelf(IntegerKey, Base):
        place: Mapped[str]

    class Item(IntegerKey, Base):
        name: Mapped[str]
        shelf_id: Mapped[int] = column(ForeignKey("shelf.id", ondelete="CASCADE"))
"""


@pytest.fixture
def started(project):
    """A project whose first migration was run, with rows."""
    project.models(SMALL)
    project.do("migrate", "-m", "first")
    project.do("upgrade")
    return project


@pytest.fixture
def rows(started, engine):
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO shelf (id, place) VALUES (1, 'left')"))
        connection.execute(text("INSERT INTO item (name, shelf_id) VALUES ('a', 1), ('b', 1)"))
    return started


def count(engine, table):
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(text(table)))


# -- the way through -------------------------------------------------------------------------


def test_from_models_to_tables_and_back(project, engine):
    project.models(MODELS)
    assert "Written: " in project.do("migrate", "-m", "first tables")
    (path,) = project.versions()
    assert path.name.endswith("_first_tables.py")
    assert "cruse" not in path.read_text()  # a migration outlives the types of its time
    assert "first tables" in project.do("plan")
    assert "+ " in project.do("upgrade")
    names = {"alembic_version", "shop_author", "shop_book"}
    assert set(inspect(engine).get_table_names()) == names
    assert "agree" in project.do("check")
    assert "nothing was written" in project.do("migrate", "-m", "again")
    assert project.do("plan") == "Nothing to do.\n"
    assert project.do("current").strip() in path.name
    assert "first tables" in project.do("history")
    assert "first tables" in project.do("show")
    assert project.do("heads").strip().endswith("(head)")
    assert "- " in project.do("downgrade", "--yes")
    assert inspect(engine).get_table_names() == ["alembic_version"]
    project.do("upgrade")
    assert set(inspect(engine).get_table_names()) == names


def test_types_are_written_as_what_the_database_stores(project):
    project.models(
        """
        from datetime import datetime
        from typing import Any
        from cruse_db import *
        from cruse_uploads import Stored, Uploads
        from shop import Base

        class Note(UUIDKey, Base):
            at: Mapped[datetime]
            more: Mapped[dict[str, Any]]
            file: Mapped[Stored] = column(StoredFile(Uploads().set("notes")))
            secret: Mapped[str] = column(EncryptedString)
        """
    )
    project.do("migrate", "-m", "notes")
    (path,) = project.versions()
    written = path.read_text()
    assert "cruse_db" not in written
    for name in ("more", "file"):
        assert f"'{name}', sa.JSON().with_variant(postgresql.JSONB(), \"postgresql\")" in written
    assert "import postgresql\n\nrevision = " in written, "as linters want it"
    assert "'at', sa.DateTime(timezone=True)" in written
    assert "'secret', sa.Text()" in written
    project.do("upgrade")
    assert "agree" in project.do("check")


def test_an_empty_migration_and_a_stamp(started):
    started.do("revision", "-m", "own steps")
    assert len(started.versions()) == 2
    code, output = started.db("check")
    assert (code, "lacks" in output) == (1, True)
    started.do("stamp", "head")
    assert "agree" in started.do("check")


def test_upgrade_in_a_process_leaves_its_loggers_alone(started):
    logger, root = logging.getLogger("shop.mine"), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with started.app() as (app, db), app.app_context():
        db.upgrade()
    assert not logger.disabled
    assert (root.handlers, root.level) == (handlers, level)


# -- nothing half done -----------------------------------------------------------------------


def change(project, body):
    """Add a migration with a body of its own; return its file."""
    before = set(project.versions())
    project.do("revision", "-m", "change")
    (path,) = set(project.versions()) - before
    source = path.read_text()
    head, _, _ = source.partition("def upgrade()")
    path.write_text(
        f"{head}def upgrade() -> None:\n{textwrap.indent(textwrap.dedent(body), '    ')}"
    )
    return path


def test_changing_a_table_keeps_the_rows_that_refer_to_it(rows, engine):
    rows.models(SMALL.replace("place: Mapped[str]", "place: Mapped[str | None]"))
    rows.do("migrate", "-m", "a shelf may be nowhere")
    rows.do("upgrade")
    assert (count(engine, "shelf"), count(engine, "item")) == (1, 2)
    assert "agree" in rows.do("check")


def test_a_migration_that_fails_midway_leaves_nothing(rows, engine):
    before = rows.do("current")
    change(
        rows,
        """
        op.create_table("half", sa.Column("id", sa.Integer))
        op.execute("DELETE FROM item")
        op.execute("SELECT * FROM nowhere")
        """,
    )
    with rows.app() as (app, db), app.app_context(), pytest.raises(OperationalError):
        db.upgrade()
    assert "half" not in inspect(engine).get_table_names()
    assert count(engine, "item") == 2
    assert rows.do("current") == before


def test_a_migration_that_breaks_references_is_refused(rows, engine):
    change(rows, 'op.execute("DELETE FROM shelf")')
    code, output = rows.db("upgrade")
    assert code == 1
    assert "2 rows would refer to rows that are not there: item to shelf" in output
    assert count(engine, "shelf") == 1


def test_an_upgrade_copies_the_file_first(rows, tmp_path):
    change(rows, 'op.execute("DELETE FROM item")')
    assert "app.db.backup" in rows.do("upgrade")
    copy = create_engine(f"sqlite:///{tmp_path}/app.db.backup")
    assert count(copy, "item") == 2
    copy.dispose()


def test_processes_that_upgrade_at_once_all_succeed(project, engine):
    project.models(SMALL)
    project.do("migrate", "-m", "first")
    change(project, "op.execute(\"INSERT INTO shelf (place) VALUES ('once')\")")
    command = [
        sys.executable,
        "-c",
        f"from shop import *; app = create_app(**{project.config!r})\n"
        "app.test_cli_runner().invoke(args=['db', 'upgrade'], catch_exceptions=False)",
    ]
    running = [
        subprocess.Popen(command, cwd=project.folder.parent, stderr=subprocess.PIPE)
        for _ in range(8)
    ]
    assert [(process.communicate()[1], process.returncode) for process in running] == [
        (b"", 0)
    ] * 8
    assert count(engine, "shelf") == 1


# -- nothing lost ----------------------------------------------------------------------------


def test_a_renamed_column_is_not_dropped(rows, engine):
    rows.models(SMALL.replace("place:", "location:"))
    code, output = rows.db("migrate", "-m", "rename")
    assert code == 1
    assert "--rename shelf.place:location" in output
    assert "drop column shelf.place" in output
    rows.do("migrate", "-m", "rename", "--rename", "shelf.place:location")
    rows.do("upgrade")
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT location FROM shelf")) == "left"
    assert count(engine, "item") == 2
    assert "agree" in rows.do("check")
    rows.do("downgrade", "--yes")
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT place FROM shelf")) == "left"


def test_dropping_needs_a_word(rows, engine):
    rows.models(SMALL[: SMALL.index("    class Item")])
    code, output = rows.db("migrate", "-m", "less")
    assert (code, "drop table item" in output) == (1, True)
    assert len(rows.versions()) == 1
    rows.do("migrate", "-m", "less", "--allow-destructive")
    rows.do("upgrade")
    assert "item" not in inspect(engine).get_table_names()


def test_a_rename_of_nothing_is_an_error(started):
    code, output = started.db("migrate", "-m", "x", "--rename", "shelf.a:b")
    assert (code, "Nothing to rename: shelf.a" in output) == (1, True)
    assert started.db("migrate", "-m", "x", "--rename", "shelf")[0] == 2


# -- what is wrong is said -------------------------------------------------------------------


def test_models_that_differ_are_named(started):
    started.models(SMALL + "        price: Mapped[int | None]\n")
    code, output = started.db("check")
    assert (code, "add column item.price" in output) == (1, True)


def test_two_heads_are_named_and_can_be_merged(started):
    path = change(started, "pass\n")
    twin = path.with_name("twin.py")
    revision = path.name.split("_")[1]
    twin.write_text(path.read_text().replace(f"revision = '{revision}'", "revision = 'twin'", 1))
    code, output = started.db("check")
    assert (code, "2 heads" in output, "cruse db merge" in output) == (1, True, True)
    code, output = started.db("upgrade")
    assert (code, "2 heads" in output) == (1, True)
    started.do("merge")
    started.do("upgrade")
    assert "agree" in started.do("check")


def test_the_head_file_makes_branches_conflict(started):
    head = started.folder / "migrations/HEAD"
    assert head.read_text().strip() in started.versions()[0].name
    head.write_text("another\n")
    code, output = started.db("check")
    assert (code, "says another" in output) == (1, True)


def test_without_models_it_says_where_it_looked(project):
    code, output = project.db("migrate", "-m", "first")
    assert (code, "below 'shop': none" in output) == (1, True)
    code, output = project.db("create")
    assert (code, "has no models" in output, "'shop'" in output) == (1, True, True)


def test_without_migrations_it_says_how_to_begin(project):
    project.models(SMALL)
    code, output = project.db("upgrade")
    assert (code, "cruse db init" in output) == (1, True)
    assert "Migrations are in" in project.do("init")
    assert project.do("upgrade") == ""


def test_create_is_not_for_those_who_have_migrations(started):
    code, output = started.db("create")
    assert (code, "cruse db upgrade" in output) == (1, True)


def test_drop_and_reset_begin_anew(rows, engine):
    rows.do("drop", "--yes")
    assert inspect(engine).get_table_names() == []
    rows.do("reset", "--yes")
    assert count(engine, "item") == 0
    assert "agree" in rows.do("check")


# -- for PostgreSQL, without one -------------------------------------------------------------


def test_sql_can_be_printed_without_a_database_and_without_a_password(started):
    started.config["DB_URL"] = "postgresql://ada:s3cr3t@nowhere.invalid/shop"
    output = started.do("sql")
    assert "CREATE TABLE shelf" in output
    assert "SERIAL" in output
    assert "COMMIT" in output
    assert "s3cr3t" not in output
    assert "nowhere" not in output


def test_steps_that_hold_up_a_busy_database_are_found(started):
    assert "Nothing found." in started.do("lint")
    path = change(
        started,
        """
        op.create_index("ix_item_name", "item", ["name"])
        op.add_column("item", sa.Column("price", sa.Integer, nullable=False))
        op.alter_column("item", "name", type_=sa.Integer)
        op.drop_column("shelf", "place")
        """,
    )
    code, output = started.db("lint")
    assert code == 1
    for part in ("CREATE INDEX", "has none in the rows", "written anew", "DROP COLUMN"):
        assert part in output
    path.write_text(path.read_text().replace("def upgrade", "# lint: off\ndef upgrade"))
    assert "Nothing found." in started.do("lint")


def test_what_is_done_carefully_is_not_found(started):
    change(
        started,
        """
        with op.get_context().autocommit_block():
            op.create_index("ix_a", "item", ["name"], postgresql_concurrently=True)
        op.add_column("item", sa.Column("n", sa.Integer, nullable=False, server_default="0"))
        op.create_table("new", sa.Column("id", sa.Integer))
        op.create_index("ix_new", "new", ["id"])
        """,
    )
    assert "Nothing found." in started.do("lint")


# -- several databases -----------------------------------------------------------------------

VISITS = """

    class Visit(IntegerKey, Model):
        __bind_key__ = "statistics"
        page: Mapped[str]
"""


def test_a_second_database_is_added_later(rows, tmp_path, engine):
    rows.config["DB_BINDS"] = {"statistics": f"sqlite:///{tmp_path}/statistics.db"}
    rows.models(SMALL + VISITS)
    assert "nothing was written" in rows.do("migrate", "-m", "none of the first")
    rows.do("migrate", "-m", "visits", "--bind", "statistics")
    assert len(rows.versions()) == 1
    assert len(list((rows.folder / "migrations/statistics/versions").glob("*.py"))) == 1
    rows.do("upgrade")
    other = create_engine(f"sqlite:///{tmp_path}/statistics.db")
    assert set(inspect(other).get_table_names()) == {"alembic_version", "visit"}
    other.dispose()
    assert "visit" not in inspect(engine).get_table_names()
    assert "agree" in rows.do("check", "--bind", "statistics")
    code, output = rows.db("upgrade", "--bind", "nowhere")
    assert (code, "statistics" in output) == (1, True)


@pytest.fixture
def two(rows, tmp_path):
    """A project with two databases, and rows in both."""
    rows.config["DB_BINDS"] = {"statistics": f"sqlite:///{tmp_path}/statistics.db"}
    rows.models(SMALL + VISITS)
    rows.do("migrate", "-m", "visits", "--bind", "statistics")
    rows.do("upgrade")
    rows.statistics = create_engine(f"sqlite:///{tmp_path}/statistics.db")
    with rows.statistics.begin() as connection:
        connection.execute(text("INSERT INTO visit (page) VALUES ('/')"))
    yield rows
    rows.statistics.dispose()


def test_a_reset_makes_every_database_anew(two, engine):
    two.do("reset", "--yes")
    assert (count(engine, "item"), count(two.statistics, "visit")) == (0, 0)
    assert "agree" in two.do("check", "--bind", "statistics")


def test_a_drop_names_what_is_lost_in_every_database(two, engine):
    code, output = two.db("drop")  # nobody answers
    assert code == 1
    assert "app.db: drop item, shelf?" in output
    assert count(engine, "item") == 2
    two.do("drop", "--yes")
    assert inspect(engine).get_table_names() == []
    assert inspect(two.statistics).get_table_names() == []


def test_rows_of_a_further_database_can_be_moved(two, tmp_path):
    path = str(tmp_path / "visits.jsonl")
    two.do("dump", path, "--bind", "statistics")
    two.do("reset", "--yes")
    assert "1 of visit" in two.do("load", path, "--bind", "statistics")
    assert count(two.statistics, "visit") == 1
    code, output = two.db("load", path, "--bind", "nowhere")
    assert (code, "which has: statistics" in output) == (1, True)


def test_a_further_database_that_lacks_a_migration_makes_the_process_unready(two):
    assert '"statistics": {"database": "sqlite"' in two.do("health")
    two.do("downgrade", "--bind", "statistics", "--yes")
    code, output = two.db("health")
    assert (code, "Migrations are waiting: 1 to do" in output) == (1, True)


# -- what it says ----------------------------------------------------------------------------


def test_a_column_that_rows_have_no_value_for_is_named(rows):
    rows.models(SMALL + "        colour: Mapped[str]\n        size: Mapped[int | None]\n")
    written = rows.do("migrate", "-m", "colours")
    assert "Rows that are there have no value for item.colour: write" in written
    assert "size" not in written


def test_sql_that_sqlite_needs_the_database_for_can_be_printed_for_postgresql(rows):
    rows.models(SMALL.replace("name: Mapped[str]", "label: Mapped[str]"))
    rows.do("migrate", "-m", "labels", "--rename", "item.name:label")
    code, output = rows.db("sql")
    assert (code, "--dialect postgresql" in output) == (1, True)
    assert "RENAME name TO label" in rows.do("sql", "--dialect", "postgresql")


def test_seeds_that_can_run_once_say_so_the_second_time(project, engine):
    project.models(
        """
        from cruse_db import *
        from shop import Base, db

        class Shelf(IntegerKey, Base):
            place: Mapped[str] = column(unique=True)

        if not db.seeds:
            @db.seed
            def shelves():
                db.session.add(Shelf(place="left"))
        """
    )
    project.do("create")
    project.do("reset", "--yes", "--seed")
    code, output = project.db("seed")
    assert code == 1
    assert "Nothing was added: UNIQUE constraint failed: shelf.place." in output
    assert count(engine, "shelf") == 1
