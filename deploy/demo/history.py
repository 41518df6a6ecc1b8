"""Two years of a company that sells coffee machines, beans and tea, told as the commands its people would have sent."""

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
from commands import opportunities as o
from commands import orders as s
from commands import tickets as t
from commands.command import Command
from deploy.demo import words
from deploy.demo.names import (
    BY_SKU,
    CHINA,
    CHINESE_NEW_YEAR,
    COMPETITORS,
    EUROPE,
    FIRST_LINE,
    LOST_REASONS,
    LOST_WEIGHTS,
    MARKETS,
    PRODUCTS,
    SOURCES,
    TAGS,
    TECHNICIANS,
    Market,
    Named,
    Place,
    Product,
    firm,
    person,
)
from domain.values import cents

NAMESPACE = UUID("6b726f6e-696b-4a1b-8c00-00000000de30")
"""Of the ids of everything the demo company has."""

DAYS = 730
"""How far back the history goes."""

ORGANISATIONS, CONSUMERS, GROUPS, KEY_ACCOUNTS = 900, 800, 60, 6
OPPORTUNITIES, ORDERS, TICKETS = 3_100, 5_100, 4_100

SHOP, BOOKS, WAREHOUSE, MAILBOX = "web-shop", "accounting", "warehouse", "mailbox"
"""Actors that are no persons."""

STAGES = ("Prospecting", "Qualification", "Proposal", "Negotiation")
GO_ON = (0.8, 0.74, 0.76, 0.7)
"""How likely a sale goes on from each stage; from the last one it is won."""
TAKES = (6.0, 11.0, 14.0, 12.0)
"""Days in each stage, as the median."""


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

    history: History
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
        if self.at >= self.history.present:
            raise Present
        occurred_at = max(self.began, self.at - timedelta(days=late)).replace(microsecond=0)
        self.history.told.append((self.at, actor, command.model_copy(update={"occurred_at": occurred_at})))
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


