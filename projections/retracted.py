"""What was entered in error is gone: who says so, by which event, where somebody asks for it all the same."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from domain.undoing import Retraction
from eventlog.codec import Codec
from eventlog.envelope import Caller, Recorded
from projections.cut import NOW, Cut
from projections.history import KINDS, stream_shown


class Retracted(Exception):
    """It was entered in error and retracted: there never was one. Its history still shows all."""

    def __init__(self, by: Recorded) -> None:
        super().__init__(
            f"The {by.stream_type} {by.stream_id} was entered in error; {by.actor} retracted it at"
            f" {by.recorded_at.isoformat(timespec='seconds')}. Its history shows all, and so does `known_at` before."
        )
        self.event_id = by.event_id


async def retraction(
    connection: AsyncConnection[Any], codec: Codec, caller: Caller, kind: str, id: UUID, cut: Cut = NOW
) -> Retracted | None:
    """Why the caller is not shown what has this id, where that is because it was retracted; as far as the cut goes."""
    events = cut.of(await stream_shown(connection, codec, caller, kind, id))
    if not events or kind not in KINDS:
        return None
    thing = KINDS[kind](id)
    for recorded in events:
        if recorded.event is not None:
            recorded.event.apply(thing)
    if not thing.retracted:
        return None
    return Retracted(next(one for one in reversed(events) if isinstance(one.event, Retraction)))
