"""Transactions: all or nothing, and decided before the client gets its answer."""

import asyncio

import pytest
from sqlalchemy import MetaData, event, text
from sqlalchemy.exc import IntegrityError

from cruse import Cruse, abort
from cruse_db import Database, ForeignKey, Mapped, Model, column, func, select


class Base(Model):
    __abstract__ = True
    metadata = MetaData()


class Account(Base):
    id: Mapped[int] = column(primary_key=True)
    owner: Mapped[str] = column(unique=True)
    # Checked at the commit only, so that a test can make a commit fail.
    sponsor_id: Mapped[int | None] = column(
        ForeignKey("account.id", deferrable=True, initially="DEFERRED")
    )


db = Database(metadata=Base.metadata)
NOBODY = 999


@pytest.fixture
def app(tmp_path):
    app = Cruse(__name__, instance_path=str(tmp_path))
    app.config.update(PROPAGATE_EXCEPTIONS=False)
    app.use(db)
    add_views(app)
    with app.app_context():
        db.create_all()
    yield app
    app.stop()


@pytest.fixture(params=["/decorated/sync", "/decorated/async", "/block/sync", "/block/async"])
def url(request):
    return request.param


def add_views(app):
    def add(session, owner):
        session.add(Account(owner=owner, sponsor_id=NOBODY if owner == "sponsored" else None))
        return {"owner": owner}, 201

    def fail_if_asked(owner):
        if owner == "refused":
            abort(403)
        if owner == "broken":
            raise ArithmeticError(owner)

    @app.post("/decorated/sync/<owner>")
    @db.transaction
    def decorated(owner):
        answer = add(db.session, owner)
        db.session.flush()
        fail_if_asked(owner)
        return answer

    @app.post("/decorated/async/<owner>")
    @db.transaction
    async def decorated_async(owner):
        answer = add(db.aio.session, owner)
        await db.aio.session.flush()
        fail_if_asked(owner)
        return answer

    @app.post("/block/sync/<owner>")
    def block(owner):
        with db.transaction() as session:
            answer = add(session, owner)
            session.flush()
            fail_if_asked(owner)
        return answer

    @app.post("/block/async/<owner>")
    async def block_async(owner):
        async with db.transaction() as session:
            answer = add(session, owner)
            await session.flush()
            fail_if_asked(owner)
        return answer


def owners(app):
    with app.app_context():
        return db.session.scalars(select(Account.owner).order_by(Account.owner)).all()


def test_what_is_done_in_a_transaction_is_committed(app, client, url):
    assert client.post(f"{url}/ada").status_code == 201
    assert owners(app) == ["ada"]


@pytest.mark.parametrize(("owner", "status"), [("refused", 403), ("broken", 500)])
def test_an_error_undoes_all_of_it(app, client, url, owner, status):
    assert client.post(f"{url}/{owner}").status_code == status
    assert owners(app) == []


def test_what_a_view_returns_decides_nothing_and_what_it_raises_does(app, client):
    @app.post("/counted/<how>")
    @db.transaction
    def count(how):
        db.session.add(Account(owner=how))
        if how == "raised":
            abort(409)
        return "", 409

    @app.post("/forgotten")
    def forget():
        db.session.add(Account(owner="forgotten"))
        db.session.flush()
        return "", 409

    for path in ("/counted/returned", "/counted/raised", "/forgotten"):
        assert client.post(path).status_code == 409
    assert owners(app) == ["returned"]


def test_a_commit_that_fails_is_a_500_and_never_a_success(app, client, url):
    assert client.post(f"{url}/sponsored").status_code == 500
    assert owners(app) == []
    assert client.post(f"{url}/ada").status_code == 201


def test_after_a_failed_commit_the_session_can_be_used_again(app):
    with app.app_context():
        with pytest.raises(IntegrityError), db.transaction():
            db.session.add(Account(owner="sponsored", sponsor_id=NOBODY))
        with db.transaction():
            db.session.add(Account(owner="ada"))
    assert owners(app) == ["ada"]


def test_a_transaction_inside_of_another_is_undone_alone(app):
    with app.app_context(), db.transaction():
        db.session.add(Account(owner="outer"))
        with pytest.raises(ArithmeticError), db.transaction():
            db.session.add(Account(owner="inner"))
            db.session.flush()
            raise ArithmeticError
        with db.transaction():
            db.session.add(Account(owner="second"))
    assert owners(app) == ["outer", "second"]


def test_a_row_that_is_refused_costs_only_its_own_savepoint(app):
    with app.app_context(), db.transaction():
        for owner in ("ada", "bob", "ada", "cleo"):
            try:
                with db.transaction():
                    db.session.add(Account(owner=owner))
            except IntegrityError:
                assert owner == "ada"
    assert owners(app) == ["ada", "bob", "cleo"]


def test_the_same_with_async(app):
    async def main():
        with app.app_context():
            async with db.transaction() as session:
                for owner in ("ada", "bob", "ada", "cleo"):
                    try:
                        async with db.transaction():
                            session.add(Account(owner=owner))
                    except IntegrityError:
                        assert owner == "ada"

    asyncio.run(main())
    assert owners(app) == ["ada", "bob", "cleo"]


