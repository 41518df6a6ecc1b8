"""Two years of a company that sells coffee machines, beans and tea, told as the commands its people would have sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from commands import orders as s
from commands.command import Command
from deploy.demo.costs import Costs
from deploy.demo.customers import Customers
from deploy.demo.targets import Targets

ORGANISATIONS, CONSUMERS = 900, 800
OPPORTUNITIES, ORDERS, TICKETS = 3_100, 5_100, 4_100


@dataclass(frozen=True, slots=True)
class Step:
    """One command of the history, under the idempotency key that it always has, and who sends it."""

    key: str
    actor: str
    command: Command


def company(seed: int, until: date, scale: float = 1.0) -> Iterator[Step]:
    """The demo company's history up to the beginning (UTC) of the day `until`, in the order in which it was recorded.

    The same seed, day and scale give the same steps, byte for byte. At scale 1 there are some 2,400 customers, 3,100
    opportunities, 5,100 orders and 4,100 tickets; `scale` multiplies them all. The last step's key ends in "-end".
    """
    history = History(seed, until, scale)
    history.write()
    told = sorted(history.told, key=lambda entry: entry[0])  # stable: what is told at one moment stays in its order
    prefix = f"demo-{seed}-{until.isoformat()}-{scale:g}"
    for number, (_, actor, command) in enumerate(told, 1):
        yield Step(f"{prefix}-{'end' if number == len(told) else f'{number:06}'}", actor, command)


class History(Customers, Targets, Costs):
    """The whole of it: so many of each."""

    def write(self) -> None:
        for number in range(self.many(ORGANISATIONS)):
            self.organisation(number)
        for _ in range(self.many(CONSUMERS)):
            self.consumer()
        self.groups()
        firms = [party for party in self.parties if party.is_firm]
        for party in self.buyers(firms, self.many(OPPORTUNITIES)):
            self.opportunity(party, self.some_day(party))
        # A won opportunity brings its own order; the others are placed without one.
        from_wins = sum(isinstance(command, s.PlaceOrder) for _, _, command in self.told)
        for party in self.buyers(self.parties, max(0, self.many(ORDERS) - from_wins)):
            self.repeat_order(party)
        for party in self.buyers(self.parties, self.many(TICKETS)):
            self.concern(party)
        self.aims()
        self.bills()
