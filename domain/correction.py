"""Undoes events of one stream: says what stands in the way, or puts right, takes back, retracts, reinstates."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from domain.aggregate import Aggregate, Event, Fact, Move, order_of
from domain.refusals import Refusal
from domain.undoing import Reinstatement, Retractable, Retraction, Since, Standing

R = TypeVar("R", bound=Retractable)


@dataclass(frozen=True)
class Obstacle:
    """Why an event cannot be undone; `by` are the events that stand on it, as (kind, stream id, version)."""

    version: int
    why: str
    by: tuple[tuple[str, UUID, int], ...] = ()


class NotUndone(Refusal):
    """Later changes stand on what was to be undone, or there is no way back from it; nothing was changed."""

    def __init__(self, obstacles: Sequence[Obstacle]) -> None:
        super().__init__(" ".join(dict.fromkeys(obstacle.why for obstacle in obstacles)))
        self.obstacles = list(obstacles)
        self.conflicts = [
            {
                "version": obstacle.version,
                "why": obstacle.why,
                "by": [{"stream": kind, "id": id, "version": version} for kind, id, version in obstacle.by],
            }
            for obstacle in obstacles
        ]


def undo(aggregate: Retractable, past: Sequence[Event], versions: Collection[int]) -> None:
    """Record what undoes these events of an aggregate, the latest first; `past` are all its events.

    Facts are put right over exactly the time in which the wrong value stood; moves are taken back now, by the
    aggregate's own rules. What is undone already, or never took effect, needs nothing. Raises NotUndone, with all that
    stands in the way: nothing of the stream is then undone.
    """
    if unknown := sorted(version for version in versions if not 1 <= version <= len(past)):
        raise NotUndone([Obstacle(version, f"There is no version {version}.") for version in unknown])
    standing = Standing(past)
    asked = {standing.meant(version) for version in versions}
    # Who wants the error undone and its correction too wants the error undone.
    asked -= {version for version in asked & standing.marker_of.keys() if standing.origin(version) in asked}
    live = sorted((version for version in asked if not standing.undoes(version)), reverse=True)
    if live:
        Correction(aggregate, standing, live).record()


class Correction:
    """One stream's events that stand and are to be undone, by version, the latest first."""

    def __init__(self, aggregate: Retractable, standing: Standing, live: list[int]) -> None:
        self.aggregate, self.standing, self.live = aggregate, standing, live
        self.now = aggregate.now
        self.earlier: list[Since] = []
        self.kind = kind_name(aggregate)
        self.stays = standing.stays(live)

    def record(self) -> None:
        if obstacles := list(self.obstacles()):
            raise NotUndone(obstacles)
        if self.about_existence:
            self.retract_or_reinstate()
            return
        corrected = False
        for version in self.live:
            recorded = self.aggregate.version
            for event in self.standing.pieces(version):
                if isinstance(event, Fact):
                    corrected |= self.put_right(event)
                else:
                    self.take_back(version, event)
            self.mark(version, recorded)
        if corrected:
            try:
                self.aggregate.refuse_corrections()
            except Refusal as refusal:
                raise NotUndone([Obstacle(version, str(refusal)) for version in self.live]) from None

    @property
    def about_existence(self) -> bool:
        return any(version == 1 or self.existence(version) for version in self.live)

    def existence(self, version: int) -> bool:
        """Whether this version is an Undoing that retracted or reinstated the thing."""
        pieces = self.standing.pieces(version) if version in self.standing.marker_of else []
        return any(isinstance(event, Retraction | Reinstatement) for event in pieces)

    def retract_or_reinstate(self) -> None:
        """With the first event go all others that are to be undone: there is nothing left that they could be about."""
        aggregate, recorded = self.aggregate, self.aggregate.version
        aggregate.now = self.standing.past[0].timestamp
        aggregate.record(aggregate.Reinstated if aggregate.retracted else aggregate.Retracted)
        self.mark(next(version for version in self.live if version == 1 or self.existence(version)), recorded)

    def mark(self, version: int, recorded: int) -> None:
        """Say what has been undone by what was recorded just now, unless there was nothing to put right."""
        aggregate = self.aggregate
        if aggregate.version > recorded:
            events, earlier = aggregate.version - recorded, tuple(self.earlier)
            aggregate.record(aggregate.Undone, undone_version=version, events=events, earlier=earlier)
        self.earlier = []

    def take_back(self, version: int, event: Event) -> None:
        # Moves are taken back one by one, each to where it came from.
        latest = [one for one in self.live if one >= version]
        self.aggregate.now = self.now
        try:
            event.take_back(self.aggregate, folded(self.aggregate, self.standing.stays(latest)))
        except Refusal as refusal:
            raise NotUndone([Obstacle(version, str(refusal))]) from None

    def put_right(self, fact: Fact) -> bool:
        """Say, of when the fact was so, what was known without it; unless it makes no difference."""
        fields = {".".join(path): path for path in fact.changes()}
        begins = max(fact.timestamp, self.standing.past[0].timestamp)
        recorded = [*self.standing.past, *self.aggregate.pending]
        present, wanted = (
            folded(self.aggregate, (event for event in events if event.timestamp <= begins))
            for events in (recorded, self.stays)
        )
        if all(
            present.at(path) == wanted.at(path) and present.since.get(field) == wanted.since.get(field)
            for field, path in fields.items()
        ):
            return False
        self.aggregate.now = fact.timestamp
        for event_class, said in self.aggregate.said_instead(fact, {path: wanted.at(path) for path in fields.values()}):
            self.aggregate.record(event_class, **said)
        self.earlier += [Since(field, *wanted.since.get(field, (None, None))) for field in fields]
        return True

    def obstacles(self) -> Iterator[Obstacle]:
        if self.about_existence:
            yield from self.obstacles_to_existence()
            return
        if self.standing.retraction:
            why = "It was retracted as a whole; undo that first."
            yield from (self.obstacle(version, why, [self.standing.retraction]) for version in self.live)
            return
        for version in self.live:
            for event in self.standing.pieces(version):
                if later := [other for other in self.stays if stands_on(other, event)]:
                    yield self.obstacle(version, "A later change stands on it; undo that first, or with it.", later)
                elif event.instead and type(event).take_back is Event.take_back:
                    yield self.obstacle(version, event.instead)

    def obstacles_to_existence(self) -> Iterator[Obstacle]:
        """The first event is undone when nothing else is left that stands; what was retracted and reinstated is
        retracted again when nothing has been said since."""
        if self.standing.retraction:
            why = "It was retracted as a whole; undo that first."
            for version in self.live:
                if not self.existence(version):
                    yield self.obstacle(version, why, [self.standing.retraction])
            return
        others = [event for event in self.standing.stays() if event.originator_version not in self.live]
        for version in self.live:
            left: list[Event] = []
            if version == 1:
                left = others
            elif self.existence(version):
                left = [event for event in others if event.originator_version > version]
            elif version in self.standing.marker_of:
                left = [self.standing.past[version - 1]]
            if left:
                what = f"Other events of the {self.kind} stand; undo them first, or with it."
                yield self.obstacle(version, what, left)

    def obstacle(self, version: int, why: str, by: Iterable[Event] = ()) -> Obstacle:
        return Obstacle(version, why, tuple((self.kind, self.aggregate.id, event.originator_version) for event in by))


def stands_on(later: Event, event: Event) -> bool:
    """Whether somebody who recorded the later event had this one before their eyes: it sets what the event has set, or
    moves on from where it led. What an older release wrote that nobody here knows may stand on anything."""
    if later.originator_version <= event.originator_version:
        return False
    if type(later) is Event:
        return True
    if isinstance(later, Move) and isinstance(event, Move) and later.axis == event.axis:
        return True
    if isinstance(later, Fact) and order_of(later) <= order_of(event):
        return False
    return bool(later.changes().keys() & event.changes().keys())


def folded(aggregate: R, events: Iterable[Event]) -> R:
    """What these events alone make of such a thing."""
    other = type(aggregate)(aggregate.id)
    for event in events:
        event.apply(other)
    return other


def kind_name(aggregate: Aggregate) -> str:
    return type(aggregate).__name__.lower()
