"""What was entered in error is undone by further events of its stream, never by taking one away: these are they."""

from __future__ import annotations

from collections.abc import Collection, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from domain.aggregate import Aggregate, Changes, Event, Fact, field_names, order_of

Statement = tuple[type[Fact], dict[str, Any]]
"""A fact not said yet: its class and its values."""

Reference = tuple[str, UUID]
"""Another thing by its kind ("customer") and id."""


@dataclass(frozen=True)
class Since:
    """The event that decides a field, as (microseconds of occurred_at since 1970, version); None where none does."""

    field: str
    moment: int | None
    version: int | None


class Undoing(Event):
    """An earlier event of the stream was an error: the `events` just before this one put right what it had said.

    What they say is known, from here on, since when it was known before (`earlier`), as if the error had never been:
    an address of last March that is learned later is not displaced by a correction of April. Undoing an Undoing lets
    the earlier event stand again.
    """

    undone_version: int
    events: int
    earlier: tuple[Since, ...]

    def apply(self, aggregate: Any) -> None:
        self.settle(aggregate.since)

    def settle(self, since: MutableMapping[str, Any]) -> None:
        """Let what was put right, in an aggregate or a read model's row, be known since it was known before."""
        own, _ = order_of(self)
        for known in self.earlier or ():
            moment, version = since.get(known.field, (None, None))
            if moment == own and version in self.versions:
                del since[known.field]
                if known.moment is not None:
                    since[known.field] = (known.moment, known.version)

    @property
    def versions(self) -> range:
        """Those of what puts right, and its own."""
        return range(self.originator_version - (self.events or 0), self.originator_version + 1)


class Retraction(Fact):
    """The thing itself was entered in error: from its first moment on there never was one."""

    def changes(self) -> Changes:
        return {("retracted",): True}


class Reinstatement(Fact):
    """It was no error after all: the thing stands again as before it was retracted."""

    def changes(self) -> Changes:
        return {("retracted",): None}


class Retractable(Aggregate):
    """An aggregate whose events can be undone, and that can itself be retracted when it was entered in error."""

    Undone: ClassVar[type[Undoing]]
    Retracted: ClassVar[type[Retraction]]
    Reinstated: ClassVar[type[Reinstatement]]

    @property
    def references(self) -> frozenset[Reference]:
        """What it refers to now, and what therefore cannot be retracted before it."""
        return frozenset()

    def said_instead(self, fact: Fact, values: Changes) -> Iterator[Statement]:
        """What says, of each path that the fact has set, that it was so instead."""
        yield type(fact), {name: values.get((name,)) for name in field_names(type(fact))}

    def refuse_corrections(self) -> None:
        """Raise a Refusal where the state forbids to correct facts, or facts as corrected contradict each other."""


class Standing:
    """Which events of a stream stand, which are undone, and which are there only to undo others."""

    def __init__(self, past: Sequence[Event]) -> None:
        self.past = past
        markers = [event for event in past if isinstance(event, Undoing)]
        self.marker_of: dict[int, Undoing] = {version: marker for marker in markers for version in marker.versions}
        """For each event that is there to undo another, the Undoing that it belongs to"""
        self._markers = markers
        self.undone = self._undone()
        """What is undone, and by which Undoing"""

    def _undone(self, also: Collection[int] = ()) -> dict[int, Undoing | None]:
        undone: dict[int, Undoing | None] = dict.fromkeys(also)
        for marker in reversed(self._markers):
            if marker.originator_version not in undone:
                undone.setdefault(marker.undone_version, marker)
        return undone

    def stays(self, undone: Collection[int] = ()) -> list[Event]:
        """What stands of all that says something of its own, were these undone as well."""
        gone = self._undone(undone)
        if 1 in gone:
            return []
        own = (event for event in self.past if event.originator_version not in self.marker_of)
        return [event for event in own if event.originator_version not in gone]

    @property
    def retraction(self) -> Undoing | None:
        return self.undone.get(1)

    def meant(self, version: int) -> int:
        """What is undone when this event is: itself, or the whole Undoing that it belongs to."""
        marker = self.marker_of.get(version)
        return marker.originator_version if marker else version

    def origin(self, version: int) -> int:
        """What an Undoing, an Undoing of an Undoing and so on is about in the end."""
        while marker := self.marker_of.get(version):
            version = marker.undone_version
        return version

    def undoes(self, version: int) -> Undoing | None:
        """The Undoing by which this event is undone by now."""
        meant = self.meant(version)
        return self.undone.get(meant) or (None if meant in self.marker_of else self.retraction)

    def pieces(self, version: int) -> list[Event]:
        """The events that are to be undone with this one, latest first."""
        marker = self.marker_of.get(version)
        versions = reversed(marker.versions[:-1]) if marker else [version]
        return [self.past[version - 1] for version in versions]
