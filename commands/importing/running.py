"""Carries out an import: its units go through the one door, many at a time; what becomes of each is written down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from traceback import extract_tb
from typing import Any
from uuid import UUID

import structlog
from pydantic import ValidationError

from commands.command import Command
from commands.dispatch import Asked, FutureMoment, NotFound, StaleVersion, dispatch
from commands.importing.files import DeliveryDamaged
from commands.importing.language.mapping import MappingError
from commands.importing.language.values import key_of
from commands.importing.outcomes import Kind, Ledger, Outcome, Progress
from commands.importing.patience import patiently
from commands.importing.planning import Unit, Wanted, units
from commands.importing.problems import Place, Unreadable
from commands.importing.queue import Concern, Queue, concern_of
from commands.importing.rehearsal import Rehearsal
from commands.importing.sources import Sources, sources
from commands.imports import BeginImport, FailImport, FinishImport
from domain.data_import import UNDER_WAY, Import, ImportOver
from domain.policy import Forbidden
from domain.refusals import AlreadyExists, Refusal
from eventlog import feed
from eventlog.callers import acting
from eventlog.envelope import Answer, Caller, Context, Source
from eventlog.errors import ClaimTaken, CommandReused
from eventlog.keys import KeyDestroyed
from eventlog.log import Log

log = structlog.get_logger()

MOST_NOT_TAKEN = 10_000
"""Failed units that are remembered, so that what is missed because of them can be told from what is nowhere."""

AT_ONCE = 512
"""Units under way; they share the log's next commits, and what follows the log gets larger pages."""

LOOK_S = 1.0
"""How often it is asked whether the import was cancelled."""

CLERK = "clerk"
KINDS: tuple[tuple[type[Exception], Kind], ...] = (
    (ValidationError, "validation"),
    (FutureMoment, "validation"),
    (NotFound, "not found"),
    (AlreadyExists, "duplicate"),
    (ClaimTaken, "duplicate"),
    (CommandReused, "conflict"),
    (StaleVersion, "conflict"),
    (Forbidden, "no access"),
    (KeyDestroyed, "refused"),
    (Refusal, "refused"),
)
"""Answers that asking again would not change, and what kind of outcome each is."""

UNUSABLE = (MappingError, Unreadable, DeliveryDamaged, KeyDestroyed)
"""What is wrong with an import as a whole."""

ASKING = (Import.Requested, Import.Approved, Import.RevertAsked)
"""Who says one of these has the import carried out, or undone."""

EXPECTED = tuple(kind for kind, _ in KINDS)

Beat = Callable[[], None]


@dataclass(frozen=True)
class Assignment:
    """An import as it is to be carried out: what was asked, by whom, under which event."""

    tenant: str
    data_import: Import
    actor: str
    asked_at: datetime
    """When it was first asked for: a command that was recorded before then is an earlier import's"""
    correlation_id: UUID
    event_id: UUID

    @property
    def id(self) -> UUID:
        return self.data_import.id


async def assignment(log: Log, tenant: str, id: UUID) -> Assignment | None:
    """The import of that id as the log has it now; None when the tenant has no such import. Raises LogUnavailable."""
    async with log.connection() as connection:
        stream = await feed.stream(connection, log.codec, tenant, id)
    events = [recorded.event for recorded in stream if recorded.event]
    if not stream or stream[0].stream_type != "import":
        return None
    asking = [recorded for recorded in stream if isinstance(recorded.event, ASKING)][-1]
    return Assignment(
        tenant,
        Import.fold(id, events),
        asking.actor,
        stream[0].recorded_at,
        asking.correlation_id,
        asking.event_id,
    )


async def carry_out(
    log: Log, tenant: str, id: UUID, *, tell: Callable[[Progress], None] = lambda _: None, beat: Beat = lambda: None
) -> None:
    """Carry out an import, or what is left of it; nothing when it has come to its end. It ends finished, or failed when
    the files are not what the mapping says; cancelled meanwhile, it stops. To be called by one process at a time.

    A store that is away is waited for. Killed at any line and begun again, it leaves the log as if it had not been.
    """
    given = await patiently(assignment, log, tenant, id)
    if given is None or given.data_import.state not in UNDER_WAY:
        return
    try:
        await say(log, given, "begin", BeginImport(import_id=id))
        async with AsyncExitStack() as stack:
            try:
                found = await patiently(lambda: stack.enter_async_context(sources(log, tenant, given.data_import)))
            except UNUSABLE as error:
                await say(log, given, "fail", FailImport(import_id=id, why=str(error)[:20_000]))
                return
            await Run(log, given, found, tell, beat).work()
    except ImportOver:  # cancelled just now
        return


