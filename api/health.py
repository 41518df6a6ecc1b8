"""Routes for those who run it: is it alive, is it ready, how far behind is anything; and the way in."""

from __future__ import annotations

from typing import Any, LiteralString

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from starlette.exceptions import HTTPException

from api.answers import House
from api.errors import problems
from projections.reconciliations import LAST

router = APIRouter(tags=["health"])

PROGRESS = """
SELECT slot.name, head.position - reached.position AS positions,
       coalesce(extract(epoch FROM clock_timestamp() - next.recorded_at), 0)::float8 AS seconds
  FROM (SELECT DISTINCT slot AS name FROM read.checkpoints) slot
 CROSS JOIN LATERAL (SELECT read.reflected(slot.name) AS position) reached
 CROSS JOIN LATERAL (SELECT coalesce(max(position), 0) AS position FROM log.events) head
  LEFT JOIN log.events next ON next.position = reached.position + 1
 ORDER BY slot.name
"""
RELAYED = """
SELECT head.position - relayed.position AS positions,
       coalesce(extract(epoch FROM clock_timestamp() - next.recorded_at), 0)::float8 AS seconds
  FROM (SELECT coalesce(max(position), 0) AS position FROM fanout.relay) relayed
 CROSS JOIN LATERAL (SELECT coalesce(max(position), 0) AS position FROM log.events) head
  LEFT JOIN log.events next ON next.position = relayed.position + 1
"""
PARKED = """
SELECT v.projection AS name, count(DISTINCT p.key) AS keys, count(p.key) AS events
  FROM read.versions v LEFT JOIN read.parked p ON p.slot = v.projection GROUP BY v.projection ORDER BY v.projection
"""
RECONCILED = {
    "rows": "rows compared",
    "differed": "rows that differed from the log",
    "healed": "rows that were healed",
    "missing": "records that Kafka lacked",
    "altered": "records that were not what the log has",
}


@router.get("/", include_in_schema=False)
async def front() -> dict[str, Any]:
    return {
        "name": "Kronika",
        "links": {"docs": "/docs", "openapi": "/openapi.json", "ready": "/health/ready", "metrics": "/metrics"},
    }


@router.get("/health/live", summary="The process runs.")
async def live() -> dict[str, str]:
    return {"status": "live"}


@router.get("/health/ready", summary="Commands are taken: the log answers. How far behind the rest is, is told too.")
async def ready(house: House) -> dict[str, Any]:
    """Only the log decides; a relay or a projection that lags makes reads older, not commands impossible."""
    async with house.log.connection() as connection:  # that of commands
        await connection.execute("SELECT")
    async with house.log.connection() as connection:  # sees what concerns all tenants
        head = await house.tide.least(connection=connection)
        projections = await asked(connection, PROGRESS)
        return {
            "status": "ready",
            "head": house.token(head),
            "projections": {row.pop("name"): row for row in projections},
            "relay": await relay(connection),
        }


@router.get("/metrics", summary="What Prometheus scrapes.", response_class=Response)
async def metrics(house: House) -> Response:
    """This process's counters, and how far behind the head of the log everything is, worked out now."""
    now = CollectorRegistry()
    async with house.log.connection() as connection:
        Gauge("kronika_log_head", "Last position of the log", registry=now).set(
            await house.tide.least(connection=connection)
        )
        gauges(now, "projection", "projection", await asked(connection, PROGRESS))
        if relayed := await relay(connection):
            gauges(now, "relay", None, [relayed])
        keys = Gauge("kronika_parked_keys", "Rows that wait for a repair", ["projection"], registry=now)
        events = Gauge("kronika_parked_events", "Events that wait for a repair", ["projection"], registry=now)
        for row in await asked(connection, PARKED):
            keys.labels(row["name"]).set(row["keys"])
            events.labels(row["name"]).set(row["events"])
        for row in await asked(connection, LAST):
            for name, what in RECONCILED.items():
                if row[name] is not None:
                    Gauge(f"kronika_reconciled_{name}", f"The last reconciliation: {what}", registry=now).set(row[name])
            ended = Gauge("kronika_reconciled_at", "When that ended, in seconds since 1970", registry=now)
            ended.set(row["ended_at"].timestamp())
    return Response(generate_latest() + generate_latest(now), media_type=CONTENT_TYPE_LATEST)


def gauges(registry: CollectorRegistry, of: str, label: str | None, rows: list[dict[str, Any]]) -> None:
    """Lag in positions and in seconds: how long the first event that is not in yet has been waiting."""
    for unit in ("positions", "seconds"):
        gauge = Gauge(
            f"kronika_{of}_lag_{unit}",
            f"How far behind the log, in {unit}",
            [label] if label else [],
            registry=registry,
        )
        for row in rows:
            (gauge.labels(row["name"]) if label else gauge).set(row[unit])


async def asked(connection: AsyncConnection[Any], query: LiteralString) -> list[dict[str, Any]]:
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(query)
    return await cursor.fetchall()


async def relay(connection: AsyncConnection[Any]) -> dict[str, Any] | None:
    """How far the relay is behind; None where none has ever run."""
    if not (await asked(connection, "SELECT to_regclass('fanout.relay') IS NOT NULL AS there"))[0]["there"]:
        return None
    return (await asked(connection, RELAYED))[0]


@router.get("/problems/{code}", summary="What a problem's type means.", tags=["problems"])
async def explained(code: str) -> dict[str, Any]:
    for known, status, title in problems():
        if known == code:
            return {"type": f"/problems/{code}", "title": title, "status": status}
    raise HTTPException(404)
