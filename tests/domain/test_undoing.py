"""Undoing what was entered in error: further events put it right, over exactly the time in which it stood wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.aggregate import Event, Fact, order_of
from domain.correction import NotUndone, undo
from domain.customer import Customer, CustomerMerged
from domain.opportunity import Opportunity
from domain.order import Order
from domain.ticket import Ticket
from domain.undoing import Reinstatement, Retractable, Retraction, Undoing
from tests.domain.anything import BEGINNING, ID, events_of, happenings, one_of

KINDS: list[type[Retractable]] = [Customer, Opportunity, Order, Ticket]
FIRST = {Customer: Customer.Registered, Opportunity: Opportunity.Opened, Order: Order.Placed, Ticket: Ticket.Opened}
OURS = (Undoing, Retraction, Reinstatement)


class Life:
    """A stream that anything may happen to, and whose events are undone as anybody likes."""

    def __init__(self, kind: type[Retractable]) -> None:
        self.kind = kind
        self.past: list[Event] = []

    def happens(self, event: type[Event], values: dict[str, Any], minute: int) -> None:
        moment = BEGINNING + timedelta(minutes=minute)
        self.past.append(event(originator_id=ID, originator_version=len(self.past) + 1, timestamp=moment, **values))

    def undo(self, *versions: int) -> list[Event]:
        """What is recorded. Raises NotUndone."""
        alive = self.kind.fold(ID, self.past, now=BEGINNING + timedelta(days=1))
        undo(alive, self.past, versions)
        recorded = alive.collect_events()
        self.past += recorded
        again = self.kind.fold(ID, self.past)
        assert known(again) == known(alive)
        return recorded

    @property
    def undone(self) -> dict[int, Undoing]:
        """Each Undoing by version."""
        return {event.originator_version: event for event in self.past if isinstance(event, Undoing)}

    def of_undoing(self, version: int) -> int | None:
        """The Undoing that an event belongs to."""
        return next((v for v, marker in self.undone.items() if v - marker.events <= version <= v), None)

    def stands(self, version: int) -> bool:
        return not any(m.undone_version == version and self.stands(v) for v, m in self.undone.items())

    def without_errors(self) -> list[Event]:
        """What stands of what anybody but undoing has said."""
        return [
            event
            for event in self.past
            if self.of_undoing(event.originator_version) is None and self.stands(event.originator_version)
        ]

    def at(self, events: list[Event], moment: Any) -> dict[str, Any]:
        aggregate = self.kind(ID)
        for event in events:
            if event.timestamp <= moment:
                event.apply(aggregate)
        return known(aggregate)


def known(aggregate: Any) -> dict[str, Any]:
    """All that counts, also since when each thing is known: it decides what a later word changes."""
    return {n: v for n, v in vars(aggregate).items() if n not in {"now", "version", "modified_on", "_pending"}}


@st.composite
def lives(draw: st.DrawFn, kind: type[Retractable]) -> list[Any]:
    """First the beginning, then anything at any minute, and between it the wish to undo some version."""
    own = [event for event in events_of(kind) if not issubclass(event, OURS) and event is not FIRST[kind]]
    steps = draw(
        st.lists(
            st.tuples(st.one_of([one_of(event) for event in own]), st.integers(-2, 12)) | st.integers(2, 14),
            max_size=12,
        )
    )
    return [(draw(one_of(FIRST[kind])), 0), *steps]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_with_a_fact_undone_everything_is_as_if_it_had_never_been_said(kind, data):
    """At every moment, whatever was recorded before and since; or else something later stands on it."""
    life = Life(kind)
    for step in data.draw(lives(kind)):
        if isinstance(step, tuple):
            (event, values), minute = step
            life.happens(event, values, minute)
            continue
        version = min(step, len(life.past))
        if version > 1 and isinstance(life.past[version - 1], Fact | Undoing):
            undo_or_conflict(life, version)
            moments = sorted({event.timestamp for event in life.past if event.timestamp >= BEGINNING})
            for moment in moments:
                assert life.at(life.past, moment) == life.at(life.without_errors(), moment)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_is_undone_of_whatever_life_is_undone_by_further_events_or_refused(kind, data):
    life = Life(kind)
    for step in data.draw(lives(kind)):
        if isinstance(step, tuple):
            (event, values), _ = step
            life.happens(event, values, len(life.past))
            continue
        before, version = list(life.past), min(step, len(life.past))
        try:
            recorded = life.undo(version)
        except (NotUndone, CustomerMerged):
            assert life.past == before
            continue
        assert life.past[: len(before)] == before
        assert not recorded or not life.stands(life.of_undoing(version) or version)
        assert life.undo(version) == []


def undo_or_conflict(life: Life, version: int) -> None:
    before = list(life.past)
    said = [life.past[version - 1]]
    if marker := life.of_undoing(version):
        said = life.past[marker - life.undone[marker].events - 1 : marker - 1]
    stood = life.stands(marker or version)
    try:
        recorded = life.undo(version)
    except CustomerMerged:
        assert life.kind is Customer
        return
    except NotUndone as conflict:
        assert life.past == before
        if by := [(obstacle, v) for obstacle in conflict.obstacles for _, _, v in obstacle.by]:
            assert all(any(later_on_the_same(life.past[v - 1], event) for event in said) for _, v in by)
        else:
            irrevocable = any(event.instead for event in said)
            assert irrevocable or life.kind in (Customer, Opportunity, Ticket)  # these have rules for corrected facts
        return
    assert stood or not recorded
    if stood:
        standing = {event.originator_version for event in life.without_errors()}
        later = [e for e in before if e.originator_version in standing for s in said if later_on_the_same(e, s)]
        assert not [event for event in later if life.of_undoing(event.originator_version) is None]


def later_on_the_same(later: Event, event: Event) -> bool:
    if later.originator_version <= event.originator_version or not later.changes().keys() & event.changes().keys():
        return False
    return not isinstance(later, Fact) or order_of(later) > order_of(event)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, deadline=None)
@given(st.data())
def test_a_life_undone_from_its_beginning_is_retracted_and_with_that_undone_stands_as_before(kind, data):
    others = {*OURS, Customer.MergedInto, FIRST[kind]}  # what was merged is parted first
    own = [event for event in events_of(kind) if not issubclass(event, tuple(others))]
    life = Life(kind)
    life.happens(*data.draw(one_of(FIRST[kind])), 0)
    for event, values in data.draw(happenings(own, max_size=8)):
        life.happens(event, values, len(life.past))
    before = known(kind.fold(ID, life.past))
    if len(life.past) > 1:
        with pytest.raises(NotUndone):
            life.undo(1)
    retraction, marker = life.undo(*range(1, len(life.past) + 1))
    assert isinstance(retraction, kind.Retracted)
    assert (retraction.timestamp, marker.timestamp) == (BEGINNING, BEGINNING)
    assert kind.fold(ID, life.past).claims == frozenset()
    assert life.undo(1) == []
    assert isinstance(life.undo(marker.originator_version)[0], kind.Reinstated)
    again = known(kind.fold(ID, life.past))
    assert not again.pop("retracted")
    assert again.pop("since").items() - {("retracted", order_of(life.past[-2]))} == before.pop("since").items()
    assert again == before
    assert isinstance(life.undo(len(life.past))[0], kind.Retracted)
