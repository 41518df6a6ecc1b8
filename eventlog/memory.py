"""What a process remembers of the streams it saw last: it saves reading them again, and decides nothing."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from domain.aggregate import Aggregate
from eventlog.envelope import Stream
from eventlog.keys import KeyStore, SubjectKey

A = TypeVar("A", bound=Aggregate)

MOST = 10_000
"""Aggregates kept, some 30 MB."""


class Memory:
    """Aggregates as they stood when last seen, and streams that were missing. Others may have changed them since, so
    whoever uses one has its version checked by the log."""

    def __init__(self, keys: KeyStore) -> None:
        self._keys = keys
        self._known: OrderedDict[tuple[str, int], tuple[Aggregate, Stream | None, SubjectKey | None]] = OrderedDict()
        """By tenant and id as a number: one whose hash takes no time"""

    def __contains__(self, place: tuple[str, UUID]) -> bool:
        tenant, id = place
        return (tenant, id.int) in self._known

    def get(self, kind: type[A], tenant: str, id: UUID, now: datetime) -> tuple[A, Stream | None] | None:
        """A copy to decide on at this moment; None when it is not remembered, or the person was forgotten since."""
        aggregate, stream, key = self._known.get((tenant, id.int), (None, None, None))
        if not isinstance(aggregate, kind) or self._key(tenant, stream) is not key:
            return None
        self._known.move_to_end((tenant, id.int))
        return aggregate.copied(now), stream

    def keep(self, tenant: str, aggregate: Aggregate, stream: Stream | None) -> None:
        """From here on the aggregate is ours alone. Without a stream there is none."""
        place = tenant, aggregate.id.int
        self._known[place] = aggregate, stream, self._key(tenant, stream)
        self._known.move_to_end(place)
        if len(self._known) > MOST:
            self._known.popitem(last=False)

    def forget(self, tenant: str, ids: Iterable[UUID]) -> None:
        for id in ids:
            self._known.pop((tenant, id.int), None)

    def _key(self, tenant: str, stream: Stream | None) -> SubjectKey | None:
        return self._keys.known(tenant, stream.subject_id) if stream else None
