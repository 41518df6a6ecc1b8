"""A commit as the rows that log.append takes, in PostgreSQL's binary form: nothing is written out to be read again."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from struct import Struct
from uuid import UUID

import orjson
from psycopg.postgres import types
from uuid_utils import uuid7

from domain.aggregate import Event
from eventlog.claims import token
from eventlog.codec import Codec, kind_of
from eventlog.envelope import Changed, Commit
from eventlog.keys import SubjectKey

LISTS = {
    "asked": ("log.asked", 8),
    "made": ("log.made", 21),
    "seen": ("log.seen", 5),
    "claimed": ("log.claimed", 5),
    "released": ("log.claimed", 5),
    "placed": ("log.placed", 4),
}
"""What log.append takes, in this order: lists of rows, of a type with so many columns (eventlog/sql/0004_rows.sql). The
first column, the number of the command that a row belongs to, is filled when commands are put together to a batch."""


@dataclass(eq=False, slots=True)
class Rows:
    """All that is to be written for one command: its rows in each of the lists; what it changes, which no other command
    of its batch may change or have seen; and what it has merely seen."""

    asked: Sequence[bytes] = ()
    made: list[bytes] = field(default_factory=list)
    seen: list[bytes] = field(default_factory=list)
    claimed: list[bytes] = field(default_factory=list)
    released: list[bytes] = field(default_factory=list)
    placed: list[bytes] = field(default_factory=list)
    changing: list[Hashable] = field(default_factory=list)
    seeing: list[Hashable] = field(default_factory=list)


def rows_of(commit: Commit, codec: Codec, keys: Mapping[int, SubjectKey]) -> Rows:
    """What is to be written for a commit; `keys` are by subject id, as a number, those of the people of whom it says
    something personal."""
    context, about, rows = commit.context, commit.about, Rows()
    tenant, command_id = word(context.tenant), text(context.command_id)
    envelope = b"".join(
        (
            tenant,
            command_id,
            word(context.actor),
            text(context.on_behalf_of),
            text(context.reason),
            uuid(context.correlation_id),
            uuid(context.causation_id),
            text(context.trace),
            NO_JSON if context.source is None else sized(JSON, orjson.dumps(context.source)),
        )
    )
    for read_id, version in commit.read:
        id = uuid(read_id)
        rows.seen.append(tenant + id + integer(version) + NO_INTEGER)
        rows.seeing.append(id)
    for change in commit.changes:
        aggregate, stream, id = change.aggregate, change.stream, uuid(change.aggregate.id)
        key = keys.get(stream.subject_id.int)
        row = envelope + word(kind_of(aggregate)) + id + small(stream.partition) + uuid(stream.subject_id)
        rows.made += [row + happened(event, codec, context.tenant, key) for event in change.events]
        named = NO_INTEGER if change.named is None else integer(change.named)
        rows.seen.append(tenant + id + integer(change.expected_version) + named)
        rows.changing.append(id)
        hold(rows, change, id, codec, context.tenant)
    body = codec.keys.digest("commands", context.tenant, commit.body)
    stands = word(kind_of(about)) + uuid(about.id) + integer(about.version)
    rows.asked = (tenant + command_id + sized(BYTES, body) + stands + integer(len(rows.made)),)
    rows.changing.append(command_id)
    return rows


def happened(event: Event, codec: Codec, tenant: str, key: SubjectKey | None) -> bytes:
    """The columns that are one event's own."""
    stored = codec.encode(event, tenant, key)
    return b"".join(
        (
            NUMBERED(INTEGER, 4, event.originator_version, UUID_TYPE, 16, uuid7().bytes),
            kind(stored.type, stored.schema_version),
            moment(event.timestamp),
            sized(JSON, stored.data),
            NO_JSON if stored.personal is None else sized(JSON, stored.personal),
        )
    )


def hold(rows: Rows, change: Changed, id: bytes, codec: Codec, tenant: str) -> None:
    """What the aggregate (`id` is the column of its id) alone may hold from now on, and what no longer; and who stands
    above it."""
    aggregate = change.aggregate
    now, before = aggregate.claims, change.claims_before
    if now != before:
        for claims, changed in ((now - before, rows.claimed), (before - now, rows.released)):
            for claim in claims:
                held = token(codec.keys, tenant, claim)
                changed.append(word(tenant) + word(claim[0]) + sized(BYTES, held) + id)
                rows.changing.append(held)
    if aggregate.parent != change.parent_before:
        rows.placed.append(word(tenant) + id + uuid(aggregate.parent))
        rows.changing.append(("parents", tenant))


def array(batch: Sequence[Rows], name: str, type_oid: int) -> bytes | None:
    """One of the lists of a whole batch, every row numbered by its command; None when it is empty."""
    columns = LISTS[name][1]
    parts: list[bytes] = []
    for item, rows in enumerate(batch):
        for row in getattr(rows, name):
            parts += (ELEMENT(len(row) + 16, columns, INTEGER, 4, item), row)
    return ARRAY(1, 0, type_oid, len(parts) // 2, 1) + b"".join(parts) if parts else None


# -- values, each as a column of a row: type, length, bytes

TEXT, BYTES, JSON, UUID_TYPE, INTEGER, SMALL, MOMENT = (
    types[name].oid for name in ("text", "bytea", "json", "uuid", "int4", "int2", "timestamptz")
)
COLUMN = Struct(">ii").pack
INTEGER_COLUMN, SMALL_COLUMN, MOMENT_COLUMN = (Struct(form).pack for form in (">iii", ">iih", ">iiq"))
NUMBERED = Struct(">5i16s").pack  # a version and an id
UUID_COLUMN = COLUMN(UUID_TYPE, 16)
NO_TEXT, NO_JSON, NO_UUID, NO_INTEGER = (COLUMN(type_, -1) for type_ in (TEXT, JSON, UUID_TYPE, INTEGER))
ELEMENT = Struct(">5i").pack  # of an array: its length, how many columns it has, and the first of them
ARRAY = Struct(">iiIii").pack  # dimensions, whether any element is NULL, their type, how many, number of the first
EPOCH, MICROSECOND = datetime(2000, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


def sized(type_: int, value: bytes) -> bytes:
    return COLUMN(type_, len(value)) + value


def text(value: str | None) -> bytes:
    return NO_TEXT if value is None else sized(TEXT, value.encode())


@lru_cache(maxsize=10_000)
def word(value: str) -> bytes:
    """A text that comes again and again."""
    return sized(TEXT, value.encode())


@cache
def kind(name: str, schema_version: int) -> bytes:
    """What an event is: both of its columns."""
    return word(name) + small(schema_version)


def uuid(value: UUID | None) -> bytes:
    return NO_UUID if value is None else UUID_COLUMN + value.bytes


def integer(value: int) -> bytes:
    return INTEGER_COLUMN(INTEGER, 4, value)


def small(value: int) -> bytes:
    return SMALL_COLUMN(SMALL, 2, value)


def moment(value: datetime) -> bytes:
    return MOMENT_COLUMN(MOMENT, 8, (value - EPOCH) // MICROSECOND)
