"""What the demo company's channels cost: some each month, the trade fairs in spring and autumn."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from random import Random

from commands.channel_costs import RecordChannelCost
from deploy.demo.chronicle import BOOKS, Chronicle

A_MONTH = {"web form": 1_800, "referral": 400, "cold call": 2_500, "partner": 1_500}
A_FAIR, FAIRS = 14_000, (3, 4, 9, 10)
"""What a trade fair costs, and in which months there are some"""
PRICES = {"CNY": 7, "EUR": 1, "USD": 1}


class Costs(Chronicle):
    """Books, in the days after each month, what the channels have cost."""

    def bills(self) -> None:
        rng = Random(f"{self.seed} costs")  # noqa: S311  # made up, not secret
        month = (self.start.replace(day=1) + timedelta(days=32)).replace(day=1)
        while (booked := month + timedelta(days=36, hours=9)) < self.present:
            costs = A_MONTH | ({"trade fair": A_FAIR} if month.month in FAIRS else {})
            for channel, cost in costs.items():
                for currency, price in PRICES.items():
                    amount = round(Decimal(cost * price * self.scale * rng.uniform(0.7, 1.3)), 2)
                    bill = RecordChannelCost(channel=channel, month=f"{month:%Y-%m}", amount=amount, currency=currency)
                    self.told.append((booked, BOOKS, bill.model_copy(update={"occurred_at": booked})))
            month = (month + timedelta(days=32)).replace(day=1)
