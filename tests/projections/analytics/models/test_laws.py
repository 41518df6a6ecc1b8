"""What holds of the models whatever the customers did."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as any_
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import beta as beta_law

from projections.analytics.models import beta_geometric
from projections.analytics.models.beta_geometric import BgNbd, MbgNbd
from projections.analytics.models.contracts import ShiftedBetaGeometric
from projections.analytics.models.fitting import NotConverged
from projections.analytics.models.histories import Histories
from projections.analytics.models.pareto import ParetoNbd, ends
from projections.analytics.models.spending import GammaGamma
from projections.analytics.models.worth import related
from tests.data.sending import needs
from tests.projections.analytics.models.cdnow import histories

few = settings(max_examples=15, deadline=None)

MODELS = [BgNbd, MbgNbd, ParetoNbd]


@any_.composite
def customers(draw, many=8):
    """Some customers, in weeks."""
    made = []
    for _ in range(draw(any_.integers(1, many))):
        age = draw(any_.integers(0, 500)) / 7
        repeats = draw(any_.integers(0, 400)) if age else 0
        made.append((repeats, age * draw(any_.integers(1, 100)) / 100 if repeats else 0.0, age))
    return Histories.of(*zip(*made, strict=True))


parameters = any_.tuples(*[any_.floats(0.05, 30)] * 4)


@pytest.mark.parametrize("kind", MODELS)
@few
@given(parameters=parameters, seen=customers())
def test_who_is_still_there_is_a_probability_and_falls_with_silence(kind, parameters, seen):
    model = kind.of(*parameters)
    alive = model.alive(seen)
    assert np.all((alive >= 0) & (alive <= 1))
    if kind is not ParetoNbd:
        assert np.all(alive[seen.repeats == 0] == 1) or kind is MbgNbd
    later = Histories(seen.repeats, seen.last, seen.age + 10, seen.weights)
    assert np.all(model.alive(later) <= alive + 1e-9)


@pytest.mark.parametrize("kind", MODELS)
@few
@given(parameters=parameters, seen=customers(), weeks=any_.floats(0.1, 100))
def test_purchases_to_come_are_never_negative_and_only_grow_with_time(kind, parameters, seen, weeks):
    model = kind.of(*parameters)
    sooner, later = model.purchases(seen, weeks), model.purchases(seen, 2 * weeks)
    assert np.all(np.isfinite(sooner))
    assert np.all((sooner >= 0) & (later >= sooner - 1e-7 * (1 + sooner)))


@pytest.mark.parametrize("kind", [BgNbd, MbgNbd])
@pytest.mark.parametrize(
    "parameters",
    [(0.243, 4.414, 0.793, 2.426), (200, 300, 0.9, 6), (0.5, 5, 2e5, 8e5), (0.5, 5, 1e3, 4e3)],
    ids=["of CDNOW", "all buy as often", "all leave as easily", "nearly all leave as easily"],
)
def test_purchases_to_come_are_the_mean_over_all_chances_to_leave(kind, parameters):
    """Of one who is there and leaves with a chance of p after each purchase, the mean is taken over p."""
    r, alpha, a, b = parameters
    repeats, age = np.array([0, 1, 5, 40, 150]), np.array([10, 10, 39, 39, 39])
    seen = Histories.of(repeats, [0, 5, 8, 38, 38], age)
    model = kind.of(*parameters)
    places = (np.arange(10_000) + 0.5) / 10_000
    p = np.maximum(beta_law.ppf(places, a, b + repeats[:, None] + kind.chances), 1e-300)
    for weeks in (4, 52, 520):
        silent = (r + repeats[:, None]) * np.log1p(p * weeks / (alpha + age[:, None]))
        mean = np.mean(-np.expm1(-silent) / p, axis=1)
        assert model.purchases(seen, weeks) == pytest.approx(mean * model.alive(seen), rel=0.01)


@pytest.mark.parametrize("kind", MODELS)
@few
@given(parameters=parameters, seen=customers())
def test_the_slope_of_a_likelihood_is_that_of_its_values(kind, parameters, seen):
    point = np.array(parameters)
    _, slope = kind.log_likelihood(point, seen)
    for i, value in enumerate(point):
        up, down = point.copy(), point.copy()
        up[i], down[i] = value * (1 + 1e-6), value * (1 - 1e-6)
        rise = (kind.log_likelihood(up, seen)[0] - kind.log_likelihood(down, seen)[0]) / (up[i] - down[i])
        assert slope[i] == pytest.approx(rise, rel=1e-4, abs=1e-4)


@few
@given(parameters=parameters, seen=customers(many=1))
def test_who_left_since_the_last_purchase_did_so_at_some_moment(parameters, seen):
    """The sum that Pareto/NBD takes against the integral that they stand for."""
    r, alpha, s, beta = parameters
    x, last, age = seen.repeats[0], seen.last[0], seen.age[0]
    start = (r + x) * np.log(alpha + last) + (s + 1) * np.log(beta + last)

    def gone(moment):
        return np.exp(start - (r + x) * np.log(alpha + moment) - (s + 1) * np.log(beta + moment))

    near = min(age, last + 50 * (alpha + last) / (r + x + 1))
    whole = quad(gone, last, near, epsabs=0, limit=200)[0] + (quad(gone, near, age, limit=200)[0] if near < age else 0)
    stayed, left, *_ = ends(np.array(parameters), seen)
    odds = np.log(s) - start + np.log(whole) - stayed[0] if whole > 0 else -np.inf
    assert expit(left[0] - stayed[0]) == pytest.approx(expit(odds), rel=1e-5, abs=1e-9)


def made_up(count, seed=7):
    """Customers as Pareto/NBD has them, with parameters of CDNOW's size, watched for 39 weeks or less by the day."""
    chance = np.random.default_rng(seed)
    age = chance.integers(189, 273, count)
    rate, leaving = chance.gamma(0.55, 1 / 74, count), chance.gamma(0.6, 1 / 82, count)
    stays = np.minimum(age, chance.exponential(1 / leaving))
    repeats, last = np.zeros(count), np.zeros(count)
    for i in range(count):
        days = np.unique(np.floor(np.cumsum(1 + chance.exponential(1 / rate[i], 300))))
        bought = days[days < stays[i]]
        if len(bought):
            repeats[i], last[i] = len(bought), bought[-1]
    return Histories.of(repeats, last / 7, age / 7)


