"""What every aggregate shares: a stream of immutable events, and a state that is nothing but their fold."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from dataclasses import MISSING, fields
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated, Any, ClassVar, Self, TypeVar
from uuid import UUID

from eventsourcing.domain import AggregateEvent

from domain.refusals import Irrevocable, MoveOutOfOrder

T = TypeVar("T")
PERSONAL = "personal"
Personal = Annotated[T | None, PERSONAL]
"""A field that says something about a person. The log encrypts it; once that person is forgotten it reads None."""

Path = tuple[str, ...]
Changes = dict[Path, Any]
"""What an event sets: ("name",) is an attribute, ("consents", "email") one entry of a map; None removes the entry."""

Order = tuple[int, int]
"""Where a fact stands: (microseconds of occurred_at since 1970, version)."""

GIVEN = "given"
"""The field of an event that keeps, by field, what a source said before it was cleaned: told in the history, and no
attribute of anything."""

CONTAINERS = (dict, list, set)

EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


class Event(AggregateEvent):
    """Something that happened to one aggregate: a past participle with plain values, kept for ever.

    `timestamp` is occurred_at, when it was so in the world. Events are added to, never altered; an upcaster
    (`upcast_v1_v2(state)`) lifts what an older `class_version` stored. Folding is total: `apply` never refuses and
    never relies on what came before.
    """

    class_version: ClassVar[int] = 1

    says: ClassVar[tuple[str, ...]] = ()
    """Fields, none of them personal, that the answer to the command repeats."""

    instead: ClassVar[str | None] = "What happened cannot be undone; record what is right instead."
    """What to do where the event cannot be undone; None where it can."""

    def changes(self) -> Changes:
        """What this event sets, by path. A plain event is a happening and sets nothing."""
        return {}

    def attributes(self) -> Changes:
        """All that it says, each field as the attribute of the same name."""
        values = vars(self)
        return {path: values[path[0]] for path in attribute_paths(type(self))}

    def apply(self, aggregate: Any) -> None:
        """Let the event take effect on the aggregate."""

    def take_back(self, aggregate: Any, before: Any) -> None:
        """Have the aggregate do the opposite now, by its own rules; `before` is how it would stand without the event.
        Raises Irrevocable where there is no opposite."""
        raise Irrevocable(self.instead or "")


class Fact(Event):
    """An attribute became known. Facts take effect in order of (occurred_at, version): one that is recorded late,
    about an earlier day, does not displace what was already known of a later day.
    """

    instead: ClassVar[str | None] = None

    def changes(self) -> Changes:
        return self.attributes()

    def apply(self, aggregate: Aggregate) -> None:
        take_effect(vars(aggregate), self.changes(), aggregate.since, order_of(self))


class Move(Event):
    """A state was left for another. Moves take effect in version order, and on one axis never run back in time."""

    axis: ClassVar[str]

    def changes(self) -> Changes:
        return self.attributes()

    def apply(self, aggregate: Aggregate) -> None:
        changes, order = self.changes(), order_of(self)
        set_paths(vars(aggregate), changes)
        # A fact about an earlier day does not displace what a move has set since (the amount of a sale that was won).
        aggregate.since.update(dict.fromkeys(map(".".join, changes), order))
        aggregate.moved_at[self.axis] = self.timestamp


class Return(Event):
    """Things go back to what they were before an earlier event, and are known from then on since when they were known
    then: as if it had never been."""

    def orders(self) -> dict[str, Order]:
        """Since when each of the paths that `changes` names was known, dotted; none for what nobody had said."""
        return {}

    def expected(self) -> dict[str, Order]:
        """By which order a path must still be decided to go back; what something else has decided since stays."""
        return {}

    def apply(self, aggregate: Aggregate) -> None:
        give_back(vars(aggregate), self.changes(), aggregate.since, self)


E = TypeVar("E", bound=Event)
F = TypeVar("F", bound=Fact)


class Aggregate:
    """One thing the business decides about. Public methods decide and refuse; events alone change state.

    A subclass sets its blank state in `__init__`; any known event may be folded onto it in any order. It satisfies the
    `eventsourcing` library's MutableAggregateProtocol and CollectEventsProtocol.
    """

    retracted: bool | None = None
    """True once it is known that there never was such a thing; see domain/undoing.py."""

    def __init__(self, id: UUID, now: datetime | None = None) -> None:
        self.id = id
        self.version = 0
        self.now = now
        """The moment (occurred_at) of whatever is being decided; set by whoever asks, never read from a clock here."""
        self.modified_on: datetime | None = None
        self.since: dict[str, Order] = {}
        self.moved_at: dict[str, datetime] = {}
        self._pending: list[Event] = []

    @classmethod
    def fold(cls, id: UUID, events: Iterable[Event], now: datetime | None = None) -> Self:
        """The aggregate as these events (in version order, from the first) leave it."""
        aggregate = cls(id, now)
        for event in events:
            event.mutate(aggregate)  # type: ignore[arg-type]  # the library's bound names its own base class
        return aggregate

    def copied(self, now: datetime | None) -> Self:
        """Another aggregate in the same state, to decide at another moment."""
        other = object.__new__(type(self))
        state = other.__dict__ = vars(self).copy()
        for name in containers(type(self)):  # type: ignore[arg-type]  # a class is hashable
            if isinstance(value := state[name], CONTAINERS):
                state[name] = value.copy()
        other.now = now
        return other

    @property
    def concerns(self) -> UUID:
        """The customer this stream is about, else itself; read once, at the first event: it fixes the stream's
        partition and whose key encrypts its personal fields."""
        return self.id

    @property
    def claims(self) -> frozenset[tuple[str, str]]:
        """What must be this aggregate's alone in its tenant, as (kind, normalised value), for example
        ("email", "li@example.com"). The log takes new claims and lets go of old ones with the events, or refuses."""
        return frozenset()

    @property
    def parent(self) -> UUID | None:
        """The aggregate of the same kind above this one. The log refuses a parent that would close a circle."""
        return None

    @property
    def exists(self) -> bool:
        return self.version > 0

    @property
    def moves(self) -> list[str]:
        """The commands that the present state allows, by name; every refusal lists them."""
        return []

    def record(self, event_class: type[E], **values: Any) -> E:
        """Record that `event_class` happened now, and let it take effect. Refuses a move that would precede the last
        one on its axis (MoveOutOfOrder)."""
        event = self._event(event_class, values)
        if isinstance(event, Move):
            last = self.moved_at.get(event.axis)
            if last is not None and event.timestamp < last:
                raise MoveOutOfOrder(f"the last move of the {event.axis}", event.timestamp, last, self.moves)
        return self._take(event)

    def learn(self, event_class: type[F], **values: Any) -> F | None:
        """Record a fact, unless it says nothing new: what is known already, since this moment or an earlier one. One
        that is dated before the first event, about something of which that said nothing, is so from then on."""
        fact = self._event(event_class, values)
        changes = fact.changes()
        if begun := self._unsaid_at_first(fact, changes):
            fact = made(event_class, self.id, self.version + 1, moment_of(begun), values)
            changes = fact.changes()
        news = any(self._is_news(path, value, fact) for path, value in changes.items())
        return self._take(fact) if news else None

    def _unsaid_at_first(self, fact: Fact, changes: Changes) -> Order | None:
        """The first event's order, when the fact precedes it and all that it is about was left open then, and since."""
        orders = [order for path in changes if (order := self.since.get(".".join(path)))]
        if not orders or any(version != 1 for _, version in orders) or order_of(fact) > orders[0]:
            return None
        return orders[0] if all(self.at(path) in (None, "", (), {}) for path in changes) else None

    def _is_news(self, path: Path, value: Any, fact: Fact) -> bool:
        since = self.since.get(".".join(path))
        return value != self.at(path) or (since is not None and order_of(fact)[0] < since[0])

    def at(self, path: Path) -> Any:
        """What is known at a path, None where nothing is."""
        present = vars(self).get(path[0])
        return present if len(path) == 1 else (present or {}).get(path[1])

    def _event(self, event_class: type[E], values: dict[str, Any]) -> E:
        if self.now is None:
            raise ValueError("an aggregate that decides is given its moment")
        return made(event_class, self.id, self.version + 1, self.now, values)

    def _take(self, event: E) -> E:
        event.mutate(self)  # type: ignore[arg-type]  # as above
        self._pending.append(event)
        return event

    @property
    def pending(self) -> list[Event]:
        """The events recorded since they were last collected, oldest first."""
        return self._pending

    def collect_events(self) -> list[Event]:
        """The events recorded since the last call, oldest first."""
        collected, self._pending = self._pending, []
        return collected


