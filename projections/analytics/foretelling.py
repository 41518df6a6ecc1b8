"""Scores customers and opportunities from the lakehouse: the same at the same position, whenever it is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from importlib.metadata import version
from math import ceil
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domain.scoring import Wish
from projections.analytics.models import churn, winning
from projections.analytics.models.beta_geometric import BgNbd, MbgNbd
from projections.analytics.models.fitting import Floats, NotConverged
from projections.analytics.models.judging import Judgement, calibration
from projections.analytics.models.pareto import ParetoNbd
from projections.analytics.models.spending import GammaGamma
from projections.analytics.models.trained import KINDS, Kind, Trained, out_of_fold
from projections.analytics.models.worth import BuyingModel, lifetime_value, related
from projections.analytics.views import View
from projections.analytics.views.outlook import DealOutlook, PurchaseHistories
from projections.scores import Score

MODELS_VERSION = 2
"""Raise it whenever a score would come out differently from the same events."""

BUYING: dict[str, type[BuyingModel]] = {model.name: model for model in (BgNbd, MbgNbd, ParetoNbd)}

PERIOD_DAYS = 30
"""Purchases to come are discounted in steps of about this."""
DIGITS = 9
"""Of a score; further ones differ from processor to processor."""
TOLD_REASONS = 4
HARDLY_ANY = 1e-9
"""So few purchases are as good as none, and have a logarithm."""
FORTNIGHTS_BACK = 26
"""As of the ends of so many fortnights it is looked at how deals stood that are decided by now. More often would show
the same deals over and over: what is learned from that is too sure of itself."""

MONTHS_BACK = 12
"""As of the ends of so many months the past is replayed, as far as it goes."""

Ask = Callable[[View], pa.Table]
"""Answers a question from the lakehouse, for the tenant that the scores are for."""


@dataclass(frozen=True)
class Foretold:
    """The scores, by the ids of those scored, and how they were come by."""

    scores: list[Score]
    parameters: dict[str, float]
    likelihood: float | None
    measures: dict[str, float]
    without_rate: tuple[str, ...]
    told_in: str | None = None
    """The currency of all values"""
    calibration: Sequence[tuple[int, float, float]] = ()
    """See judging.calibration: of chances for what the model had not seen"""


def code() -> str:
    """What a score depends on besides the events."""
    libraries = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "scikit-learn", "duckdb"))
    return f"models {MODELS_VERSION}, {libraries}"


def foretell(ask: Ask, wish: Wish, position: int) -> Foretold:
    """From the events up to this position. Raises NotConverged when a model has too little to go by."""
    if wish.subject == "opportunities":
        return foretell_deals(ask, wish, position)
    return (foretell_return if wish.model == "churn" else foretell_purchases)(ask, wish, position)


# -- customers


def histories(ask: Ask, wish: Wish, position: int, day: date | None = None) -> pa.Table:
    return ask(PurchaseHistories(as_of=day or wish.as_of, known_at=position, currency=wish.currency, rates=wish.rates))


def foretell_purchases(ask: Ask, wish: Wish, position: int) -> Foretold:
    answer = histories(ask, wish, position)
    seen, told = churn.histories_of(answer), churn.columns_of(answer)
    model = BUYING[wish.model].fitted(seen)
    horizon = wish.horizon_days / churn.DAYS_A_WEEK
    numbers = {"alive": model.alive(seen), "purchases": model.purchases(seen, horizon), "spent": told["value"]}
    parameters, measures = dict(model.fit.parameters), {}
    try:
        spending = GammaGamma.fitted(told["repeats"], told["mean_value"])
    except NotConverged:
        # Whether somebody is still there needs no money; what it would be worth is left open.
        numbers |= dict.fromkeys(("value", "lifetime_value"), np.full(len(seen), np.nan))
    else:
        parameters |= spending.fit.parameters
        measures["value_likelihood"] = spending.fit.likelihood
        measures["frequency_and_value"] = related(told["repeats"], told["mean_value"])
        value = np.where(np.isnan(told["value"]), np.nan, spending.value(told["repeats"], told["mean_value"]))
        numbers |= {"value": value, "lifetime_value": worth(model, seen, value, wish)}
    at_risk = valued(told, wish) & (numbers["alive"] < float(wish.alert_below))
    return Foretold(
        scored(answer["customer_id"], numbers, at_risk),
        parameters,
        model.fit.likelihood,
        measures,
        without_rate(answer),
        told_in(answer),
    )


def worth(model: BuyingModel, seen: Any, value: Floats, wish: Wish) -> Floats:
    periods = max(1, round(wish.horizon_days / PERIOD_DAYS))
    return lifetime_value(
        model,
        seen,
        value,
        periods=periods,
        length=wish.horizon_days / churn.DAYS_A_WEEK / periods,
        margin=float(wish.margin),
        discount=(1 + float(wish.discount)) ** (wish.horizon_days / 365 / periods) - 1,
    )


def foretell_return(ask: Ask, wish: Wish, position: int) -> Foretold:
    """Trained on who, of the customers at a cut-off one horizon ago, has come back since. What was spent counts if all
    of it is told in one currency, which then is that of every cut-off."""
    now = histories(ask, wish, position)
    wish = replace(wish, currency=told_in(now))
    names = churn.OF_TIME if without_rate(now) else churn.FEATURES
    cut = wish.as_of - timedelta(days=wish.horizon_days)
    before, returned = came_back(histories(ask, wish, position, cut), now, cut)
    features = churn.features(before, names)
    held_out = {kind: out_of_fold(kind, features, returned) for kind in KINDS}
    judged: dict[str, Judgement] = {kind: Judgement.of(chances, returned) for kind, chances in held_out.items()}
    best = min(KINDS, key=lambda kind: judged[kind].log_loss)
    rivals = simpler(before, returned, wish)
    model = Trained.on(best, names, features, returned)
    present = churn.features(now, names)
    chances = model.chances(present)
    measures = {f"{by} {name}": value for by, one in (judged | rivals).items() for name, value in vars(one).items()}
    measures |= {f"beats {by}": float(judged[best].log_loss < rival.log_loss) for by, rival in rivals.items()}
    measures |= replayed(ask, wish, position, best, names)
    told = churn.columns_of(now)
    return Foretold(
        scored(
            now["customer_id"],
            {"returns": chances, "churns": 1 - chances, "spent": told["value"]},
            valued(told, wish) & (chances < float(wish.alert_below)),
            reasons(model.names, model.contributions(present)),
        ),
        {"trained_on": float(len(returned)), **{f"is_{kind}": float(kind == best) for kind in KINDS}},
        None,
        measures,
        without_rate(now),
        wish.currency,
        calibration(held_out[best], returned),
    )


def came_back(before: pa.Table, after: pa.Table, cut: date) -> tuple[pa.Table, NDArray[np.bool_]]:
    """The customers of a cut-off, and who of them has bought since. Whoever was merged meanwhile is left out: what it
    bought is told of the one that it belongs to."""
    last = dict(zip(after["customer_id"].to_pylist(), after["last_purchase"].to_pylist(), strict=True))
    still = [one in last for one in before["customer_id"].to_pylist()]
    known = before.filter(pa.array(still, pa.bool_()))
    return known, np.array([last[one] > cut for one in known["customer_id"].to_pylist()], dtype=bool)


def simpler(before: pa.Table, returned: NDArray[np.bool_], wish: Wish) -> dict[str, Judgement]:
    """How well who returns is told, of the same customers, by their silence alone, and by the purchases that BG/NBD
    expects of them: what a trained score has to beat. Both are given the same regression."""
    known = {"recency": churn.features(before, ("weeks silent",))}
    with suppress(NotConverged):
        seen = churn.histories_of(before)
        expected = BgNbd.fitted(seen).purchases(seen, wish.horizon_days / churn.DAYS_A_WEEK)
        known["bg-nbd"] = np.log(np.maximum(expected, HARDLY_ANY))[:, None]
    return {name: Judgement.of(out_of_fold("logistic", one, returned), returned) for name, one in known.items()}


def replayed(ask: Ask, wish: Wish, position: int, kind: Kind, names: Sequence[str]) -> dict[str, float]:
    """How a model, trained at the end of each month on what was so then, did in the horizon after it."""
    measures: dict[str, float] = {}
    horizon = timedelta(days=wish.horizon_days)
    for cut in month_ends(wish.as_of - horizon):
        earlier, then, after = (histories(ask, wish, position, day) for day in (cut - horizon, cut, cut + horizon))
        past, returned = came_back(earlier, then, cut - horizon)
        try:
            model = Trained.on(kind, names, churn.features(past, names), returned)
        except NotConverged:  # further back there was even less
            break
        present, later = came_back(then, after, cut)
        judged = Judgement.of(model.chances(churn.features(present, names)), later)
        measures |= {f"{cut} {name}": getattr(judged, name) for name in ("auc", "log_loss", "brier", "lift")}
    return measures


def month_ends(last: date) -> Iterator[date]:
    """From the last one that is not after this day, backwards."""
    day = last
    if (last + timedelta(days=1)).month == last.month:
        day = last.replace(day=1) - timedelta(days=1)
    for _ in range(MONTHS_BACK):
        yield day
        day = day.replace(day=1) - timedelta(days=1)


def valued(told: dict[str, Floats], wish: Wish) -> NDArray[np.bool_]:
    """Of those who came back, the share who spent most; by purchases where what was spent is not known."""
    spent = np.where(np.isnan(told["value"]), 0.0, told["value"])
    worthy = told["repeats"] > 0
    chosen = np.zeros(len(spent), dtype=bool)
    wanted = ceil(wish.valued_share * int(worthy.sum()))
    order = np.lexsort((-told["repeats"], -spent, ~worthy))
    chosen[order[:wanted]] = True
    return chosen


def told_in(answer: pa.Table) -> str | None:
    """The currency asked for, else the one of all purchases; None where there are several, or none."""
    return next(iter(answer["currency"].to_pylist()), None)


def without_rate(answer: pa.Table) -> tuple[str, ...]:
    return tuple(sorted({currency for some in answer["without_rate"].to_pylist() for currency in some}))


# -- opportunities


@dataclass(frozen=True)
class Seen:
    """A deal as it stood, open, at the end of a past day, and how it ended."""

    on: date
    deal: winning.Row
    ended_on: date
    won: bool


def seen_open(ask: Ask, wish: Wish, position: int, deals: Sequence[winning.Row]) -> list[Seen]:
    """Those of these that are decided, as they stood every fortnight, the earliest first. As they stood when they were
    decided says little of open ones: by then all that are won have come to the last stage."""
    ended = {deal["opportunity_id"]: deal for deal in deals if deal["state"] != "open"}
    first = min((deal["opened_on"] for deal in deals), default=wish.as_of)
    found = []
    for day in (wish.as_of - timedelta(weeks=2 * back) for back in range(FORTNIGHTS_BACK, 0, -1)):
        if day >= first:
            for deal in ask(DealOutlook(as_of=day, known_at=position)).to_pylist():
                end = ended.get(deal["opportunity_id"])
                if end and deal["state"] == "open":
                    found.append(Seen(day, deal, end["closed_on"], end["state"] == "won"))
    return found


def foretell_deals(ask: Ask, wish: Wish, position: int) -> Foretold:
    """How likely each open deal is to be won in the end: by what became of those that stood like it in the past year.
    Measured on how the latest third of these stood, with what was learned from deals that were decided before."""
    deals: list[winning.Row] = ask(DealOutlook(as_of=wish.as_of, known_at=position)).to_pylist()
    standing = [deal for deal in deals if deal["state"] == "open"]
    seen = seen_open(ask, wish, position, deals)
    split = seen[2 * len(seen) // 3].on if seen else wish.as_of
    learned, later = [o for o in seen if o.ended_on <= split], [o for o in seen if o.on >= split]
    foretold = foretold_by_each([o.deal for o in learned], won_of(learned), [o.deal for o in later])
    measures = {
        f"{name} {measure}": getattr(Judgement.of(chances, won_of(later)), measure)
        for name, chances in foretold.items()
        for measure in ("brier", "log_loss", "auc")
    }
    tried = calibration(foretold["naive_bayes" if wish.model == "win-naive-bayes" else "logistic"], won_of(later))
    past, won = [one.deal for one in seen], won_of(seen)
    counted = winning.Counted.on(past, won)
    if wish.model == "win-naive-bayes":
        chances, names = counted.chances(standing), counted.traits
        parts = winning.features(standing, counted)[:, len(winning.NUMBERS) :]
    else:
        model = Trained.on("logistic", winning.names(counted), winning.features(past, counted), won)
        features, names = winning.features(standing, counted), model.names
        chances, parts = model.chances(features), model.contributions(features)
    ids = [deal["opportunity_id"] for deal in standing]
    return Foretold(
        scored(ids, {"wins": chances}, np.zeros(len(ids), dtype=bool), reasons(names, parts)),
        {"decided": float(len(deals) - len(standing)), "seen": float(len(seen)), "average": counted.average},
        None,
        measures,
        (),
        None,
        tried,
    )


def won_of(seen: Sequence[Seen]) -> NDArray[np.bool_]:
    return np.array([one.won for one in seen], dtype=bool)


def foretold_by_each(
    past: Sequence[winning.Row], won: NDArray[np.bool_], later: Sequence[winning.Row]
) -> dict[str, Floats]:
    """What the stage's average, naive Bayes and the learned models say of later deals. Raises NotConverged."""
    counted = winning.Counted.on(past, won)
    features, present = winning.features(past, counted), winning.features(later, counted)
    learned: dict[str, Floats] = {
        kind: Trained.on(kind, winning.names(counted), features, won).chances(present) for kind in KINDS
    }
    average = winning.stage_average(past, won)
    return {"stage_average": average.chances(later), "naive_bayes": counted.chances(later), **learned}


# -- scores


def scored(
    ids: Any, numbers: dict[str, Floats], at_risk: NDArray[np.bool_], why: Sequence[Sequence[dict[str, Any]]] = ()
) -> list[Score]:
    told = {name: [short(value) for value in values] for name, values in numbers.items()}
    return [
        Score(
            UUID(str(id)),
            {name: values[i] for name, values in told.items()},
            why[i] if why else (),
            bool(at_risk[i]),
        )
        for i, id in enumerate(ids.to_pylist() if isinstance(ids, pa.ChunkedArray) else ids)
    ]


def short(value: float) -> float | None:
    return float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None


def reasons(names: Sequence[str], contributions: Floats) -> list[list[dict[str, Any]]]:
    """Of each, what adds most to the logarithm of its odds, or takes most from it."""
    told = []
    for row in contributions:
        most = np.argsort(-np.abs(row), kind="stable")[:TOLD_REASONS]
        told.append([{"feature": names[i], "adds": short(row[i])} for i in most if row[i] != 0])
    return told
