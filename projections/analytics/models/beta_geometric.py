"""Customers buy at a rate of their own until, after some purchase, they leave: BG/NBD and MBG/NBD.

Fader, Hardie and Lee, "Counting your customers" the easy way (Marketing Science 24, 2005); Batislam, Denizel and
Filiztekin (2007), where a customer may leave after the first purchase, too. Rates are gamma distributed over the
customers (shape r, rate alpha), the chance to leave after a purchase is beta distributed (a, b).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, expit, gammaln, hyp2f1

from projections.analytics.models.fitting import Fit, Floats, NotConverged, likeliest
from projections.analytics.models.histories import Histories

NAMES = ("r", "alpha", "a", "b")
STARTS = ((0.3, 5.0, 0.8, 2.5), (1.0, 1.0, 1.0, 1.0), (0.8, 20.0, 0.3, 5.0))
SINGULAR = 1e-6
"""So near to 1 the formula divides nothing by nothing; a hair beside it says the same."""
SOME = 20_000
"""Of so many customers more can be said in a moment than of all in a long while."""
TERMS, EXACT = 1_000, 1e-15


@dataclass(frozen=True)
class BetaGeometric:
    """The fitted model; `name` and `chances` tell its two forms apart."""

    name: ClassVar[str]
    chances: ClassVar[int]
    """How often a customer could have left by its first purchase"""

    fit: Fit

    @classmethod
    def fitted(cls, histories: Histories) -> Self:
        """Raises NotConverged."""
        if not np.any(histories.repeats > 0):
            raise NotConverged(cls.name, "nobody has come back")
        merged = histories.merged
        climb = partial(likeliest, cls.name, NAMES, partial(cls.log_likelihood, histories=merged), merged.customers)
        if len(histories) > 2 * SOME:
            with suppress(NotConverged):  # a part of them leads near the summit of all
                part = cls.fitted(histories.every(len(histories) // SOME))
                return cls(climb([tuple(part.fit.parameters.values())]))
        return cls(climb(scaled(STARTS, merged)))

    @classmethod
    def of(cls, r: float, alpha: float, a: float, b: float) -> Self:
        """With parameters that are known already."""
        return cls(Fit({"r": r, "alpha": alpha, "a": a, "b": b}, float("nan"), 0))

    @classmethod
    def log_likelihood(cls, parameters: Floats, histories: Histories) -> tuple[float, Floats]:
        """Of a customer on average, and its derivatives by r, alpha, a and b."""
        r, alpha, a, b = parameters
        repeated, last, age = histories.by_repeats, histories.by_last, histories.by_age
        x, count, whole = repeated.values, repeated.customers, histories.customers
        n = x + cls.chances
        total = count @ (
            gammaln(r + x) - gammaln(r) + gammaln(a + b) - gammaln(b) + gammaln(b + n) - gammaln(a + b + n)
        )
        by_r = count @ (digamma(r + x) - digamma(r))
        by_a = count @ (digamma(a + b) - digamma(a + b + n))
        by_b = by_a + count @ (digamma(b + n) - digamma(b))

        # As if everybody were still there: what there is to say of an age, it says of all of that age.
        ended, kept = np.log(alpha + age.values), 1 / (alpha + age.values)
        buying = r * age.customers + age.purchases
        total += whole * r * np.log(alpha) - buying @ ended
        by_r += whole * np.log(alpha) - age.customers @ ended
        by_alpha = whole * r / alpha - buying @ kept

        # And that they may have left after the last purchase. The odds of it are all that differs from row to row.
        may_leave = n > 0
        left = np.full(len(x), -np.inf)
        left[may_leave] = np.log(a) - np.log(b + n[may_leave] - 1)
        bought, lasted = np.log(alpha + last.values), 1 / (alpha + last.values)
        silent = ended[age.place] - bought[last.place]
        odds = left[repeated.place] + (r + histories.repeats) * silent
        rest = np.exp(-np.abs(odds))
        total += histories.weights @ (np.maximum(odds, 0.0) + np.log(1 + rest))
        gone = histories.weights * np.where(odds > 0, 1.0, rest) / (1 + rest)
        by_r += gone @ silent
        buying = gone * (r + histories.repeats)
        by_alpha += age.sum(buying) @ kept - last.sum(buying) @ lasted
        gone_by_repeats = repeated.sum(gone)[may_leave]
        by_a += gone_by_repeats.sum() / a
        by_b -= gone_by_repeats @ (1 / (b + n[may_leave] - 1))
        return float(total / whole), np.array([by_r, by_alpha, by_a, by_b]) / whole

    def alive(self, histories: Histories) -> Floats:
        """How likely each customer is to buy again at all."""
        r, alpha, a, b = self.fit.parameters.values()
        n = histories.repeats + self.chances
        silent = np.log(alpha + histories.age) - np.log(alpha + histories.last)
        left = np.where(n > 0, np.log(a) - np.log(np.maximum(b + n - 1, 1e-300)), -np.inf)
        alive: Floats = expit(-(left + (r + histories.repeats) * silent))
        return alive

    def purchases(self, histories: Histories, within: ArrayLike) -> Floats:
        """How many purchases to expect of each customer in the next `within` units of time.

        The hypergeometric function is taken in Euler's other form, whose arguments stay small however often a customer
        has bought; in its first one where customers hardly differ, in how they leave or in how often they buy."""
        r, alpha, a, b = self.fit.parameters.values()
        if abs(a - 1) < SINGULAR:
            a = 1 + SINGULAR
        time = np.asarray(within, dtype=float)
        x = histories.repeats
        n = x + self.chances
        still = alpha + histories.age
        z = time / (still + time)
        p, q, c = a - 1, a + b + self.chances - 1 - r, a + b + n - 1
        with np.errstate(over="ignore", invalid="ignore"):
            growth = (1 - z) ** p * hypergeometric(p, q, c, z)
            astray = ~np.isfinite(growth) | (c < -q)  # it overflows, or small differences of large terms are left
            if astray.any():
                growth = np.where(astray, (1 - z) ** (r + x) * hypergeometric(r + x, b + n, c, z), growth)
        expected: Floats = c / p * (1 - growth) * self.alive(histories)
        return np.maximum(expected, 0.0)


class BgNbd(BetaGeometric):
    """A customer may leave after each purchase but the first."""

    name = "bg-nbd"
    chances = 0


class MbgNbd(BetaGeometric):
    """A customer may leave after each purchase."""

    name = "mbg-nbd"
    chances = 1


def hypergeometric(p: float | Floats, q: float | Floats, c: Floats, z: Floats) -> Floats:
    """2F1(p, q; c; z) for z from 0 to 1: its own series, and scipy's for what that takes too long to tell. (Where it is
    quick, scipy's is not always right: 2F1(1, 2; 101; 0.913) overflows.)"""
    term = np.ones(np.broadcast(c, z).shape)
    total = term.copy()
    for k in range(TERMS):
        term = term * ((p + k) * (q + k) / ((c + k) * (k + 1))) * z
        total += term
        open_ = np.abs(term) > EXACT * np.abs(total)
        if not open_.any():
            return total
    found: Floats = np.where(open_, hyp2f1(p, q, c, z), total)
    return found


def scaled(starts: tuple[tuple[float, ...], ...], histories: Histories) -> list[tuple[float, ...]]:
    """Starts for these customers' own unit of time: they are written for an age of about 30."""
    unit = max(float(histories.age.max()), 1e-9) / 30
    return [(r, alpha * unit, *rest) for r, alpha, *rest in starts]
