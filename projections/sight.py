"""What a caller is shown of any rows: the policy's decision as conditions and masks in SQL, and over the log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, LiteralString
from uuid import UUID

from psycopg import sql

from domain import AGGREGATES
from domain.aggregate import Aggregate, Event
from domain.policy import ASKED_FOR, Sight, record_of
from domain.telling import MASK, masked, untold
from eventlog.codec import event_types, kind_of
from eventlog.envelope import Caller, Recorded

OF_KIND: dict[str, type[Aggregate]] = {kind_of(aggregate): aggregate for aggregate in AGGREGATES}


@dataclass(frozen=True)
class Belonging:
    """Where it stands to whom records of a kind belong: the live table, and over its row `v` the owner and, where there
    are such, the team and those it is shared with."""

    table: LiteralString
    owner: LiteralString
    team: LiteralString | None = None
    shared_with: LiteralString | None = None

    @property
    def rows(self) -> sql.Identifier:
        return sql.Identifier("read", self.table)


def owned(table: LiteralString) -> Belonging:
    return Belonging(table, "{v}.owner", "{v}.team", "{v}.shared_with")


BELONGING: dict[str, Belonging] = {
    "customer": owned("customers"),
    "opportunity": owned("opportunities"),
    "order": owned("orders"),
    "ticket": owned("tickets"),
    "import": Belonging("imports", "{v}.created_by"),
    "export": Belonging("exports", "{v}.created_by"),
    "scoring_run": Belonging("scoring_runs", "{v}.created_by"),
    "user": Belonging("users", "{v}.id::text"),
    "api_key": Belonging("api_keys", "{v}.user_id::text"),
}

YES, NO = sql.SQL("true"), sql.SQL("false")


def belongs(sight: Sight, kind: str, row: str = "v") -> sql.Composable:
    """The condition on a row of the live table of a kind that it is among what is shown."""
    extent = sight.extents.get("read")
    if extent is None:
        return NO
    if extent.everything:
        return YES
    if (belonging := BELONGING.get(kind)) is None:
        return NO
    v = sql.Identifier(row)
    ways = [matching(belonging.owner, v, extent.owners)]
    if belonging.team and extent.teams:
        ways.append(matching(belonging.team, v, extent.teams))
    if belonging.shared_with and sight.parties:
        ways.append(shared(belonging.shared_with, v, sight.parties))
    return sql.SQL("({})").format(sql.SQL(" OR ").join(ways))


def shared(column: LiteralString, v: sql.Identifier, parties: frozenset[str]) -> sql.Composed:
    """The condition that a row is shared with one of these, who may then read it. The index is of those rows alone that
    are shared at all."""
    return sql.SQL("({0} <> '{{}}' AND {0} ?| {1})").format(sql.SQL(column).format(v=v), texts(parties))


def matching(column: LiteralString, v: sql.Identifier, words: frozenset[str]) -> sql.Composed:
    return sql.SQL("{} = ANY ({})").format(sql.SQL(column).format(v=v), texts(words))


@lru_cache(1_000)
def texts(words: frozenset[str]) -> sql.Composable:
    return written(sql.SQL("{}::text[]").format(sql.Literal(sorted(words))))


def written(part: sql.Composable) -> sql.SQL:
    """The same, written out: what stands in a statement more than once is put into words once."""
    return sql.SQL(part.as_string(None))


def among(caller: Caller, kind: str, id: sql.Composable) -> sql.Composable:
    """The condition that what has this id, of a kind, is shown to the caller, asked of its live row."""
    seen = belongs(caller.sight(kind), kind)
    if seen in (YES, NO):
        return seen
    return sql.SQL("EXISTS (SELECT FROM {} v WHERE v.tenant = {} AND v.id = {} AND {})").format(
        sql.Identifier("read", BELONGING[kind].table), sql.Literal(caller.tenant), id, seen
    )


def events_seen(caller: Caller, row: str, kinds: Iterable[str] = tuple(OF_KIND)) -> sql.Composable:
    """The condition on an event that the record whose stream it is of is shown to the caller."""
    if caller.sights is None:
        return YES
    id, kind_ = sql.Identifier(row, "stream_id"), sql.Identifier(row, "stream_type")
    by_kind = {kind: among(caller, kind, id) for kind in kinds}
    if all(seen == YES for seen in by_kind.values()):
        return YES
    ways = [
        sql.SQL("({} = {} AND {})").format(kind_, sql.Literal(kind), seen)
        for kind, seen in by_kind.items()
        if seen != NO
    ]
    return sql.SQL("({})").format(sql.SQL(" OR ").join(ways)) if ways else NO


def shown_by_log(caller: Caller, kind: str, events: Sequence[Recorded]) -> bool:
    """Whether the caller is shown what all these events of a stream made, as it stands after them."""
    sight = caller.sight(kind)
    if sight.everything or not sight.may("read"):
        return sight.everything
    thing = OF_KIND[kind](events[0].stream_id)
    for recorded in events:
        if recorded.event is not None:
            recorded.event.apply(thing)
    return sight.lets("read", record_of(thing, events[0].actor if kind in ASKED_FOR else None))


# -- fields


def told(name: str, column: sql.Composable, kind: str, sight: Sight) -> sql.Composable:
    """A column of this PostgreSQL type, as it is told; one that is hidden is null here, and left out of answers."""
    if name not in sight.restricted:
        return column
    if name in sight.masked and kind == "text":
        return sql.SQL("CASE WHEN {} IS NOT NULL THEN {} END").format(column, sql.Literal(MASK))
    return sql.SQL("NULL::" + kind)


def fields_told(event: type[Event], fields: dict[str, Any], sight: Sight) -> dict[str, Any]:
    """What an event says, as JSON has it, as far as it is told."""
    if not sight.restricted:
        return fields
    hidden, covered = untold(event, sight.hidden), untold(event, sight.masked)
    return {name: masked(value) if name in covered else value for name, value in fields.items() if name not in hidden}


def events_told(caller: Caller, row: str) -> sql.Composable:
    """The jsonb `fields` of an event of the timeline, as far as they are told."""
    fields = sql.Identifier(row, "fields")
    cases = [
        sql.SQL("WHEN {} THEN {}").format(sql.Literal(name), restricted(fields, hidden, covered))
        for kind, sight in (caller.sights or {}).items()
        if sight.restricted
        for name, hidden, covered in restrictions(kind, sight.hidden, sight.masked)
    ]
    if not cases:
        return fields
    return sql.SQL("CASE {} {} ELSE {} END").format(sql.Identifier(row, "type"), sql.SQL(" ").join(cases), fields)


def restricted(fields: sql.Composable, hidden: frozenset[str], covered: frozenset[str]) -> sql.Composed:
    return sql.SQL(
        "(SELECT coalesce(jsonb_object_agg(f.key, CASE WHEN f.key <> ALL ({covered}) THEN f.value"
        " WHEN jsonb_typeof(f.value) = 'string' THEN to_jsonb({mask}::text) ELSE 'null'::jsonb END), '{{}}')"
        " FROM jsonb_each({fields}) f WHERE f.key <> ALL ({hidden}))"
    ).format(fields=fields, hidden=texts(hidden), covered=texts(covered), mask=sql.Literal(MASK))


@cache
def restrictions(
    kind: str, hidden: frozenset[str], covered: frozenset[str]
) -> list[tuple[str, frozenset[str], frozenset[str]]]:
    """By type of event, which of its fields are hidden, and which masked."""
    found = [
        (known.name, untold(known.event_class, hidden), untold(known.event_class, covered))
        for known in event_types().values()
        if known.stream_type == kind
    ]
    return [(name, hides, covers) for name, hides, covers in found if hides or covers]


def visible_among(caller: Caller, kind: str, ids: Iterable[UUID]) -> sql.Composed:
    """A question for those of these ids whose records the caller is shown."""
    return sql.SQL("SELECT i.id FROM unnest({}::uuid[]) AS i(id) WHERE {}").format(
        sql.Literal(list(ids)), among(caller, kind, sql.SQL("i.id"))
    )
