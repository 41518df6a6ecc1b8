"""An event as it is told outside: its envelope, and its fields as they are called today."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from eventlog.codec import Codec
from eventlog.envelope import Caller, Recorded
from projections.sight import fields_told


def as_told(recorded: Recorded, codec: Codec, token: Callable[[int], str], caller: Caller) -> dict[str, Any]:
    """As far as it is told to the caller; `token` is how a position is told."""
    return {
        "position": token(recorded.position),
        "id": recorded.event_id,
        "type": recorded.type,
        "schema_version": recorded.schema_version,
        "stream": recorded.stream_type,
        "stream_id": recorded.stream_id,
        "version": recorded.version,
        "subject_id": recorded.subject_id,
        "recorded_at": recorded.recorded_at,
        "occurred_at": recorded.occurred_at,
        "actor": recorded.actor,
        "on_behalf_of": recorded.on_behalf_of,
        "reason": recorded.reason,
        "correlation_id": recorded.correlation_id,
        "causation_id": recorded.causation_id,
        "command_id": recorded.command_id,
        "trace": recorded.trace,
        "source": recorded.source,
        "data": fields(recorded, codec, caller),
    }


def fields(recorded: Recorded, codec: Codec, caller: Caller) -> dict[str, Any] | None:
    """What the event says, as JSON values; None for an event that a newer release wrote."""
    if recorded.event is None:
        return None
    known = codec.type_of(type(recorded.event))
    said = {
        name: adapter.dump_python(getattr(recorded.event, name), mode="json")
        for name, adapter in known.adapters.items()
    }
    return fields_told(type(recorded.event), said, caller.sight(recorded.stream_type))
