"""Customers buy at a rate of their own until they leave, at any moment: Pareto/NBD.

Schmittlein, Morrison and Colombo (Management Science 33, 1987). Rates of buying are gamma distributed over the
customers (shape r, rate alpha), rates of leaving as well (s, beta).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, expit, gammaln, logsumexp

from projections.analytics.models.fitting import Fit, Floats, NotConverged, likeliest
from projections.analytics.models.histories import Histories

STARTS = ((0.5, 10.0, 0.6, 12.0), (1.0, 5.0, 1.0, 5.0))
SINGULAR = 1e-6

NODES, NODE_WEIGHTS = (
    (side + shift) / 2 for side, shift in zip(np.polynomial.legendre.leggauss(40), (1, 0), strict=True)
)
"""Where between 0 and 1 an integrand is looked at, and how much each place counts."""


@dataclass(frozen=True)
class ParetoNbd:
    """The fitted model."""

    name: ClassVar[str] = "pareto-nbd"

    fit: Fit

    @classmethod
    def fitted(cls, histories: Histories) -> Self:
        """Raises NotConverged."""
        if not np.any(histories.repeats > 0):
            raise NotConverged(cls.name, "nobody has come back")
        merged = histories.merged
        unit = max(float(merged.age.max()), 1e-9) / 30
        starts = [(r, alpha * unit, s, beta * unit) for r, alpha, s, beta in STARTS]

        def likelihood(parameters: Floats) -> tuple[float, Floats]:
            return cls.log_likelihood(parameters, merged)

        return cls(likeliest(cls.name, ("r", "alpha", "s", "beta"), likelihood, merged.customers, starts))

    @classmethod
    def of(cls, r: float, alpha: float, s: float, beta: float) -> Self:
        """With parameters that are known already."""
        return cls(Fit({"r": r, "alpha": alpha, "s": s, "beta": beta}, float("nan"), 0))

    @classmethod
    def log_likelihood(cls, parameters: Floats, histories: Histories) -> tuple[float, Floats]:
        """Of a customer on average, and its derivatives by r, alpha, s and beta."""
        r, alpha, s, beta = parameters
        w, k, age = histories.weights, r + histories.repeats, histories.age
        stayed, left, moments, likely = ends(parameters, histories)
        each = gammaln(k) - gammaln(r) + r * np.log(alpha) + s * np.log(beta) + np.logaddexp(stayed, left)
        gone = expit(left - stayed)
        here = 1 - gone

        def when(leaving: Floats) -> Floats:
            """The mean over the moments at which one who has left may have done so."""
            mean: Floats = gone * np.sum(likely * leaving, axis=1)
            return mean

        by_each = (
            digamma(k) - digamma(r) + np.log(alpha) - here * np.log(alpha + age) - when(np.log(alpha + moments)),
            r / alpha - here * k / (alpha + age) - k * when(1 / (alpha + moments)),
            np.log(beta) - here * np.log(beta + age) + gone / s - when(np.log(beta + moments)),
            s / beta - here * s / (beta + age) - (s + 1) * when(1 / (beta + moments)),
        )
        whole = histories.customers
        return float(w @ each / whole), np.array([w @ slope for slope in by_each]) / whole

    def alive(self, histories: Histories) -> Floats:
        """How likely each customer is still to be one."""
        stayed, left, *_ = ends(np.array(list(self.fit.parameters.values())), histories)
        alive: Floats = expit(stayed - left)
        return alive

    def purchases(self, histories: Histories, within: ArrayLike) -> Floats:
        """How many purchases to expect of each customer in the next `within` units of time."""
        r, alpha, s, beta = self.fit.parameters.values()
        if abs(s - 1) < SINGULAR:
            s = 1 + SINGULAR
        still = beta + histories.age
        stays = -np.expm1((s - 1) * (np.log(still) - np.log(still + np.asarray(within, dtype=float)))) / (s - 1)
        rate = (r + histories.repeats) / (alpha + histories.age)
        expected: Floats = rate * still * stays * self.alive(histories)
        return expected


def ends(parameters: Floats, histories: Histories) -> tuple[Floats, Floats, Floats, Floats]:
    """The logarithms of two parts of the likelihood of each history: of one who stayed, and of one who left since the
    last purchase; of the latter also moments at which that may have been, and how likely each is.

    The second part is the integral of (alpha + u)^-(r + x) * (beta + u)^-(s + 1) over that time. It is often written
    with hypergeometric functions, of which it is a small difference; here it is summed up where the integrand is
    large, over steps that grow from where it begins to fall."""
    r, alpha, s, beta = parameters
    k = r + histories.repeats
    stayed = -k * np.log(alpha + histories.age) - s * np.log(beta + histories.age)
    falls = k / (alpha + histories.last) + (s + 1) / (beta + histories.last)
    span = np.log1p(falls * (histories.age - histories.last))[:, None]
    moments = histories.last[:, None] + np.expm1(NODES * span) / falls[:, None]
    there = (
        NODES * span - k[:, None] * np.log(alpha + moments) - (s + 1) * np.log(beta + moments) + np.log(NODE_WEIGHTS)
    )
    together = logsumexp(there, axis=1)
    with np.errstate(divide="ignore"):
        left = np.log(s) + together + np.log(span[:, 0]) - np.log(falls)
    return stayed, left, moments, np.exp(there - together[:, None])
