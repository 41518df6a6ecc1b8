"""Named steps of the product at which a process can be killed, stopped or held up: wrapped from outside, armed by file.

A failpoint is a place before or after one function. In every process that `tests.survival.inside` starts, each is
installed; armed it acts once, on the n-th time that the process comes by from then on.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import psycopg

Act = Literal["kill", "stop", "sleep", "raise"]
Scene = Callable[..., AbstractAsyncContextManager[None]]


@dataclass(frozen=True)
class Order:
    """What to do at a failpoint, on the `nth` time that a process comes by; `seconds` is how long to stop or sleep.
    Who is to raise does so again whenever it comes by with the same, until the failpoint is disarmed."""

    act: Act
    nth: int = 1
    seconds: float = 0.0


class Raised(Exception):
    """A fault of the product's own, as an order wants it."""


@dataclass(frozen=True)
class Failpoint:
    """One step, and the processes that take it. `scene` is what the process is in the middle of when it acts; it is
    given what the function was given."""

    name: str
    processes: tuple[str, ...]
    when: Literal["before", "after"]
    of: str
    scene: Scene | None = None


@asynccontextmanager
async def holding_the_log(writer: Any, *_: Any) -> AsyncIterator[None]:
    """In a transaction that has the log's lock, on a connection such as the writer's own; if it is not ended by the
    server for taking too long, it is undone."""
    from eventlog.writer import LOG_LOCK

    connection = await psycopg.AsyncConnection.connect(
        writer._url, autocommit=True, options=writer._options, connect_timeout=5
    )
    await connection.execute("BEGIN")
    await connection.execute(f"SELECT pg_advisory_xact_lock({LOG_LOCK})")
    yield
    await connection.close()


DOOR = ("api", "reactor")
KEEPERS = ("projector", "historian")

FAILPOINTS = {
    point.name: point
    for point in (
        # a command's way in, and its answer's way out
        Failpoint("dispatch.before_decision", DOOR, "before", "commands.dispatch:decide"),
        Failpoint("keys.before_made", ("api",), "before", "eventlog.keys:FileKeyStore.ensure"),
        Failpoint("keys.made_before_append", ("api",), "after", "eventlog.keys:FileKeyStore.ensure"),
        Failpoint("writer.before_flush", DOOR, "before", "eventlog.writer:Writer._flush"),
        Failpoint("writer.holds_the_lock", DOOR, "before", "eventlog.writer:Writer._flush", holding_the_log),
        Failpoint("writer.flushed_before_answer", DOOR, "after", "eventlog.writer:Writer._flush"),
        Failpoint("api.answer_before_send", ("api",), "before", "api.commands:respond"),
        # from the log to Kafka
        Failpoint("relay.led", ("relay",), "after", "workers.relay:lead"),
        Failpoint("relay.topic_made_before_saved", ("relay",), "after", "workers.kafka:Publisher.create"),
        Failpoint("relay.before_publish", ("relay",), "before", "workers.kafka:Publisher.publish"),
        Failpoint("relay.published_before_saved", ("relay",), "after", "workers.kafka:Publisher.publish"),
        Failpoint("relay.saved", ("relay",), "after", "workers.relay:Tail.save"),
        # from the log and Kafka into the query tables
        Failpoint("host.claimed", KEEPERS, "after", "projections.host:Host.claim"),
        Failpoint("host.before_batch", KEEPERS, "before", "projections.host:Host._take_in"),
        Failpoint("host.folds_an_event", KEEPERS, "before", "projections.projection:Projection.handle"),
        Failpoint("host.folded_before_write", KEEPERS, "before", "projections.host:Host._write_all"),
        Failpoint("host.advanced_before_write", KEEPERS, "after", "projections.host:Host._advance"),
        Failpoint("host.written_before_commit", KEEPERS, "after", "projections.host:Host._park"),
        Failpoint("host.committed", KEEPERS, "after", "projections.host:Host._take_in"),
        # and into the lakehouse
        Failpoint("analyst.claimed", ("analyst",), "after", "projections.analytics.intake:Intake._claim"),
        Failpoint("analyst.before_commit", ("analyst",), "before", "projections.analytics.intake:Intake._write"),
        Failpoint(
            "analyst.advanced_before_insert", ("analyst",), "after", "projections.analytics.intake:Intake._advance"
        ),
        Failpoint("analyst.inserted_before_commit", ("analyst",), "after", "projections.analytics.lake:Lake.insert"),
        Failpoint("analyst.committed", ("analyst",), "after", "projections.analytics.intake:Intake._write"),
        # when this happens, ask that
        Failpoint("reactor.claimed", ("reactor",), "after", "workers.reactor:Reactor.claim"),
        Failpoint("reactor.before_dispatch", ("reactor",), "before", "workers.reactor:Reactor._follow"),
        Failpoint("reactor.dispatched_before_checkpoint", ("reactor",), "before", "workers.reactor:Reactor._advance"),
        Failpoint("reactor.checkpointed", ("reactor",), "after", "workers.reactor:Reactor._advance"),
    )
}

