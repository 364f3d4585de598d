"""Migrations, dumps, tenants and the sandbox on a real PostgreSQL."""

import asyncio
import importlib
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal

import psycopg
import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError

MODELS = """
    import enum
    from datetime import datetime
    from decimal import Decimal
    from typing import Any
    from uuid import UUID

    from sqlalchemy import MetaData, Numeric
    from cruse import Cruse
    from cruse_db import *
    from cruse_db.models import NAMING_CONVENTION

    class Base(Model):
        __abstract__ = True
        metadata = MetaData(naming_convention=NAMING_CONVENTION)

    class Colour(enum.Enum):
        RED = 1
        BLUE = 2

    class Shelf(UUIDKey, Base):
        place: Mapped[str]
        colour: Mapped[Colour] = column(default=Colour.RED)
        extra: Mapped[dict[str, Any] | None]

    class Item(IntegerKey, Timestamps, Base):
        name: Mapped[str]
        price: Mapped[Decimal | None] = column(Numeric(10, 2))
        shelf_id: Mapped[UUID] = column(ForeignKey("shelf.id", ondelete="CASCADE"))

    db = Database(metadata=Base.metadata)

    def create_app(**config):
        app = Cruse(__name__)
        app.config.update(config)
        app.use(db)
        return app
"""


class Project:
    def __init__(self, folder, name, url):
        self.folder, self.name, self.url = folder / name, name, url
        self.folder.mkdir()
        self.write(MODELS)

    def write(self, source):
        (self.folder / "__init__.py").write_text(textwrap.dedent(source))

    def app(self, **config):
        for name in [name for name in sys.modules if name.partition(".")[0] == self.name]:
            del sys.modules[name]
        importlib.invalidate_caches()
        self.module = importlib.import_module(self.name)
        return self.module.create_app(**{"DB_URL": self.url, **config})

    def db(self, *arguments, **config):
        app = self.app(**config)
        result = app.test_cli_runner().invoke(args=["db", *arguments])
        app.stop()
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.output

    def do(self, *arguments, **config):
        code, output = self.db(*arguments, **config)
        assert code == 0, output
        return output

    def change(self, body):
        self.do("revision", "-m", "change")
        files = (self.folder / "migrations/versions").glob("*.py")
        path = max(files, key=lambda path: path.stat().st_mtime_ns)
        head, _, _ = path.read_text().partition("def upgrade()")
        body = textwrap.indent(textwrap.dedent(body), "    ")
        path.write_text(f"{head}def upgrade() -> None:\n{body}\n\n\ndef downgrade(): pass\n")


pytestmark = pytest.mark.filterwarnings("ignore:This declarative base already contains")


