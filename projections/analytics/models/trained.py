"""Chances learned from what became of others: logistic regression with a penalty, and gradient-boosted trees.

Scikit-learn does the learning. Whoever asks gives the features as of one moment and what happened after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from projections.analytics.models.fitting import Floats, NotConverged

Kind = Literal["logistic", "boosting"]
KINDS: tuple[Kind, ...] = ("logistic", "boosting")

FOLDS = 5
FEWEST = 25
"""Of those to whom it happened, and of those to whom it did not: fewer teach nothing."""
SURE = 1e-6


@dataclass(frozen=True)
class Trained:
    """A model that has learned, and what it was given of those it learned from."""

    kind: Kind
    names: tuple[str, ...]
    learner: Any
    typical: Floats
    """The median of each feature"""

    @classmethod
    def on(cls, kind: Kind, names: Sequence[str], features: Floats, happened: NDArray[np.bool_]) -> Trained:
        """Raises NotConverged when it happened to too few, or to too many."""
        check(kind, happened)
        learner = taught(kind, features, happened)
        return cls(kind, tuple(names), learner, np.median(features, axis=0))

    def chances(self, features: Floats) -> Floats:
        """How likely it is to happen to each."""
        if len(features) == 0:
            return np.zeros(0)
        chances: Floats = self.learner.predict_proba(features)[:, 1]
        return np.clip(chances, SURE, 1 - SURE)

    def contributions(self, features: Floats) -> Floats:
        """By feature, how much it adds to the logarithm of each one's odds, against a typical value in its place."""
        whole = odds(self.chances(features))
        parts = np.zeros(features.shape)
        for column, usual in enumerate(self.typical):
            otherwise = features.copy()
            otherwise[:, column] = usual
            parts[:, column] = whole - odds(self.chances(otherwise))
        return parts


def out_of_fold(kind: Kind, features: Floats, happened: NDArray[np.bool_], seed: int = 1) -> Floats:
    """What each would have been given by a model that has learned from the others only. Raises NotConverged."""
    from sklearn.model_selection import StratifiedKFold

    check(kind, happened)
    chances = np.zeros(len(happened))
    for rest, held in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(features, happened):
        learner = taught(kind, features[rest], happened[rest])
        chances[held] = learner.predict_proba(features[held])[:, 1]
    return np.clip(chances, SURE, 1 - SURE)


def taught(kind: Kind, features: Floats, happened: NDArray[np.bool_]) -> Any:
    """On one thread: several wait for each other far longer than they learn, where others want the processor, too."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return blank(kind).fit(features, happened)


def blank(kind: Kind) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if kind == "logistic":
        return make_pipeline(StandardScaler(), LogisticRegression(C=0.3, max_iter=2_000))
    return HistGradientBoostingClassifier(
        learning_rate=0.05, max_iter=120, max_leaf_nodes=8, min_samples_leaf=20, l2_regularization=5.0, random_state=1
    )


def check(kind: str, happened: NDArray[np.bool_]) -> None:
    yes = int(np.sum(happened))
    if min(yes, len(happened) - yes) < FEWEST:
        raise NotConverged(kind, f"it happened to {yes} of {len(happened)}; it takes {FEWEST} of either kind to learn")


def odds(chances: Floats) -> Floats:
    logs: Floats = np.log(chances) - np.log1p(-chances)
    return logs