class History:
    """Makes up the company: `told` holds what was recorded when, by whom."""

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

    # Chance

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

    # Customers

    def joining(self) -> datetime:
        """A third of the customers came over from the old system, the others joined ever faster."""
        days = self.rng.uniform(0, 20) if self.chance(0.33) else 20 + (DAYS - 23) * self.rng.random() ** 0.8
        return self.start + timedelta(days=days)

    def leaving(self, joined: datetime) -> datetime:
        """Three in ten stop buying, sooner or later."""
        if not self.chance(0.3):
            return self.present
        return min(joined + timedelta(days=45 + self.rng.expovariate(1 / 220)), self.present)

    def party(self, kind: Literal["person", "organisation"], named: Named, market: Market, place: Place) -> Party:
        team = self.rng.choice(list(market.teams))
        joined = self.joining()
        weight = min(self.rng.paretovariate(1.15), 30) if kind == "organisation" else self.rng.uniform(0.4, 1.6)
        return Party(
            self.new_id(),
            kind,
            named,
            market,
            place,
            team,
            self.rng.choice(market.teams[team]),
            joined,
            self.leaving(joined),
            weight,
        )

    def mailbox(self, local: str, domain: str) -> str:
        """An address that nobody else has."""
        found, number = f"{local}@{domain}", 1
        while found in self.mailboxes:
            number += 1
            found = f"{local}{number}@{domain}"
        self.mailboxes.add(found)
        return found

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

    def organisation(self, number: int) -> None:
        market = self.market()
        place = self.rng.choice(market.places)
        named, industry = firm(self.rng, market, place)
        party = self.party("organisation", named, market, place)
        if number < self.many(KEY_ACCOUNTS):  # a few big customers, who stay
            party.joined = self.start + timedelta(days=self.rng.uniform(0, 20))
            party.weight, party.last = self.rng.uniform(80, 160), self.present
        size = "large" if party.weight > 8 else "medium" if party.weight > 2 else "small"
        old = party.joined < self.start + timedelta(days=20)
        domain = f"{named.mailbox}{number}.example"
        with self.story(party.joined) as story:
            story.then(
                0,
                party.owner,
                c.RegisterCustomer(
                    customer_id=party.id,
                    kind="organisation",
                    name=named.name,
                    emails=(self.mailbox("info", domain),),
                    phones=(self.phone(place),),
                    addresses=(self.address(place),),
                    tax_id=f"{place.country}{91_310_000 + self.seed % 1000:08}{number:06}",
                    external_ids=(c.ExternalReference(source="erp", id=f"D{10_000 + number}"),) if old else (),
                    industry=industry,
                    region=place.region,
                    size=size,
                    tier={"large": "gold", "medium": "silver"}.get(size, "bronze"),
                    owner=party.owner,
                    team=party.team,
                    source="import" if old else self.rng.choice(SOURCES),
                ),
            )
            for rank in range(self.rng.choices((0, 1, 2, 3), (45, 38, 12, 5))[0]):
                self.contact(story, party, domain, primary=rank == 0)
        self.dealings(party)
        self.parties.append(party)

    def contact(self, story: Story, party: Party, domain: str, *, primary: bool) -> None:
        id, named = self.new_id(), person(self.rng, party.market)
        story.then(
            self.around(2),
            party.owner,
            c.RegisterCustomer(
                customer_id=id,
                kind="person",
                name=named.name,
                emails=(self.mailbox(named.mailbox, domain),),
                phones=(self.phone(party.place),),
                owner=party.owner,
                team=party.team,
            ),
        )
        role = "decision maker" if primary else self.rng.choice(("purchasing", "technical", "finance"))
        link = c.LinkContact(customer_id=party.id, contact_id=id, role=role, primary=primary)
        story.then(0.01, party.owner, link)
        if self.chance(0.5):
            subject = words.say(self.rng, words.CALLS, party.market.language)
            channel = self.rng.choice(CHANNELS)
            talk = c.LogInteraction(
                customer_id=party.id, channel=channel, direction="out", subject=subject, contact_id=id
            )
            story.then(self.around(5), party.owner, talk)

    def consumer(self) -> None:
        market = self.market()
        place = self.rng.choice(market.places)
        named = person(self.rng, market)
        party = self.party("person", named, market, place)
        old = party.joined < self.start + timedelta(days=20)
        known = self.chance(0.4)
        sexes: tuple[c.Sex, ...] = ("female", "male")
        with self.story(party.joined) as story:
            story.then(
                0,
                party.owner if old else SHOP,
                c.RegisterCustomer(
                    customer_id=party.id,
                    kind="person",
                    name=named.name,
                    emails=(self.mailbox(named.mailbox, self.rng.choice(("mail.example", "post.example"))),),
                    phones=(self.phone(place),) if self.chance(0.7) else (),
                    addresses=(self.address(place, "home"),),
                    birthday=date(self.rng.randrange(1950, 2005), self.rng.randrange(1, 13), self.rng.randrange(1, 29))
                    if known
                    else None,
                    sex=self.rng.choice(sexes) if known else None,
                    region=place.region,
                    tier="consumer",
                    owner=party.owner,
                    team=party.team,
                    source="import" if old else "web shop",
                ),
            )
            if self.chance(0.55):
                story.then(
                    0.001, SHOP, c.GiveConsent(customer_id=party.id, channel="email", source="registration form")
                )
                if self.chance(0.14):
                    withdrawal = c.WithdrawConsent(customer_id=party.id, channel="email", source="link in a newsletter")
                    story.then(self.around(150), SHOP, withdrawal)
            if self.chance(0.15):
                story.then(0, SHOP, c.GiveConsent(customer_id=party.id, channel="sms", source="registration form"))
        self.dealings(party)
        self.parties.append(party)

    def dealings(self, party: Party) -> None:
        """What else is learned about a customer, and talked about with it, while it is one."""
        talks = (
            min(round(self.rng.expovariate(1 / 2.2) * party.weight**0.4), 25) if party.is_firm else self.chance(0.15)
        )
        for _ in range(talks):
            with self.story(self.some_day(party), party.market) as story:
                story.then(
                    0,
                    party.owner,
                    c.LogInteraction(
                        customer_id=party.id,
                        channel=self.rng.choice(CHANNELS),
                        direction="in" if self.chance(0.4) else "out",
                        subject=words.say(self.rng, words.CALLS, party.market.language),
                        note=words.say(self.rng, words.NOTES, party.market.language) if self.chance(0.5) else None,
                    ),
                )
        for likelihood, news in (
            (0.30, lambda: c.TagCustomer(customer_id=party.id, tag=self.rng.choice(TAGS))),
            (0.15, lambda: c.VerifyCustomer(customer_id=party.id, method=self.rng.choice(("call", "register")))),
            (0.12, lambda: c.SetPreference(customer_id=party.id, preference="language", value=party.market.language)),
            (0.08, lambda: c.SetPreference(customer_id=party.id, preference="product", value=self.wanted(party).sku)),
            (0.08, lambda: c.ClassifyCustomer(customer_id=party.id, tier=self.rng.choice(("silver", "gold")))),
            (0.06, lambda: c.ChangeAddresses(customer_id=party.id, addresses=(self.address(party.place),))),
            (0.05, lambda: c.AssignCustomer(customer_id=party.id, owner=self.colleague(party), team=party.team)),
            (0.03, lambda: c.ChangePhones(customer_id=party.id, phones=(self.phone(party.place),))),
        ):
            if self.chance(likelihood):
                with self.story(self.some_day(party)) as story:
                    story.then(0, party.owner, news())
                    if self.chance(0.15):  # what somebody finds out only weeks later
                        story.began = party.joined
                        story.then(0.2, party.owner, news(), late=self.rng.uniform(10, 60))
        if party.is_firm and self.chance(0.02):
            with self.story(self.some_day(party)) as story:
                story.then(0, party.owner, c.RenameCustomer(customer_id=party.id, name=f"{party.named.name} (新)"))
        if party.last < self.present and self.chance(0.4):
            with self.story(party.last + timedelta(days=self.rng.uniform(60, 150))) as story:
                gone = c.DeactivateCustomer(customer_id=party.id, reason="no business for months")
                story.then(0, party.owner, gone)
                if self.chance(0.1):
                    story.then(self.around(30), party.owner, c.ReactivateCustomer(customer_id=party.id))

    def groups(self) -> None:
        """Some organisations belong to bigger ones, of which a few belong to others in turn."""
        firms = [party for party in self.parties if party.is_firm]
        belonging = self.rng.sample(firms, min(len(firms), 4 * self.many(GROUPS)))
        for number, parent in enumerate(belonging[: self.many(GROUPS)]):
            children = belonging[self.many(GROUPS) + number :: self.many(GROUPS)]
            for child in children[: self.rng.randrange(1, 4)]:
                began = max(parent.joined, child.joined) + timedelta(hours=3)
                if began < child.last:
                    with self.story(began) as story:
                        belongs = c.SetParent(customer_id=child.id, parent_id=parent.id)
                        story.then(0.01, parent.owner, belongs)

    def colleague(self, party: Party) -> str:
        return self.rng.choice(party.market.teams[party.team])

    # Opportunities

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

    def opportunity(self, party: Party, began: datetime) -> None:
        id, rng, owner, market = self.new_id(), self.rng, party.owner, party.market
        skill = 0.88 + 0.24 * Random(owner).random()  # noqa: S311  # some sell better than others
        basket = self.basket(party, "office", "machine", "grinder", "service", "beans")
        lines = tuple(
            o.OfferedLine(sku=p.sku, quantity=Decimal(n), unit_price=p.prices[market.currency], discount=discount)
            for p, n, discount in basket
        )
        worth = sum((line.value.total for line in lines), Decimal(0))
        guess = round(worth * Decimal(rng.uniform(0.6, 1.5)), -2) or Decimal(100)
        known = self.chance(0.87)
        stage = 0
        with self.story(began, market) as story:
            story.then(
                0,
                owner,
                o.OpenOpportunity(
                    opportunity_id=id,
                    title=f"{words.say(rng, words.DEALS, market.language)} {began:%Y}-{self.ids % 1000:03}",
                    customer_id=party.id if known else None,
                    contact=person(rng, market).name if not known or self.chance(0.2) else None,
                    amount=guess if self.chance(0.8) else None,
                    currency=market.currency,
                    expected_close=(began + timedelta(days=self.around(55, 0.4))).date(),
                    owner=owner,
                    team=party.team,
                    source=rng.choice(SOURCES),
                ),
            )
            while True:
                if self.chance(0.02):
                    return  # nobody looks at it any more
                if not known and stage and self.chance(0.8):
                    link = o.LinkOpportunityToCustomer(opportunity_id=id, customer_id=party.id)
                    story.then(self.around(0.5), owner, link)
                    known = True
                days = self.around(TAKES[stage])
                if (not known and stage == 3) or not self.chance(GO_ON[stage] * skill):
                    story.then(days, owner, self.loss(id, market))
                    if not self.chance(0.07):
                        return
                    story.then(rng.uniform(20, 120), owner, o.ReopenOpportunity(opportunity_id=id))
                elif stage == 3:
                    break
                elif stage == 2 and self.chance(0.1):
                    stage = 1
                    story.then(days, owner, o.MoveOpportunity(opportunity_id=id, stage=STAGES[stage]))
                else:
                    stage += 1
                    story.then(days, owner, o.MoveOpportunity(opportunity_id=id, stage=STAGES[stage]))
                    self.talks(story, id, stage, party, lines, worth)
            # A win of the last day or two would make the reactor place an order, as it does for any fresh win.
            if story.at + timedelta(days=days + 4) > self.present:
                return
            agreed = cents(worth * Decimal(rng.choice((1, 1, 1, 1, 0.97, 0.95)))) if self.chance(0.8) else None
            story.then(days, owner, o.WinOpportunity(opportunity_id=id, amount=agreed))
            if self.chance(0.02):
                story.then(rng.uniform(4, 25), owner, o.ReopenOpportunity(opportunity_id=id))
                story.then(rng.uniform(1, 9), owner, self.loss(id, market))
                return
            self.order(party, story.at + timedelta(days=rng.uniform(0.05, 2)), basket, from_opportunity=id)

    def talks(
        self, story: Story, id: UUID, stage: int, party: Party, lines: tuple[o.OfferedLine, ...], worth: Decimal
    ) -> None:
        """What a seller notes in a stage, beside moving on."""
        owner, market = party.owner, party.market
        if stage == 2:
            offer = o.SetProductLines(opportunity_id=id, lines=lines, currency=market.currency)
            story.then(self.around(0.3), owner, offer)
            if self.chance(0.3):
                rival = self.rng.choice(COMPETITORS)
                story.then(self.around(1), owner, o.AddCompetitor(opportunity_id=id, competitor=rival))
                if self.chance(0.2):
                    story.then(self.around(2), owner, o.RemoveCompetitor(opportunity_id=id, competitor=rival))
        if stage == 3 and self.chance(0.15):
            category: Literal["Best Case", "Pipeline"] = self.rng.choice(("Best Case", "Pipeline"))
            override = o.ChangeForecastCategory(opportunity_id=id, forecast_category=category)
            story.then(self.around(1), owner, override)
        if self.chance(0.12):
            expected = (story.at + timedelta(days=self.around(35, 0.4))).date()
            story.then(self.around(0.5), owner, o.ChangeCloseDate(opportunity_id=id, expected_close=expected))
        if self.chance(0.05):
            amount = cents(worth * Decimal(self.rng.uniform(0.8, 1.3)))
            change = o.ChangeAmount(opportunity_id=id, amount=amount, currency=market.currency)
            story.then(self.around(1), owner, change, late=self.rng.choice((0, 0, 6, 12)))
        if self.chance(0.04):
            handed_over = o.AssignOpportunity(opportunity_id=id, owner=self.colleague(party), team=party.team)
            story.then(self.around(1), owner, handed_over)

    def loss(self, id: UUID, market: Market) -> o.LoseOpportunity:
        reason = self.rng.choices(LOST_REASONS, LOST_WEIGHTS)[0]
        explanation = words.say(self.rng, words.NOTES, market.language) if reason == "other" else None
        return o.LoseOpportunity(opportunity_id=id, lost_reason=reason, explanation=explanation)

    # Orders

    def repeat_order(self, party: Party) -> None:
        kinds = () if not party.is_firm or self.chance(0.15) else ("beans", "tea", "accessory", "part", "service")
        self.order(party, self.some_day(party), self.basket(party, *kinds))

    def order(
        self,
        party: Party,
        began: datetime,
        basket: tuple[tuple[Product, int, Decimal], ...],
        from_opportunity: UUID | None = None,
    ) -> None:
        id, market = self.new_id(), party.market
        from_shop = not party.is_firm
        lines = tuple(
            s.OrderLine(
                sku=product.sku,
                description=product.description,
                quantity=Decimal(number),
                unit_price=product.prices[market.currency],
                discount=discount,
                tax_rate=market.tax_rate,
            )
            for product, number, discount in basket
        )
        clerk = SHOP if from_shop else party.owner
        with self.story(began, None if from_shop else market) as story:
            story.then(
                0,
                clerk,
                s.PlaceOrder(
                    order_id=id,
                    customer_id=party.id,
                    opportunity_id=from_opportunity,
                    number=f"S-{self.ids:06}" if from_shop else None,
                    source="shop" if from_shop else None,
                    owner=party.owner,
                    team=party.team,
                    currency=market.currency,
                    lines=lines,
                    wanted_by=(began + timedelta(days=self.around(14, 0.4))).date() if party.is_firm else None,
                    shipping_address=self.address(party.place, "shipping") if self.chance(0.3) else None,
                ),
            )
            if self.chance(0.03):
                lines = tuple(line.model_copy(update={"quantity": line.quantity + 1}) for line in lines)
                story.then(self.around(0.1), clerk, s.AmendOrder(order_id=id, lines=lines))
            if self.chance(0.02):
                story.then(self.around(0.5), clerk, s.CancelOrder(order_id=id, reason="changed their mind"))
                return
            story.then(self.around(0.02 if from_shop else 0.3), clerk, s.ConfirmOrder(order_id=id))
            total = sum((line.gross for line in s.priced(lines)), Decimal(0))
            if from_shop:
                self.pay(story, id, total, market)
            if self.chance(0.04):
                story.then(self.around(0.2), BOOKS, s.HoldOrder(order_id=id, reason="credit check"))
                story.then(self.around(2), BOOKS, s.ReleaseOrder(order_id=id))
            if self.chance(0.03):
                story.then(self.around(0.5), clerk, s.CancelOrder(order_id=id, reason="out of stock"))
                if from_shop:
                    story.then(self.around(2), BOOKS, s.RefundOrder(order_id=id, method=market.methods[0]))
                return
            self.ship(story, id, lines, party)
            billed = story.then(0.02, BOOKS, self.invoice(id, story, party))
            if party.is_firm:
                self.settle(id, billed, total, party)
            if self.chance(0.06 if from_shop else 0.03):
                self.give_back(story, id, lines, party)
            elif self.chance(0.3):
                story.then(self.around(40), BOOKS, s.CloseOrder(order_id=id))

    def ship(self, story: Story, id: UUID, lines: tuple[s.OrderLine, ...], party: Party) -> None:
        """In one go, or line by line when something is not at hand."""
        carrier = self.rng.choice(party.market.carriers)
        in_parts = len(lines) > 1 and self.chance(0.3)
        loads = (
            [(s.LinePart(line=n, quantity=line.quantity),) for n, line in enumerate(lines, 1)] if in_parts else [None]
        )
        for load in loads:
            tracking = f"{carrier[:2].upper()}{self.rng.randrange(10**9):09}"
            parcel = s.ShipOrder(order_id=id, parts=load, carrier=carrier, tracking_number=tracking)
            story.then(self.around(1.2), WAREHOUSE, parcel)
            # The carrier's list comes in days after some deliveries.
            late = self.rng.uniform(0.5, 1.5) if self.chance(0.05) else 0
            story.then(late + self.around(2), WAREHOUSE, s.DeliverOrder(order_id=id, parts=load), late=late)

    def invoice(self, id: UUID, story: Story, party: Party) -> s.InvoiceOrder:
        due = (story.at + timedelta(days=30)).date() if party.is_firm else None
        return s.InvoiceOrder(order_id=id, invoice_number=f"{story.at:%Y}-{self.ids:06}", due_on=due)

    def pay(self, story: Story, id: UUID, total: Decimal, market: Market) -> None:
        """At the till; a few pay with a voucher, too."""
        method, rest = self.rng.choice(market.methods), total
        if self.chance(0.07) and total > 60:
            voucher = Decimal(self.rng.choice((10, 20, 50)))
            story.then(0.001, SHOP, s.RecordPayment(order_id=id, method="voucher", amount=voucher))
            rest -= voucher
        story.then(0.001, SHOP, s.RecordPayment(order_id=id, method=method, amount=rest))

    def settle(self, id: UUID, billed: datetime, total: Decimal, party: Party) -> None:
        """Firms pay the invoice: most in time, some late, some in two halves, a few never."""
        if self.chance(0.04):
            return
        half = cents(total / 2)
        instalments = (half, total - half) if self.chance(0.12) else (total,)
        with self.story(billed, party.market) as story:
            for amount in instalments:
                reference = f"R{self.rng.randrange(10**7):07}"
                payment = s.RecordPayment(order_id=id, method="transfer", amount=amount, reference=reference)
                # The bank's statement is booked some days after the money has arrived.
                late = self.rng.uniform(1, 4) if self.chance(0.1) else 0
                story.then(late + self.around(24, 0.5), BOOKS, payment, late=late)

    def give_back(self, story: Story, id: UUID, lines: tuple[s.OrderLine, ...], party: Party) -> None:
        number = self.rng.randrange(len(lines)) + 1
        parts = (s.LinePart(line=number, quantity=lines[number - 1].quantity),) if self.chance(0.7) else None
        reason = self.rng.choice(("damaged", "not as described", "wrong article", "no longer wanted"))
        back = s.RequestReturn(order_id=id, parts=parts, reason=reason)
        story.then(self.around(6), MAILBOX, back)
        if self.chance(0.9):
            story.then(self.around(6), WAREHOUSE, s.ReceiveReturn(order_id=id))
            method = "transfer" if party.is_firm else party.market.methods[0]
            story.then(self.around(2), BOOKS, s.RefundOrder(order_id=id, method=method))

    # Tickets

    def concern(self, party: Party) -> None:
        """A ticket about something; a faulty batch of grinders makes itself heard in one month."""
        batch = self.start + timedelta(days=DAYS * 0.62)
        if self.chance(0.06) and party.joined < batch < party.last:
            began = batch + timedelta(days=self.rng.triangular(0, 40, 5))
            self.ticket(party, min(began, party.last), "fault", BY_SKU["GR-20"])
            return
        kinds: tuple[Kind, ...] = ("question", "fault", "complaint", "repair")
        kind = self.rng.choices(kinds, (38, 27, 21, 14))[0]
        likely = ("machine", "office", "grinder") if kind in {"fault", "repair"} else ()
        self.ticket(party, self.some_day(party), kind, self.wanted(party, *likely))

    def ticket(self, party: Party, began: datetime, kind: Kind, product: Product) -> None:
        id, rng, language = self.new_id(), self.rng, party.market.language
        agent, technician = rng.choice(FIRST_LINE), rng.choice(TECHNICIANS)
        priorities: tuple[t.Priority, ...] = ("low", "normal", "high", "urgent")
        urgency = rng.choices((0, 1, 2, 3), (15, 60, 19, 6) if kind != "fault" else (5, 45, 35, 15))[0]
        pace = (1.6, 1.0, 0.5, 0.2)[urgency]
        with self.story(began) as story:
            opened = t.OpenTicket(
                ticket_id=id,
                customer_id=party.id,
                kind=kind,
                priority=priorities[urgency],
                channel=rng.choice(("email", "phone", "chat", "web form")),
                subject=words.say(rng, words.CONCERNS[kind], language),
                text=words.say(rng, words.STORIES, language),
                product=product.sku,
                category=product.kind,
                owner=agent if self.chance(0.35) else None,
                team="First line",
            )
            story.then(0, MAILBOX, opened)
            story.utc_offset = party.market.utc_offset  # we answer in working hours
            if opened.owner is None:
                assigned = t.AssignTicket(ticket_id=id, owner=agent, team="First line")
                story.then(self.around(0.02 * pace), agent, assigned)
            if self.chance(0.03):
                self.duplicate(story, id, opened, agent)
            if self.chance(0.015):
                return  # forgotten
            story.then(self.around(0.15 * pace), agent, self.answer(id, language))
            while self.chance(0.4):
                reply = t.ReplyToTicket(ticket_id=id, author="customer", text=words.say(rng, words.REPLIES, language))
                if self.chance(0.45):
                    reason = "waiting for the customer"
                    story.then(0.001, agent, t.PauseTicket(ticket_id=id, reason=reason))
                    if self.chance(0.15):
                        story.then(self.around(4), agent, t.ResumeTicket(ticket_id=id))
                        break
                story.then(self.around(0.6), MAILBOX, reply)
                story.then(self.around(0.2 * pace), agent, self.answer(id, language))
            if urgency < 3 and self.chance(0.05):
                change = t.ChangeTicketPriority(ticket_id=id, priority=priorities[urgency + 1])
                story.then(self.around(0.2), agent, change)
            if self.chance(0.16 if kind == "fault" else 0.04):
                escalated = t.EscalateTicket(ticket_id=id, reason="needs a technician", team="Technical")
                story.then(self.around(0.3), agent, escalated)
                agent = technician
                story.then(self.around(0.2), agent, t.AssignTicket(ticket_id=id, owner=agent, team="Technical"))
                if self.chance(0.5):
                    note = t.ReplyToTicket(ticket_id=id, text=words.say(rng, words.NOTES, language), public=False)
                    story.then(self.around(0.3), agent, note)
            self.end(story, id, agent, language, began)
            while self.chance(0.08):
                reopened = t.ReopenTicket(ticket_id=id, reason="it came back")
                began = story.then(self.around(6), MAILBOX, reopened)
                story.then(self.around(0.2 * pace), agent, self.answer(id, language))
                self.end(story, id, agent, language, began)

    def answer(self, id: UUID, language: str) -> t.ReplyToTicket:
        return t.ReplyToTicket(ticket_id=id, text=words.say(self.rng, words.ANSWERS, language))

    def duplicate(self, story: Story, id: UUID, opened: t.OpenTicket, agent: str) -> None:
        """The customer writes again about the same, on another channel."""
        again = self.new_id()
        story.then(self.around(0.05), MAILBOX, opened.model_copy(update={"ticket_id": again, "channel": "phone"}))
        story.then(self.around(0.1), agent, t.MergeTicket(ticket_id=again, into_id=id))

    def end(self, story: Story, id: UUID, agent: str, language: str, began: datetime) -> None:
        """A cycle ends, mostly resolved and then closed; the longer it took, the less content the customer is."""
        if self.chance(0.03):
            story.then(self.around(20), agent, t.CloseTicket(ticket_id=id))
            return
        resolution = words.say(self.rng, words.RESOLUTIONS, language)
        resolved = story.then(self.around(0.4), agent, t.ResolveTicket(ticket_id=id, resolution=resolution))
        if self.chance(0.35):
            days = (resolved - began) / timedelta(days=1)
            score = min(5, max(1, round(self.rng.gauss(4.7 - days * 0.22, 0.8))))
            comment = words.COMMENTS[score][language] if self.chance(0.4) else None
            said = t.RecordSatisfaction(ticket_id=id, score=score, comment=comment)
            story.then(self.around(0.6), MAILBOX, said)
        if self.chance(0.6):
            story.then(3, agent, t.CloseTicket(ticket_id=id))


Kind = Literal["complaint", "question", "repair", "fault"]
CHANNELS: tuple[Literal["call", "mail", "meeting", "chat"], ...] = ("call", "mail", "meeting", "chat")


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
