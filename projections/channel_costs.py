"""The costs of channels: what each cost in which month."""

from __future__ import annotations

from domain.channel_cost import ChannelCost
from projections.projection import Table
from projections.resource import Resource
from projections.stream_rows import BY_CREATED, ROW_KEY, STREAM_COLUMNS, StreamRows


class ChannelCosts(StreamRows):
    """Each channel's cost of each month (its first day), by currency."""

    version = 1
    aggregate = ChannelCost
    table = Table(
        "channel_costs",
        key=ROW_KEY,
        columns=STREAM_COLUMNS | {"channel": "text", "month": "date", "amount": "numeric", "currency": "text"},
        indexes=(BY_CREATED, "(tenant, month, id)"),
    )


CHANNEL_COST_ROWS = ChannelCosts()
CHANNEL_COSTS = Resource("channel_costs", CHANNEL_COST_ROWS, stream="channel_cost", sort="-month")
