"""When many customers bought: all that the models of buying and leaving need to know of each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa
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
        last, age = distinct(self.last), distinct(self.age)
        code = (self.repeats.astype(np.int64) * len(last.values) + last.place) * len(age.values) + age.place
        alike = pa.table({"code": code, "weights": self.weights}).group_by("code", use_threads=False)
        rows = alike.aggregate([("weights", "sum")])
        rest, of_age = np.divmod(rows["code"].to_numpy(), len(age.values))
        repeats, of_last = np.divmod(rest, len(last.values))
        return Histories(
            repeats.astype(float), last.values[of_last], age.values[of_age], rows["weights_sum"].to_numpy()
        )

    def every(self, step: int) -> Histories:
        """Each so-and-so-many-th row."""
        return Histories(*(values[::step] for values in (self.repeats, self.last, self.age, self.weights)))

    @cached_property
    def by_repeats(self) -> Group:
        return self._group(self.repeats)

    @cached_property
    def by_last(self) -> Group:
        return self._group(self.last)

    @cached_property
    def by_age(self) -> Group:
        return self._group(self.age)

    def _group(self, column: Floats) -> Group:
        found = distinct(column)
        return found._replace(customers=found.sum(self.weights), purchases=found.sum(self.weights * self.repeats))


class Group(NamedTuple):
    """The different values of a column, which of them each row has, and of how many customers and returns."""

    values: Floats
    place: NDArray[np.intp]
    customers: Floats
    purchases: Floats

    def sum(self, of: Floats) -> Floats:
        """What the rows of each value add up to."""
        return np.bincount(self.place, weights=of, minlength=len(self.values)).astype(float, copy=False)


def distinct(column: Floats) -> Group:
    """The values in the order in which they first come: sorting a million takes ten times as long."""
    found = pa.array(column).dictionary_encode()
    none = np.empty(0)
    return Group(found.dictionary.to_numpy(), found.indices.to_numpy().astype(np.intp), none, none)