@pytest.fixture
def project(tmp_path, postgres_url, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield Project(tmp_path, "pgshop", postgres_url)
    for name in [name for name in sys.modules if name.partition(".")[0] == "pgshop"]:
        del sys.modules[name]


@pytest.fixture
def engine(postgres_url):
    engine = create_engine(postgres_url)
    yield engine
    engine.dispose()


def test_processes_that_upgrade_at_once_all_succeed(project, engine):
    project.do("migrate", "-m", "first")
    project.change("op.create_table('once', sa.Column('id', sa.Integer))")
    command = [
        sys.executable,
        "-c",
        f"from pgshop import *; app = create_app(DB_URL={project.url!r})\n"
        "app.test_cli_runner().invoke(args=['db', 'upgrade'], catch_exceptions=False)",
    ]
    running = [
        subprocess.Popen(command, cwd=project.folder.parent, stderr=subprocess.PIPE)
        for _ in range(8)
    ]
    errors = [(process.communicate()[1], process.returncode) for process in running]
    assert errors == [(b"", 0)] * 8
    assert {"once", "item", "shelf"} <= set(inspect(engine).get_table_names())


def test_models_and_tables_agree_after_an_upgrade_and_a_new_member_of_an_enum(project):
    project.do("migrate", "-m", "first")
    project.do("upgrade")
    assert "agree" in project.do("check")
    project.write(MODELS.replace("BLUE = 2", "BLUE = 2\n        GREEN = 3"))
    assert "agree" in project.do("check")  # no migration is needed
    project.do("downgrade", "--yes")
    project.do("upgrade")
    app = project.app()
    shop = project.module
    with app.app_context(), shop.db.transaction():
        shop.db.session.add(shop.Shelf(place="left", colour=shop.Colour.GREEN))
    app.stop()


NATIVE = MODELS.replace("import MetaData, Numeric", "import Enum, MetaData, Numeric").replace(
    "column(default=Colour.RED)", "column(Enum(Colour, name='colour'))"
)


def members(engine):
    with engine.connect() as connection:
        statement = text("SELECT enumlabel FROM pg_enum ORDER BY enumsortorder")
        return connection.scalars(statement).all()


def test_a_table_with_an_enum_of_the_server_can_be_made_again(project, engine):
    project.write(NATIVE)
    project.do("migrate", "-m", "first")
    for _ in range(2):
        project.do("upgrade")
        assert "agree" in project.do("check")
        assert members(engine) == ["RED", "BLUE"]
        project.do("downgrade", "base", "--yes")
        assert "shelf" not in inspect(engine).get_table_names()


def test_new_members_of_an_enum_of_the_server_are_found_and_can_be_taken_back(project, engine):
    project.write(NATIVE)
    project.do("migrate", "-m", "first")
    project.do("upgrade")
    project.write(NATIVE.replace("RED = 1", "BLACK = 0\n        RED = 1\n        PINK = 3"))
    code, output = project.db("check")
    assert code == 1
    assert "add BLACK to enum colour; add PINK to enum colour" in output
    project.do("migrate", "-m", "more colours")
    for _ in range(2):
        project.do("upgrade")
        assert members(engine) == ["BLACK", "RED", "PINK", "BLUE"]
        assert "agree" in project.do("check")
        project.do("downgrade", "--yes")  # PostgreSQL has no step that removes one


def test_a_column_of_a_new_enum_of_the_server_can_be_added(project, engine):
    project.do("migrate", "-m", "first")
    project.do("upgrade")
    project.write(
        MODELS.replace("import MetaData, Numeric", "import Enum, MetaData, Numeric").replace(
            "    place: Mapped[str]",
            "    place: Mapped[str]\n"
            "        mood: Mapped[str | None] = column(Enum('good', 'bad', name='mood'))",
        )
    )
    project.do("migrate", "-m", "moods")
    for _ in range(2):
        project.do("upgrade")
        assert members(engine) == ["good", "bad"]
        assert "agree" in project.do("check")
        project.do("downgrade", "--yes")


def test_tables_may_share_a_new_enum_of_the_server(project, engine):
    again = "        colour: Mapped[Colour | None] = column(Enum(Colour, name='colour'))\n"
    project.write(NATIVE.replace("    name: Mapped[str]\n", f"    name: Mapped[str]\n{again}"))
    project.do("migrate", "-m", "first")
    for _ in range(2):
        project.do("upgrade")
        assert "agree" in project.do("check")
        project.do("downgrade", "--yes")
        assert members(engine) == []


def test_an_enum_in_a_schema_goes_with_its_table(project, engine):
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA stock"))
    kind = "column(Enum('new', 'used', name='kind', schema='stock'))"
    project.write(
        MODELS.replace("import MetaData, Numeric", "import Enum, MetaData, Numeric").replace(
            "    name: Mapped[str]\n",
            f"    name: Mapped[str]\n        kind: Mapped[str] = {kind}\n",
        )
    )
    project.do("migrate", "-m", "first")
    for _ in range(2):
        project.do("upgrade")
        project.do("downgrade", "base", "--yes")


def test_a_migration_that_fails_midway_leaves_nothing(project, engine):
    project.do("migrate", "-m", "first")
    project.do("upgrade")
    before = project.do("current")
    project.change("op.create_table('half', sa.Column('id', sa.Integer))\nop.execute('SELECT x')")
    code, output = project.db("upgrade")
    assert (code, 'failed: column "x" does not exist' in output) == (1, True)
    assert "half" not in inspect(engine).get_table_names()
    assert project.do("current") == before


def test_an_index_can_be_built_without_locking_anybody_out(project, engine):
    project.do("migrate", "-m", "first")
    project.do("upgrade")
    project.change("""
        with op.get_context().autocommit_block():
            op.create_index("ix_name", "item", ["name"], postgresql_concurrently=True)
        op.create_table("after", sa.Column("id", sa.Integer))
    """)
    project.do("upgrade")
    assert "ix_name" in [index["name"] for index in inspect(engine).get_indexes("item")]
    assert "after" in inspect(engine).get_table_names()


def test_a_step_does_not_wait_for_a_busy_table_for_ever(project, postgres_url):
    project.do("migrate", "-m", "first")
    project.do("upgrade")
    project.change("op.add_column('item', sa.Column('more', sa.Integer))")
    with psycopg.connect(postgres_url.replace("+psycopg", "")) as busy:
        busy.execute("LOCK TABLE item IN ACCESS SHARE MODE")
        code, output = project.db("upgrade", "--lock-timeout", "0.1")
    assert (code, "due to lock timeout. Others use the table" in output) == (1, True)
    project.do("upgrade", "--lock-timeout", "0.1")


def test_from_sqlite_to_postgres(project, tmp_path, engine):
    lite = {"DB_URL": f"sqlite:///{tmp_path}/app.db"}
    project.do("create", **lite)
    app = project.app(**lite)
    shop = project.module
    moment = datetime(2026, 11, 28, 12, 30, 0, 250, tzinfo=UTC)
    with app.app_context(), shop.db.begin() as session:
        shelf = shop.Shelf(place="left", colour=shop.Colour.BLUE, extra={"a": [1, None]})
        session.add(shelf)
        session.flush()
        session.add_all(
            shop.Item(id=n, name=str(n), shelf_id=shelf.id, created_at=moment, price="0.10")
            for n in (3, 7)
        )
        key = shelf.id
    app.stop()
    dump = tmp_path / "dump.jsonl"
    assert "2 of item" in project.do("dump", str(dump), **lite)
    project.do("create")
    assert "2 of item" in project.do("load", str(dump))
    code, output = project.db("load", str(dump))
    assert (code, "not empty" in output) == (1, True)
    app = project.app()
    shop = project.module
    with app.app_context():
        shelf = shop.db.get(shop.Shelf, key)
        assert (shelf.colour, shelf.extra) == (shop.Colour.BLUE, {"a": [1, None]})
        item = shop.db.get(shop.Item, 7)
        assert (item.created_at, item.price) == (moment, Decimal("0.10"))
        new = shop.Item(name="new", shelf_id=key)
        with shop.db.transaction():
            shop.db.session.add(new)
        assert new.id == 8
    app.stop()


def test_tenants_are_schemas_with_migrations_of_their_own(project, engine):
    project.do("migrate", "-m", "first")
    for tenant in ("acme", "beta"):
        project.do("upgrade", "--tenant", tenant)
        assert {"item", "shelf", "alembic_version"} <= set(
            inspect(engine).get_table_names(schema=tenant)
        )
        assert project.do("plan", "--tenant", tenant) == "Nothing to do.\n"
    assert inspect(engine).get_table_names() == []
    app = project.app()
    shop = project.module

    @app.post("/<tenant>/<place>")
    def add(tenant, place):
        with shop.db.tenant(tenant), shop.db.transaction() as session:
            session.add(shop.Shelf(place=place))
            session.flush()
            return session.scalars(text("SELECT 1")).all()

    @app.get("/<tenant>")
    async def places(tenant):
        with shop.db.tenant(tenant):
            found = await shop.db.aio.session.scalars(shop.select(shop.Shelf.place))
            return sorted(found)

    client = app.test_client()
    for number in range(3):
        for tenant in ("acme", "beta"):
            assert client.post(f"/{tenant}/{tenant}{number}").status_code == 200
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(
            lambda tenant: (tenant, app.test_client().get(f"/{tenant}").json), ["acme", "beta"] * 8
        )
    assert [(tenant, found) for tenant, found in answers] == [
        (tenant, [f"{tenant}{number}" for number in range(3)]) for tenant in ["acme", "beta"] * 8
    ]
    app.stop()


def test_the_sandbox_leaves_nothing(project):
    from cruse_db.testing import sandbox

    project.do("create")
    app = project.app()
    shop = project.module
    state = shop.db.state_of(app)
    for _ in range(20):
        with sandbox(state), app.app_context():
            with shop.db.transaction(isolation="SERIALIZABLE"):
                shop.db.session.add(shop.Shelf(place="left"))
            assert len(shop.db.session.scalars(text("SELECT place FROM shelf")).all()) == 1
    with app.app_context():
        assert shop.db.session.scalars(text("SELECT place FROM shelf")).all() == []
    app.stop()


# -- at three in the morning -----------------------------------------------------------------


def test_a_database_that_is_not_there_is_told_in_a_line(project, postgres_url):
    url = postgres_url.replace("cruse@/test_", "cruse:s3cr3t@/gone_")
    for command in ("upgrade", "create", "health"):
        code, output = project.db(command, DB_URL=url)
        assert (code, "does not exist. Create it first, with 'createdb'." in output) == (1, True)
        assert "s3cr3t" not in output


def test_a_wrong_password_is_told_in_a_line(project, postgres_url, postgres_server):
    rules = postgres_server / "cluster/pg_hba.conf"
    rules.write_text(f"local all guarded scram-sha-256\n{rules.read_text()}")
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("CREATE ROLE guarded LOGIN PASSWORD 'right'")
        connection.execute("SELECT pg_reload_conf()")
    url = postgres_url.replace("cruse@", "guarded:s3cr3t@")
    for command in ("upgrade", "create", "health"):
        code, output = project.db(command, DB_URL=url)
        assert (code, output.count("\n")) == (1, 1)
        assert 'password authentication failed for user "guarded". Is the password' in output
        assert "s3cr3t" not in output


def test_a_server_that_is_away_is_told_in_a_line(project, tmp_path):
    code, output = project.db("current", DB_URL=f"postgresql://ada:s3cr3t@/shop?host={tmp_path}")
    assert (code, output.count("\n"), "Does the server run?" in output) == (1, 1, True)
    assert "s3cr3t" not in output


def test_a_revision_without_a_file_can_be_forgotten(project):
    project.do("migrate", "-m", "first")
    project.do("upgrade")
    first = project.do("current").strip()
    project.change("pass")
    project.do("upgrade")
    files = (project.folder / "migrations/versions").glob("*.py")
    max(files, key=lambda path: path.stat().st_mtime_ns).unlink()
    (project.folder / "migrations/HEAD").write_text(first)
    code, output = project.db("upgrade")
    assert (code, f"'cruse db stamp --purge {first}'" in output) == (1, True)
    project.do("stamp", "--purge", first, "--yes")
    assert "agree" in project.do("check")


@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
def test_what_async_code_did_not_load_is_named(project, postgres_url, driver):
    app = project.app(DB_URL=postgres_url.replace("psycopg", driver))
    shop = project.module
    app.test_cli_runner().invoke(args=["db", "create"])

    async def main():
        with app.app_context():
            async with shop.db.aio.begin() as session:
                session.add(shop.Shelf(place="left"))
            session = shop.db.aio.session
            shelf = (await session.scalars(shop.select(shop.Shelf))).one()
            session.expire(shelf, ["place"])
            with pytest.raises(SQLAlchemyError) as caught:
                _ = shelf.place
            return caught.value.__notes__[0]

    assert "'place' of Shelf were not loaded, or expired" in asyncio.run(main())
    app.stop()
