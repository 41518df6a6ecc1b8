"""Targets: one of a seller, of a team or of all for each period and currency, as last set."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from commands.targets import SetTarget, WithdrawTarget
from domain.target import Target, days_of, target_id
from tests.domain.anything import ID, events_of, happenings, stream
from tests.scenario import Scenario

LI = target_id("li", None, "2026-Q1", "CNY")

of_li = SetTarget(owner="li", period="2026-Q1", amount=Decimal(100_000), currency="CNY")


@pytest.fixture
def crm():
    return Scenario()


def test_a_target_says_for_whom_for_which_days_and_how_much(crm):
    crm.when(of_li).then(
        (
            Target.Set,
            {
                "owner": "li",
                "team": None,
                "period": "2026-Q1",
                "first": date(2026, 1, 1),
                "before": date(2026, 4, 1),
                "amount": Decimal(100_000),
                "currency": "CNY",
            },
        )
    )


def test_set_again_it_is_another_amount_and_the_same_amount_is_no_news(crm):
    crm.given(of_li).when(of_li).then()
    crm.when(of_li.model_copy(update={"amount": Decimal(120_000)})).then((Target.Set, {"amount": Decimal(120_000)}))
    assert crm.streams[LI].amount == Decimal(120_000)
    assert len(crm.streams) == 1


def test_targets_of_others_other_periods_and_other_currencies_are_other_targets(crm):
    crm.given(
        of_li,
        of_li.model_copy(update={"owner": "wang"}),
        of_li.model_copy(update={"owner": None}),
        of_li.model_copy(update={"owner": None, "team": "li"}),
        of_li.model_copy(update={"team": "north"}),
        of_li.model_copy(update={"period": "2026-01"}),
        of_li.model_copy(update={"currency": "EUR"}),
    )
    assert len(crm.streams) == 7


def test_what_is_withdrawn_is_no_target_of_nothing_and_can_be_set_again(crm):
    crm.given(of_li).when(WithdrawTarget(target_id=LI)).then((Target.Withdrawn, {}))
    assert crm.streams[LI].amount is None
    crm.when(WithdrawTarget(target_id=LI)).then()
    crm.when(of_li).then((Target.Set, {"amount": Decimal(100_000)}))


def test_a_target_told_late_of_an_earlier_day_does_not_displace_what_was_set_since(crm):
    crm.given(of_li)
    earlier = datetime(2025, 12, 1, tzinfo=UTC)
    crm.when(of_li.model_copy(update={"amount": Decimal(1), "occurred_at": earlier})).then((Target.Set, {}))
    assert crm.streams[LI].amount == Decimal(100_000)


@pytest.mark.parametrize(
    ("period", "first", "before"),
    [
        ("2026", date(2026, 1, 1), date(2027, 1, 1)),
        ("2026-Q4", date(2026, 10, 1), date(2027, 1, 1)),
        ("2026-12", date(2026, 12, 1), date(2027, 1, 1)),
        ("2024-02", date(2024, 2, 1), date(2024, 3, 1)),
    ],
)
def test_a_period_is_a_year_a_quarter_or_a_month(period, first, before):
    assert days_of(period) == (first, before)


@pytest.mark.parametrize("period", ["26", "2026-Q5", "2026-13", "2026-1", "2026-Q4 ", "next year", "1899"])
def test_other_periods_there_are_none(period):
    with pytest.raises(ValidationError, match="period"):
        SetTarget(period=period, amount=1, currency="CNY")


@given(happenings(events_of(Target), max_size=20), st.data())
def test_any_events_in_any_order_fold_without_raising(happened, data):
    minutes = data.draw(st.permutations(range(len(happened))))
    target = Target.fold(ID, stream(happened, list(minutes)))
    assert target.version == len(happened)