MANY = made_up(300)


@needs("cdnow_sample")
@pytest.mark.parametrize("kind", MODELS)
def test_nothing_near_the_parameters_found_is_likelier(kind):
    seen = histories().merged
    fit = kind.fitted(seen).fit
    at = np.array(list(fit.parameters.values()))

    def likelihood(point):
        return kind.log_likelihood(point, seen)[0] * seen.customers

    assert likelihood(at) == pytest.approx(fit.likelihood, rel=1e-12)
    for i in range(len(at)):
        for step in (0.98, 0.999, 1.001, 1.02):
            beside = at.copy()
            beside[i] *= step
            assert likelihood(beside) <= fit.likelihood + 1e-6


@pytest.mark.parametrize("kind", MODELS)
def test_merging_equal_histories_changes_nothing(kind):
    assert len(MANY.merged) < len(MANY)
    assert MANY.merged.customers == len(MANY)
    for point in (np.array([0.3, 5.0, 0.8, 2.5]), np.array([2.0, 1.0, 3.0, 9.0])):
        apart, together = kind.log_likelihood(point, MANY), kind.log_likelihood(point, MANY.merged)
        assert apart[0] == pytest.approx(together[0], rel=1e-10)
        assert apart[1] == pytest.approx(together[1], rel=1e-8)


@needs("cdnow_sample")
@pytest.mark.parametrize("kind", [BgNbd, MbgNbd])
def test_from_where_a_part_of_them_leads_all_come_to_the_same_summit(kind, monkeypatch):
    whole = kind.fitted(histories()).fit
    monkeypatch.setattr(beta_geometric, "SOME", 400)
    for seen in (histories(), histories().merged):
        fit = kind.fitted(seen).fit
        assert fit.likelihood == pytest.approx(whole.likelihood, abs=1e-6)
        assert list(fit.parameters.values()) == pytest.approx(list(whole.parameters.values()), rel=1e-4)
    monkeypatch.setattr(beta_geometric, "SOME", 3)  # a part that leads nowhere leads nobody astray
    assert kind.fitted(histories()).fit == whole


