"""What a channel costs, month by month: campaigns, fairs, advertisements, commissions."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID, uuid5

from domain.aggregate import Aggregate, Fact

NAMESPACE = UUID("c1b6a1f8-7b0e-4b57-8a55-0d4d2a0f6c19")
"""Of the ids of such costs, which follow from what they are of."""


class ChannelCost(Aggregate):
    """What one channel cost in one month, in one currency. What is recorded later is the whole of it from then on."""

    class Recorded(Fact):
        channel: str
        month: date
        """Its first day"""
        amount: Decimal
        currency: str

    def __init__(self, id: UUID, now: datetime | None = None) -> None:
        super().__init__(id, now)
        self.channel = ""
        self.month: date | None = None
        self.amount: Decimal | None = None
        self.currency = ""

    @property
    def moves(self) -> list[str]:
        return ["record-channel-cost"]

    def enter(self, channel: str, month: date, amount: Decimal, currency: str) -> None:
        self.learn(self.Recorded, channel=channel, month=month, amount=amount, currency=currency)


def channel_cost_id(channel: str, month: date, currency: str) -> UUID:
    """The one cost of a channel in a month and currency, in whichever tenant."""
    return uuid5(NAMESPACE, repr((channel, month.isoformat(), currency)))
