"""What a customer will have been worth: the purchases to come, what each leaves over, and what later money counts."""

from __future__ import annotations

from typing import ClassVar, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike

from projections.analytics.models.fitting import Fit, Floats
from projections.analytics.models.histories import Histories


class BuyingModel(Protocol):
    """Any model that says who is still there and how often they will buy."""

    name: ClassVar[str]

    @property
    def fit(self) -> Fit: ...

    @classmethod
    def fitted(cls, histories: Histories) -> Self: ...

    def alive(self, histories: Histories) -> Floats: ...

    def purchases(self, histories: Histories, within: ArrayLike) -> Floats: ...


def lifetime_value(
    model: BuyingModel,
    histories: Histories,
    value: ArrayLike,
    *,
    periods: int,
    length: float,
    margin: float = 1.0,
    discount: float = 0.0,
) -> Floats:
    """The sum, over so many periods of this length from now, of purchases expected * value * margin, discounted by the
    rate of a period; what comes in a period counts as of its end."""
    worth = np.zeros(len(histories))
    before = np.zeros(len(histories))
    for period in range(1, periods + 1):
        after = model.purchases(histories, period * length)
        worth += (after - before) / (1 + discount) ** period
        before = after
    clv: Floats = worth * np.asarray(value, dtype=float) * margin
    return clv


def related(repeats: ArrayLike, mean: ArrayLike) -> float:
    """How far frequency and value go together among those who came back (Pearson's r): the models take them to be
    independent, so look at it before you trust a lifetime value. Not a number where it cannot be told."""
    x, m = np.asarray(repeats, dtype=float), np.asarray(mean, dtype=float)
    told = (x > 0) & (m > 0)
    if told.sum() < 3 or np.ptp(x[told]) == 0 or np.ptp(m[told]) == 0:
        return float("nan")
    return float(np.corrcoef(x[told], m[told])[0, 1])
