"""Keeps the past of the query tables: every version of every row, a moment behind the live ones."""

from __future__ import annotations

from projections.past import PastRows
from workers.lifetime import Worker
from workers.projector import project

PACE_S = 0.15
"""Between two batches: larger ones cost less, and what is asked of the past is seldom of this second."""


def remember(*pasts: PastRows) -> Worker:
    return project(*pasts, name="historian", pace_s=PACE_S)