WITH_CARE = frozenset({"host.advanced_before_write", "host.written_before_commit"})
"""Those that a projector comes by only when it copies much, or has something parked."""


def kind_of(process: str) -> str:
    """api-2 is an api."""
    return process.partition("-")[0]


class Board:
    """The directory over which a test arms failpoints and processes tell what became of it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._told = 0

    def arm(self, process: str, name: str, order: Order) -> None:
        point = FAILPOINTS[name]
        assert kind_of(process) in point.processes, f"{process} never comes by {name}"
        path = self.directory / process / name
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{name}")
        fresh.write_text(json.dumps(asdict(order)))
        fresh.rename(path)

    def disarm(self) -> None:
        for path in self.directory.glob("*/*.*"):
            if path.parent.name != "reached":
                path.unlink(missing_ok=True)

    def fired(self) -> list[tuple[str, str, Order]]:
        """(process, failpoint, order) of those that acted since this was last asked."""
        try:
            lines = (self.directory / "fired").read_text().splitlines()
        except FileNotFoundError:
            return []
        new, self._told = lines[self._told :], len(lines)
        return [(told["process"], told["name"], Order(**told["order"])) for told in map(json.loads, new)]

    def reached(self) -> set[str]:
        """The failpoints that some process has come by."""
        return {path.name for path in (self.directory / "reached").glob("*")}


# -- inside the process


class Watch:
    """What one process knows of its failpoints."""

    def __init__(self, directory: Path, process: str) -> None:
        self.board, self.process = directory, process
        self.mine = directory / process
        (directory / "reached").mkdir(parents=True, exist_ok=True)
        self.reached: set[str] = set()
        self.passed: dict[str, int] = {}
        self.cursed: dict[str, object] = {}

    def due(self, name: str, given: tuple[Any, ...]) -> Order | None:
        """The order to carry out now, if there is one."""
        if name not in self.reached:
            self.reached.add(name)
            (self.board / "reached" / name).touch()
        try:
            order = Order(**json.loads((self.mine / name).read_text()))
        except FileNotFoundError:
            self.cursed.pop(name, None)
            return None
        if name in self.cursed:
            return order if self.cursed[name] == same(given) else None
        self.passed[name] = self.passed.get(name, 0) + 1
        if self.passed[name] < order.nth:
            return None
        del self.passed[name]
        if order.act == "raise":
            self.cursed[name] = same(given)
        else:
            (self.mine / name).unlink(missing_ok=True)
        return order

    def carry_out(self, name: str, order: Order) -> None:
        told = json.dumps({"process": self.process, "name": name, "order": asdict(order)})
        try:
            with (self.board / "fired").open("ab", buffering=0) as board:
                board.write(told.encode() + b"\n")
        except OSError:  # its disk is full, too: what cannot be told of is not done
            return
        if order.act == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif order.act == "stop":
            os.kill(os.getpid(), signal.SIGSTOP)  # whoever armed it lets it go on
        elif order.act == "sleep":
            time.sleep(order.seconds)
        else:
            raise Raised(name)


def same(given: tuple[Any, ...]) -> object:
    """What tells one call of a step from another: whose it is, and the position of the event that it is about."""
    return type(given[0]), [thing.position for thing in given if hasattr(thing, "position")]


watch: Watch | None = None


def install() -> None:
    """Wrap every function that has a failpoint; without a watch they are passed by."""
    for point in FAILPOINTS.values():
        owner, name = place(point)
        setattr(owner, name, wrapped(getattr(owner, name), point))


def place(point: Failpoint) -> tuple[Any, str]:
    """The module or class, and the name in it, of the function that a failpoint is at."""
    module, _, path = point.of.partition(":")
    *classes, name = path.split(".")
    owner: Any = importlib.import_module(module)
    for inner in classes:
        owner = getattr(owner, inner)
    return owner, name


def wrapped(function: Callable[..., Any], point: Failpoint) -> Callable[..., Any]:
    if isinstance(function, classmethod):
        raise TypeError(f"{point.of} is a class method")
    before = point.when == "before"

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def step(*given: Any, **named: Any) -> Any:
            if before:
                await come_by(point, given)
            result = await function(*given, **named)
            if not before:
                await come_by(point, given)
            return result

        return step

    @functools.wraps(function)
    def plain(*given: Any, **named: Any) -> Any:
        if before and watch and (order := watch.due(point.name, given)):
            watch.carry_out(point.name, order)
        result = function(*given, **named)
        if not before and watch and (order := watch.due(point.name, given)):
            watch.carry_out(point.name, order)
        return result

    return plain


async def come_by(point: Failpoint, given: tuple[Any, ...]) -> None:
    if watch and (order := watch.due(point.name, given)):
        async with point.scene(*given) if point.scene else nullcontext():
            watch.carry_out(point.name, order)
