"""What checkers know of models and queries."""

from typing import assert_type

from cruse import Cruse
from cruse_db import (
    Database,
    IntegerKey,
    KeysetPage,
    Mapped,
    Model,
    Page,
    Timestamps,
    column,
    select,
)

app = Cruse(__name__)
db = Database(app)


class User(IntegerKey, Timestamps, Model):
    email: Mapped[str] = column(unique=True)


@app.get("/users/<int:id>")
def show(id: int) -> str:
    user = db.get_or_404(User, id)
    assert_type(user, User)
    assert_type(user.email, str)
    assert_type(db.get(User, id), User | None)
    assert_type(db.one_or_404(select(User)), User)
    assert_type(db.first_or_404(select(User.email)), str)
    return user.email


@app.get("/users")
def users() -> Page[str]:
    page = db.paginate(select(User).order_by(User.id))
    assert_type(page.items, list[User])
    behind = db.paginate_by_key(select(User), User.id.desc())
    assert_type(behind, KeysetPage[User])
    return page.map(lambda user: user.email)


@app.post("/users")
@db.transaction(retry=3)
def create() -> tuple[str, int]:
    with db.transaction() as session:
        session.add(User(email="ada@example.org"))
    return "", 201


@app.get("/a/users/<int:id>")
async def show_async(id: int) -> str:
    user = await db.aio.get_or_404(User, id)
    assert_type(user, User)
    assert_type((await db.aio.paginate(select(User))).items, list[User])
    async with db.aio.begin() as session:
        await session.refresh(user)
    return user.email


def misread() -> str:
    return db.get_or_404(User, 1).nickname  # wrong: attr-defined, reportAttributeAccessIssue
