"""How likely an open deal is to be won, by what became of others: counted, or learned."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from projections.analytics.models.fitting import Floats

Row = dict[str, Any]

TRAITS = ("stage", "team", "source", "product", "owner")
"""What deals have in common with others, and are counted by."""

SMOOTH = 10.0
"""So many deals of the average kind are added to those of each trait: few say little."""


@dataclass(frozen=True)
class Counted:
    """Naive Bayes: each trait moves the odds by how much more often it was seen with deals that were won."""

    won: int
    lost: int
    seen: dict[tuple[str, Any], tuple[int, int]]
    """How often a trait was seen with deals won, and lost"""
    usual: dict[str | None, float]
    """By currency, the logarithm of what its deals are about, in the mean"""
    traits: tuple[str, ...] = TRAITS

    @classmethod
    def on(cls, deals: Sequence[Row], won: NDArray[np.bool_], traits: tuple[str, ...] = TRAITS) -> Counted:
        with_won: Counter[tuple[str, Any]] = Counter()
        with_lost: Counter[tuple[str, Any]] = Counter()
        for deal, good in zip(deals, won, strict=True):
            (with_won if good else with_lost).update((trait, deal[trait]) for trait in traits)
        counts = {trait: (with_won[trait], with_lost[trait]) for trait in with_won | with_lost}
        amounts: dict[str | None, list[float]] = defaultdict(list)
        for deal in deals:
            if deal["amount"] is not None:
                amounts[deal["currency"]].append(size(deal["amount"]))
        usual = {currency: float(np.mean(sizes)) for currency, sizes in amounts.items()}
        return cls(int(won.sum()), int((~won).sum()), counts, usual, traits)

    @property
    def average(self) -> float:
        return (self.won + 1) / (self.won + self.lost + 2)

    def larger(self, deal: Row) -> float:
        """How much larger a deal is than the usual one in its currency: no rate is needed to compare it with those in
        others. One whose amount nobody knows is a usual one."""
        if deal["amount"] is None or deal["currency"] not in self.usual:
            return 0.0
        return size(deal["amount"]) - self.usual[deal["currency"]]

    def contribution(self, trait: str, value: Any) -> float:
        """How much this value of a trait adds to the logarithm of the odds."""
        won, lost = self.seen.get((trait, value), (0, 0))
        more_won, more_lost = won + SMOOTH * self.average, lost + SMOOTH * (1 - self.average)
        return float(np.log(more_won / more_lost) - np.log(self.average / (1 - self.average)))

    def chances(self, deals: Sequence[Row]) -> Floats:
        start = np.log(self.average / (1 - self.average))
        logs = [start + sum(self.contribution(trait, deal[trait]) for trait in self.traits) for deal in deals]
        chances: Floats = expit(np.array(logs, dtype=float))
        return chances


def size(amount: float) -> float:
    """A logarithm: of two amounts their ratio tells more than their difference."""
    return float(np.log1p(max(amount, 0.0)))


def stage_average(deals: Sequence[Row], won: NDArray[np.bool_]) -> Counted:
    """What part of the deals seen in a stage was won: the chance that a pipeline is usually given."""
    return Counted.on(deals, won, ("stage",))


NUMBERS = (
    "weeks open",
    "weeks in stage",
    "amount against the usual",
    "moves",
    "steps back",
    "has a customer",
    "quarter ends",
)


def names(counted: Counted) -> tuple[str, ...]:
    return (*NUMBERS, *counted.traits)


def features(deals: Sequence[Row], counted: Counted) -> Floats:
    """By deal the numbers, and what each of its traits adds by the count (made on deals of the past alone)."""
    told = [
        [
            deal["age_days"] / 7,
            deal["stage_days"] / 7,
            counted.larger(deal),
            deal["moves"],
            deal["steps_back"],
            float(deal["customer"]),
            float(deal["quarter_ends"]),
            *(counted.contribution(trait, deal[trait]) for trait in counted.traits),
        ]
        for deal in deals
    ]
    return np.array(told, dtype=float).reshape(len(told), len(names(counted)))
