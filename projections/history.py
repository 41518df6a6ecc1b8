"""The history of one stream: every event with who, when, why, and which values it changed from what to what."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from pydantic_core import to_jsonable_python

from domain import AGGREGATES
from domain.aggregate import Aggregate, Fact, field_names
from domain.policy import Sight
from domain.telling import masked
from eventlog import feed
from eventlog.codec import Codec, kind_of
from eventlog.envelope import Caller, Recorded, Source
from projections.changes import Change, PastChange, changes_between, changes_told, known_of, past_changes, plain
from projections.cut import NOW, Cut
from projections.sight import fields_told, shown_by_log

KINDS: dict[str, type[Aggregate]] = {kind_of(aggregate): aggregate for aggregate in AGGREGATES}


@dataclass(frozen=True)
class Entry:
    """One event of the history. `fields` is what it says, None for a type this release does not know; `changes` what
    that changed. A fact about an earlier day than what was known already changes nothing of that (`took_effect` False),
    and `past_changes` what was known of the days between."""

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
    source: Source | None
    fields: dict[str, Any] | None
    changes: list[Change]
    past_changes: list[PastChange]
    took_effect: bool


@dataclass(frozen=True)
class History:
    """Some entries by version; `next_version` is the `after` of the next page, None at the end."""

    entries: list[Entry]
    next_version: int | None


@dataclass(frozen=True)
class Setting:
    """What one field holds, and the event that set it; None where that cleared it."""

    field: str
    value: Any
    set_by: Entry


@dataclass(frozen=True)
class Difference:
    """What one field held at one moment and at another, and the events that made the difference, by version."""

    field: str
    old: Any
    new: Any
    events: list[Entry]


async def history(
    connection: AsyncConnection[Any],
    codec: Codec,
    caller: Caller,
    kind: str,
    id: UUID,
    *,
    after: int = 0,
    limit: int = 50,
    cut: Cut = NOW,
) -> History | None:
    """The events of a stream with version > after, as far as the cut leaves them; None when it leaves nothing, or the
    caller is shown no such stream.

    Read from the log itself, folded from the first event as the domain folds: nothing a projection could get wrong.
    """
    events = cut.of(await stream_shown(connection, codec, caller, kind, id))
    if not events:
        return None
    begin = bisect_right(events, after, key=lambda recorded: recorded.version)
    entries = list(entries_from(KINDS[kind](id), events[: begin + limit], begin, caller.sight(kind)))
    return History(entries, entries[-1].version if begin + limit < len(events) else None)


async def blame(
    connection: AsyncConnection[Any], codec: Codec, caller: Caller, kind: str, id: UUID, cut: Cut = NOW
) -> list[Setting] | None:
    """Every field that holds something, and the event that set it (by which the thing came to be, where none did); and
    every one that did hold something, and the event that cleared it. None as in `history`."""
    told = Told.of(cut.of(await stream_shown(connection, codec, caller, kind, id)), caller.sight(kind))
    if told is None:
        return None
    fields = told.values | dict.fromkeys(told.cleared)
    return [Setting(field, value, (told.setters(field) or told.entries[:1])[-1]) for field, value in fields.items()]


async def diff(
    connection: AsyncConnection[Any], codec: Codec, caller: Caller, kind: str, id: UUID, before: Cut, after: Cut
) -> list[Difference] | None:
    """Every field that differs between two cuts of the same stream; None when neither leaves anything of it. What was
    not there yet holds nothing."""
    stream, sight = await stream_shown(connection, codec, caller, kind, id), caller.sight(kind)
    old, new = (Told.of(cut.of(stream), sight) for cut in (before, after))
    if old is None and new is None:
        return None
    sides = [(side or Told(), other or Told()) for side, other in ((old, new), (new, old))]
    olds, news = (side.values for side, _ in sides)
    differences = []
    for field in [*olds, *(field for field in news if field not in olds)]:
        if olds.get(field) != news.get(field):
            events = [e for side, other in sides for e in side.setters(field) if e.version not in other.versions]
            events.sort(key=lambda entry: entry.version)
            differences.append(Difference(field, olds.get(field), news.get(field), events))
    return differences


async def stream_shown(
    connection: AsyncConnection[Any], codec: Codec, caller: Caller, kind: str, id: UUID
) -> list[Recorded]:
    """Every event of a stream of this kind; none where the caller is shown no such thing."""
    events = await feed.stream(connection, codec, caller.tenant, id)
    if not events or events[0].stream_type != kind or not shown_by_log(caller, kind, events):
        return []
    return events


@dataclass
class Told:
    """A stream told event by event, and what is known at its end."""

    entries: list[Entry] = dataclass_field(default_factory=list)
    values: dict[str, Any] = dataclass_field(default_factory=dict)
    """What each field holds that holds something; a map's entries are fields of their own ("external_ids.shop")."""
    cleared: list[str] = dataclass_field(default_factory=list)
    """The fields that did hold something, and hold nothing any more."""

    @classmethod
    def of(cls, events: list[Recorded], sight: Sight) -> Told | None:
        if not events:
            return None
        aggregate = KINDS[events[0].stream_type](events[0].stream_id)
        past, entries, held = past_changes(type(aggregate), events, 0), [], dict[str, None]()
        for recorded, changes in changed_by(aggregate, events):
            entries.append(entry_of(recorded, changes, past.get(recorded.version, []), sight))
            held |= dict.fromkeys(one.field for one in changes if not is_empty(one.new))
        values = dict(flat(known_of(aggregate)))
        there = {name for field in values for name in (field, field.partition(".")[0])}
        cleared = values_told({field: None for field in held if field not in there}, sight)
        return cls(entries, values_told(values, sight), list(cleared))

    @property
    def versions(self) -> set[int]:
        return {entry.version for entry in self.entries}

    def setters(self, field: str) -> list[Entry]:
        """The events that changed this field, or all of the map that it belongs to."""
        names = {field, field.partition(".")[0]}
        return [entry for entry in self.entries if any(change.field in names for change in entry.changes)]


