"""What a customer spends each time varies around a mean of its own: Gamma-Gamma.

Fader and Hardie, The Gamma-Gamma model of monetary value (note 025, 2013). Single purchases are gamma distributed with
shape p, the rates of the customers gamma distributed (q, v).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, gammaln

from projections.analytics.models.fitting import Fit, Floats, NotConverged, likeliest

STARTS = ((6.0, 4.0, 15.0), (1.0, 2.0, 1.0))
"""Of p, q, and v where customers spend about 35."""


@dataclass(frozen=True)
class GammaGamma:
    """The fitted model."""

    name: ClassVar[str] = "gamma-gamma"

    fit: Fit

    @classmethod
    def fitted(cls, repeats: ArrayLike, mean: ArrayLike) -> Self:
        """From those who came back and spent something; the others say nothing about it. Raises NotConverged."""
        x, m = np.asarray(repeats, dtype=float), np.asarray(mean, dtype=float)
        told = (x > 0) & (m > 0)
        x, m = x[told], m[told]
        if len(x) < 2:
            raise NotConverged(cls.name, "fewer than two customers have come back and spent something")
        unit = float(m.mean()) / 35
        fit = likeliest(
            cls.name,
            ("p", "q", "v"),
            lambda parameters: cls.log_likelihood(parameters, x, m),
            len(x),
            [(p, q, v * unit) for p, q, v in STARTS],
        )
        if fit.parameters["q"] <= 1:
            raise NotConverged(cls.name, "spending varies so much that it has no mean")
        return cls(fit)

    @classmethod
    def of(cls, p: float, q: float, v: float) -> Self:
        """With parameters that are known already."""
        return cls(Fit({"p": p, "q": q, "v": v}, float("nan"), 0))

    @staticmethod
    def log_likelihood(parameters: Floats, x: Floats, m: Floats) -> tuple[float, Floats]:
        """Of a customer on average, and its derivatives by p, q and v."""
        p, q, v = parameters
        px, spent = p * x, x * m
        whole, log_all = px + q, np.log(spent + v)
        total = gammaln(whole) - gammaln(px) - gammaln(q) + q * np.log(v) - np.log(m) + px * np.log(spent)
        total -= whole * log_all
        by_p = x * (digamma(whole) - digamma(px) + np.log(spent) - log_all)
        by_q = digamma(whole) - digamma(q) + np.log(v) - log_all
        by_v = q / v - whole / (spent + v)
        return float(total.mean()), np.array([by_p.mean(), by_q.mean(), by_v.mean()])

    def value(self, repeats: ArrayLike, mean: ArrayLike) -> Floats:
        """What each customer's purchases are worth on average in the long run; that of nobody in particular for those
        who have not come back. Less than nothing counts as nothing."""
        p, q, v = self.fit.parameters.values()
        x = np.asarray(repeats, dtype=float)
        m = np.where(x > 0, np.maximum(np.nan_to_num(np.asarray(mean, dtype=float)), 0.0), 0.0)
        value: Floats = p * (v + x * m) / (p * x + q - 1)
        return value
