"""What the figures of sales mean, each on a history small enough to count by hand."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from domain.opportunity import Opportunity
from domain.target import Target
from projections.analytics.views.sales import (
    Attainment,
    Forecast,
    ForecastAccuracy,
    Slippage,
    StageSurvival,
    StageTimes,
    Velocity,
    WinRate,
)
from tests.projections.analytics.histories import Histories, at, in_stage

END = date(2025, 6, 30)


def days(number: int) -> timedelta:
    return timedelta(days=number)


@pytest.fixture(scope="module")
def lake(lakehouse):
    with lakehouse.open() as lake:
        yield lake


@pytest.fixture
def company(lake):
    return Histories(lake)


def test_time_in_stage_counts_those_still_there_as_longer_than_they_have_been(company):
    """Five in Prospecting, as of the sixth day: three left after 2, 4 and 4 days, two are there for 6 so far. By hand
    Kaplan-Meier: S(2) = 4/5, S(4) = 4/5 * 2/4 = 2/5; nobody has left by 6."""
    start = at(1, 1)
    for stay in (2, 4, 4, 10):
        company.moves(company.opens(start), start + days(stay), "Qualification")
    company.opens(start)
    moment = start + days(6)
    assert company.told(StageSurvival(as_of=moment), "stage", "days", "at_risk", "moved_on", "censored", "survival")[
        :3
    ] == [
        ("Prospecting", 2.0, 5, 1, 0, pytest.approx(0.8)),
        ("Prospecting", 4.0, 4, 2, 0, pytest.approx(0.4)),
        ("Prospecting", 6.0, 2, 0, 2, pytest.approx(0.4)),
    ]
    names = ("stage", "entered", "moved_on", "open", "median_days", "p90_days")
    assert company.told(StageTimes(as_of=moment), *names)[0] == ("Prospecting", 5, 3, 2, 4.0, None)


def test_two_stays_in_a_stage_are_one_time_and_closing_ends_it(company):
    deal = company.opens(at(1, 1))
    company.moves(deal, at(1, 3), "Qualification")
    company.moves(deal, at(1, 4), "Prospecting", before="Qualification")
    company.wins(deal, at(1, 9))
    assert company.told(StageTimes(as_of=END), "stage", "entered", "open", "mean_days", "median_days", "p90_days") == [
        ("Prospecting", 1, 0, 7.0, 7.0, 7.0),
        ("Qualification", 1, 0, 1.0, 1.0, 1.0),
    ]


def test_the_win_rate_says_of_what_and_leaves_the_open_ones_out(company):
    for amount, moment in ((300, at(2, 1)), (100, at(2, 2))):
        company.wins(company.opens(at(1, 5), amount=amount, owner="li"), moment, amount=amount)
    company.loses(company.opens(at(1, 6), amount=600, owner="wang"), at(3, 1))
    company.opens(at(1, 7), owner="wang")
    reopened = company.opens(at(1, 8), owner="wang")
    company.loses(reopened, at(2, 1))
    company.happens(reopened, Opportunity.Reopened, at(2, 2), **in_stage("Proposal"))
    names = ("won", "lost", "open", "win_rate", "currency", "won_value", "lost_value", "value_win_rate")
    assert company.told(WinRate(), *names) == [
        (2, 1, None, pytest.approx(2 / 3), "CNY", Decimal(400), Decimal(600), pytest.approx(0.4))
    ], "of those that closed none is open"
    assert company.told(WinRate(form="cohort", by="owner"), "dimension", "won", "lost", "open", "win_rate") == [
        ("li", 2, 0, 0, 1.0),
        ("wang", 0, 1, 2, 0.0),
    ]
    assert company.told(WinRate(period="month"), "period", "won", "lost") == [
        (date(2025, 2, 1), 2, 0),
        (date(2025, 3, 1), 0, 1),
    ]
    assert company.told(WinRate(form="cohort", as_of=date(2025, 1, 31)), "won", "lost", "open", "win_rate") == [
        (0, 0, 5, None)
    ]


def test_values_in_two_currencies_are_not_added_up(company):
    company.wins(company.opens(at(1, 5)), at(2, 1))
    company.wins(company.opens(at(1, 5), currency="EUR"), at(2, 1), currency="EUR")
    names = ("won", "win_rate", "currency", "won_value", "value_win_rate")
    assert company.told(WinRate(), *names) == [(2, 1.0, None, None, None)]
    assert company.told(WinRate(currency="EUR"), *names) == [(1, 1.0, "EUR", Decimal(1000), 1.0)]


def test_velocity_is_the_textbook_s_5208_a_day(company):
    """50 open opportunities, a mean value of 25,000, one of four won, in 60 days: 50 * 25,000 * 0.25 / 60."""
    for _ in range(50):
        company.opens(at(3, 1), amount=7)
    company.wins(company.opens(at(1, 1)), at(1, 1) + days(60), amount=25_000)
    for _ in range(3):
        company.loses(company.opens(at(1, 1)), at(1, 9))
    names = ("currency", "opportunities", "mean_value", "win_rate", "cycle_days", "velocity")
    assert company.told(Velocity(), *names) == [("CNY", 50, 25_000.0, 0.25, 60.0, pytest.approx(5208.33, abs=0.01))]


def test_velocity_says_nothing_where_nothing_was_won(company):
    company.opens(at(1, 1))
    assert company.told(Velocity(), "opportunities", "win_rate", "velocity") == [(1, None, None)]


def test_the_forecast_is_closed_weighted_commit_and_best_case(company):
    june = {"expected_close": date(2025, 6, 20)}
    company.wins(company.opens(at(5, 1)), at(6, 2), amount=500)
    company.opens(at(5, 2), amount=1000, **june)  # Prospecting: 10 %, Pipeline
    company.moves(company.opens(at(5, 2), amount=2000, **june), at(5, 3), "Negotiation")  # 80 %, Commit
    hoped = company.opens(at(5, 2), amount=4000, **june)
    company.moves(hoped, at(5, 3), "Proposal")  # 50 %, Best Case
    raised = company.opens(at(5, 2), amount=8000, **june)
    company.happens(raised, Opportunity.ForecastCategoryChanged, at(5, 4), forecast_category="Commit", override=True)
    company.opens(at(5, 2), amount=16_000, expected_close=date(2025, 7, 1))  # of another period
    company.opens(at(5, 2), amount=None, **june)  # nobody knows how much
    asked = {"close_from": date(2025, 6, 1), "close_before": date(2025, 7, 1), "as_of": date(2025, 6, 10)}
    names = ("open", "closed", "weighted", "commit", "best_case", "pipeline", "coverage")
    assert company.told(Forecast(**asked, target=Decimal(10_500)), *names) == [
        (
            4,
            Decimal(500),
            Decimal(500 + 100 + 1600 + 2000 + 800),
            Decimal(10_500),
            Decimal(14_500),
            Decimal(15_000),
            1.5,
        )
    ]
    company.happens(raised, Opportunity.AmountChanged, at(6, 12), amount=Decimal(9000), currency="CNY")
    assert company.told(Forecast(**asked, target=Decimal("1.05E+4")), *names) == company.told(
        Forecast(**asked, target=Decimal(10_500)), *names
    )
    assert company.told(Forecast(**asked), "commit", "coverage") == [(Decimal(10_500), None)], "of that day"
    assert company.told(Forecast(**asked | {"as_of": END}), "commit") == [(Decimal(11_500),)]


def test_a_fact_learned_late_does_not_displace_a_later_one(company):
    deal = company.opens(at(5, 2), amount=100)
    company.happens(deal, Opportunity.AmountChanged, at(5, 20), amount=Decimal(300), currency="CNY")
    company.happens(deal, Opportunity.AmountChanged, at(5, 10), amount=Decimal(200), currency="CNY")
    assert company.told(Forecast(as_of=END), "pipeline") == [(Decimal(300),)]
    assert company.told(Forecast(as_of=date(2025, 5, 15)), "pipeline") == [(Decimal(200),)]


def test_the_accuracy_of_a_forecast_by_days_before_the_month_ends(company):
    """1,000 at 50 % in March, closing that month; put up to 2,000 and 80 % on the 20th; won for 2,000 on the 28th."""
    deal = company.opens(at(1, 10), amount=1000, expected_close=date(2025, 3, 31))
    company.moves(deal, at(2, 1), "Proposal")
    company.moves(deal, at(3, 20), "Negotiation", before="Proposal")
    company.happens(deal, Opportunity.AmountChanged, at(3, 20), amount=Decimal(2000), currency="CNY")
    company.wins(deal, at(3, 28), amount=2000)
    slipped = company.opens(at(1, 10), amount=400, expected_close=date(2025, 3, 31))
    company.happens(slipped, Opportunity.CloseDateChanged, at(3, 10), expected_close=date(2025, 5, 31))
    march = ForecastAccuracy(month_from=date(2025, 3, 1), month_before=date(2025, 4, 1), as_of=END)
    for first, before in ((date(2025, 2, 15), date(2025, 3, 2)), (date(2025, 3, 1), date(2025, 3, 31))):
        same = ForecastAccuracy(month_from=first, month_before=before, as_of=END)
        assert company.told(same, "month", "actual") == company.told(march, "month", "actual"), "months that begin then"
    assert (
        company.told(ForecastAccuracy(month_from=date(2025, 3, 2), month_before=date(2025, 4, 1), as_of=END), "month")
        == []
    )
    assert company.told(march, "days_before", "forecast", "actual", "accuracy") == [
        (0, Decimal(2000), Decimal(2000), pytest.approx(1.0)),
        (7, Decimal(1600), Decimal(2000), pytest.approx(0.8)),  # 2,000 at 80 %
        (14, Decimal(500), Decimal(2000), pytest.approx(0.25)),  # 1,000 at 50 %; the other has slipped
        (30, Decimal(540), Decimal(2000), pytest.approx(0.27)),  # and 400 at 10 %
        (60, Decimal(140), Decimal(2000), pytest.approx(0.07)),  # 1,000 and 400 at 10 %
        (90, Decimal(0), Decimal(2000), pytest.approx(0.0)),  # nobody had opened anything
    ]


def test_slippage_counts_pushes_pulls_and_steps_back(company):
    deal = company.opens(at(1, 1), expected_close=date(2025, 2, 1), owner="li")
    for moment, to in ((at(1, 10), date(2025, 3, 1)), (at(1, 20), date(2025, 3, 11)), (at(1, 25), date(2025, 3, 1))):
        company.happens(deal, Opportunity.CloseDateChanged, moment, expected_close=to)
    company.moves(deal, at(1, 11), "Proposal")
    company.moves(deal, at(1, 12), "Qualification", before="Proposal")
    dated = company.opens(at(1, 1), owner="li")
    company.happens(dated, Opportunity.CloseDateChanged, at(1, 10), expected_close=date(2025, 3, 1))  # not known before
    names = (
        "dimension",
        "opportunities",
        "pushed",
        "pushes",
        "mean_push_days",
        "pulled_in",
        "regressed",
        "regressions",
    )
    assert company.told(Slippage(by="owner"), *names, "pushed_share") == [("li", 2, 1, 2, 19.0, 1, 1, 1, 0.5)]


@pytest.mark.parametrize(
    "view", [StageTimes(), StageSurvival(), WinRate(), Velocity(), Forecast(), ForecastAccuracy(), Slippage()], ids=repr
)
def test_of_an_empty_log_there_is_nothing_to_tell(company, view):
    assert company.told(view) == []


def test_a_win_of_nothing_and_a_negative_amount_are_answers(company):
    company.wins(company.opens(at(1, 1), amount=0), at(1, 2), amount=0)
    company.loses(company.opens(at(1, 1), amount=-50), at(1, 2))
    assert company.told(WinRate(), "won_value", "value_win_rate") == [(Decimal(0), 0.0)]
    assert company.told(Forecast(), "closed", "weighted") == [(Decimal(0), Decimal(0))]


def test_attainment_is_what_was_won_in_the_period_by_whom_the_target_is_for(company):
    company.aims(at(1, 1), "2025-Q1", 1000, owner="li")
    company.aims(at(1, 1), "2025-Q1", 2000, team="north")
    company.aims(at(1, 1), "2025", 5000)
    company.aims(at(1, 1), "2025-Q1", 700, currency="EUR", owner="li")
    for amount, won, currency in ((400, at(1, 31), "CNY"), (500, at(3, 31), "CNY"), (900, at(4, 1), "CNY")):
        company.wins(company.opens(at(1, 5), owner="li", team="north"), won, amount, currency)
    company.wins(company.opens(at(1, 6), owner="wang", team="north"), at(2, 1), 600)
    company.loses(company.opens(at(1, 7), amount=9999, owner="li", team="north"), at(2, 1))
    company.opens(at(1, 8), amount=9999, owner="li", team="north")
    names = ("period", "whose", "currency", "target", "won", "deals", "attainment")
    assert company.told(Attainment(), *names) == [
        ("2025", "everybody", "CNY", Decimal(5000), Decimal(2400), 4, pytest.approx(0.48)),
        ("2025-Q1", "north", "CNY", Decimal(2000), Decimal(1500), 3, pytest.approx(0.75)),
        ("2025-Q1", "li", "CNY", Decimal(1000), Decimal(900), 2, pytest.approx(0.9)),
        ("2025-Q1", "li", "EUR", Decimal(700), Decimal(0), 0, 0.0),
    ]
    assert company.told(Attainment(owner="li", currency="CNY"), *names)[0][1:5] == (
        "li",
        "CNY",
        Decimal(1000),
        Decimal(900),
    )
    assert len(company.told(Attainment(period="2025"))) == 1


def test_attainment_as_of_a_day_knows_the_target_and_the_sales_of_then(company):
    company.aims(at(1, 1), "2025-01", 1000, owner="li")
    company.wins(company.opens(at(1, 2), owner="li"), at(1, 10), 300)
    target = company.aims(at(1, 20), "2025-01", 600, owner="li")
    company.happens(target, Target.Withdrawn, at(3, 1))
    told = [company.told(Attainment(as_of=date(2025, 1, day)), "target", "won", "elapsed") for day in (8, 15, 31)]
    assert told == [
        [(Decimal(1000), Decimal(0), pytest.approx(8 / 31))],
        [(Decimal(1000), Decimal(300), pytest.approx(15 / 31))],
        [(Decimal(600), Decimal(300), 1.0)],
    ]
    assert company.told(Attainment()) == [], "what was withdrawn is no target"


def test_a_target_of_nothing_is_reached_by_no_share(company):
    company.aims(at(1, 1), "2025", 0, owner="li")
    assert company.told(Attainment(), "target", "won", "attainment") == [(Decimal(0), Decimal(0), None)]
