"""Compares the lakehouse with the log at a named position: of every fact the number of rows, and a sum."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import orjson
from psycopg import AsyncConnection
from rich.console import Console

from deploy.errors import NotAsPromised
from deploy.printing import Table
from deploy.settings import Settings
from eventlog.connections import APP_ROLE
from projections.analytics.lake import Lake, reflected
from projections.analytics.rebuild import Reconciled, reconcile


@dataclass(frozen=True)
class Outcome:
    """What came out of it, at which position."""

    position: int
    facts: list[Reconciled]
    parked: int

    @property
    def as_it_should_be(self) -> bool:
        return all(fact.agrees for fact in self.facts) and not self.parked


async def reconcile_lakehouse(settings: Settings, position: int | None) -> Outcome:
    """At this position, or at the one that it reflects now. Raises NotAsPromised, LakeAbsent, LogUnavailable."""
    assert settings.database_url
    url, path = settings.database_url, settings.lake_path
    async with await AsyncConnection.connect(url, autocommit=True, options=APP_ROLE) as connection:
        with await asyncio.to_thread(Lake.open, url, path, read_only=True) as lake:
            reached = await reflected(connection, lake.checkpoints())
            if position is not None and position > reached:
                raise NotAsPromised(f"the lakehouse reflects position {reached} only; ask for that, or wait")
            at = reached if position is None else position
            return Outcome(at, await reconcile(connection, lake, at), len(lake.parked()))


def as_json(outcome: Outcome) -> str:
    facts = [
        {"fact": one.fact, "rows": one.rows, "rows_in_log": one.rows_in_log, "summed": one.summed,
         "sum": str(one.sum), "sum_in_log": str(one.sum_in_log), "agrees": one.agrees}
        for one in outcome.facts
    ]  # fmt: skip
    return orjson.dumps({"position": outcome.position, "parked": outcome.parked, "facts": facts}).decode()


def show(console: Console, outcome: Outcome) -> None:
    table = Table("fact", "rows", "rows in the log", "summed", "sum", "sum in the log", "")
    for one in outcome.facts:
        sums = (f"{one.sum:,f}", f"{one.sum_in_log:,f}")
        agrees = "agrees" if one.agrees else "[red]differs[/]"
        table.add_row(one.fact, f"{one.rows:,}", f"{one.rows_in_log:,}", one.summed, *sums, agrees)
    console.print(table)
    if outcome.parked:
        console.print(f"{outcome.parked} events wait in parked facts; `kronika parked list` names them.")
    differing = [one.fact for one in outcome.facts if not one.agrees]
    if differing:
        console.print(f"`kronika rebuild` builds {', '.join(differing)} anew from the log, beside the live ones.")
    console.print(f"The lakehouse beside the log, both at position {outcome.position:,}.")
