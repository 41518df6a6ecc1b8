"""Undoes events of many streams, those that an import has brought among them, and tells what became of each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID, uuid5

import orjson

from commands.dispatch import Asked, Contended, NotFound, dispatch, lets, of_kind, permit
from commands.undoing import KINDS, UndoEvents
from domain.aggregate import Event
from domain.correction import NotUndone, Obstacle
from domain.policy import Forbidden
from domain.refusals import Refusal, WasRetracted
from domain.undoing import Standing
from eventlog import finding
from eventlog.envelope import Caller, Commit, Context
from eventlog.finding import Named
from eventlog.keys import KeyDestroyed
from eventlog.log import Log

AT_ONCE = 32
"""Streams that are undone at the same time; they share the log's next commits."""

IDS = UUID("6b726f6e-696b-4a1b-8c00-000000000003")
"""Namespace of the ids of commands that undo, derived from what they undo."""


@dataclass(frozen=True)
class Outcome:
    """What became of an event that was to be undone.

    done: `by` are the events that undo it. conflict: `why`, and `by` the events that stand on it. nothing: `why` there
    is nothing to undo, and `by` the events that undid it before, where some did.
    """

    event: Named
    status: Literal["done", "conflict", "nothing"]
    why: str | None = None
    by: tuple[Named, ...] = ()


async def undo_all(log: Log, caller: Caller, event_ids: Sequence[UUID], context: Context) -> list[Outcome]:
    """Undo these events, each stream of theirs wholly or not at all, and tell what became of each, in their order.

    The context's command id names the whole: sent again with the same events and reason it gets the same answers.
    Raises NotFound when there is no such event: then nothing is undone; CommandReused, Forbidden and LogUnavailable.
    """
    permit(caller, "write")
    wanted = list(dict.fromkeys(event_ids))
    found = {event.event_id: event for event in await finding.by_ids(log, caller.tenant, wanted)}
    for id in wanted:
        if id not in found or not await lets(log, caller, "read", found[id].stream, found[id].id):
            raise NotFound("event", id)
    for event in found.values():
        if not await lets(log, caller, "write", event.stream, event.id):
            raise Forbidden(f"You may read this {event.stream}, and not change it.")
    await remember(log, context, found[wanted[0]], wanted)
    told: dict[UUID, Outcome] = {}
    async for outcomes in revert(log, caller, found.values(), context):
        told |= {outcome.event.event_id: outcome for outcome in outcomes}
    return [told[id] for id in wanted]


async def remember(log: Log, context: Context, about: Named, event_ids: list[UUID]) -> None:
    """Record that this command id asked for this, so that it never asks for anything else. Raises CommandReused."""
    body = {"undo": sorted(map(str, event_ids)), "reason": context.reason}
    aggregate, _ = await log.load(of_kind(about.stream), context.tenant, about.id, datetime.now(UTC))
    await log.append(Commit(context, orjson.dumps(body, option=orjson.OPT_SORT_KEYS), aggregate, []))


async def revert(log: Log, caller: Caller, events: Iterable[Named], context: Context) -> AsyncIterator[list[Outcome]]:
    """Undo these events, the latest streams first, and tell as it goes on what became of those of each stream.

    The ids of its commands are derived from the context's command id and the events: begun again after it was broken
    off, with the same events under the same id, it tells what was done and does the rest. A stream that others of these
    refer to is tried again after them; where two refer to each other, first these references are undone. Raises
    Forbidden and LogUnavailable.
    """
    streams: dict[UUID, list[Named]] = {}
    references: dict[UUID, Outcome] = {}
    for event in sorted(events, key=lambda event: event.position, reverse=True):
        streams.setdefault(event.id, []).append(event)
    while streams:
        left: dict[UUID, list[Outcome]] = {}
        for some in portions(list(streams.values())):
            for outcomes in await asyncio.gather(*(undo_stream(log, caller, one, context) for one in some)):
                if others_of(outcomes) & streams.keys():
                    left[outcomes[0].event.id] = outcomes
                else:
                    yield [references.get(outcome.event.event_id, outcome) for outcome in outcomes]
        if len(left) == len(streams):  # each waits for another one
            undone = await undo_references(log, caller, left, streams, context)
            if undone.keys() <= references.keys():
                for outcomes in left.values():
                    yield outcomes
                return
            references |= undone
        streams = {id: streams[id] for id in left}


async def undo_references(
    log: Log, caller: Caller, left: dict[UUID, list[Outcome]], streams: dict[UUID, list[Named]], context: Context
) -> dict[UUID, Outcome]:
    """Undo, of what is to be undone, the events by which these streams refer to each other; tells of those undone."""
    asked = {event.event_id for events in streams.values() for event in events}
    by = {event for outcomes in left.values() for outcome in outcomes for event in outcome.by if event.version > 1}
    undone = {}
    for event in sorted(by, key=lambda event: event.position, reverse=True):
        if event.event_id in asked:
            (outcome,) = await undo_stream(log, caller, [event], context)
            if outcome.status == "done":
                undone[event.event_id] = outcome
    return undone


