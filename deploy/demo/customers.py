"""The demo company's customers: who joins, who leaves, and what is learned about them meanwhile."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Literal

from commands import customers as c
from deploy.demo import words
from deploy.demo.chronicle import DAYS, SHOP, Party, Story
from deploy.demo.names import SOURCES, TAGS, Market, Named, Place, firm, person
from deploy.demo.service import Service

GROUPS, KEY_ACCOUNTS = 60, 6
CHANNELS: tuple[Literal["call", "mail", "meeting", "chat"], ...] = ("call", "mail", "meeting", "chat")


class Customers(Service):
    """Makes up organisations, their contacts, consumers and groups."""

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
            with self.story(party.last + timedelta(days=self.rng.uniform(180, 270))) as story:
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
