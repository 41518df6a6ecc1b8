"""What travels beside every event: who asked, for which tenant, when, why, and as part of what conversation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID
from zlib import crc32

from msgspec import Struct

from domain.aggregate import Aggregate, Event
from domain.policy import EVERYTHING, NOTHING, Sight
from domain.roles import ACTIONS

EventClass = type[Event]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and for which tenant; every command and every query carries one.

    `actor` is what events name: the id of a user, or whatever an operator's key or a process of ours is called.
    `scopes` is what it may do in the end: of what its key or token allows, what its roles allow.
    """

    tenant: str
    actor: str
    scopes: frozenset[str] = ACTIONS
    kind: Literal["human", "service", "operator"] = "operator"
    user_id: UUID | None = None
    roles: frozenset[str] = frozenset()
    teams: frozenset[UUID] = frozenset()
    """Those that it is a member of and that are not dissolved"""
    key: str | None = None
    """The public id of the key that it came with; of a token there is none"""
    name: str = ""
    """What records call it as their owner"""
    sights: Mapping[str, Sight] | None = field(default=None, compare=False, repr=False)
    """What it sees of each kind, by the policy; None where no policy applies, and everything of the tenant is seen"""

    def sight(self, kind: str) -> Sight:
        return EVERYTHING if self.sights is None else self.sights.get(kind, NOTHING)


@dataclass(frozen=True, slots=True)
class Source:
    """Where an imported event was taken from: which `system` said so, how far it is trusted (0 to 100, as what people
    tell us themselves), where it stands there ("customers.csv:12"), and the import that took it. `stated_at` is the
    moment that it gave for a move, where that could not be kept: the last move on the same axis was later."""

    system: str
    trust: int
    at: str
    job: UUID | None = None
    stated_at: datetime | None = None

    @classmethod
    def read(cls, stored: dict[str, Any] | None) -> Source | None:
        """From its stored form."""
        if stored is None:
            return None
        job, stated_at = stored.get("job"), stored.get("stated_at")
        return cls(
            stored["system"],
            stored["trust"],
            stored["at"],
            UUID(job) if job else None,
            datetime.fromisoformat(stated_at) if stated_at else None,
        )


class Context(Struct, frozen=True):
    """Bound once per request or message, stored with each event that comes of it; no aggregate ever sees it.

    `command_id` is the caller's idempotency key; `causation_id` the event or message just before; `trace` a W3C
    traceparent.
    """

    tenant: str
    actor: str
    command_id: str
    correlation_id: UUID
    causation_id: UUID | None = None
    on_behalf_of: str | None = None
    reason: str | None = None
    trace: str | None = None
    source: Source | None = None


class Recorded(Struct, frozen=True, gc=False):
    """One event as the log holds it: the envelope and the decoded event.

    `position` counts across the log (gapless, in commit order), `version` within the stream. `event` is None when the
    type is unknown to this release (a newer one wrote it), and when what is stored cannot be read; then `unreadable` is
    what it should have been.
    """

    position: int
    tenant: str
    stream_type: str
    stream_id: UUID
    version: int
    partition: int
    subject_id: UUID
    event_id: UUID
    type: str
    schema_version: int
    recorded_at: datetime
    occurred_at: datetime
    actor: str
    on_behalf_of: str | None
    reason: str | None
    correlation_id: UUID
    causation_id: UUID | None
    command_id: str
    trace: str | None
    event: Event | None
    unreadable: EventClass | None = None
    source: Source | None = None

    @property
    def event_class(self) -> EventClass | None:
        """What the event is, whether it can be read or not."""
        return self.unreadable if self.event is None else type(self.event)


class Stream(Struct, frozen=True):
    """Where a loaded stream stands: what every later event of it repeats."""

    subject_id: UUID
    partition: int


class Changed(Struct, frozen=True):
    """One aggregate with the events it has recorded since `expected_version`."""

    aggregate: Aggregate
    expected_version: int
    events: list[Event]
    stream: Stream
    claims_before: frozenset[tuple[str, str]] = frozenset()
    parent_before: UUID | None = None
    named: int | None = None
    """How many events may name it when it is recorded; any number when None"""


class Commit(Struct, frozen=True):
    """All that one command wants recorded: it goes into the log whole or not at all.

    `about` is the aggregate that the answer names; `body` the canonical JSON of what was asked; `read` the streams that
    it was decided on but does not change, with the versions that they must still have.
    """

    context: Context
    body: bytes
    about: Aggregate
    changes: list[Changed]
    read: Sequence[tuple[UUID, int]] = ()


class Answer(Struct, frozen=True):
    """What became of a command: the stream it was about, that stream's version after it, the position of its last
    event (of the log's head when it recorded none), the types of its events and what they say to whoever asked
    (Event.says). The same for ever."""

    stream_type: str
    stream_id: UUID
    version: int
    position: int
    types: list[str]
    recorded_at: datetime
    repeated: bool = False
    said: dict[str, Any] = {}


def partition_of(subject_id: UUID, partitions: int) -> int:
    """The partition of everything that concerns this subject."""
    return crc32(subject_id.bytes) % partitions