def test_an_error_outside_undoes_what_was_inside_as_well(app):
    with app.app_context():
        with pytest.raises(ArithmeticError), db.transaction():
            with db.transaction():
                db.session.add(Account(owner="inner"))
            raise ArithmeticError
        assert not db.session.in_transaction()
    assert owners(app) == []


def test_one_object_may_be_entered_again_inside_of_itself(app):
    with app.app_context():
        again = db.transaction()
        with again:
            db.session.add(Account(owner="outer"))
            with again:
                db.session.add(Account(owner="inner"))
    assert owners(app) == ["inner", "outer"]


def test_functions_that_are_decorated_can_call_each_other(app):
    @db.transaction
    def open_account(owner):
        db.session.add(Account(owner=owner))

    @db.transaction()
    def open_accounts(*names):
        """Open several."""
        for name in names:
            open_account(name)

    with app.app_context():
        open_accounts("ada", "bob")
        with pytest.raises(IntegrityError):
            open_accounts("cleo", "ada")
    assert owners(app) == ["ada", "bob"]
    assert open_accounts.__name__ == "open_accounts"
    assert open_accounts.__doc__ == "Open several."


def test_a_generator_is_refused_because_its_body_runs_later():
    def rows():
        yield 1

    async def rows_async():
        yield 1

    for function in (rows, rows_async):
        with pytest.raises(TypeError, match="is a generator"):
            db.transaction(function)


def test_objects_read_before_show_what_others_have_written_since(app):
    with app.app_context():
        db.session.add(Account(owner="ada"))
        db.session.commit()
        account = db.session.scalars(select(Account)).one()
        with db.begin() as other:
            other.scalars(select(Account)).one().owner = "renamed"
        assert account.owner == "ada"
        with db.transaction():
            assert account.owner == "renamed"


def test_objects_read_before_can_be_used_without_await_in_an_async_transaction(app):
    async def main():
        with app.app_context():
            async with db.aio.begin() as other:
                other.add_all([Account(id=1, owner="ada"), Account(id=2, owner="bob")])
            ada = await db.aio.get(Account, 1)
            bob = await db.aio.get(Account, 2)
            async with db.aio.begin() as other:
                (await other.get(Account, 1)).owner = "renamed"
                await other.delete(await other.get(Account, 2))
            async with db.transaction():
                found = [ada.owner, await db.aio.get(Account, 2)]
            del bob
            return found

    assert asyncio.run(main()) == ["renamed", None]


def test_changes_made_before_are_part_of_it(app):
    with app.app_context():
        db.session.add(Account(owner="before"))
        with db.transaction():
            db.session.add(Account(owner="inside"))
    assert owners(app) == ["before", "inside"]


def test_a_session_of_its_own_commits_apart_from_that_of_the_context(app):
    with app.app_context():
        with db.begin() as session:
            session.add(Account(owner="kept"))
        db.session.add(Account(owner="undone"))
        db.session.rollback()
        with pytest.raises(ArithmeticError), db.begin() as session:
            session.add(Account(owner="undone as well"))
            session.flush()
            raise ArithmeticError
        assert db.engine.pool.checkedout() == 0
    assert owners(app) == ["kept"]


def test_a_session_of_its_own_that_only_reads_does_not_wait_for_a_writer(app):
    async def read():
        with app.app_context():
            async with db.aio.new_session() as session:
                return (await session.scalars(select(Account.owner))).all()

    with app.app_context(), db.begin() as writing:
        writing.add(Account(owner="not committed"))
        writing.flush()
        with db.new_session() as session:
            assert session is not db.session
            assert session.scalars(select(Account.owner)).all() == []
        assert asyncio.run(read()) == []


def test_what_a_session_of_its_own_did_not_commit_is_undone(app):
    with app.app_context():
        with db.new_session() as session:
            session.add(Account(owner="undone"))
            session.flush()
        with db.new_session() as session:
            session.add(Account(owner="kept"))
            session.commit()
    assert owners(app) == ["kept"]


def test_the_same_with_async_and_a_task_that_is_cancelled(app):
    async def write(owner, then):
        with app.app_context():
            async with db.aio.begin() as session:
                session.add(Account(owner=owner))
                await session.flush()
                then.set()
                if owner == "cancelled":
                    await asyncio.Event().wait()

    async def main():
        flushed = asyncio.Event()
        task = asyncio.create_task(write("cancelled", flushed))
        await flushed.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await write("kept", asyncio.Event())
        (engine,) = db.state_of(app).engines.loop_engines
        assert engine.pool.checkedout() == 0

    asyncio.run(main())
    assert owners(app) == ["kept"]


def test_a_lock_that_cannot_be_had_leaves_no_transaction_open(app, tmp_path):
    with app.app_context():
        event.listen(db.engine, "begin", lambda connection: 1 / 0)
        with pytest.raises(ZeroDivisionError), db.transaction():
            pass
        assert db.engine.pool.checkedout() == 0
        assert not db.session.in_transaction()


def test_a_count_in_plain_sql_sees_what_the_session_has_not_sent_yet(app):
    with app.app_context(), db.transaction():
        db.session.add(Account(owner="ada"))
        assert db.session.scalar(text("SELECT count(*) FROM account")) == 1
        assert db.session.scalar(select(func.count()).select_from(Account)) == 1
