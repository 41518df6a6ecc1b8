"""Event to stored text and back: stable type names, upcasting, and personal fields encrypted for one person each."""

from __future__ import annotations

import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import datetime
from functools import cache, cached_property
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints
from uuid import UUID

import orjson
import structlog
from pydantic import TypeAdapter
from pydantic_core import SchemaSerializer
from typing_extensions import TypedDict

from domain import AGGREGATES
from domain.aggregate import PERSONAL, Aggregate, Event, field_names
from eventlog.keys import KeyStore, KeyStoreError, Sealed, SubjectKey

log = structlog.get_logger()


class Stored(NamedTuple):
    """An event as JSON. `personal` maps each personal field to its sealed value, base64."""

    type: str
    schema_version: int
    data: bytes
    personal: bytes | None


@dataclass(frozen=True)
class EventType:
    """How one event class is written and read."""

    name: str
    event_class: type[Event]
    stream_type: str

    @cached_property
    def hints(self) -> dict[str, Any]:
        hints = get_type_hints(self.event_class, include_extras=True)
        return {name: hints[name] for name in field_names(self.event_class)}

    @cached_property
    def personal(self) -> frozenset[str]:
        return frozenset(
            n for n, hint in self.hints.items() if get_origin(hint) is Annotated and PERSONAL in get_args(hint)
        )

    @cached_property
    def plain(self) -> tuple[str, ...]:
        return tuple(name for name in self.hints if name not in self.personal)

    @cached_property
    def adapters(self) -> dict[str, TypeAdapter[Any]]:
        return {name: TypeAdapter(hint) for name, hint in self.hints.items()}

    @cached_property
    def sealed(self) -> list[tuple[str, bytes, SchemaSerializer]]:
        """The personal fields, each written on its own: name, the same as bytes, and how."""
        return [(name, name.encode(), self.adapters[name].serializer) for name in sorted(self.personal)]

    @cached_property
    def blank(self) -> dict[str, Any]:
        """Every field as it is when nothing was stored of it."""
        return dict.fromkeys(self.hints) | {
            f.name: f.default for f in fields(self.event_class) if f.default is not MISSING and f.name in self.hints
        }

    @property
    def schema_version(self) -> int:
        return self.event_class.class_version

    @cached_property
    def _written(self) -> Callable[..., bytes]:
        return adapter(self.name, {name: self.hints[name] for name in self.plain}).serializer.to_json

    @cached_property
    def _read(self) -> Callable[[dict[str, Any]], dict[str, Any]]:
        return adapter(self.name, self.hints).validator.validate_python

    def text(self, event: Event) -> bytes:
        """What is not personal, as JSON."""
        values = vars(event)
        return self._written({name: values[name] for name in self.plain}, warnings=False)

    def event(self, stream_id: UUID, version: int, occurred_at: datetime, state: dict[str, Any]) -> Event:
        """The event from its stored values. One that is missing takes the field's default, else None: an event is
        never unreadable."""
        given = {name: value for name, value in state.items() if value is not None}
        event = object.__new__(self.event_class)
        said = vars(event)
        said.update(self.blank, originator_id=stream_id, originator_version=version, timestamp=occurred_at)
        said.update(self._read(given))
        return event


def adapter(name: str, hints: dict[str, Any]) -> TypeAdapter[dict[str, Any]]:
    """Writes and reads a whole map of typed values in one call, whichever of them are there."""
    return TypeAdapter(TypedDict(name, hints, total=False))  # type: ignore[operator]  # made of what was declared


def kind_of(aggregate: type[Aggregate] | Aggregate) -> str:
    """The stable name of an aggregate's streams: "customer"."""
    aggregate_class = aggregate if isinstance(aggregate, type) else type(aggregate)
    return snake(aggregate_class.__name__)


@cache
def snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def event_types() -> dict[str, EventType]:
    """Every event type that this release writes or reads, by stable name ("customer.registered")."""
    found = [
        EventType(f"{kind_of(aggregate)}.{snake(name)}", member, kind_of(aggregate))
        for aggregate in AGGREGATES
        for name, member in vars(aggregate).items()
        if isinstance(member, type) and issubclass(member, Event)
    ]
    return {known.name: known for known in found}


class Codec:
    """Writes and reads events; needs the key store for those with personal fields."""

    def __init__(self, keys: KeyStore) -> None:
        self.keys = keys
        self.types = event_types()
        self._by_class = {known.event_class: known for known in self.types.values()}

    def type_of(self, event_class: type[Event]) -> EventType:
        return self._by_class[event_class]

    def has_personal(self, event: Event) -> bool:
        values = vars(event)
        return any(values[name] is not None for name in self._by_class[type(event)].personal)

    def encode(self, event: Event, tenant: str, key: SubjectKey | None) -> Stored:
        """The event as JSON; `key` (needed when it says anything personal) seals each personal field for itself."""
        known = self._by_class[type(event)]
        sealed = []
        if known.personal:
            values = vars(event)
            place = associated(tenant, event.originator_id, event.originator_version)
            for name, field, serializer in known.sealed:
                value = values[name]
                if value is not None:
                    assert key is not None, "the subject's key is made durable before the first event that uses it"
                    value = b2a_base64(key.seal(serializer.to_json(value), place + field), newline=False)
                    sealed.append(b'"%b":"%b"' % (field, value))  # neither holds what JSON would escape
        personal = b"{%b}" % b",".join(sealed) if sealed else None
        return Stored(known.name, known.schema_version, known.text(event), personal)

    def decode(
        self,
        type_name: str,
        schema_version: int,
        tenant: str,
        stream_id: UUID,
        version: int,
        subject_id: UUID,
        occurred_at: datetime,
        data: Mapping[str, Any],
        personal: Mapping[str, str] | None,
    ) -> Event | None:
        """The event, lifted to today's shape; None when a newer release wrote a type unknown here. A personal field
        whose key was destroyed reads None."""
        known = self.types.get(type_name)
        if known is None:
            return None
        state = dict(data)
        if personal:
            key, place = self.keys.find(tenant, subject_id), associated(tenant, stream_id, version)
            for name, value in personal.items():
                state[name] = orjson.loads(key.open(Sealed(a2b_base64(value)), place + name.encode())) if key else None
        for written in range(schema_version, known.schema_version):
            getattr(known.event_class, f"upcast_v{written}_v{written + 1}")(state)
        return known.event(stream_id, version, occurred_at, state)

    def read(
        self, type_name: str, schema_version: int, tenant: str, stream_id: UUID, version: int, *stored: Any
    ) -> tuple[Event | None, type[Event] | None]:
        """As `decode`, for whoever goes on when a stored event is unreadable: then (None, what it should have been).
        Raises KeyStoreError: that the keys are away for a while says nothing of the event."""
        try:
            return self.decode(type_name, schema_version, tenant, stream_id, version, *stored), None
        except KeyStoreError:
            raise
        except Exception as error:
            log.error("event unreadable", stream=str(stream_id), version=version, error=type(error).__name__)
            return None, self.types[type_name].event_class


def associated(tenant: str, stream_id: UUID, version: int) -> bytes:
    """Where a sealed value belongs, up to the name of its field: it opens nowhere else. (The key's own version is added
    by the key.)"""
    return f"{tenant}|{stream_id}|{version}|".encode()
