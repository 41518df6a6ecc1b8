"""The history of one stream: every event with who, when, why, and which values it changed from what to what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from pydantic_core import to_jsonable_python

from domain import AGGREGATES
from domain.aggregate import Aggregate, Fact, field_names
from eventlog import feed
from eventlog.codec import Codec, kind_of
from eventlog.envelope import Caller, Recorded

KINDS: dict[str, type[Aggregate]] = {kind_of(aggregate): aggregate for aggregate in AGGREGATES}

BOOKKEEPING = {"id", "version", "now", "modified_on", "since", "moved_at", "_pending", "opened_for"}
"""What an aggregate keeps for itself, beside what the business knows."""


@dataclass(frozen=True)
class Change:
    """One value that an event changed: `field` is an attribute, or "attribute.entry" in a map; None is "not there"."""

    field: str
    old: Any
    new: Any


@dataclass(frozen=True)
class Entry:
    """One event of the history. `fields` is what it says, None for a type this release does not know; `changes` what
    that changed. A fact about an earlier day than what was known already changes nothing (`took_effect` False)."""

    version: int
    position: int
    event_id: UUID
    type: str
    occurred_at: datetime
    recorded_at: datetime
    actor: str
    on_behalf_of: str | None
    reason: str | None
    correlation_id: UUID
    causation_id: UUID | None
    command_id: str
    fields: dict[str, Any] | None
    changes: list[Change]
    took_effect: bool


@dataclass(frozen=True)
class History:
    """Some entries by version; `next_version` is the `after` of the next page, None at the end."""

    entries: list[Entry]
    next_version: int | None


async def history(
    connection: AsyncConnection[Any],
    codec: Codec,
    caller: Caller,
    kind: str,
    id: UUID,
    *,
    after: int = 0,
    limit: int = 50,
) -> History | None:
    """The events of a stream with version > after; None when the caller's tenant has no such stream.

    Read from the log itself, folded from the first event as the domain folds: nothing a projection could get wrong.
    """
    events = await feed.stream(connection, codec, caller.tenant, id)
    if not events or events[0].stream_type != kind:
        return None
    wanted = [entry for entry in entries_of(KINDS[kind], events) if entry.version > after]
    more = len(wanted) > limit
    return History(wanted[:limit], wanted[limit - 1].version if more else None)


def entries_of(aggregate_class: type[Aggregate], events: list[Recorded]) -> list[Entry]:
    aggregate = aggregate_class(events[0].stream_id)
    entries = []
    for recorded in events:
        before = known_of(aggregate)
        if recorded.event is not None:
            recorded.event.apply(aggregate)
        changes = changes_between(before, known_of(aggregate))
        entries.append(entry_of(recorded, changes))
    return entries


def known_of(aggregate: Aggregate) -> dict[str, Any]:
    """What is known now; a later event replaces values, it never alters them."""
    return {name: value for name, value in vars(aggregate).items() if name not in BOOKKEEPING}


def changes_between(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    changes = []
    for name, new in after.items():
        old = before.get(name)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            entries = {**old, **new}
            changes += [change(f"{name}.{e}", old.get(e), new.get(e)) for e in entries if old.get(e) != new.get(e)]
        else:
            changes.append(change(name, old, new))
    return changes


def change(name: str, old: Any, new: Any) -> Change:
    return Change(name, to_jsonable_python(old), to_jsonable_python(new))


def entry_of(recorded: Recorded, changes: list[Change]) -> Entry:
    event = recorded.event
    fields = (
        None if event is None else {name: to_jsonable_python(getattr(event, name)) for name in field_names(type(event))}
    )
    return Entry(
        recorded.version,
        recorded.position,
        recorded.event_id,
        recorded.type,
        recorded.occurred_at,
        recorded.recorded_at,
        recorded.actor,
        recorded.on_behalf_of,
        recorded.reason,
        recorded.correlation_id,
        recorded.causation_id,
        recorded.command_id,
        fields,
        changes,
        took_effect=bool(changes) or not isinstance(event, Fact),
    )
