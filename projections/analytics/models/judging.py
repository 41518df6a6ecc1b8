"""How good foretold chances are, once it is known what happened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata


@dataclass(frozen=True)
class Judgement:
    """AUC is how often one to whom it happened was given more than one to whom it did not; log loss and Brier are means
    of the error, lower is better; lift is how much oftener than to all it happened to the tenth given most."""

    count: int
    share: float
    auc: float
    log_loss: float
    brier: float
    lift: float

    @classmethod
    def of(cls, chances: ArrayLike, happened: ArrayLike) -> Judgement:
        """NaN where it cannot be told: nobody judged, or it happened to all or none."""
        p, y = np.asarray(chances, dtype=float), np.asarray(happened, dtype=bool)
        if len(p) == 0:
            return cls(0, *[float("nan")] * 5)
        yes, no = int(y.sum()), int((~y).sum())
        auc = (rankdata(p)[y].sum() - yes * (yes + 1) / 2) / (yes * no) if yes and no else float("nan")
        sure = np.clip(p, 1e-15, 1 - 1e-15)
        most = np.argsort(-p, kind="stable")[: max(1, round(len(p) / 10))]
        return cls(
            len(p),
            float(y.mean()),
            float(auc),
            float(-np.mean(np.where(y, np.log(sure), np.log1p(-sure)))),
            float(np.mean((p - y) ** 2)),
            float(y[most].mean() / y.mean()) if yes else float("nan"),
        )


def calibration(chances: ArrayLike, happened: ArrayLike, bins: int = 10) -> list[tuple[int, float, float]]:
    """From the least to the most likely, in equal parts: how many there were, what was foretold on average, and what
    happened. In a picture of the last two, good chances lie on the diagonal."""
    p, y = np.asarray(chances, dtype=float), np.asarray(happened, dtype=float)
    parts: list[NDArray[np.intp]] = np.array_split(np.argsort(p, kind="stable"), bins)
    return [(len(part), float(p[part].mean()), float(y[part].mean())) for part in parts if len(part)]