@few
@given(customers(many=30))
def test_merged_histories_are_those_that_there_were(seen):
    def counted(histories):
        rows = np.repeat(
            np.stack([histories.repeats, histories.last, histories.age]), histories.weights.astype(int), axis=1
        )
        return sorted(map(tuple, rows.T))

    assert counted(seen.merged) == counted(seen)


@few
@given(any_.lists(any_.tuples(any_.integers(1, 40), any_.floats(0.01, 1e5)), min_size=2, max_size=30))
def test_what_a_customer_will_spend_lies_between_its_own_mean_and_that_of_all(told):
    repeats, mean = map(np.array, zip(*told, strict=True))
    model = GammaGamma.of(6.25, 3.74, 15.44)
    everybody, value = model.value([0], [0])[0], model.value(repeats, mean)
    assert np.all((value >= np.minimum(mean, everybody) - 1e-6) & (value <= np.maximum(mean, everybody) + 1e-6))


@few
@given(any_.floats(0.05, 20), any_.floats(0.05, 20))
def test_of_a_cohort_fewer_are_left_after_each_renewal(alpha, beta):
    left = ShiftedBetaGeometric.of(alpha, beta).survival(np.arange(0, 40))
    assert left[0] == pytest.approx(1)
    assert np.all(np.diff(left) < 0)


NOTHING = Histories.of([], [], [])


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize(
    "seen",
    [
        NOTHING,
        Histories.of([0], [0], [10]),
        Histories.of([0, 0, 0], [0, 0, 0], [10, 20, 30]),
        Histories.of([3], [8], [10]),
        Histories.of([2] * 50, [3] * 50, [40] * 50),  # all alike, all gone for long
    ],
    ids=["nobody", "one who never came back", "nobody came back", "one customer", "all alike"],
)
def test_who_says_too_little_is_told_so_by_name(kind, seen):
    with pytest.raises(NotConverged, match=kind.name):
        kind.fitted(seen)


def test_spending_of_nobody_and_of_nothing_is_told_so_by_name():
    for repeats, mean in (([], []), ([0, 0], [0, 0]), ([1, 2], [0.0, -5.0]), ([4], [20.0])):
        with pytest.raises(NotConverged, match="gamma-gamma"):
            GammaGamma.fitted(repeats, mean)
    with pytest.raises(NotConverged, match="gamma-gamma"):
        GammaGamma.fitted([5] * 20, [30.0] * 20)  # nobody differs from anybody


def test_who_came_back_and_spent_nothing_is_worth_less_than_others():
    model = GammaGamma.of(6.25, 3.74, 15.44)
    nothing, taken_back, newcomer = model.value([3, 3, 0], [0.0, -10.0, np.nan])
    assert nothing == taken_back
    assert 0 < nothing < newcomer


def test_where_everybody_stays_or_everybody_left_contracts_say_nothing():
    for left in (True, False):
        with pytest.raises(NotConverged, match="sbg"):
            ShiftedBetaGeometric.fitted([1, 2, 3], left)
    with pytest.raises(ValueError, match="first renewal"):
        ShiftedBetaGeometric.fitted([0], True)


def test_a_history_that_cannot_be_is_refused():
    for repeats, last, age in (
        ([1.5], [1], [2]),
        ([1], [3], [2]),
        ([0], [1], [2]),
        ([-1], [0], [2]),
        ([1, 2], [1], [2]),
    ):
        with pytest.raises(ValueError, match="customer"):
            Histories.of(repeats, last, age)
    with pytest.raises(ValueError, match="customer"):
        Histories.of([1], [float("nan")], [2])


def test_whether_often_and_dear_go_together_is_told_where_it_can_be():
    assert related([1, 2, 3], [10, 20, 30]) == pytest.approx(1)
    assert np.isnan(related([1, 1], [10, 20]))
