"""Bodies that are read with a time limit: what arrives behind it is no less a part of them."""

import asyncio
import threading

import pytest

from cruse import Cruse, request
from cruse.testing.asgi import scope_from_environ
from tests.faces import FACES, through_rsgi

HEAD = b'--edge\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
TAIL = b"\r\n--edge--\r\n"


class Late:
    """A body whose second piece arrives when who waited for it has given up."""

    def __init__(self, *pieces):
        self.size = sum(map(len, pieces))
        self.pieces = [*pieces, b""]
        self.given = 0
        self.asked, self.arrived = threading.Event(), threading.Event()

    def read(self, size=None):
        self.given += 1
        if self.given == 2:
            self.asked.set()
            assert self.arrived.wait(30)
        return self.pieces.pop(0)

    def message(self):
        body = self.read()
        return {"type": "http.request", "body": body, "more_body": bool(self.pieces)}

    async def receive(self):
        """Give no message away before it is there, as ASGI servers do."""
        if self.given == 1 and not self.arrived.is_set():
            self.asked.set()
            await asyncio.to_thread(self.arrived.wait, 30)
        return self.message()

    async def receive_or_lose(self):
        """Lose what arrives while nobody waits, as granian does."""
        return await asyncio.to_thread(self.message)

    async def give_up(self, waiting):
        """Cancel a wait for the second piece, which arrives then."""
        task = asyncio.create_task(waiting)
        await asyncio.to_thread(self.asked.wait, 30)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        self.arrived.set()


def post(app, face, late):
    """Send a body as a server of this face does; return the body of the answer."""
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_TYPE": "multipart/form-data; boundary=edge",
        "CONTENT_LENGTH": str(late.size),
        "wsgi.url_scheme": "http",
        "wsgi.input": late,
    }
    if face == "wsgi":
        return b"".join(app(environ, lambda status, headers: None))
    if face == "rsgi":
        through_rsgi(app)
    receive = late.receive if face == "asgi" else late.receive_or_lose
    sent = []

    async def send(message):
        sent.append(message.get("body", b""))

    async def serve():
        await app.asgi_app(scope_from_environ(environ), receive, send)
        await app.stop_on_loop()

    asyncio.run(serve())
    return b"".join(sent)


@pytest.fixture(params=FACES)
def answer_of(request):
    def answer_of(view, late):
        app = Cruse(__name__, static_folder=None)
        app.testing = True
        app.post("/", stream=True)(view)
        return post(app, request.param, late)

    return answer_of


def test_a_piece_that_arrives_behind_a_time_limit_is_read_next(answer_of):
    late = Late(b"one ", b"two ", b"three")

    async def view():
        chunks = aiter(request.stream)
        first = await anext(chunks)
        await late.give_up(anext(chunks))
        return b"".join([first, *[chunk async for chunk in chunks]])

    assert answer_of(view, late) == b"one two three"


def test_it_is_a_part_of_the_body_that_is_loaded_then(answer_of):
    late = Late(b"one ", b"two ", b"three")

    async def view():
        first = await request.stream.aread()
        await late.give_up(request.stream.aread())
        await request.load_body()
        return first + request.stream.read()

    assert answer_of(view, late) == b"one two three"


@pytest.mark.parametrize("how", ["chunk by chunk", "loaded"])
def test_it_may_be_the_last_one(answer_of, how):
    late = Late(b"one ", b"two")

    async def view():
        first = await request.stream.aread()
        await late.give_up(request.stream.aread())
        if how == "loaded":
            await request.load_body()
            return first + request.stream.read()
        return b"".join([first, *[chunk async for chunk in request.stream]])

    assert answer_of(view, late) == b"one two"


def test_tasks_that_wait_behind_it_get_a_piece_each(answer_of):
    late = Late(b"one ", b"two ", b"three")

    async def view():
        read = request.stream.aread
        first = await read()
        await late.give_up(read())
        return b"".join([first, *sorted(await asyncio.gather(read(), read()), reverse=True)])

    assert answer_of(view, late) == b"one two three"


def test_a_field_of_a_form_that_arrives_late_is_whole(answer_of):
    late = Late(HEAD + b"one ", b"two ", b"three" + TAIL)

    async def view():
        part = await anext(request.parts())
        await late.give_up(part.aread())
        return await part.atext()

    assert answer_of(view, late) == b"one two three"


def test_the_chunks_of_a_part_go_on(answer_of):
    late = Late(HEAD + b"one ", b"two ", b"three" + TAIL)

    async def view():
        parts = aiter(request.parts())
        chunks = aiter(await anext(parts))
        first = await anext(chunks)
        await late.give_up(anext(chunks))
        rest = [chunk async for chunk in chunks]
        assert [part async for part in parts] == []
        return b"".join([first, *rest])

    assert answer_of(view, late) == b"one two three"


def test_the_parts_of_a_form_go_on(answer_of):
    late = Late(HEAD[:20], HEAD[20:] + b"late", TAIL)

    async def view():
        parts = aiter(request.parts())
        await late.give_up(anext(parts))
        return [(part.name, await part.atext()) async for part in parts]

    assert answer_of(view, late) == b'[["a","late"]]\n'


def test_a_view_may_leave_a_piece_that_it_no_longer_wants(answer_of):
    late = Late(b"one ", b"two ", b"three")

    async def view():
        await request.stream.aread()
        await late.give_up(request.stream.aread())
        return "enough"

    assert answer_of(view, late) == b"enough"
