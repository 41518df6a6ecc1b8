"""The costs of channels: one of each channel, month and currency, as last recorded."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from commands.channel_costs import RecordChannelCost
from domain.channel_cost import ChannelCost, channel_cost_id
from tests.domain.anything import ID, events_of, happenings, stream
from tests.scenario import Scenario

fair = RecordChannelCost(channel="fair", month="2026-02", amount=Decimal(900), currency="EUR")
FAIR = channel_cost_id("fair", date(2026, 2, 1), "EUR")


@pytest.fixture
def crm():
    return Scenario()


def test_a_cost_is_of_a_channel_and_a_month(crm):
    told = {"channel": "fair", "month": date(2026, 2, 1), "amount": Decimal(900), "currency": "EUR"}
    crm.when(fair).then((ChannelCost.Recorded, told))


def test_recorded_again_it_is_another_amount_and_the_same_is_no_news(crm):
    crm.given(fair).when(fair).then()
    crm.when(fair.model_copy(update={"amount": Decimal(950)})).then((ChannelCost.Recorded, {"amount": Decimal(950)}))
    assert (crm.streams[FAIR].amount, len(crm.streams)) == (Decimal(950), 1)


def test_another_channel_month_or_currency_is_another_cost(crm):
    crm.given(fair, *(fair.model_copy(update=other) for other in ({"channel": "web"}, {"month": "2026-03"})))
    crm.given(fair.model_copy(update={"currency": "CNY"}))
    assert len(crm.streams) == 4


def test_what_is_told_late_of_an_earlier_day_does_not_displace_what_was_said_since(crm):
    crm.given(fair)
    earlier = datetime(2025, 12, 1, tzinfo=UTC)
    crm.when(fair.model_copy(update={"amount": Decimal(1), "occurred_at": earlier})).then((ChannelCost.Recorded, {}))
    assert crm.streams[FAIR].amount == Decimal(900)


@pytest.mark.parametrize("month", ["2026", "2026-13", "2026-Q1", "2026-2"])
def test_a_month_is_named_by_its_number(month):
    with pytest.raises(ValidationError, match="month"):
        RecordChannelCost(channel="fair", month=month, amount=1, currency="CNY")


@given(happenings(events_of(ChannelCost), max_size=20), st.data())
def test_any_events_in_any_order_fold_without_raising(happened, data):
    minutes = data.draw(st.permutations(range(len(happened))))
    cost = ChannelCost.fold(ID, stream(happened, list(minutes)))
    assert cost.version == len(happened)
