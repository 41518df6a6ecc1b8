"""The lakehouse as the API asks it: read-only, opened when first needed, some questions at once, each within limits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

import duckdb

from deploy.settings import Settings
from eventlog.errors import LogUnavailable
from projections.analytics.lake import Lake, LakeAbsent, reflected
from projections.freshness import LakehouseAway, NotFreshYet, TooMuch

if TYPE_CHECKING:
    from api.kronika import Kronika

T = TypeVar("T")

AT_ONCE = 3
"""Questions that are worked on at the same time; more wait their turn."""
LOOK_S = 0.1
"""How often it is looked whether the lakehouse has come as far as somebody waits for."""
AGAIN_S = 2.0
"""How long after it could not be opened it is tried again."""

BAD_VALUES = (duckdb.ConversionException, duckdb.OutOfRangeException, duckdb.InvalidInputException)
"""What a value that is asked for can lead to: it cannot be a day, or is too large a number."""


class Lakehouse:
    """One DuckDB, attached read-only. Its questions run in threads of their own and can be given up."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lake: Lake | None = None
        self._opening = asyncio.Lock()
        self._not_before = 0.0
        self._why = ""
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="lakehouse")

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._lake:
            self._lake.close()

    async def at_least(self, house: Kronika, position: int, wait_s: float) -> None:
        """Wait until the facts reflect this position. Raises NotFreshYet, LakehouseAway."""
        deadline = time.monotonic() + wait_s
        while (now := await self.position(house)) < position:
            if time.monotonic() >= deadline:
                raise NotFreshYet("the lakehouse", position, now)
            await asyncio.sleep(LOOK_S)

    async def position(self, house: Kronika) -> int:
        """The position that the facts reflect now."""
        checkpoints = await self.ask(lambda lake, _: lake.checkpoints())
        async with house.reading() as connection:
            return await reflected(connection, checkpoints)

    async def ask(self, question: Callable[[Lake, duckdb.DuckDBPyConnection], T]) -> T:
        """Put a question to the lakehouse over a connection of its own. Raises LakehouseAway, TooMuch, ValueError."""
        lake = await self._opened()
        try:
            return await self._within_limits(lake, question)
        except BAD_VALUES:
            raise ValueError("A value that is asked for is out of range.") from None
        except duckdb.OutOfMemoryException:
            raise TooMuch(
                "This takes more memory than a question may; ask for a shorter time or fewer things."
            ) from None
        except duckdb.Error:
            await self._let_go(lake)  # its connection to the catalog may be lost: once more over a new one
        lake = await self._opened()
        try:
            return await self._within_limits(lake, question)
        except duckdb.Error as error:
            await self._let_go(lake)
            raise LakehouseAway(f"The lakehouse does not answer ({type(error).__name__}); ask again shortly.") from None

    async def _within_limits(self, lake: Lake, question: Callable[[Lake, duckdb.DuckDBPyConnection], T]) -> T:
        limit = self._settings.analytics_timeout_s
        with lake.connection.cursor() as cursor:
            asked = asyncio.get_running_loop().run_in_executor(self._threads, question, lake, cursor)
            try:
                async with asyncio.timeout(limit):
                    return await asyncio.shield(asked)
            except TimeoutError:
                raise TooMuch(
                    f"This takes longer than {limit:g} seconds; ask for a shorter time or fewer things."
                ) from None
            finally:
                while not asked.done():  # given up, or nobody listens any more
                    cursor.interrupt()
                    await asyncio.wait([asked], timeout=LOOK_S)
                with suppress(duckdb.Error):
                    if not asked.cancelled():
                        asked.exception()

    async def _opened(self) -> Lake:
        async with self._opening:
            if self._lake is None:
                if time.monotonic() < self._not_before:
                    raise LakehouseAway(self._why)
                try:
                    self._lake = await asyncio.to_thread(self._open)
                except (LakeAbsent, LogUnavailable, duckdb.Error) as error:
                    known = isinstance(error, LakeAbsent)
                    self._why = str(error) if known else "The lakehouse does not answer; ask again shortly."
                    self._not_before = time.monotonic() + AGAIN_S
                    raise LakehouseAway(self._why) from None
            return self._lake

    def _open(self) -> Lake:
        assert self._settings.database_url
        return Lake.open(
            self._settings.database_url,
            self._settings.lake_path,
            read_only=True,
            memory=self._settings.analytics_memory,
        )

    async def _let_go(self, lake: Lake) -> None:
        async with self._opening:
            if self._lake is lake:
                self._lake = None
        # Whoever is still asking over it is not interrupted: DuckDB keeps what its cursors need.
        lake.close()
