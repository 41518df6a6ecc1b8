"""The demo company's sales: each possible one from the first talk until it is won or lost."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Literal
from uuid import UUID

from commands import opportunities as o
from deploy.demo import words
from deploy.demo.chronicle import Party, Story
from deploy.demo.names import COMPETITORS, LOST_REASONS, LOST_WEIGHTS, SOURCES, Market, person
from deploy.demo.orders import Orders
from domain.values import cents

STAGES = ("Prospecting", "Qualification", "Proposal", "Negotiation")
GO_ON = (0.8, 0.74, 0.76, 0.7)
"""How likely a sale goes on from each stage; from the last one it is won."""
TAKES = (6.0, 11.0, 14.0, 12.0)
"""Days in each stage, as the median."""


class Sales(Orders):
    """Makes up opportunities; a won one brings its order."""

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
