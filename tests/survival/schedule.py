"""What a seed means: so many commands by several clients, and faults at certain points of their work."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

import psycopg

from deploy.place import CannotStart
from tests.survival.company import Book, Company
from tests.survival.failpoints import FAILPOINTS, kind_of
from tests.survival.invariants import INVARIANTS, Broken, Found
from tests.survival.nursery import Nursery
from tests.survival.servers import Servers
from tests.survival.system import System

COMMANDS = 540
LONGEST_S = 75
"""What has not come to its end by then never will."""

TOPOLOGIES = (
    ("api-1", "api-2", "relay-1", "projector-1", "historian-1", "analyst-1", "reactor-1"),
    ("api-1", "api-2", "relay-1", "relay-2", "projector-1", "projector-2", "historian-1", "analyst-1", "reactor-1"),
    ("api-1", "api-2", "relay-1", "projector-1", "historian-1", "analyst-1", "analyst-2", "reactor-1", "reactor-2"),
)


@dataclass(frozen=True)
class Fault:
    """One thing that is done to the system, when so many commands have been answered."""

    after: int
    kind: str
    who: str = ""
    what: str = ""
    seconds: float = 0.0
    nth: int = 1

    def __str__(self) -> str:
        said = [f"after {self.after}: {self.kind}", self.who, self.what]
        said += [f"{self.seconds:.1f} s"] if self.seconds else []
        return " ".join(part for part in said if part) + (f" (time {self.nth})" if self.nth > 1 else "")


@dataclass(frozen=True)
class Schedule:
    """All that a seed decides."""

    seed: int
    processes: tuple[str, ...]
    clients: int
    commands: int
    faults: tuple[Fault, ...]
    pause_s: float = 0.0
    """How long each client rests between two stories."""

    @classmethod
    def of(cls, seed: int) -> Schedule:
        chance = Random(seed)
        processes = chance.choice(TOPOLOGIES)
        count = chance.randrange(6, 11)
        moments = sorted(chance.sample(range(20, COMMANDS * 9 // 10), count))
        faults = tuple(any_fault(chance, processes, moment) for moment in moments)
        return cls(seed, processes, chance.randrange(5, 10), COMMANDS, faults)


KINDS: dict[str, int] = {
    # kind of fault to how often it is chosen
    "failpoint": 50,
    "kill -9": 8,
    "SIGSTOP": 6,
    "connections reset": 8,
    "replies swallowed": 4,
    "all swallowed": 4,
    "delayed": 3,
    "Kafka's connections reset": 4,
    "Kafka swallowed": 3,
    "PostgreSQL crashed": 3,
    "PostgreSQL killed": 1,
    "topic deleted": 2,
    "Kafka killed": 1,
    "Kafka wiped": 1,
    "disk full": 4,
    "clock back": 2,
}


def any_fault(chance: Random, processes: tuple[str, ...], after: int) -> Fault:
    (kind,) = chance.choices(list(KINDS), list(KINDS.values()))
    who, seconds = chance.choice(processes), round(chance.uniform(0.2, 2.5), 1)
    match kind:
        case "failpoint":
            point = chance.choice(list(FAILPOINTS.values()))
            if point.name == "relay.topic_made_before_saved":  # it has been passed by then, once and for all
                point = FAILPOINTS["relay.published_before_saved"]
            who = chance.choice([name for name in processes if kind_of(name) in point.processes])
            act = "stop" if point.scene else chance.choices(("kill", "stop", "sleep"), (5, 3, 2))[0]
            return Fault(after, f"failpoint {act}", who, point.name, seconds, chance.choice((1, 1, 2, 5)))
        case "kill -9":
            return Fault(after, kind, who)
        case "connections reset":
            return Fault(after, kind, who)
        case "disk full":
            return Fault(after, kind, chance.choice(("postgres", "kafka", "home")), seconds=seconds)
        case "SIGSTOP" | "replies swallowed" | "all swallowed" | "delayed":
            return Fault(after, kind, who, seconds=seconds)
        case "Kafka swallowed" | "clock back":
            return Fault(after, kind, seconds=seconds)
        case _:
            return Fault(after, kind)


@dataclass
class Outcome:
    """What became of a schedule."""

    seed: int
    commands: int = 0
    acknowledged: int = 0
    refused: int = 0
    unanswered: int = 0
    events: int = 0
    reads: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    ended_by_themselves: Counter[str] = field(default_factory=Counter)
    reached: set[str] = field(default_factory=set)
    invariants: int = 0
    recovered_in_s: float = 0.0
    took_s: float = 0.0
    broken: str | None = None
    """The sentence that does not hold, and why."""

    def as_json(self) -> dict[str, Any]:
        return {
            **vars(self),
            "faults": dict(self.faults),
            "ended_by_themselves": dict(self.ended_by_themselves),
            "reached": sorted(self.reached),
            "recovered_in_s": round(self.recovered_in_s, 1),
            "took_s": round(self.took_s, 1),
        }


def run(
    schedule: Schedule, servers: Servers, nursery: Nursery, keep: Callable[[System], None] | None = None
) -> Outcome:
    """Carry it out on a Kronika of its own, let it recover, and check everything. `keep` sees a system that failed."""
    began = time.monotonic()
    outcome = Outcome(schedule.seed)
    system = System(servers, nursery, schedule.processes)
    try:
        company = Company(
            system.apis, system.token, schedule.seed, schedule.clients, schedule.commands, pause_s=schedule.pause_s
        )
        sentence = "the schedule comes to its end"
        try:
            asyncio.run(perform(schedule, system, company, outcome))
            sentence = "the system recovers unaided within 30 seconds"
            outcome.recovered_in_s = system.recover()
            found = Found.of(system, company.book)
            for invariant in INVARIANTS:
                sentence = invariant.__name__.replace("_", " ")
                invariant(found)
                outcome.invariants += 1
            sentence = "all processes end within ten seconds when they are told to"
            if late := system.told_to_end():
                raise AssertionError(", ".join(late))
        except Exception as error:  # any fault of the check itself counts, too: nothing passes unseen
            while isinstance(error, ExceptionGroup):
                error = error.exceptions[0]
            outcome.broken = f"{sentence}: {type(error).__name__}: {error}"
            if keep:
                keep(system)
        tally(outcome, company.book, system)
    finally:
        system.stop()
        servers.heal()
        nursery.faults.none()
        servers.revive()
    outcome.took_s = time.monotonic() - began
    return outcome


def tally(outcome: Outcome, book: Book, system: System) -> None:
    outcome.commands = len(book.sent)
    outcome.acknowledged = len(book.acknowledged)
    outcome.refused = sum(sent.refused for sent in book.sent)
    outcome.unanswered = sum(sent.status is None for sent in book.sent)
    outcome.events = sum(len(sent.answer["types"]) for sent in book.acknowledged)
    outcome.reads = book.reads + len(book.tailed)
    outcome.faults.update(system.faults_fired)
    outcome.ended_by_themselves = system.ended
    outcome.reached = system.board.reached()


async def perform(schedule: Schedule, system: System, company: Company, outcome: Outcome) -> None:
    """Clients and faults, side by side."""
    async with asyncio.timeout(LONGEST_S), asyncio.TaskGroup() as group:
        work = group.create_task(company.work())
        watch = group.create_task(no_fault_of_ours(company.book))
        for fault in schedule.faults:
            patience = time.monotonic() + 4  # of an answer that a fault keeps back, the next fault does not wait
            while company.book.answered < fault.after and time.monotonic() < patience and not work.done():
                await asyncio.sleep(0.01)
            if work.done():
                break
            group.create_task(struck(fault, system, outcome))
        await work
        watch.cancel()


async def no_fault_of_ours(book: Book) -> None:
    """An answer that calls itself our fault decides the schedule; nobody need wait for its end."""
    while not book.internal:
        await asyncio.sleep(0.2)
    raise Broken(f"answered as a fault of ours: {book.internal[0]}")


async def struck(fault: Fault, system: System, outcome: Outcome) -> None:
    """As `strike`; where an earlier fault still keeps a server from starting, or one that crashes from being reached,
    it is started when that fault is healed, or at the latest when all are, which says so if it cannot."""
    with suppress(CannotStart, psycopg.OperationalError):
        await strike(fault, system, outcome)


async def strike(fault: Fault, system: System, outcome: Outcome) -> None:
    """Do it, and undo what does not undo itself."""
    servers, seconds = system.servers, fault.seconds
    if fault.kind.startswith("failpoint "):
        system.arm(fault.who, fault.what, fault.kind.split()[1], nth=fault.nth, seconds=seconds)
        return  # counted when it has acted
    outcome.faults[f"{fault.kind} of {fault.who}" if fault.kind == "disk full" else fault.kind] += 1
    match fault.kind:
        case "a while":
            await asyncio.sleep(seconds)
        case "kill -9":
            system.kill(fault.who)
        case "SIGSTOP":
            system.pause(fault.who, seconds)
        case "connections reset":
            system.way(fault.who).reset()
        case "replies swallowed" | "all swallowed" | "delayed":
            way = system.way(fault.who)
            if fault.kind == "delayed":
                way.delay(0.15)
            elif fault.kind == "replies swallowed":
                way.swallow("to_client")
            else:
                way.swallow()
            await asyncio.sleep(seconds)
            way.heal()
        case "Kafka's connections reset":
            servers.to_kafka.reset()
        case "Kafka swallowed":
            servers.to_kafka.swallow()
            await asyncio.sleep(seconds)
            servers.to_kafka.heal()
        case "PostgreSQL crashed":
            await asyncio.to_thread(servers.crash_postgres)
        case "PostgreSQL killed":
            await asyncio.to_thread(servers.restart_postgres)
        case "topic deleted":
            await asyncio.to_thread(system.delete_topic)
        case "Kafka killed" | "Kafka wiped":
            await asyncio.to_thread(servers.restart_kafka, wiped=fault.kind == "Kafka wiped")
        case "disk full":
            faults = system.nursery.faults if fault.who == "home" else servers.faults[fault.who]
            faults.disk_full()
            await asyncio.sleep(seconds)
            faults.disk_full(False)
            await asyncio.to_thread(servers.revive)
        case "clock back":
            for faults in (system.nursery.faults, *servers.faults.values()):
                faults.clock_wrong(-3600)
            await asyncio.sleep(seconds)
            for faults in (system.nursery.faults, *servers.faults.values()):
                faults.clock_wrong(0)
        case _:
            raise AssertionError(fault.kind)
