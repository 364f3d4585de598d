"""Photos that appear on open pages (server-sent events)."""

import re
import threading

import pytest


@pytest.fixture
def settings():
    return {}


@pytest.fixture
def app(make_app, settings):
    return make_app(**{"LIVE_POLL": 0.01, "LIVE_LIFETIME": 60.0, **settings})


ENDS_AT_ONCE = pytest.mark.parametrize("settings", [{"LIVE_LIFETIME": 0.0}])


def ids(text):
    return [int(number) for number in re.findall(r"^id: (\d+)$", text, re.M)]


def next_photo(chunks):
    """Read on until a photo comes."""
    for chunk in chunks:
        if b"event: photo" in chunk:
            return chunk.decode()
    raise AssertionError("The stream ended.")


def test_an_open_page_gets_a_photo_when_it_is_posted(ada, visitor):
    ada.hang("Before")
    page = visitor.get("/")
    assert 'data-live="1" data-url="/live"' in page.text
    stream = visitor.get("/live?after=1", buffered=False)
    assert stream.content_type == "text/event-stream; charset=utf-8"
    assert stream.headers["Cache-Control"] == "no-store"
    chunks = stream.iter_encoded()
    assert next(chunks).startswith(b"retry: ")
    posting = threading.Thread(target=ada.hang, args=("A new one\nwith a break",))
    posting.start()
    event = next_photo(chunks)
    posting.join()
    stream.close()
    assert ids(event) == [2]
    assert 'data: <li class="card" id="photo-2">' in event
    assert "A new one with a break" in event
    assert all(re.match("event: |id: |data: |$", line) for line in event.splitlines())


@ENDS_AT_ONCE
def test_what_was_posted_between_page_and_connection_is_not_lost(ada, visitor):
    for caption in ("One", "Two", "Three"):
        ada.hang(caption)
    assert ids(visitor.get("/live?after=1").text) == [2, 3]


@ENDS_AT_ONCE
def test_a_browser_that_comes_back_goes_on_where_it_was(ada, visitor):
    for caption in ("One", "Two", "Three"):
        ada.hang(caption)
    again = visitor.get("/live?after=0", headers={"Last-Event-ID": "2"})
    assert ids(again.text) == [3]
    assert ids(visitor.get("/live?after=3").text) == []


@pytest.mark.parametrize("settings", [{"LIVE_LIFETIME": 0.05}])
def test_a_stream_ends_after_a_while_and_browsers_come_back(visitor):
    assert visitor.get("/live?after=0").text.startswith("retry: 2000\n\n")


@pytest.mark.parametrize("settings", [{"LIVE_THREADS": 1}])
def test_open_pages_do_not_use_up_the_threads_of_a_wsgi_server(ada, visitor, gateway):
    ada.hang("One")
    stays = visitor.get("/live?after=0", buffered=False)
    next_photo(stays.iter_encoded())
    if gateway == "wsgi":
        assert ids(visitor.get("/live?after=0").text) == [1]  # ends by itself
    stays.close()
    stays = visitor.get("/live?after=0", buffered=False)  # the place is free again
    chunks = stays.iter_encoded()
    next_photo(chunks)
    posting = threading.Thread(target=ada.hang, args=("Two",))
    posting.start()
    assert ids(next_photo(chunks)) == [2]
    posting.join()
    stays.close()


@pytest.mark.parametrize("settings", [{"LIVE_HEARTBEAT": 0.02}])
def test_a_heartbeat_comes_while_nothing_happens(visitor):
    stream = visitor.get("/live?after=0", buffered=False)
    chunks = stream.iter_encoded()
    assert [next(chunks) for _ in range(2)][1] == b":\n\n"
    stream.close()


@pytest.mark.parametrize("gateway", ["wsgi"])  # an ASGI server closes its connections first
def test_connections_end_by_themselves_when_the_application_stops(app, visitor):
    stream = visitor.get("/live?after=0", buffered=False)
    chunks = stream.iter_encoded()
    assert next(chunks)
    stopping = threading.Timer(0.1, app.stop)
    stopping.start()
    assert list(chunks) == []
    stopping.join()
    stream.close()


def test_only_the_newest_page_is_live(app, ada, visitor):
    app.config["PER_PAGE"] = 1
    ada.hang("One")
    ada.hang("Two")
    assert "live.js" in visitor.get("/").text
    assert "live.js" not in visitor.get("/?page=2").text
