"""How a process that serves is set up: its log is one JSON object a line, and it looks for garbage rarely."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from typing import Any, BinaryIO

import orjson
import structlog


def log_as_lines(level: str) -> None:
    """Set up the logs of this process, unless it has done so already. Of libraries only warnings are told; what
    kafka-python has to say, the workers say in one line themselves, and an error that psycopg ignores follows from one
    that it raised."""
    if structlog.is_configured():
        return
    handler = logging.StreamHandler()
    handler.setFormatter(Line())
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    logging.getLogger("psycopg").addFilter(lambda record: not record.msg.startswith("error ignored"))
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=as_line),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.BytesLoggerFactory(Lossy(sys.stderr.buffer)),  # type: ignore[arg-type]  # all it needs
        cache_logger_on_first_use=True,
    )


class Lossy:
    """Where the log goes: what cannot be written there (a full disk) is lost, and no work with it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, line: bytes) -> None:
        with suppress(OSError):
            self._file.write(line)

    def flush(self) -> None:
        with suppress(OSError):
            self._file.flush()


class Line(logging.Formatter):
    """What libraries log, as a line like ours: of a traceback, which may show values, only what it came to."""

    def format(self, record: logging.LogRecord) -> str:
        said = record.getMessage().strip().rpartition("\n")[2]
        at = datetime.fromtimestamp(record.created, UTC)
        return as_line(
            {"event": said, "logger": record.name, "level": record.levelname.lower(), "timestamp": at}
        ).decode()


def as_line(event: Any, **_: Any) -> bytes:
    return orjson.dumps(event, default=str)


def collect_rarely() -> None:
    """To be called once all is imported: that is never looked through again, and the rest after 200,000 new objects
    rather than 700. Nearly all of them are gone by then without it; looked through in the midst of a batch of commands,
    they are all still there. Measured: a fifth less for a command of a batch.

    What runs for long needs `collect_by_the_clock`."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 50)


YOUNG_S, OLDER, ROUNDS = 1.0, 10, 1800
"""How often what is new is looked through; every how many rounds what is a little older; and, twice an hour, all."""


async def collect_by_the_clock() -> None:
    """The same, until cancelled, and what is new is looked through even when next to nothing happens: clients of Kafka
    leave sockets in cycles, a new one with every attempt to reach a broker. What is remembered, tens of thousands of
    rows, hardly ever is: to look through all of it takes half a second, and was done every five seconds under load."""
    collect_rarely()
    for number in count(1):
        await asyncio.sleep(YOUNG_S)
        gc.collect(2 if number % ROUNDS == 0 else 1 if number % OLDER == 0 else 0)
