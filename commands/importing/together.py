"""Questions that come together are answered together, by one query."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

MOST = 500


class Together(Generic[K, V]):
    """Asks `find` for what is wanted, query after query; no timer: what is wanted during one is asked by the next."""

    def __init__(self, find: Callable[[list[K]], Awaitable[dict[K, V]]]) -> None:
        self._find = find
        self._wanted: dict[K, asyncio.Future[V | None]] = {}
        self._task: asyncio.Task[None] | None = None

    async def get(self, key: K) -> V | None:
        """What is found under the key. Raises what `find` raises."""
        if key not in self._wanted:
            self._wanted[key] = asyncio.get_running_loop().create_future()
        found = self._wanted[key]
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return await asyncio.shield(found)

    async def _run(self) -> None:
        try:
            await asyncio.sleep(0)  # let those who are ready now join the first query
            while self._wanted:
                batch = {key: self._wanted.pop(key) for key in list(self._wanted)[:MOST]}
                try:
                    found = await self._find(list(batch))
                except Exception as error:
                    for future in batch.values():
                        future.set_exception(error)
                        future.exception()  # told, whether anybody still listens or not
                else:
                    for key, future in batch.items():
                        future.set_result(found.get(key))
        finally:
            self._task = None
