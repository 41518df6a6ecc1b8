"""Who comes back: foretold from the past alone, and judged by what then happened."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from domain.scoring import Wish
from projections.analytics.foretelling import came_back, foretell, month_ends, valued
from projections.analytics.models.beta_geometric import BgNbd
from projections.analytics.models.churn import FEATURES, OF_TIME, features, histories_of
from projections.analytics.models.fitting import NotConverged
from projections.analytics.models.judging import Judgement, calibration
from projections.analytics.models.trained import Trained, out_of_fold
from projections.analytics.views.outlook import PurchaseHistories
from projections.scores import digest
from tests.data.sending import needs
from tests.projections.analytics.models.cdnow import CUT, END, asking, column, histories

HEAD = 10**9


def wish(model: str, as_of: date = END, horizon: int = 273) -> Wish:
    return Wish(
        subject="customers",
        model=model,
        as_of=as_of,
        horizon_days=horizon,
        currency=None,
        rates={},
        margin=Decimal("0.3"),
        discount=Decimal("0.1"),
        valued_share=Decimal("0.2"),
        alert_below=Decimal("0.5"),
        opens_tickets=False,
    )


@pytest.fixture(scope="module")
def before():
    return asking()(PurchaseHistories(as_of=CUT))


@pytest.fixture(scope="module")
def returned(before):
    known, returned = came_back(before, asking()(PurchaseHistories(as_of=END)), CUT)
    assert known.equals(before)
    return returned


@needs("cdnow_sample")
def test_the_histories_of_the_lakehouse_are_those_that_the_literature_uses(before):
    seen = histories_of(before)
    assert np.array_equal(seen.repeats, histories().repeats)
    for own, published in ((seen.last, histories().last), (seen.age, histories().age)):
        assert own == pytest.approx(published, abs=0.005)
    assert np.nan_to_num(before["mean_value"].to_numpy()) == pytest.approx(column("zbar"), abs=0.0051)


@needs("cdnow_sample")
def test_a_run_over_the_lakehouse_finds_the_published_parameters():
    told = foretell(asking(), wish("bg-nbd", CUT), HEAD)
    assert [round(told.parameters[name], 3) for name in ("r", "alpha", "a", "b")] == [0.243, 4.414, 0.793, 2.426]
    assert [round(told.parameters[name], 2) for name in ("p", "q", "v")] == [6.25, 3.74, 15.44]
    assert round(told.likelihood, 1) == -9582.4
    assert len(told.scores) == 2357
    assert told.measures["frequency_and_value"] == pytest.approx(0.11, abs=0.02), "they hardly go together"
    assert digest(told.scores) == digest(foretell(asking(), wish("bg-nbd", CUT), HEAD).scores)


@needs("cdnow_sample")
def test_the_trained_score_beats_bg_nbd_and_recency_alone_on_customers_it_has_not_seen(before, returned):
    """684 of 2,357 buy again in the 39 weeks after. BG/NBD's own chance of a purchase is judged as it is, and once more
    as a regression sees it best; recency is given the same regression."""
    assert (int(returned.sum()), len(returned)) == (684, 2357)
    known = features(before)
    expected = BgNbd.fitted(histories_of(before)).purchases(histories_of(before), 39)
    trained = Judgement.of(out_of_fold("logistic", known, returned), returned)
    rivals = {
        "bg-nbd": Judgement.of(-np.expm1(-expected), returned),
        "bg-nbd, calibrated": Judgement.of(out_of_fold("logistic", np.log(expected)[:, None], returned), returned),
        "recency": Judgement.of(out_of_fold("logistic", known[:, :1], returned), returned),
    }
    for name, rival in rivals.items():
        assert trained.auc > rival.auc + 0.005, name
        assert trained.log_loss < rival.log_loss - 0.005, name
        assert trained.brier < rival.brier - 0.001, name
    assert trained.auc == pytest.approx(0.781, abs=0.004)
    assert trained.lift > 2.5


@needs("cdnow_sample")
def test_of_those_told_a_chance_about_so_many_come_back(before, returned):
    parts = calibration(out_of_fold("logistic", features(before), returned), returned)
    assert [count for count, *_ in parts] == pytest.approx([235] * 10, abs=1)
    assert all(abs(foretold - happened) < 0.07 for _, foretold, happened in parts)


@needs("cdnow_sample")
def test_boosted_trees_are_judged_beside_and_here_they_are_not_better(before, returned):
    judged = {
        kind: Judgement.of(out_of_fold(kind, features(before), returned), returned) for kind in ("logistic", "boosting")
    }
    assert 0.75 < judged["boosting"].auc < judged["logistic"].auc


@needs("cdnow_sample")
def test_a_run_replays_the_past_month_by_month_and_gives_reasons():
    told = foretell(asking(), wish("churn", date(1997, 10, 31), horizon=91), HEAD)
    replayed = [name for name in told.measures if name.endswith(" auc") and name[:2] == "19"]
    assert replayed[:3] == ["1997-07-31 auc", "1997-06-30 auc", "1997-05-31 auc"]
    assert all(told.measures[name] > 0.55 for name in replayed[:3])
    first = told.scores[0]
    assert first.numbers["returns"] + first.numbers["churns"] == pytest.approx(1)
    assert {reason["feature"] for score in told.scores for reason in score.reasons} <= set(FEATURES)
    assert all(score.reasons for score in told.scores)


@needs("cdnow_sample")
def test_a_run_says_whether_it_beats_bg_nbd_and_recency_alone(returned):
    measures = foretell(asking(), wish("churn"), HEAD).measures
    assert (measures["beats bg-nbd"], measures["beats recency"]) == (1, 1)
    assert (measures["bg-nbd count"], measures["recency count"]) == (len(returned), len(returned))
    for rival, auc in (("bg-nbd", 0.772), ("recency", 0.771)):
        assert measures[f"{rival} auc"] == pytest.approx(auc, abs=0.003)
        assert measures["logistic log_loss"] < measures[f"{rival} log_loss"]


@needs("cdnow_sample")
def test_where_purchases_are_not_told_in_one_currency_nothing_is_learned_from_what_was_spent():
    def ask(view):
        """Since the cut-off everybody has bought in a second currency, too."""
        answer = asking()(view)
        if view.as_of <= CUT:
            return answer
        columns = {
            name: [None] * len(answer) for name in ("currency", "value", "mean_value", "first_value", "last_value")
        }
        told = answer.to_pydict() | columns | {"without_rate": [["EUR", "USD"]] * len(answer)}
        return pa.table(told, schema=answer.schema)

    told = foretell(ask, wish("churn"), HEAD)
    assert told.without_rate == ("EUR", "USD")
    assert {reason["feature"] for score in told.scores for reason in score.reasons} <= set(OF_TIME)
    known = {score.subject: score.numbers["returns"] for score in foretell(asking(), wish("churn"), HEAD).scores}
    apart = [abs(score.numbers["returns"] - known[score.subject]) for score in told.scores]
    assert np.mean(apart) < 0.05


@needs("cdnow_sample")
def test_reasons_are_against_a_typical_customer(before, returned):
    model = Trained.on("logistic", FEATURES, features(before), returned)
    usual = model.typical[None, :]
    assert np.all(model.contributions(usual) == 0)
    silent = usual.copy()
    silent[0, 0] += 1
    assert np.flatnonzero(model.contributions(silent)[0]).tolist() == [0]


@needs("cdnow_sample")
def test_nothing_that_was_bought_after_the_cut_off_is_seen_at_it(before):
    """The facts hold 39 more weeks; as of the cut-off they are as if these had never been."""
    assert max(before["last_purchase"].to_pylist()) <= CUT
    later = asking()(PurchaseHistories(as_of=END))
    assert max(later["last_purchase"].to_pylist()) > CUT
    again = asking()(PurchaseHistories(as_of=CUT))
    assert np.array_equal(features(again), features(before))


def test_of_nobody_nothing_is_learned():
    with pytest.raises(NotConverged, match="it happened to 0 of 0"):
        out_of_fold("logistic", np.zeros((0, 3)), np.zeros(0, dtype=bool))
    with pytest.raises(NotConverged, match="it happened to 100 of 100"):
        Trained.on("boosting", ("a",), np.zeros((100, 1)), np.ones(100, dtype=bool))


def test_figures_of_a_judgement_counted_by_hand():
    told = Judgement.of([0.9, 0.8, 0.3, 0.1], [True, False, True, False])
    assert (told.count, told.share, told.auc) == (4, 0.5, 0.75)
    assert told.brier == pytest.approx((0.01 + 0.64 + 0.49 + 0.01) / 4)
    assert told.log_loss == pytest.approx(-np.mean(np.log([0.9, 0.2, 0.3, 0.9])))
    assert told.lift == 2.0
    assert Judgement.of([0.5, 0.5], [True, False]).auc == 0.5
    nobody = Judgement.of([], [])
    assert (nobody.count, np.isnan(nobody.auc)) == (0, True)
    assert np.isnan(Judgement.of([0.2], [True]).auc)


def test_of_a_hundred_who_came_back_seven_in_a_hundred_are_seven():
    told = {"repeats": np.ones(100), "value": np.arange(100.0)}
    assert np.flatnonzero(valued(told, replace(wish("churn"), valued_share=Decimal("0.07")))).tolist() == [
        *range(93, 100)
    ]


def test_months_are_counted_back_from_the_last_that_is_over():
    ends = list(month_ends(date(2026, 3, 15)))
    assert ends[:3] == [date(2026, 2, 28), date(2026, 1, 31), date(2025, 12, 31)]
    assert len(ends) == 12
    assert next(month_ends(date(2026, 3, 31))) == date(2026, 3, 31)
    assert all((end + timedelta(days=1)).day == 1 for end in ends)