@cache
def containers(kind: type[Aggregate]) -> tuple[str, ...]:
    """The attributes that are changed in place: those that begin as containers. In all others a value is replaced."""
    return tuple(name for name, value in vars(kind(UUID(int=0))).items() if isinstance(value, CONTAINERS))


@cache
def field_names(event_class: type[Event]) -> tuple[str, ...]:
    """The event's own fields, without those the library gives every event."""
    return tuple(
        f.name for f in fields(event_class) if f.name not in {"originator_id", "originator_version", "timestamp"}
    )


@cache
def attribute_paths(event_class: type[Event]) -> tuple[Path, ...]:
    """The paths of what an event says that is an attribute of something."""
    return tuple((name,) for name in field_names(event_class) if name != GIVEN)


@cache
def shape(event_class: type[Event]) -> tuple[frozenset[str], dict[str, Any]]:
    """The names of the event's own fields, and the values of those that need not be given."""
    own = frozenset(field_names(event_class))
    return own, {f.name: f.default for f in fields(event_class) if f.name in own and f.default is not MISSING}


def made(event_class: type[E], id: UUID, version: int, at: datetime, values: dict[str, Any]) -> E:
    """The event of these values. A frozen dataclass takes several times as long to set them one by one."""
    names, defaults = shape(event_class)
    said = {**defaults, **values}
    if said.keys() != names:  # it says which are missing, or too many
        return event_class(originator_id=id, originator_version=version, timestamp=at, **values)
    event = object.__new__(event_class)
    vars(event).update(said, originator_id=id, originator_version=version, timestamp=at)
    return event


