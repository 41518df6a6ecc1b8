"""What an event changed: also of days gone by, where something later has ended that already."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain import AGGREGATES
from domain.aggregate import Fact
from domain.particulars import dotted
from eventlog.codec import kind_of
from projections.changes import PastChange, past_changes, plain
from projections.cut import Cut
from projections.history import history
from tests.domain.anything import BEGINNING, events_of, happenings
from tests.projections.conftest import day
from tests.projections.test_folding import STREAMS, as_recorded

LAST = 20
"""The minute in which the last thing happens."""

pytestmark = pytest.mark.anyio


async def test_a_fact_about_an_earlier_day_tells_until_when_it_was_so(company):
    id = await company.customer(occurred_at=day(1))
    for tier, at in (("gold", 5), ("silver", 3), ("bronze", 4)):
        await company.does("classify-customer", customer_id=id, tier=tier, occurred_at=day(at))
    found = await history(company.connection, company.log.codec, company.caller, "customer", id, after=2)
    silver, bronze = found.entries
    assert silver.past_changes == [PastChange("tier", None, "silver", day(3), day(5))]
    assert bronze.past_changes == [PastChange("tier", "silver", "bronze", day(4), day(5))]
    assert not silver.changes, "of what is known now it changed nothing"
    assert not silver.took_effect


async def test_an_error_that_is_undone_tells_which_days_it_puts_right(company):
    id = await company.customer(occurred_at=day(1))
    for tier, at in (("gold", 5), ("silver", 3)):
        await company.does("classify-customer", customer_id=id, tier=tier, occurred_at=day(at))
    await company.does("undo-events", stream="customer", id=id, versions=[3])
    found = await history(company.connection, company.log.codec, company.caller, "customer", id, after=3)
    correction, undone = found.entries
    assert correction.past_changes == [PastChange("tier", "silver", None, day(3), day(5))]
    assert (undone.type, undone.past_changes) == ("customer.undone", [])


@pytest.mark.parametrize("kind", AGGREGATES, ids=kind_of)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_is_learned_late_the_days_that_it_changes_are_told_and_no_others(kind, data):
    some = data.draw(st.lists(st.sampled_from(events_of(kind)), min_size=1, max_size=4))
    happened = data.draw(happenings(some, min_size=1, max_size=12))
    minutes = data.draw(st.lists(st.integers(0, LAST), min_size=len(happened), max_size=len(happened)))
    events = as_recorded(happened, minutes, [0] * len(happened))
    told = past_changes(kind, events, 0)
    for number, recorded in enumerate(events):
        if not isinstance(recorded.event, Fact):
            assert recorded.version not in told
            continue
        for path in recorded.event.changes():
            was = [folded(kind, events[:number], minute).at(path) for minute in range(LAST + 1)]
            is_ = [folded(kind, events[: number + 1], minute).at(path) for minute in range(LAST + 1)]
            for minute in range(LAST + 1):
                old, new = plain(was[minute]), plain(is_[minute])
                assert said_of(told.get(recorded.version, []), dotted(path), minute) in (
                    [(old, new)] if old != new else [],
                    [] if (was[minute], is_[minute]) == (was[-1], is_[-1]) else None,
                )


def folded(kind, events, minute):
    """The thing as of then, all that it was before it came to be left out."""
    thing = kind(STREAMS[kind][0])
    for recorded in Cut(as_of=BEGINNING + timedelta(minutes=minute)).of(events):
        recorded.event.apply(thing)
    return thing


def said_of(changes, field, minute):
    at = BEGINNING + timedelta(minutes=minute)
    return [(one.old, one.new) for one in changes if one.field == field and one.since <= at < one.until]
