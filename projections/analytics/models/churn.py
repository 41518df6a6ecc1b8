"""Who will not come back: what is known of each customer at a cut-off, as numbers that a model learns from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from projections.analytics.models.fitting import Floats
from projections.analytics.models.histories import Histories

DAYS_A_WEEK = 7

FEATURES = (
    "weeks silent",
    "weeks known",
    "purchases",
    "purchases a week",
    "silence against the usual gap",
    "silence against the last gap",
    "usual gap",
    "unevenness of gaps",
    "purchases in 30 days",
    "purchases in 90 days",
    "purchases in 180 days",
    "spent",
    "mean value",
    "last value",
)
OF_TIME = FEATURES[:-3]
"""Those that are known of customers whose purchases are not told in one currency."""


def features(histories: pa.Table, names: Sequence[str] = FEATURES) -> Floats:
    """By customer these of the FEATURES, from the answer to PurchaseHistories and nothing else: as of the cut-off that
    was asked for. All are logarithms, as of two numbers of purchases or days their ratio tells more than their
    difference."""
    column = columns_of(histories)
    repeats, age = column["repeats"], column["age_days"] / DAYS_A_WEEK
    silent = age - column["last_days"] / DAYS_A_WEEK
    gap = np.where(repeats > 0, column["gap_mean"], np.nan) / DAYS_A_WEEK
    last_gap = np.where(repeats > 0, column["last_gap"], np.nan) / DAYS_A_WEEK
    usual = np.where(np.isnan(gap), age + 1, gap)
    last = np.where(np.isnan(last_gap), age + 1, last_gap)
    known: Floats = np.log1p(
        np.nan_to_num(
            np.stack(
                [
                    silent,
                    age,
                    repeats,
                    repeats / (age + 1),
                    silent / (usual + 1),
                    silent / (last + 1),
                    usual,
                    np.where(repeats > 1, column["gap_deviation"] / DAYS_A_WEEK / (usual + 1), 1.0),
                    column["recent_30"],
                    column["recent_90"],
                    column["recent_180"],
                    np.maximum(column["value"], 0),
                    np.maximum(np.where(repeats > 0, column["mean_value"], column["first_value"]), 0),
                    np.maximum(column["last_value"], 0),
                ],
                axis=1,
            )
        )
    )
    return known[:, [FEATURES.index(name) for name in names]]


def histories_of(answer: pa.Table) -> Histories:
    """The same answer as the models of buying and leaving take it; a unit of time is a week."""
    column = columns_of(answer)
    return Histories.of(column["repeats"], column["last_days"] / DAYS_A_WEEK, column["age_days"] / DAYS_A_WEEK)


def columns_of(answer: pa.Table) -> dict[str, Floats]:
    """The numbers of an answer; empty ones are NaN."""
    told = {}
    for name, kind in zip(answer.column_names, answer.schema.types, strict=True):
        if pa.types.is_integer(kind) or pa.types.is_floating(kind):
            told[name] = answer[name].cast(pa.float64()).fill_null(float("nan")).to_numpy()
    return told