def order_of(event: Event) -> Order:
    return (event.timestamp - EPOCH) // MICROSECOND, event.originator_version


def moment_of(order: Order) -> datetime:
    """When a fact of this order was so."""
    return EPOCH + timedelta(microseconds=order[0])


def set_paths(state: MutableMapping[str, Any], changes: Changes) -> None:
    """Write changes into a state (an aggregate's attributes or a read model's row)."""
    for path, value in changes.items():
        if len(path) == 1:
            state[path[0]] = value
        else:
            set_path(state, path, value)


def set_path(state: MutableMapping[str, Any], path: Path, value: Any) -> None:
    if len(path) == 1:
        state[path[0]] = value
        return
    entries = state.get(path[0]) or {}
    state[path[0]] = {key: old for key, old in entries.items() if key != path[1]} | (
        {} if value is None else {path[1]: value}
    )


def take_effect(
    state: MutableMapping[str, Any], changes: Changes, since: MutableMapping[str, Any], order: Order
) -> Changes:
    """Write those changes that nothing later has already decided; `since` remembers who decided each path.
    Returns what took effect. The one rule for facts, for aggregates and read models alike."""
    taken = {}
    for path, value in changes.items():
        name = ".".join(path)
        if tuple(since.get(name, ())) <= order:
            taken[path] = value
            since[name] = order
    set_paths(state, taken)
    return taken


def give_back(
    state: MutableMapping[str, Any], changes: Changes, since: MutableMapping[str, Any], event: Return
) -> None:
    """Let a Return take effect on an aggregate's attributes or a read model's row, as far as they have these paths."""
    orders, expected = event.orders(), event.expected()
    for path, value in changes.items():
        name = ".".join(path)
        if name in expected and tuple(since.get(name, ())) != expected[name]:
            continue
        set_path(state, path, value)
        since.pop(name, None)
        if name in orders:
            since[name] = orders[name]
