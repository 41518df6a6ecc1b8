"""When many customers bought: all that the models of buying and leaving need to know of each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from projections.analytics.models.fitting import Floats


@dataclass(frozen=True)
class Histories:
    """Of each customer: on how many days it came back after the first purchase (`repeats`), when it did so for the last
    time (`last`), and how long we have watched (`age`), both counted from its first purchase in one unit of time.
    `weights` says how many customers a row stands for."""

    repeats: Floats
    last: Floats
    age: Floats
    weights: Floats

    @classmethod
    def of(cls, repeats: ArrayLike, last: ArrayLike, age: ArrayLike) -> Histories:
        """Raises ValueError for what cannot be: a last purchase that nobody has seen."""
        x, t_x, t = (np.atleast_1d(np.asarray(values, dtype=float)) for values in (repeats, last, age))
        if not (x.shape == t_x.shape == t.shape and x.ndim == 1):
            raise ValueError("there is one history a customer")
        if not np.all(np.isfinite(x + t_x + t)) or np.any(x < 0) or np.any(x != np.floor(x)):
            raise ValueError("a customer came back a whole number of times")
        if np.any(t_x < 0) or np.any(t_x > t) or np.any((x == 0) & (t_x != 0)):
            raise ValueError("a customer came back after its first purchase and before now, if it did")
        return cls(x, t_x, t, np.ones(len(x)))

    def __len__(self) -> int:
        return len(self.repeats)

    @cached_property
    def customers(self) -> float:
        return float(self.weights.sum())

    @cached_property
    def merged(self) -> Histories:
        """The same customers, those with one history in one row: the likelihood is the same and far sooner told."""
        last, age = (np.unique(values, return_inverse=True) for values in (self.last, self.age))
        code = (self.repeats.astype(np.int64) * len(last[0]) + last[1]) * len(age[0]) + age[1]
        _, first, place = np.unique(code, return_index=True, return_inverse=True)
        counted = np.bincount(place, weights=self.weights).astype(float)
        return Histories(self.repeats[first], self.last[first], self.age[first], counted)

    @cached_property
    def by_repeats(self) -> tuple[Floats, NDArray[np.intp], Floats]:
        """The distinct numbers of repeats, which of them each row has, and how many customers have it."""
        distinct, place = np.unique(self.repeats, return_inverse=True)
        return distinct, place, np.bincount(place, weights=self.weights).astype(float)
