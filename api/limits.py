"""How much one key and one tenant may ask: token buckets, filled at a steady rate, in each process for itself."""

from __future__ import annotations

import asyncio
import time
from random import random

from api.errors import TooManyRequests
from deploy.settings import Settings
from eventlog.envelope import Caller

REMEMBERED = 20_000
HELD_S = 0.5
"""So long, give or take a half, whoever asks too much waits for the refusal: a flood then costs the others next to
nothing, and those who were refused together do not come again together."""
MOST_HELD = 2_000

Headers = list[tuple[bytes, bytes]]


class Bucket:
    """What may still be asked at once, and how fast that grows again."""

    __slots__ = ("at", "left", "most", "rate")

    def __init__(self, rate: float, most: float) -> None:
        self.rate, self.most = rate, most
        self.left, self.at = most, time.monotonic()

    def fill(self, now: float) -> float:
        """What is left by now."""
        if now > self.at:
            self.left = min(self.most, self.left + (now - self.at) * self.rate)
            self.at = now
        return self.left


class Allowance:
    """What one caller may ask: it counts for its own bucket and for its tenant's."""

    __slots__ = ("_limit", "_own", "_tenant")

    def __init__(self, own: Bucket, tenant: Bucket) -> None:
        self._own, self._tenant = own, tenant
        self._limit = (b"ratelimit-limit", b"%d" % min(own.most, tenant.most))

    def take(self, now: float, told: Headers) -> None:
        """Count one request, and tell what is left. Raises TooManyRequests."""
        own, tenant = self._own, self._tenant
        scarce = own if own.fill(now) <= tenant.fill(now) else tenant
        if scarce.left < 1:
            wait = b"%d" % max(1, -int((scarce.left - 1) // scarce.rate))
            told += (self._limit, (b"ratelimit-remaining", b"0"), (b"ratelimit-reset", wait), (b"retry-after", wait))
            raise TooManyRequests("More was asked than is taken in such a time; wait as long as Retry-After says.")
        own.left -= 1
        tenant.left -= 1
        full = (scarce.most - scarce.left) / scarce.rate
        told += (
            self._limit,
            (b"ratelimit-remaining", b"%d" % scarce.left),
            (b"ratelimit-reset", b"%d" % (full + 1)),
        )

    def charge(self, more: int) -> None:
        """Count what a request turned out to hold besides: it is done, and waited for afterwards."""
        self._own.left -= more
        self._tenant.left -= more


class Allowances:
    """The buckets of all who called lately."""

    def __init__(self, settings: Settings) -> None:
        self._rates = {"key": settings.key_rate, "tenant": settings.tenant_rate}
        self._burst_s = settings.burst_s
        self._buckets: dict[tuple[str, ...], Bucket] = {}
        self._held = 0

    def of(self, caller: Caller) -> Allowance:
        return Allowance(
            self._bucket("key", caller.tenant, caller.actor, caller.kind), self._bucket("tenant", caller.tenant)
        )

    async def hold(self) -> None:
        """Let somebody wait who is about to be refused; not too many at a time."""
        if self._held >= MOST_HELD:
            return
        self._held += 1
        try:
            await asyncio.sleep(HELD_S * (0.5 + random()))  # noqa: S311  # no secret
        finally:
            self._held -= 1

    def _bucket(self, *name: str) -> Bucket:
        bucket = self._buckets.pop(name, None)
        if bucket is None:
            rate = self._rates[name[0]]
            bucket = Bucket(rate, rate * self._burst_s)
        while len(self._buckets) >= REMEMBERED:
            self._buckets.pop(next(iter(self._buckets)))
        self._buckets[name] = bucket
        return bucket
