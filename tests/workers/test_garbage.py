"""Garbage: a worker looks through what it remembers seldom, and lets go of what clients of Kafka leave all the same."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from deploy import serving

pytestmark = pytest.mark.anyio


class Socket:
    """Left in a cycle."""

    def __init__(self):
        self.itself = self


@pytest.fixture(autouse=True)
def as_it_was():
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


async def test_what_is_left_in_a_cycle_goes_even_when_nothing_happens(monkeypatch):
    monkeypatch.setattr(serving, "YOUNG_S", 0.01)
    collecting = asyncio.create_task(serving.collect_by_the_clock())
    await asyncio.sleep(0.02)
    left = weakref.ref(Socket())
    await asyncio.sleep(0.05)
    collecting.cancel()
    assert left() is None


async def test_what_is_remembered_is_looked_through_twice_an_hour_alone(monkeypatch):
    monkeypatch.setattr(serving, "YOUNG_S", 0.01)
    monkeypatch.setattr(serving, "OLDER", 2)
    monkeypatch.setattr(serving, "ROUNDS", 6)
    asked = []
    monkeypatch.setattr(serving.gc, "collect", lambda generation=2: asked.append(generation))
    collecting = asyncio.create_task(serving.collect_by_the_clock())
    while len(asked) < 7:
        await asyncio.sleep(0.01)
    collecting.cancel()
    assert asked[:7] == [2, 0, 1, 0, 1, 0, 2]  # the first when all is imported
    assert gc.get_threshold() == (200_000, 20, 50), "and once so much has come and gone"
