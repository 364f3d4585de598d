"""The one coroutine on its two sides: what must not suspend, and what must not be left alone."""

import asyncio
import threading

import pytest

from cruse_uploads import IMAGES, MemoryStorage, Uploads
from cruse_uploads.receiving import Deposit, Watch
from cruse_uploads.sides import Blocking, drive, in_thread


def test_a_coroutine_that_suspends_has_no_place_off_the_loop():
    class Suspending:
        def __await__(self):
            yield

    async def suspend():
        await Suspending()

    with pytest.raises(RuntimeError, match="suspended"):
        drive(suspend())


def test_a_file_that_was_not_filled_can_not_be_published():
    photos = Uploads(storage=lambda app: MemoryStorage()).set("photos", allow=IMAGES)
    with pytest.raises(RuntimeError, match="filled"):
        drive(Deposit(Blocking(), photos, "a.png", Watch()).commit())


def test_a_thread_gives_back_what_its_function_does():
    def fail():
        raise ArithmeticError("inside")

    async def use():
        assert await in_thread(max, 1, 2) == 2
        with pytest.raises(ArithmeticError):
            await in_thread(fail)

    asyncio.run(use())


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("fails", [True, False])
def test_a_cancelled_wait_lets_the_thread_end_first(fails, times):
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def work():
        begun.set()
        go_on.wait(20)
        ended.set()
        if fails:
            raise ArithmeticError("nobody asks for it any more")

    async def use():
        complaints = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: complaints.append(context))
        waiting = asyncio.create_task(in_thread(work))
        await asyncio.to_thread(begun.wait, 20)
        for _ in range(times):
            waiting.cancel()
            await asyncio.sleep(0)
            assert not waiting.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert ended.is_set()
        assert complaints == []

    asyncio.run(use())