async def say(log: Log, given: Assignment, what: str, command: Command) -> None:
    """Ask what only the clerk asks. Raises ImportOver."""
    context = Context(
        given.tenant,
        CLERK,
        f"{given.event_id}:{what}",
        given.correlation_id,
        given.event_id,
        on_behalf_of=given.actor,
    )
    await patiently(dispatch, log, Asked(command, Caller(given.tenant, CLERK), context))


WRITES = frozenset({"write"})


class Stopped(Exception):
    """The import was cancelled: what is not done yet is left."""


class Run:
    """One import on its way."""

    def __init__(
        self, log: Log, given: Assignment, sources: Sources, tell: Callable[[Progress], None], beat: Beat
    ) -> None:
        self.given, self.sources, self.beat = given, sources, beat
        self.dry_run = given.data_import.dry_run
        self.log = log
        self.door = Rehearsal(log, given.tenant) if self.dry_run else log
        self.ledger = Ledger(log, given.tenant, given.id, dry_run=self.dry_run, of_units=sources.count, tell=tell)
        self.caller = Caller(given.tenant, given.actor, frozenset({"write"}), sights={})
        self.room = asyncio.Semaphore(AT_ONCE)
        self.queue = Queue()
        self.stopped = False
        self.not_taken: dict[str, tuple[int, str]] = {}
        """The first unit of a key that failed: its number, and its first row"""

    async def work(self) -> None:
        looking = asyncio.create_task(self.look())
        try:
            self.caller = await patiently(acting, self.log, self.given.tenant, self.given.actor, WRITES)
            recorded = await patiently(self.ledger.begun)
            for number, key, lines in await patiently(self.ledger.failed, MOST_NOT_TAKEN):
                self.note_not_taken(number, key, lines)
            with closing(units(self.sources.mapping, self.sources.staged, self.sources.only)) as planned:
                for _, of_step in groupby(planned, lambda unit: unit.step):
                    await self.step(unit for unit in of_step if unit.number not in recorded)
            if not self.stopped:
                await self.finish()
        finally:
            looking.cancel()
            await self.ledger.settled()

    async def step(self, of_step: Iterable[Unit]) -> None:
        """All units of a step; those that concern the same things one after another."""
        async with asyncio.TaskGroup() as group:
            for unit in of_step:
                if self.stopped:
                    break
                await self.room.acquire()
                concern = concern_of(unit)
                task = group.create_task(self.one(unit, concern, self.queue.before(concern)))
                self.queue.join(concern, task)
        await self.ledger.settled()

    async def one(self, unit: Unit, concern: Concern, before: set[asyncio.Task[None]]) -> None:
        try:
            if before:
                await asyncio.wait(before)
            outcome = await self.outcome_of(unit)
            self.ledger.put(outcome)
            if outcome.status == "failed":
                self.note_not_taken(unit.number, unit.key, unit.lines)
                # What comes after it might have let it pass: once that is recorded, it must not be tried anew.
                await self.ledger.settled()
            self.beat()
        except Stopped:
            pass
        finally:
            self.queue.leave(concern, asyncio.current_task())
            self.room.release()

    async def outcome_of(self, unit: Unit) -> Outcome:
        """Ask for what is wanted, in order, up to the first that is not taken."""
        faults = [problem for problem in unit.problems if not problem.warning]
        if faults:
            return failed(unit, faults[0].kind, "; ".join(map(str, faults)), [], self.given, self.noted(unit, []))
        answers: list[Answer] = []
        for wanted in unit.wanted:
            try:
                answers.append(await patiently(self.ask, wanted))
            except EXPECTED as refusal:
                kind = next(kind for expected, kind in KINDS if isinstance(refusal, expected))
                told = f"{wanted.command}: {refusal}{self.who(refusal)}"
                return failed(unit, kind, told, answers, self.given, self.noted(unit, answers))
            except (Stopped, asyncio.CancelledError):
                raise
            except Exception as fault:  # of this unit alone: the others go on
                places = [f"{frame.filename}:{frame.lineno}" for frame in extract_tb(fault.__traceback__)][-6:]
                log.error("fault", job=str(self.given.id), unit=unit.number, error=type(fault).__name__, at=places)
                told = f"{wanted.command}: This is a fault of ours; the log of this process tells where."
                return failed(unit, "fault", told, answers, self.given, self.noted(unit, answers))
        return done(unit, answers, self.given, self.noted(unit, answers))

    def noted(self, unit: Unit, answers: Sequence[Answer]) -> list[str]:
        """All that is to be warned of, of its rows and of those of its commands that were taken."""
        warned = [str(problem) for problem in unit.problems if problem.warning]
        return [*warned, *unchanging(unit, answers), *self.clamped(unit)]

    def who(self, refusal: Exception) -> str:
        """What the source calls the thing that was not found, and which row of it was not taken."""
        if not isinstance(refusal, NotFound) or (key := key_of(refusal.id)) is None:
            return ""
        not_taken = f", and {self.not_taken[key][1]} was not taken" if key in self.not_taken else ""
        return f" Its key is {key!r}{not_taken}."

    def note_not_taken(self, number: int, key: str, lines: Sequence[Place]) -> None:
        if lines and len(self.not_taken) < MOST_NOT_TAKEN:
            first = (number, "{}:{}".format(*lines[0]))
            self.not_taken[key] = min(first, self.not_taken.get(key, first))

    def clamped(self, unit: Unit) -> list[str]:
        """What a dry run has to say of moves that are dated too early; after a real one the log says it."""
        if not isinstance(self.door, Rehearsal):
            return []
        return [said for wanted in unit.wanted for said in self.door.clamped.pop(wanted.id, ())]

    async def ask(self, wanted: Wanted) -> Answer:
        if self.stopped:
            raise Stopped
        given = self.given
        source = Source(self.sources.mapping.source, wanted.trust, wanted.at, given.id)
        context = Context(
            given.tenant,
            given.actor,
            wanted.id,
            given.correlation_id,
            given.event_id,
            reason=wanted.asked.reason,
            source=source,
        )
        return await dispatch(self.door, Asked(wanted.asked, self.caller, context))

    async def finish(self) -> None:
        totals = await patiently(self.ledger.totals)
        await say(self.log, self.given, "finish", FinishImport(import_id=self.given.id, **totals._asdict()))

    async def look(self) -> None:
        """Notice that the import was cancelled."""
        while not self.stopped:
            await asyncio.sleep(LOOK_S)
            self.beat()
            now = await patiently(assignment, self.log, self.given.tenant, self.given.id)
            self.stopped = now is None or now.data_import.state not in UNDER_WAY


