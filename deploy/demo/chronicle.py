"""What the demo company is told with: a seeded chance, the seasons, its parties, and stories told step by step."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import accumulate
from random import Random
from typing import Literal
from uuid import UUID, uuid5

from commands import customers as c
from commands.command import Command
from deploy.demo.names import CHINA, CHINESE_NEW_YEAR, EUROPE, MARKETS, PRODUCTS, Market, Named, Place, Product

NAMESPACE = UUID("6b726f6e-696b-4a1b-8c00-00000000de30")
"""Of the ids of everything the demo company has."""

DAYS = 730
"""How far back the history goes."""

SHOP, BOOKS, WAREHOUSE, MAILBOX = "web-shop", "accounting", "warehouse", "mailbox"
"""Actors that are no persons."""


class Present(Exception):
    """The story has come to the present day; the rest of it lies in the future."""


@dataclass
class Party:
    """A customer, as the history knows it."""

    id: UUID
    kind: Literal["person", "organisation"]
    named: Named
    market: Market
    place: Place
    team: str
    owner: str
    joined: datetime
    last: datetime
    """When it stops buying; the present, if it has not"""
    weight: float
    """How much it buys, relative to others"""

    @property
    def is_firm(self) -> bool:
        return self.kind == "organisation"


@dataclass
class Story:
    """What happens to one thing, step by step; `at` is the moment of the latest step."""

    chronicle: Chronicle
    began: datetime
    utc_offset: int | None
    """Of the office where it happens in working hours; None when it happens at any hour"""
    at: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.at = self.began

    def then(self, days: float, actor: str, command: Command, *, late: float = 0) -> datetime:
        """`days` later the actor sends the command; what it tells was so `late` days before (never a state move).
        Returns its moment. Raises Present."""
        self.at = max(self.at, self.opening(self.at + timedelta(days=days)))
        if self.at >= self.chronicle.present:
            raise Present
        occurred_at = max(self.began, self.at - timedelta(days=late)).replace(microsecond=0)
        self.chronicle.told.append((self.at, actor, command.model_copy(update={"occurred_at": occurred_at})))
        return self.at

    def opening(self, moment: datetime) -> datetime:
        """The moment itself, or one as soon as the office has opened again."""
        if self.utc_offset is None:
            return moment
        here = moment + timedelta(hours=self.utc_offset)
        if here.hour >= 18:
            here = (here + timedelta(days=1)).replace(hour=9)
        if here.hour < 9:
            here = here.replace(hour=9)
        if here.weekday() >= 5:
            here += timedelta(days=7 - here.weekday())
        return here - timedelta(hours=self.utc_offset)


class Chronicle:
    """What making up the company rests on: `told` holds what was recorded when, by whom."""

    def __init__(self, seed: int, until: date, scale: float) -> None:
        self.seed = seed
        self.scale = scale
        self.rng = Random(seed)  # noqa: S311  # made up, not secret
        self.present = datetime.combine(until, time(), UTC)
        self.start = self.present - timedelta(days=DAYS)
        self.told: list[tuple[datetime, str, Command]] = []
        self.parties: list[Party] = []
        self.ids = 0
        self.mailboxes: set[str] = set()
        days = [self.start.date() + timedelta(days=n) for n in range(DAYS)]
        self.demand = {
            (market.name, firms): list(
                accumulate((0.55 + 0.9 * n / DAYS) * season(day, market, firms) for n, day in enumerate(days))
            )
            for market in MARKETS
            for firms in (True, False)
        }
        """The demand from the first day up to each day, by market and by whom"""

    def many(self, at_scale_one: int) -> int:
        return max(1, round(at_scale_one * self.scale))

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def around(self, median: float, spread: float = 0.7) -> float:
        """A positive number around the median, with a long tail."""
        return median * self.rng.lognormvariate(0, spread)

    def new_id(self) -> UUID:
        self.ids += 1
        return uuid5(NAMESPACE, f"{self.seed}|{self.ids}")

    def buyers(self, parties: Sequence[Party], count: int) -> list[Party]:
        """Who buys: those who buy much, and those who have been customers for long, more often."""
        weights = [party.weight * ((party.last - party.joined) / timedelta(days=DAYS) + 0.1) for party in parties]
        return self.rng.choices(parties, weights, k=count)

    def some_day(self, party: Party, kept_from: datetime | None = None) -> datetime:
        """A moment in the time of a customer, more often in a season of high demand."""
        demand = self.demand[party.market.name, party.is_firm]
        first = ((kept_from or party.joined) - self.start).days + 1
        last = max(first + 1, (party.last - self.start).days)
        low, high = demand[min(first, DAYS) - 1], demand[min(last, DAYS) - 1]
        day = min(bisect(demand, low + self.rng.random() * (high - low)), DAYS - 1)
        hour = self.rng.uniform(9, 18) if party.is_firm else self.rng.triangular(8, 23.9, 20)
        moment = self.start + timedelta(days=day, hours=hour - party.market.utc_offset)
        return min(max(moment, party.joined + timedelta(hours=1)), self.present - timedelta(minutes=10))

    @contextmanager
    def story(self, began: datetime, market: Market | None = None) -> Iterator[Story]:
        """A story that ends at the latest with the present; in the working hours of the market, if one is given."""
        try:
            yield Story(self, began, market.utc_offset if market else None)
        except Present:
            return

    def phone(self, place: Place) -> str:
        return f"{place.dial} {self.rng.randrange(10_000):04}"

    def address(self, place: Place, label: str = "main") -> c.PostalAddress:
        street = f"{self.rng.choice(place.streets)} {self.rng.randrange(1, 400)}"
        return c.PostalAddress(
            label=label,
            street=street + ("号" if place.country == "CN" else ""),
            city=place.city,
            region=place.region,
            postcode=place.postcode,
            country=place.country,
        )

    def market(self) -> Market:
        return self.rng.choices(MARKETS, (5, 3, 2))[0]

    def colleague(self, party: Party) -> str:
        return self.rng.choice(party.market.teams[party.team])

    def wanted(self, party: Party, *kinds: str) -> Product:
        """A product that such a customer buys, of one of the kinds if some are named."""
        found = [product for product in PRODUCTS if not kinds or product.kind in kinds]
        weights = [product.firms if party.is_firm else product.consumers for product in found]
        return self.rng.choices(found, weights)[0]

    def how_many(self, party: Party, product: Product) -> int:
        """Machines by the piece, beans and cups by the dozen; big customers buy much."""
        if not party.is_firm:
            return int(self.rng.choices((1, 2, 3, 4), (70, 20, 6, 4))[0])
        base = {"office": 1.0, "machine": 1.5, "grinder": 1.3, "service": 1.5, "part": 2.0}.get(product.kind, 8.0)
        return max(1, min(round(self.around(base, 0.8) * float(party.weight**0.35)), 500))

    def basket(self, party: Party, *kinds: str) -> tuple[tuple[Product, int, Decimal], ...]:
        """What goes into one sale: product, quantity and discount (a fraction) of each line."""
        lines = self.rng.choices((1, 2, 3, 4), (46, 30, 16, 8))[0]
        wanted = {product.sku: product for product in (self.wanted(party, *kinds) for _ in range(lines))}
        most = (0, 5, 10, 15) if party.is_firm else (0, 0, 0, 10)
        return tuple((p, self.how_many(party, p), Decimal(self.rng.choice(most)) / 100) for p in wanted.values())


def season(day: date, market: Market, firms: bool) -> float:
    """The demand of a day, where an ordinary one is 1: new year and singles' day in China, Christmas elsewhere, and the
    rest that follows; firms buy on working days."""
    demand = 1.0
    if market is CHINA:
        new_year = CHINESE_NEW_YEAR.get(day.year, date(day.year, 2, 5))
        to_go = (new_year - day).days
        if 4 <= to_go <= 35:
            demand *= 1.5 if firms else 2.0
        elif -7 <= to_go < 4:
            demand *= 0.1 if firms else 0.4
        if not firms and (day.month, day.day) in {(11, 9), (11, 10), (11, 11), (6, 17), (6, 18)}:
            demand *= 3.5
    else:
        if (11, 20) <= (day.month, day.day) <= (12, 20):
            demand *= 1.3 if firms else 2.2
        elif day >= date(day.year, 12, 21) or day <= date(day.year, 1, 4):
            demand *= 0.25 if firms else 0.7
        if market is EUROPE and day.month == 8:
            demand *= 0.6
    if firms:
        demand *= 0.02 if day.weekday() >= 5 else 1.0
        demand *= 1.25 if day.month in {3, 6, 9, 12} and day.day > 15 else 1.0
    return demand
