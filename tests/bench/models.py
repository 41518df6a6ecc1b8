"""Customer value: BG/NBD fitted to a million customers, beside the library that is used for it everywhere."""

from __future__ import annotations

import time
from functools import cache

import numpy as np

from projections.analytics.models.beta_geometric import BgNbd
from projections.analytics.models.histories import Histories
from tests.bench.measure import Benchmark, Reading, Side

CUSTOMERS = 1_000_000


def benchmarks() -> list[Benchmark]:
    return [
        Benchmark(
            "bg_nbd_vs_lifetimes",
            f"customers a second of processor time that BG/NBD is fitted to, of {CUSTOMERS:,}, by the day;"
            " lifetimes' BetaGeoFitter on the same, both to the same likelihood",
            Side("bg_nbd", ours),
            Side("lifetimes_bg_nbd", theirs, once=True),
            20,
        )
    ]


def ours() -> Reading:
    seen = population()
    fresh = Histories.of(seen.repeats, seen.last, seen.age)  # nothing merged yet
    began = time.process_time()
    fit = BgNbd.fitted(fresh).fit
    took = time.process_time() - began
    return Reading(CUSTOMERS / took, note=f"log-likelihood {fit.likelihood:.3f}, {len(fresh.merged):,} different")


def theirs() -> Reading:
    from lifetimes import BetaGeoFitter

    seen = population()
    began = time.process_time()
    model = BetaGeoFitter().fit(seen.repeats, seen.last, seen.age)
    took = time.process_time() - began
    found = np.array([model.params_[name] for name in ("r", "alpha", "a", "b")])
    likelihood = BgNbd.log_likelihood(found, seen.merged)[0] * CUSTOMERS
    return Reading(CUSTOMERS / took, note=f"log-likelihood {likelihood:.3f}")


@cache
def population() -> Histories:
    """Customers as BG/NBD has them, with CDNOW's parameters: come in the first 12 of 39 weeks, told by the day."""
    chance = np.random.default_rng(1)
    age = chance.integers(27 * 7, 39 * 7, CUSTOMERS).astype(float)
    rate = chance.gamma(0.243, 1 / (4.414 * 7), CUSTOMERS)
    leaving = chance.beta(0.793, 2.426, CUSTOMERS)
    moment, last, repeats = (np.zeros(CUSTOMERS) for _ in range(3))
    there = np.arange(CUSTOMERS)
    while len(there):
        moment[there] += 1 + chance.exponential(1 / np.maximum(rate[there], 1e-12))
        there = there[moment[there] < age[there]]
        last[there] = np.floor(moment[there])
        repeats[there] += 1
        there = there[chance.random(len(there)) >= leaving[there]]
    return Histories.of(repeats, last / 7, age / 7)
