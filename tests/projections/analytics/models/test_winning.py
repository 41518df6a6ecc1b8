"""How likely deals are to be won, on a public pipeline: learned from nine months, judged on the next three."""

from __future__ import annotations

from datetime import date
from functools import cache

import numpy as np
import pytest

from projections.analytics.foretelling import foretold_by_each
from projections.analytics.models.judging import Judgement, calibration
from projections.analytics.models.trained import Trained
from projections.analytics.models.winning import Counted, features, names, stage_average
from tests.data.sending import needs, table

LATER = date(2017, 10, 1)


def deal(**told):
    usual = {"stage": "Engaging", "team": "West", "source": "import", "product": "pump", "owner": "li"}
    numbers = {"amount": 100.0, "currency": "CNY"} | {
        "age_days": 10,
        "stage_days": 10,
        "moves": 1,
        "steps_back": 0,
        "customer": True,
        "quarter_ends": False,
    }
    return usual | numbers | told


@cache
def pipeline():
    """Every deal that was decided, as the lakehouse tells it: (deals, won, decided on)."""
    teams = {row["sales_agent"]: row["regional_office"] for row in table("crm_sales_opportunities/sales_teams.csv")}
    deals, won, decided = [], [], []
    for row in table("crm_sales_opportunities/sales_pipeline.csv"):
        if row["deal_stage"] in ("Won", "Lost"):
            began, ended = date.fromisoformat(row["engage_date"]), date.fromisoformat(row["close_date"])
            days = (ended - began).days
            deals.append(
                deal(
                    team=teams[row["sales_agent"]],
                    owner=row["sales_agent"],
                    product=row["product"],
                    amount=None,
                    age_days=days,
                    stage_days=days,
                    quarter_ends=ended.month % 3 == 0,
                )
            )
            won.append(row["deal_stage"] == "Won")
            decided.append(ended)
    return deals, np.array(won), np.array(decided)


def parted():
    deals, won, decided = pipeline()
    past = decided < LATER
    before = [one for one, earlier in zip(deals, past, strict=True) if earlier]
    after = [one for one, earlier in zip(deals, past, strict=True) if not earlier]
    return before, won[past], after, won[~past]


@needs("crm_sales_opportunities")
def test_a_learned_chance_has_a_better_brier_score_than_the_stage_average_on_later_deals():
    """Who sells what where says next to nothing here, so the count by traits is no better than the average; how long a
    deal has been open, and whether the quarter ends, say something."""
    before, won, after, outcome = parted()
    assert (len(before), len(after)) == (4726, 1985)
    judged = {name: Judgement.of(chances, outcome) for name, chances in foretold_by_each(before, won, after).items()}
    average = judged["stage_average"].brier
    assert average == pytest.approx(0.2412, abs=0.0002)
    assert judged["logistic"].brier == pytest.approx(0.2241, abs=0.002)
    assert judged["boosting"].brier < average - 0.01
    assert judged["logistic"].auc > 0.62
    assert judged["naive_bayes"].brier == pytest.approx(average, abs=0.001)


@needs("crm_sales_opportunities")
def test_of_later_deals_told_a_chance_about_so_many_are_won():
    before, won, after, outcome = parted()
    chances = foretold_by_each(before, won, after)["logistic"]
    assert all(abs(foretold - happened) < 0.12 for _, foretold, happened in calibration(chances, outcome, bins=5))


def test_the_count_by_traits_is_naive_bayes_with_the_average_where_nothing_is_known():
    deals = [deal(team="A")] * 30 + [deal(team="B")] * 30
    won = np.array([True] * 24 + [False] * 6 + [True] * 6 + [False] * 24)
    counted = Counted.on(deals, won, ("team",))
    a, b, unknown = counted.chances([deal(team="A"), deal(team="B"), deal(team="C")])
    assert 0.5 < a < 0.8
    assert a + b == pytest.approx(1)
    assert unknown == pytest.approx(counted.average)
    assert counted.contribution("team", "A") == pytest.approx(-counted.contribution("team", "B"))
    assert stage_average(deals, won).chances([deal()])[0] == pytest.approx(0.5, abs=0.01)


def test_reasons_name_the_traits_and_numbers_that_move_the_odds():
    deals = [deal(product="pump", age_days=number % 50) for number in range(100)]
    deals += [deal(product="hose", age_days=number % 50) for number in range(100)]
    won = np.array([True] * 90 + [False] * 10 + [True] * 30 + [False] * 70)
    counted = Counted.on(deals, won)
    model = Trained.on("logistic", names(counted), features(deals, counted), won)
    pump, hose = model.contributions(features([deal(product="pump"), deal(product="hose")], counted))
    product = names(counted).index("product")
    assert pump[product] > hose[product]
    assert np.argmax(np.abs(hose - pump)) == product
    assert names(counted)[-1] == "owner"


def test_what_a_deal_is_worth_is_held_against_the_usual_in_its_currency():
    past = [deal(amount=amount) for amount in (400.0, 100.0)] + [
        deal(amount=25_000.0, currency="JPY"),
        deal(amount=None),
    ]
    counted = Counted.on(past, np.array([True, False, True, False]))
    told = [deal(amount=200.0), deal(amount=25_000.0, currency="JPY"), deal(amount=None), deal(currency="EUR")]
    column = names(counted).index("amount against the usual")
    assert features(told, counted)[:, column] == pytest.approx(0, abs=0.01)
    small, large = features([deal(amount=50.0), deal(amount=800.0)], counted)[:, column]
    assert (small, large) == (pytest.approx(np.log(1 / 4), abs=0.03), pytest.approx(np.log(4), abs=0.03))


def test_of_no_deals_no_features_are_made():
    counted = Counted.on([], np.array([], dtype=bool))
    assert features([], counted).shape == (0, len(names(counted)))
    assert counted.average == 0.5