def portions(streams: list[list[Named]]) -> Iterator[list[list[Named]]]:
    return (streams[start : start + AT_ONCE] for start in range(0, len(streams), AT_ONCE))


def others_of(outcomes: list[Outcome]) -> set[UUID]:
    """The other streams that were in the way."""
    own = outcomes[0].event.id
    return {event.id for outcome in outcomes if outcome.status == "conflict" for event in outcome.by} - {own}


async def undo_stream(log: Log, caller: Caller, events: list[Named], context: Context) -> list[Outcome]:
    """Undo events of one stream, or tell why not."""
    first, versions = events[0], sorted(event.version for event in events)
    if first.stream not in KINDS:
        return [
            Outcome(event, "conflict", f"Events of a {first.stream} cannot be undone; amend it.") for event in events
        ]
    own = Context(
        context.tenant,
        context.actor,
        f"undo:{uuid5(IDS, '|'.join([context.command_id, *sorted(str(event.event_id) for event in events)]))}",
        context.correlation_id,
        causation_id=first.event_id,
        on_behalf_of=context.on_behalf_of,
        reason=context.reason,
        trace=context.trace,
    )
    command = UndoEvents(stream=first.stream, id=first.id, versions=tuple(versions), reason=context.reason)
    try:
        answer = await dispatch(log, Asked(command, caller, own))
    except Contended:
        raise
    except NotUndone as refusal:
        return await conflicts(log, caller, events, refusal.obstacles)
    except WasRetracted as refusal:  # what this refers to is to be reinstated first
        (*_, retraction) = await finding.of_stream(log, caller.tenant, refusal.id)
        if not await lets(log, caller, "read", retraction.stream, retraction.id):
            return [Outcome(event, "conflict", "What it refers to was retracted.") for event in events]
        return [Outcome(event, "conflict", str(refusal), (retraction,)) for event in events]
    except (Refusal, KeyDestroyed) as refusal:
        return [Outcome(event, "conflict", str(refusal)) for event in events]
    past = await log.past(KINDS[first.stream], caller.tenant, first.id)
    named = {event.version: event for event in await finding.of_stream(log, caller.tenant, first.id)}
    since = answer.version - len(answer.types)
    return Report(past[:since], past[since : answer.version], set(versions), named).outcomes(events)


@dataclass
class Report:
    """What a command that undid events of a stream has done: `before` it, and what it has recorded `now`."""

    before: Sequence[Event]
    now: Sequence[Event]
    asked: set[int]
    named: dict[int, Named]

    def outcomes(self, events: Iterable[Named]) -> list[Outcome]:
        was, after = Standing(self.before), Standing([*self.before, *self.now])
        asked = {was.meant(version) for version in self.asked}
        return [self.outcome(event, was, after, asked) for event in events]

    def outcome(self, event: Named, was: Standing, after: Standing, asked: set[int]) -> Outcome:
        if marker := was.undoes(event.version):
            return Outcome(event, "nothing", "It was undone before.", self.by(marker.versions))
        marker = after.undoes(event.version)
        if marker and marker.originator_version > len(self.before):
            return Outcome(event, "done", by=self.by(marker.versions))
        if event.version in was.marker_of and was.origin(event.version) in asked:
            return Outcome(event, "nothing", "What it has undone is to be undone, and is.")
        return Outcome(event, "nothing", "It never took effect, or says what was so without it.")

    def by(self, versions: Iterable[int]) -> tuple[Named, ...]:
        return tuple(self.named[version] for version in versions)


async def conflicts(log: Log, caller: Caller, events: list[Named], obstacles: Sequence[Obstacle]) -> list[Outcome]:
    """Every event with what is in its way, as far as the caller sees that; the others of the stream stay for its
    sake."""
    tenant, own = caller.tenant, events[0].id
    named = {event.version: event for event in await finding.of_stream(log, tenant, own)}
    others = {
        id
        for obstacle in obstacles
        for kind, id, _ in obstacle.by
        if id != own and await lets(log, caller, "read", kind, id)
    }
    at = {(own, version): event for version, event in named.items()}
    for id in others:
        at |= {(id, event.version): event for event in await finding.of_stream(log, tenant, id)}
    standing = Standing(await log.past(KINDS[events[0].stream], tenant, own))
    told = {
        obstacle.version: (
            obstacle.why,
            tuple(at[id, version] for _, id, version in obstacle.by if (id, version) in at),
        )
        for obstacle in reversed(obstacles)
    }
    held_back = tuple(named[version] for version in sorted(told) if version in named)
    for_its_sake = (
        "Another event of the same stream that was to be undone cannot be; a stream is undone as asked or not."
    )
    return [
        Outcome(event, "conflict", *told.get(standing.meant(event.version), (for_its_sake, held_back)))
        for event in events
    ]