def unchanging(unit: Unit, answers: Sequence[Answer]) -> list[str]:
    """What is to be said of commands that had nothing to change: the row is not passed over in silence."""
    pairs = zip(unit.wanted, answers, strict=False)  # of a unit that failed only the first were answered
    return [f"{wanted.at}: {wanted.command} had nothing to change" for wanted, answer in pairs if not answer.types]


def done(unit: Unit, answers: Sequence[Answer], given: Assignment, noted: Sequence[str]) -> Outcome:
    kind: Kind | None = "warning" if noted else None
    return Outcome(
        unit.number,
        unit.step,
        unit.key,
        unit.lines,
        "done",
        kind,
        "; ".join(noted) or None,
        len(noted),
        **recorded_by(unit, answers, given),
    )


def failed(
    unit: Unit, kind: Kind, message: str, answers: Sequence[Answer], given: Assignment, noted: Sequence[str]
) -> Outcome:
    so_far = ", ".join(wanted.command for wanted in unit.wanted[: len(answers)])
    if so_far:
        message = f"{message} Recorded before that: {so_far}."
    if noted:
        message = f"{message} (warned of: {'; '.join(noted)})"
    recorded = recorded_by(unit, answers, given)
    return Outcome(unit.number, unit.step, unit.key, unit.lines, "failed", kind, message, len(noted), **recorded)


def recorded_by(unit: Unit, answers: Sequence[Answer], given: Assignment) -> dict[str, Any]:
    known = [answer for answer in answers if answer.repeated and answer.recorded_at < given.asked_at]
    return {
        "commands": [wanted.id for wanted in unit.wanted[: len(answers)]],
        "events": sum(len(answer.types) for answer in answers) - sum(len(answer.types) for answer in known),
        "known": len(known),
    }
