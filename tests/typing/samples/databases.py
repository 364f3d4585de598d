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
    StoredFile,
    Timestamps,
    column,
    select,
)
from cruse_uploads import Stored, Uploads

app = Cruse(__name__)
db = Database(app)
pictures = Uploads(app).set("pictures")


class User(IntegerKey, Timestamps, Model):
    email: Mapped[str] = column(unique=True)
    picture: Mapped[Stored | None] = column(StoredFile(pictures, owned=True))


@app.get("/users/<int:id>")
def show(id: int) -> str:
    user = db.get_or_404(User, id)
    assert_type(user, User)
    assert_type(user.email, str)
    assert_type(db.get(User, id), User | None)
    assert_type(user.picture, Stored | None)
    with db.new_session() as session:
        pictured = select(User).where(StoredFile.key_of(User.picture) == "a.png")
        assert_type(session.scalars(pictured).first(), User | None)
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
    async with db.aio.new_session() as session:
        assert_type(await session.get(User, id), User | None)
    return user.email


def misread() -> str:
    return db.get_or_404(User, 1).nickname  # wrong: attr-defined, reportAttributeAccessIssue
