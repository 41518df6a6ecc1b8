"""Has a query run in a process of its own, which is ended when time is up or nobody waits any more."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version

import orjson
import pyarrow as pa
from pyarrow import ipc

from eventlog.envelope import Caller
from projections.analytics import FACTS
from projections.analytics.sandbox.running import too_long
from projections.analytics.views.view import told_to
from projections.asking import BadQuery
from projections.cut import Cut
from projections.freshness import LakehouseAway, TooMuch

MODULE = "projections.analytics.sandbox"
START_S = 15
"""How long a process may take beyond the query's own time, to come up and to hand over the rows."""


@dataclass(frozen=True)
class Room:
    """Where the lakehouse is, and what a query may use of this machine."""

    url: str = field(repr=False)
    path: str
    memory: str
    """As "512MB" or "2GB" """
    seconds: float


@dataclass(frozen=True)
class Found:
    """The rows of a query, up to where the lakehouse had come in each partition, and whether there were more rows."""

    rows: pa.Table
    checkpoints: dict[int, int]
    truncated: bool


def code() -> str:
    """What an answer depends on besides the events and the query."""
    return f"kronika {version('kronika')}, duckdb {version('duckdb')}"


async def ask(room: Room, caller: Caller, sql: str, cut: Cut, limit: int, *, now: datetime | None = None) -> Found:
    """Over what this caller may see. What the query calls now is this moment, else that of `as_of`, else now.
    Raises BadQuery, TooMuch, LakehouseAway; cancelled, it ends the process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        MODULE,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={name: os.environ[name] for name in ("PATH", "PYTHONPATH", "TMPDIR", "LANG") if name in os.environ},
    )
    try:
        async with asyncio.timeout(room.seconds + START_S):
            told, _ = await process.communicate(request(room, caller, sql, cut, limit, now))
    except TimeoutError:
        raise TooMuch(too_long(room.seconds)) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return await asyncio.to_thread(found, told)


def request(room: Room, caller: Caller, sql: str, cut: Cut, limit: int, now: datetime | None) -> bytes:
    known_at = cut.known_at
    now = now or (cut.as_of and min(cut.as_of, datetime.now(UTC)))  # a day of which some is yet to come ends now
    return orjson.dumps(
        {
            "url": room.url,
            "path": room.path,
            "tenant": caller.tenant,
            "sql": sql,
            "as_of": cut.as_of and cut.as_of.isoformat(),
            "known_at": known_at if known_at is None or isinstance(known_at, int) else known_at.isoformat(),
            "now": now and now.isoformat(),
            "limit": limit,
            "facts": [name for name, fact in FACTS.items() if told_to(caller, fact)],
            "memory_mb": megabytes(room.memory),
            "seconds": room.seconds,
        }
    )


def found(told: bytes) -> Found:
    head, _, rows = told.partition(b"\n")
    if not head:
        raise TooMuch("The query used up what one may; ask for less.")
    said = orjson.loads(head)
    match said.get("error"):
        case "refused":
            raise BadQuery(said["message"])
        case "too much":
            raise TooMuch(said["message"])
        case "away":
            raise LakehouseAway(said["message"])
    checkpoints = {int(partition): position for partition, position in said["checkpoints"].items()}
    return Found(ipc.open_stream(rows).read_all(), checkpoints, said["truncated"])


def megabytes(text: str) -> int:
    return int(text[:-2]) * (1_000 if text.endswith("GB") else 1)