def entries_from(aggregate: Aggregate, events: Sequence[Recorded], begin: int, sight: Sight) -> Iterator[Entry]:
    """Those of the events from there on one by one, each as soon as it has taken effect on the aggregate; what was
    before takes effect without being told. Of what they say, what is told."""
    for recorded in events[:begin]:
        if recorded.event is not None:
            recorded.event.apply(aggregate)
    past = past_changes(type(aggregate), events, begin)
    for recorded, changes in changed_by(aggregate, events[begin:]):
        yield entry_of(recorded, changes, past.get(recorded.version, []), sight)


def changed_by(aggregate: Aggregate, events: Iterable[Recorded]) -> Iterator[tuple[Recorded, list[Change]]]:
    """Each of the events as soon as it has taken effect on the aggregate, and what it has changed."""
    for recorded in events:
        before = known_of(aggregate)
        if recorded.event is not None:
            recorded.event.apply(aggregate)
        yield recorded, changes_between(before, known_of(aggregate))


def flat(known: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What holds something, by field."""
    for name, value in known.items():
        entries = {f"{name}.{entry}": v for entry, v in value.items()} if isinstance(value, dict) else {name: value}
        for field, v in entries.items():
            if not is_empty(v):
                yield field, plain(v)


def is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, Sized) and len(value) == 0)


def values_told(values: dict[str, Any], sight: Sight) -> dict[str, Any]:
    """What the fields hold, as far as it is told."""
    if not sight.restricted:
        return values
    return {
        field: masked(value) if attribute in sight.masked else value
        for field, value in values.items()
        if (attribute := field.partition(".")[0]) not in sight.hidden
    }


def entry_of(recorded: Recorded, changes: list[Change], past: list[PastChange], sight: Sight) -> Entry:
    event = recorded.event
    fields = None
    if event is not None:
        said = {name: to_jsonable_python(getattr(event, name)) for name in field_names(type(event))}
        fields = fields_told(type(event), said, sight)
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
        recorded.source,
        fields,
        changes_told(changes, sight),
        changes_told(past, sight),
        took_effect=bool(changes) or not isinstance(event, Fact),
    )
