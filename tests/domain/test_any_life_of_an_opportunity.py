"""Any life of an opportunity: whatever is asked, in whatever order and of whatever day, beside what it is on paper."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from commands.command import Command
from commands.customers import RegisterCustomer
from commands.opportunities import (
    AddCompetitor,
    AssignOpportunity,
    ChangeAmount,
    ChangeCloseDate,
    ChangeForecastCategory,
    LinkOpportunityToCustomer,
    LoseOpportunity,
    MoveOpportunity,
    OfferedLine,
    OpenOpportunity,
    RemoveCompetitor,
    RenameOpportunity,
    ReopenOpportunity,
    SetProductLines,
    WinOpportunity,
)
from commands.pipelines import AmendPipeline, StageOfPipeline
from domain.opportunity import Opportunity, ProductLine
from tests.domain.any_life import AGO, HOUR, ID, AnyLife, Says

D = Decimal
LI, WANG = UUID(int=42), UUID(int=43)
DEFAULT_PIPELINE = UUID("6b0f2c7e-5d43-5f0a-9c1b-0a5a1e5c0d01")

STAGES = {
    "Prospecting": (1, "open", D("0.1"), "Pipeline"),
    "Qualification": (2, "open", D("0.2"), "Pipeline"),
    "Proposal": (3, "open", D("0.5"), "Best Case"),
    "Negotiation": (4, "open", D("0.8"), "Commit"),
    "Won": (5, "won", D(1), "Closed"),
    "Lost": (6, "lost", D(0), "Omitted"),
}
OPEN_STAGES = list(STAGES)[:4]
OTHER_STAGES = [
    StageOfPipeline(label="Proposal", probability=D("0.3"), forecast_category="Commit"),
    StageOfPipeline(label="Signed", type="won", probability=D(1)),
    StageOfPipeline(label="Gone", type="lost", probability=D(0)),
]

# Few different values, so that what is said meets on the same thing.
AMOUNTS = st.sampled_from([D(0), D(900), D("225.47")])
CURRENCIES = st.sampled_from(["CNY", "EUR"])
DAYS = st.sampled_from([None, date(2026, 1, 7), date(2026, 3, 1)])
WORDS = st.sampled_from([None, "a", "b"])
OFFERS = {
    (): None,
    (("pump", "2", "100", "0"),): D(200),
    (("pump", "2", "100", "0"), ("hose", "3", "9.99", "0.15")): D("225.47"),
    (("bolt", "1", "0.125", "0"), ("nut", "1", "0.375", "0")): D("0.50"),  # 0.12 and 0.38: half to even, line by line
}
"""What may be offered, as (sku, quantity, unit price, discount), and what that comes to."""

AGAIN = st.sampled_from([True, True, False])
"""Whether a closed sale is reopened at once; else few would ever be open."""

WHILE_OPEN = [
    "move-opportunity",
    "link-opportunity-to-customer",
    "rename-opportunity",
    "change-amount",
    "change-close-date",
    "change-forecast-category",
    "set-product-lines",
    "add-competitor",
    "remove-competitor",
    "assign-opportunity",
    "win-opportunity",
    "lose-opportunity",
]


def at(stage: str) -> Says:
    rank, type, probability, category = STAGES[stage]
    return {
        **{"stage": stage, "stage_rank": rank, "stage_type": type},
        **{"probability": probability, "forecast_category": category},
    }


class AnyLifeOfAnOpportunity(AnyLife):
    """A possible sale lives any life, while the pipeline that it entered is amended for others."""

    kind = Opportunity
    id_field = "opportunity_id"
    blank: ClassVar[dict[str, Any]] = {
        **dict.fromkeys(("forecast_override", "closed_on", "lost_reason", "left_stage")),
        **{"lines": (), "competitors": {}, "shared_with": {}},
    }

    @initialize(stage=st.sampled_from(OPEN_STAGES), amount=st.none() | AMOUNTS, customer=st.sampled_from([LI, None]))
    def begin(self, stage: str, amount: Decimal | None, customer: UUID | None) -> None:
        for id in (LI, WANG):
            self.crm.given(RegisterCustomer(customer_id=id, kind="person", name="Li", occurred_at=self.now))
        currency = None if amount is None else "CNY"
        words = {"title": "pumps", "contact": "李伟", "owner": "a", "team": None, "source": "fair"}
        values = {**words, "amount": amount, "currency": currency, "customer_id": customer, "expected_close": None}
        at_once = {"pipeline_id": DEFAULT_PIPELINE, "pipeline_version": 0, "opened_for": customer}
        opened = self.of(OpenOpportunity, stage=stage, **values)
        self.moves(opened, "stage", "Opened", {**values, **at_once, **at(stage)})

    @property
    def closed(self) -> bool:
        return self.holds("left_stage") is not None

    @property
    def allowed(self) -> list[str]:
        return ["reopen-opportunity"] if self.closed else WHILE_OPEN

    def while_open(self, command: Command, event: str, says: Says) -> None:
        if self.closed:
            self.is_refused(command, "OpportunityClosed")
        else:
            self.learns(command, (event, says))

    def goes(self, command: Command, event: str, stage: str, says: Says, known: dict[str, Any] | None = None) -> None:
        """It leaves its stage for this one; the event says where from, and what else was known."""
        known = {"from_stage": self.holds("stage"), "from_stage_rank": self.holds("stage_rank"), **(known or {})}
        if self.moves(command, "stage", event, at(stage) | says):
            assert {name: getattr(self.history[-1], name) for name in known} == known

    @rule(ago=AGO, title=st.sampled_from(["pumps", "20 pumps"]))
    def rename(self, ago: int, title: str) -> None:
        self.while_open(self.of(RenameOpportunity, ago, title=title), "Renamed", {"title": title})

    @rule(ago=AGO, customer=st.sampled_from([LI, WANG]))
    def link_customer(self, ago: int, customer: UUID) -> None:
        command = self.of(LinkOpportunityToCustomer, ago, customer_id=customer)
        self.while_open(command, "CustomerLinked", {"customer_id": customer})

    @rule(ago=AGO, amount=AMOUNTS, currency=CURRENCIES)
    def change_amount(self, ago: int, amount: Decimal, currency: str) -> None:
        says: Says = {"amount": amount, "currency": currency}
        self.while_open(self.of(ChangeAmount, ago, **says), "AmountChanged", says)

    @rule(ago=AGO, day=DAYS)
    def change_close_date(self, ago: int, day: date | None) -> None:
        command = self.of(ChangeCloseDate, ago, expected_close=day)
        self.while_open(command, "CloseDateChanged", {"expected_close": day})

    @rule(ago=AGO, owner=WORDS, team=WORDS)
    def assign(self, ago: int, owner: str | None, team: str | None) -> None:
        command = self.of(AssignOpportunity, ago, owner=owner, team=team)
        self.while_open(command, "Assigned", {"owner": owner, "team": team})

    @rule(ago=AGO, rival=st.sampled_from(["Rival", "竞争"]), there=st.booleans())
    def meet_or_lose_sight_of_a_competitor(self, ago: int, rival: str, there: bool) -> None:
        command = self.of(AddCompetitor if there else RemoveCompetitor, ago, competitor=rival)
        event = "CompetitorAdded" if there else "CompetitorRemoved"
        self.while_open(command, event, {("competitors", rival): there or None})

    @rule(ago=AGO, offer=st.sampled_from(list(OFFERS)), currency=st.none() | CURRENCIES)
    def set_product_lines(self, ago: int, offer: Any, currency: str | None) -> None:
        named = ("sku", "quantity", "unit_price", "discount")
        lines = [OfferedLine(**dict(zip(named, line, strict=True))) for line in offer]
        command = self.of(SetProductLines, ago, lines=lines, currency=currency)
        currency = currency or self.holds("currency")
        says: Says = {"lines": tuple(ProductLine(sku, D(n), D(price), D(off)) for sku, n, price, off in offer)}
        if offer:
            says |= {"amount": OFFERS[offer], "currency": currency}
        if offer and not currency and not self.closed:
            self.is_refused(command, "AmountUnknown")
        else:
            self.while_open(command, "ProductLinesSet", says)

    @rule(ago=AGO, stage=st.sampled_from([*STAGES, "Haggling"]))
    def move(self, ago: int, stage: str) -> None:
        command = self.of(MoveOpportunity, ago, stage=stage.lower())
        if stage == "Haggling":
            self.is_refused(command, "UnknownStage")
        elif self.closed:
            self.is_refused(command, "OpportunityClosed")
        elif stage in ("Won", "Lost"):
            self.is_refused(command, "StageClosesTheSale")
        elif stage == self.holds("stage"):
            self.ask(command)
        else:
            by_hand = self.holds("forecast_override")
            self.goes(command, "StageMoved", stage, {"forecast_category": by_hand} if by_hand else {})

    @rule(ago=AGO, category=st.sampled_from(["Commit", "Omitted", None]))
    def forecast(self, ago: int, category: str | None) -> None:
        command = self.of(ChangeForecastCategory, ago, forecast_category=category)
        if self.closed:
            self.is_refused(command, "OpportunityClosed")
        elif category == self.holds("forecast_override"):
            self.ask(command)
        else:
            says: Says = {
                "forecast_category": category or STAGES[self.holds("stage")][-1],
                "forecast_override": category,
            }
            self.moves(command, "forecast", "ForecastCategoryChanged", says)

    def closing(self, command: Command, closed_on: date | None) -> Says:
        assert command.occurred_at
        day = closed_on or command.occurred_at.date()
        return {"closed_on": day, "left_stage": self.holds("stage"), "forecast_override": None}

    @rule(ago=AGO, amount=st.none() | AMOUNTS, currency=st.none() | CURRENCIES, day=DAYS, again=AGAIN)
    def win(self, ago: int, amount: Decimal | None, currency: str | None, day: date | None, again: bool) -> None:
        command = self.of(WinOpportunity, ago, amount=amount, currency=currency, closed_on=day)
        amount = self.holds("amount") if amount is None else amount
        sold = {"amount": amount, "currency": currency or self.holds("currency")}
        if self.closed:
            self.is_refused(command, "OpportunityClosed")
        elif None in sold.values():
            self.is_refused(command, "AmountUnknown")
        else:
            known = {name: self.holds(name) for name in ("customer_id", "lines", "owner", "team")}
            self.goes(command, "Won", "Won", self.closing(command, day) | sold, known | sold)
            if again and self.closed:
                self.reopen(ago=0)

    @rule(ago=AGO, reason=st.sampled_from(["price", "Other"]), words=st.sampled_from([None, "moved"]), again=AGAIN)
    def lose(self, ago: int, reason: str, words: str | None, again: bool) -> None:
        command = self.of(LoseOpportunity, ago, lost_reason=reason, explanation=words)
        if self.closed:
            self.is_refused(command, "OpportunityClosed")
        elif reason == "Other" and not words:
            self.is_refused(command, "LossUnexplained")
        else:
            known = {name: self.holds(name) for name in ("amount", "currency")} | {"explanation": words}
            self.goes(command, "Lost", "Lost", self.closing(command, None) | {"lost_reason": reason}, known)
            if again and self.closed:
                self.reopen(ago=0)

    @rule(ago=AGO)
    def reopen(self, ago: int) -> None:
        command = self.of(ReopenOpportunity, ago)
        if self.closed:
            afresh = dict.fromkeys(("closed_on", "lost_reason", "left_stage"))
            self.goes(command, "Reopened", self.holds("left_stage"), afresh)
        else:
            self.is_refused(command, "OpportunityStillOpen")

    @rule()
    def amend_the_pipeline_for_others(self) -> None:
        self.now += HOUR
        self.crm.given(AmendPipeline(stages=OTHER_STAGES, occurred_at=self.now))

    @invariant()
    def it_stays_with_the_customer_known_from_the_beginning(self) -> None:
        assert self.alive.concerns == (self.holds("opened_for") or ID)
        assert self.alive.closed == self.closed


TestAnyLifeOfAnOpportunity = AnyLifeOfAnOpportunity.TestCase
TestAnyLifeOfAnOpportunity.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
