"""Targets: what is to be won by whom in which period."""

from __future__ import annotations

from domain.target import Target
from projections.projection import Table
from projections.resource import Resource
from projections.stream_rows import BY_CREATED, ROW_KEY, STREAM_COLUMNS, StreamRows


class Targets(StreamRows):
    """Each target; `first` is the first day of its period, `before` the first one after it. One without an amount was
    withdrawn."""

    version = 1
    aggregate = Target
    table = Table(
        "targets",
        key=ROW_KEY,
        columns=STREAM_COLUMNS
        | {
            "owner": "text",
            "team": "text",
            "period": "text",
            "first": "date",
            "before": "date",
            "amount": "numeric",
            "currency": "text",
        },
        indexes=(BY_CREATED, "(tenant, first, id)"),
    )


TARGET_ROWS = Targets()
TARGETS = Resource("targets", TARGET_ROWS, stream="target", sort="-first")
