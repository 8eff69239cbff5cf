"""Requests that wait: none lost, none twice, none over the limits."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.service.batcher import Batcher, QueueFullError

# What happens: a job comes, a waiting job's caller goes, a batch is taken, everything else has a turn.
events = st.lists(st.sampled_from(["submit", "submit", "submit", "cancel", "take", "pause"]), max_size=60)


@settings(max_examples=150)
@given(events, st.integers(1, 5), st.integers(1, 8))
def test_every_job_is_taken_once_in_order_unless_its_caller_goes(
    happening: list[str], max_jobs: int, max_queue: int
) -> None:
    async def run() -> None:
        batcher: Batcher[int, int] = Batcher(max_jobs, 0.0, max_queue)
        waiting: dict[int, asyncio.Future[int]] = {}
        taken: list[int] = []
        expected: list[int] = []

        async def take() -> None:
            batch = await batcher.take()
            assert 1 <= len(batch) <= max_jobs
            taken.extend(item.job for item in batch)

        async def take_now() -> None:
            expected.extend(list(waiting)[:max_jobs])
            for job in list(waiting)[:max_jobs]:
                del waiting[job]
            await take()

        for number, event in enumerate(happening):
            if event == "submit" and len(waiting) < max_queue:
                waiting[number] = batcher.submit(number)
            elif event == "submit":
                with pytest.raises(QueueFullError):
                    batcher.submit(number)
            elif event == "cancel" and waiting:
                waiting.pop(sorted(waiting)[len(waiting) // 2]).cancel()
                await asyncio.sleep(0)
            elif event == "take" and waiting:
                await take_now()
            else:
                await asyncio.sleep(0)
            assert len(batcher) == len(waiting)
        while waiting:
            await take_now()
        assert taken == expected

    asyncio.run(run())


@given(st.integers(1, 4), st.integers(0, 30), st.data())
@settings(max_examples=50)
def test_whoever_takes_and_is_stopped_loses_nothing(takers: int, jobs: int, data: st.DataObject) -> None:
    async def run() -> None:
        batcher: Batcher[int, int] = Batcher(3, 0.001, 100)

        async def work() -> None:
            while True:
                for item in await batcher.take():
                    item.answer.set_result(item.job)

        tasks = [asyncio.create_task(work()) for _ in range(takers)]
        answers = []
        for number in range(jobs):
            answers.append(batcher.submit(number))
            if data.draw(st.booleans()):
                place = data.draw(st.integers(0, takers - 1))
                tasks[place].cancel()
                tasks[place] = asyncio.create_task(work())
            await asyncio.sleep(0)
        assert await asyncio.wait_for(asyncio.gather(*answers), 10) == list(range(jobs))
        for task in tasks:
            task.cancel()

    asyncio.run(run())


def test_the_first_waits_for_others_only_so_long() -> None:
    async def run() -> tuple[list[Any], float, list[Any], float]:
        batcher: Batcher[str, str] = Batcher(2, 0.2, 10)
        await take_two(batcher)
        start = time.monotonic()
        batcher.submit("a")
        alone = await batcher.take()
        waited = time.monotonic() - start
        await take_two(batcher)
        batcher.submit("b")
        asyncio.get_running_loop().call_later(0.01, batcher.submit, "c")
        start = time.monotonic()
        both = await batcher.take()
        return alone, waited, both, time.monotonic() - start

    alone, waited, both, full_after = asyncio.run(run())
    assert [[item.job for item in batch] for batch in (alone, both)] == [["a"], ["b", "c"]]
    assert waited >= 0.19
    assert full_after < 0.19


async def take_two(batcher: Batcher[str, str]) -> None:
    batcher.submit("one")
    batcher.submit("two")
    assert len(await batcher.take()) == 2


def test_one_that_comes_alone_after_another_does_not_wait() -> None:
    async def run() -> float:
        batcher: Batcher[str, str] = Batcher(8, 5.0, 10)
        start = time.monotonic()
        for _ in range(3):
            batcher.submit("a")
            await batcher.take()
        return time.monotonic() - start

    assert asyncio.run(run()) < 1
