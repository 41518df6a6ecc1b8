"""Whose turn it is: when more than one tenant asks, none has more under way than its share, however much it sends."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

LINGERING_S = 60.0
"""So long after its last request a tenant is still reckoned with: its next one finds its share free."""
FEWEST = 2
"""A tenant's share, however many ask."""


@dataclass(slots=True)
class Lane:
    """One tenant's requests: how many are under way, and which wait, in the order in which they came."""

    asked_at: float
    under_way: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)


class Turns:
    """A tenant that is alone has as much under way as it sends. As soon as others ask, `at_once` is divided among them:
    what one sends beyond its share waits behind its own, and nobody else's request waits for it."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._lanes: dict[str, Lane] = {}
        """By tenant; who asked last stands last."""

    @asynccontextmanager
    async def of(self, tenant: str) -> AsyncIterator[None]:
        """One turn of this tenant. What it is taken for waits for nothing but the store."""
        now = time.monotonic()
        lane = self._lanes.pop(tenant, None) or Lane(now)
        lane.asked_at = now
        self._lanes[tenant] = lane
        self._forget(now)
        if lane.waiting or lane.under_way >= self._share():
            await self._called(lane)
        else:
            lane.under_way += 1
        try:
            yield
        finally:
            lane.under_way -= 1
            self._call(lane)

    async def _called(self, lane: Lane) -> None:
        """Wait until it is this one's turn, which is counted as under way by who called it."""
        turn = asyncio.get_running_loop().create_future()
        lane.waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # called just before it went away
                lane.under_way -= 1
                self._call(lane)
            raise

    def _call(self, lane: Lane) -> None:
        while lane.waiting and lane.under_way < self._share():
            turn = lane.waiting.popleft()
            if not turn.done():
                lane.under_way += 1
                turn.set_result(None)

    def _share(self) -> float:
        return max(FEWEST, self._at_once // len(self._lanes)) if len(self._lanes) > 1 else float("inf")

    def _forget(self, now: float) -> None:
        """Let go of who has not asked for long and has nothing under way."""
        while len(self._lanes) > 1:
            tenant, lane = next(iter(self._lanes.items()))
            if lane.under_way or lane.waiting or now - lane.asked_at < LINGERING_S:
                return
            del self._lanes[tenant]
