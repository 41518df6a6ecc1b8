"""Any event that an aggregate knows, with any values its fields may hold: what the laws of folding are tried on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, get_type_hints
from uuid import UUID

from hypothesis import strategies as st

from domain.aggregate import Aggregate, Event, Order, field_names

ID = UUID(int=1)
BEGINNING = datetime(2025, 1, 1, tzinfo=UTC)

Happening = tuple[type[Event], dict[str, Any]]
"""What may happen: an event class and its values, not yet at a version or a moment."""

st.register_type_strategy(Decimal, st.decimals(-(10**14), 10**14, places=4))

# Few different values, so that events meet on the same tag, contact or stage.
WORDS = st.sampled_from(["", "a", "b", "industry", "won", "open", "版"])
IDS = st.sampled_from([UUID(int=n) for n in range(3)])
ORDERS = st.tuples(st.integers(0, 2**50), st.integers(1, 30))
FEW: dict[Any, st.SearchStrategy[Any]] = {
    str: WORDS,
    str | None: st.none() | WORDS,
    dict[str, Order]: st.dictionaries(WORDS, ORDERS, max_size=3),
    Order: ORDERS,
    UUID: IDS,
    UUID | None: st.none() | IDS,
}


def events_of(kind: type[Aggregate]) -> list[type[Event]]:
    return [member for member in vars(kind).values() if isinstance(member, type) and issubclass(member, Event)]


@cache
def values_of(event: type[Event]) -> st.SearchStrategy[dict[str, Any]]:
    hints = get_type_hints(event)
    return st.fixed_dictionaries({name: FEW.get(hints[name], st.from_type(hints[name])) for name in field_names(event)})


@cache
def one_of(event: type[Event]) -> st.SearchStrategy[Happening]:
    return st.tuples(st.just(event), values_of(event))


def happenings(events: list[type[Event]], **limits: Any) -> st.SearchStrategy[list[Happening]]:
    return st.lists(st.one_of([one_of(event) for event in events]), **limits)


def stream(happened: list[Happening], minutes: list[int] | None = None) -> list[Event]:
    """These happenings as a stream: versions as listed, at these minutes (else one a minute)."""
    return [
        event(originator_id=ID, originator_version=n, timestamp=BEGINNING + timedelta(minutes=minute), **values)
        for n, ((event, values), minute) in enumerate(zip(happened, minutes or range(len(happened)), strict=True), 1)
    ]


def known(aggregate: Aggregate) -> dict[str, Any]:
    """What an aggregate knows of the world, without how it came to know it."""
    return {name: value for name, value in vars(aggregate).items() if name not in {"since", "modified_on", "now"}}
