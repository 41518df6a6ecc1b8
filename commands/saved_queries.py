"""What can be asked about saved queries: whoever may read may keep queries of its own."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

import duckdb
import orjson
from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, Field, StringConstraints

from commands.command import Command, Crm, Text, handles
from commands.dispatch import NotFound
from domain.saved_query import SavedQuery


def readable(expression: str) -> str:
    if len(expression.split()) != 5:
        raise ValueError("five fields are needed: minute, hour, day of month, month, day of week")
    try:
        CronSim(expression, datetime(2025, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        raise ValueError(f"this is no time that comes again: {error}") from None
    return expression


def known_zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (KeyError, OSError, ValueError):  # none of this name, or no name
        raise ValueError("there is no such time zone; names are like Asia/Shanghai, or UTC") from None


@cache
def parser() -> duckdb.DuckDBPyConnection:
    """A DuckDB that holds nothing, to read SQL with."""
    return duckdb.connect(":memory:", config={"threads": 1})


def one_select(query: str) -> str:
    """Only what DuckDB could not even read is refused: which tables there are is another's to say, and may change."""
    with parser().cursor() as cursor:
        row = cursor.execute("SELECT json_serialize_sql(?::VARCHAR)", [query]).fetchone()
    assert row is not None
    parsed = orjson.loads(row[0])
    if parsed["error"]:
        raise ValueError(f"one SELECT is needed, in DuckDB's SQL: {parsed['error_message']}")
    if len(parsed["statements"]) != 1:
        raise ValueError("one SELECT is needed, and no other statement")
    return query


Query = Annotated[str, StringConstraints(min_length=1, max_length=100_000), AfterValidator(one_select)]
Cron = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(readable)]
Zone = Annotated[str, StringConstraints(min_length=1, max_length=60), AfterValidator(known_zone)]


class SaveQuery(Command):
    """Keep a query under a name: one SELECT over the lakehouse, as `POST /v1/analytics/query` takes it. It is refused
    here where it cannot be read; which tables and functions it names is looked at when it is asked."""

    query_id: UUID | None = Field(None, description="Made by the caller, or for you.")
    name: Text
    sql: Query = Field(examples=["FROM payments SELECT currency, what, sum(amount) AS amount GROUP BY ALL"])
    shared: bool = Field(False, description="Everybody of the tenant sees it and its answers; else its owner alone.")


@handles(SaveQuery, creates=True, action="read")
async def save_query(command: SaveQuery, crm: Crm) -> SavedQuery:
    query = crm.new(SavedQuery, command.query_id)
    query.save(crm.actor, command.name, command.sql, command.shared)
    return query


class ChangeQuery(Command):
    """Change what a saved query of yours is called, asks, or who sees it; what is left out stays as it is."""

    query_id: UUID
    name: Text | None = None
    sql: Query | None = Field(None, examples=["SELECT count(*) AS payments FROM payments"])
    shared: bool | None = None


@handles(ChangeQuery, action="read")
async def change_query(command: ChangeQuery, crm: Crm) -> SavedQuery:
    query = await visible(crm, command.query_id)
    query.change(crm.actor, command.name, command.sql, command.shared)
    return query


class ScheduleQuery(Command):
    """Have a saved query of yours asked at set times, with what you may see then. Of times that were missed, only the
    last is made up for."""

    query_id: UUID
    cron: Cron = Field(
        description="Minute, hour, day of month, month, day of week, as cron takes them.", examples=["30 6 * * 1-5"]
    )
    zone: Zone = Field("UTC", description="By whose clocks.", examples=["Asia/Shanghai"])
    keep: Annotated[int, Field(ge=1, le=400)] = Field(30, description="Of so many runs the answers are kept.")


@handles(ScheduleQuery, action="read")
async def schedule_query(command: ScheduleQuery, crm: Crm) -> SavedQuery:
    query = await visible(crm, command.query_id)
    query.schedule(crm.actor, command.cron, command.zone, command.keep)
    return query


class UnscheduleQuery(Command):
    """Have a saved query asked at no set times any more; what was answered stays."""

    query_id: UUID


@handles(UnscheduleQuery, action="read")
async def unschedule_query(command: UnscheduleQuery, crm: Crm) -> SavedQuery:
    query = await visible(crm, command.query_id)
    query.unschedule(crm.actor)
    return query


class DeleteQuery(Command):
    """Delete a saved query of yours with its answers; what it asked stays in its history."""

    query_id: UUID


@handles(DeleteQuery, action="read")
async def delete_query(command: DeleteQuery, crm: Crm) -> SavedQuery:
    query = await visible(crm, command.query_id)
    query.delete(crm.actor)
    return query


async def visible(crm: Crm, id: UUID) -> SavedQuery:
    """Another's that is not shared is not there."""
    query = await crm.load(SavedQuery, id)
    if query.owner != crm.actor and not query.shared:
        raise NotFound("saved_query", id)
    return query
