"""Customers with a contract renew it, or do not, each time with a chance of their own: shifted beta-geometric.

Fader and Hardie, How to project customer retention (Journal of Interactive Marketing 21, 2007). The chance to leave at
a renewal is beta distributed over the customers (alpha, beta).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, digamma

from projections.analytics.models.fitting import Fit, Floats, NotConverged, likeliest

STARTS = ((1.0, 1.0), (0.7, 3.0), (5.0, 20.0))


@dataclass(frozen=True)
class ShiftedBetaGeometric:
    """The fitted model."""

    name: ClassVar[str] = "sbg"

    fit: Fit

    @classmethod
    def fitted(cls, periods: ArrayLike, left: ArrayLike, customers: ArrayLike = 1) -> Self:
        """Of customers who have come to their n-th renewal (`periods`): whether they `left` at it or are still there.
        Cohorts of different ages go together. Raises NotConverged."""
        n = np.atleast_1d(np.asarray(periods, dtype=float))
        gone = np.broadcast_to(np.asarray(left, dtype=bool), n.shape)
        count = np.broadcast_to(np.asarray(customers, dtype=float), n.shape)
        if np.any(n < 0) or np.any(gone & (n < 1)):
            raise ValueError("who left did so at the first renewal or later")
        if not gone.any() or gone.all():
            raise NotConverged(cls.name, "somebody must have left, and somebody stayed")

        def likelihood(parameters: Floats) -> tuple[float, Floats]:
            return cls.log_likelihood(parameters, n, gone, count)

        return cls(likeliest(cls.name, ("alpha", "beta"), likelihood, float(count.sum()), STARTS))

    @classmethod
    def of_cohort(cls, customers: float, survivors: ArrayLike) -> Self:
        """From one cohort: how many there were, and how many are left after each period."""
        there = np.concatenate([[customers], np.asarray(survivors, dtype=float)])
        lost = -np.diff(there)
        periods = np.arange(1, len(there))
        return cls.fitted(
            np.append(periods, periods[-1]),
            np.append(np.ones(len(periods), dtype=bool), False),
            np.append(lost, there[-1]),
        )

    @classmethod
    def of(cls, alpha: float, beta: float) -> Self:
        """With parameters that are known already."""
        return cls(Fit({"alpha": alpha, "beta": beta}, float("nan"), 0))

    @staticmethod
    def log_likelihood(parameters: Floats, n: Floats, gone: Floats, count: Floats) -> tuple[float, Floats]:
        """Of a customer on average, and its derivatives by alpha and beta: B(alpha + 1, beta + n - 1) for one who left
        at the n-th renewal, B(alpha, beta + n) for one who is still there, both over B(alpha, beta)."""
        alpha, beta = parameters
        a, b = alpha + gone, beta + n - gone
        each = betaln(a, b) - betaln(alpha, beta)
        together = digamma(alpha + beta) - digamma(a + b)
        by_alpha, by_beta = digamma(a) - digamma(alpha) + together, digamma(b) - digamma(beta) + together
        whole = count.sum()
        return float(count @ each / whole), np.array([count @ by_alpha, count @ by_beta]) / whole

    def survival(self, periods: ArrayLike) -> Floats:
        """What part of a cohort is left after so many renewals."""
        alpha, beta = self.fit.parameters.values()
        left: Floats = np.exp(betaln(alpha, beta + np.asarray(periods, dtype=float)) - betaln(alpha, beta))
        return left

    def retention(self, periods: ArrayLike) -> Floats:
        """What part of those who were there before their n-th renewal is there after it; it grows, as those who leave
        easily are gone first."""
        alpha, beta = self.fit.parameters.values()
        n = np.asarray(periods, dtype=float)
        kept: Floats = (beta + n - 1) / (alpha + beta + n - 1)
        return kept
