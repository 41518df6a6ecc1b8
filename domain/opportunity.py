"""What the company may sell: each possible sale, from first contact until it is won or lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from domain.aggregate import Changes, Fact, Move, Personal
from domain.pipeline import Stage
from domain.refusals import Refusal
from domain.sharing import Sharing, Unsharing
from domain.undoing import Reference, Reinstatement, Retractable, Retraction, Statement, Undoing
from domain.values import cents

OTHER = "other"
"""The reason for a loss that says nothing without an explanation."""


@dataclass(frozen=True)
class ProductLine:
    """So many of one product at a price; `discount` is a fraction from 0 to 1."""

    sku: str
    quantity: Decimal
    unit_price: Decimal
    discount: Decimal = Decimal(0)

    @property
    def total(self) -> Decimal:
        return cents(self.quantity * self.unit_price * (1 - self.discount))


class OpportunityClosed(Refusal):
    """An opportunity that is won or lost stays as it is until it is reopened."""

    def __init__(self, opportunity: Opportunity) -> None:
        outcome = opportunity.stage_type
        super().__init__(f"Opportunity {opportunity.id} is {outcome}; reopen it first.", opportunity.moves)


class OpportunityStillOpen(Refusal):
    """Only an opportunity that is won or lost can be reopened."""

    def __init__(self, opportunity: Opportunity) -> None:
        super().__init__(f"Opportunity {opportunity.id} is open already.", opportunity.moves)


class StageClosesTheSale(Refusal):
    """Won and lost are not stages one moves to: winning says how much, losing says why."""

    def __init__(self, opportunity: Opportunity, stage: Stage) -> None:
        verb = "win" if stage.type == "won" else "lose"
        super().__init__(f'"{stage.label}" closes the sale: {verb} the opportunity instead.', opportunity.moves)


class AmountUnknown(Refusal):
    """A sale is won for an amount in a currency."""

    def __init__(self, opportunity: Opportunity) -> None:
        super().__init__("Say the amount and its currency: neither is known yet.", opportunity.moves)


class LossUnexplained(Refusal):
    """A sale lost for an "other" reason needs an explanation in words."""

    def __init__(self, opportunity: Opportunity) -> None:
        super().__init__('Lost for an "other" reason: explain it.', opportunity.moves)


class Opportunity(Retractable):
    """One possible sale to one customer, from first contact until it is won or lost.

    It goes through the stages of the pipeline version that it entered, forwards and backwards. A forecast category set
    by hand holds through all stages until it is taken back or the sale closes. Setting product lines sets the amount to
    their sum; an amount agreed later stands on its own.
    """

    class Opened(Move):
        axis = "stage"

        title: str
        customer_id: UUID | None
        contact: Personal[str]
        pipeline_id: UUID
        pipeline_version: int
        stage: str
        stage_rank: int
        stage_type: str
        probability: Decimal
        forecast_category: str
        amount: Decimal | None
        currency: str | None
        expected_close: date | None
        owner: str | None
        team: str | None
        source: str | None

        def apply(self, aggregate: Any) -> None:
            super().apply(aggregate)
            aggregate.opened_for = self.customer_id

    class StageMoved(Move):
        axis = "stage"

        stage: str
        stage_rank: int
        stage_type: str
        probability: Decimal
        forecast_category: str
        pipeline_version: int
        from_stage: str
        from_stage_rank: int

        def changes(self) -> Changes:
            return standing(self)

        def take_back(self, aggregate: Opportunity, before: Opportunity) -> None:
            aggregate.move_to(stage_of(before))

    class Won(Move):
        axis = "stage"

        amount: Decimal
        currency: str
        closed_on: date
        stage: str
        stage_rank: int
        stage_type: str
        probability: Decimal
        forecast_category: str
        pipeline_version: int
        from_stage: str
        from_stage_rank: int
        # What was sold to whom, as known then: an order can be placed from this event alone.
        customer_id: UUID | None
        lines: tuple[ProductLine, ...]
        owner: str | None
        team: str | None

        def changes(self) -> Changes:
            return standing(self) | {
                ("amount",): self.amount,
                ("currency",): self.currency,
                ("closed_on",): self.closed_on,
                ("left_stage",): self.from_stage,
                ("forecast_override",): None,
            }

        def take_back(self, aggregate: Opportunity, before: Opportunity) -> None:
            aggregate.take_up_again(before)

    class Lost(Move):
        axis = "stage"

        reason: str
        explanation: Personal[str]
        amount: Decimal | None
        currency: str | None
        closed_on: date
        stage: str
        stage_rank: int
        stage_type: str
        probability: Decimal
        forecast_category: str
        pipeline_version: int
        from_stage: str
        from_stage_rank: int

        def changes(self) -> Changes:
            return standing(self) | {
                ("lost_reason",): self.reason,
                ("closed_on",): self.closed_on,
                ("left_stage",): self.from_stage,
                ("forecast_override",): None,
            }

        def take_back(self, aggregate: Opportunity, before: Opportunity) -> None:
            aggregate.take_up_again(before)

    class Reopened(Move):
        axis = "stage"
        instead = "A reopened opportunity is open; win or lose it again."

        stage: str
        stage_rank: int
        stage_type: str
        probability: Decimal
        forecast_category: str
        pipeline_version: int
        from_stage: str
        from_stage_rank: int

        def changes(self) -> Changes:
            return standing(self) | {("closed_on",): None, ("lost_reason",): None, ("left_stage",): None}

    class ForecastCategoryChanged(Move):
        """A judgement of the moment, not a fact about a day: the last one said is the one that counts."""

        axis = "forecast"

        forecast_category: str
        override: bool
        """False when the category follows the stage again"""

        def changes(self) -> Changes:
            return {
                ("forecast_category",): self.forecast_category,
                ("forecast_override",): self.forecast_category if self.override else None,
            }

        def take_back(self, aggregate: Opportunity, before: Opportunity) -> None:
            aggregate.change_forecast_category(before.forecast_override, stage_of(before))

    class CustomerLinked(Fact):
        customer_id: UUID | None

    class Renamed(Fact):
        title: str

    class AmountChanged(Fact):
        amount: Decimal | None
        currency: str | None

    class CloseDateChanged(Fact):
        expected_close: date | None

    class ProductLinesSet(Fact):
        lines: tuple[ProductLine, ...]
        amount: Decimal | None
        """The sum of the lines; None, and no change of the amount, when there are none"""
        currency: str | None

        def changes(self) -> Changes:
            lines: Changes = {("lines",): self.lines}
            return lines if self.amount is None else super().changes()

    class CompetitorAdded(Fact):
        competitor: str

        def changes(self) -> Changes:
            return {("competitors", self.competitor): True}

    class CompetitorRemoved(Fact):
        competitor: str

        def changes(self) -> Changes:
            return {("competitors", self.competitor): None}

    class Assigned(Fact):
        owner: str | None
        team: str | None

    class Shared(Sharing):
        pass

    class Unshared(Unsharing):
        pass

    class Undone(Undoing):
        pass

    class Retracted(Retraction):
        pass

    class Reinstated(Reinstatement):
        pass

    def __init__(self, id: UUID, now: datetime | None = None) -> None:
        super().__init__(id, now)
        self.title = ""
        self.customer_id: UUID | None = None
        self.opened_for: UUID | None = None
        """The customer known from the beginning; a later link does not move the stream to another partition."""
        self.contact: str | None = None
        self.pipeline_id: UUID | None = None
        self.pipeline_version = 0
        self.stage = ""
        self.stage_rank = 0
        self.stage_type = ""
        self.probability = Decimal(0)
        self.forecast_category = ""
        self.forecast_override: str | None = None
        self.amount: Decimal | None = None
        self.currency: str | None = None
        self.expected_close: date | None = None
        self.closed_on: date | None = None
        self.lost_reason: str | None = None
        self.left_stage: str | None = None
        """The open stage that a won or lost opportunity came from, and goes back to when reopened"""
        self.lines: tuple[ProductLine, ...] = ()
        self.competitors: dict[str, bool] = {}
        self.owner: str | None = None
        self.team: str | None = None
        self.shared_with: dict[str, str] = {}
        """Who may read it, or write it, besides those who may by their roles"""
        self.source: str | None = None

    @property
    def concerns(self) -> UUID:
        return self.opened_for or self.id

    @property
    def references(self) -> frozenset[Reference]:
        return frozenset({("customer", self.customer_id)} if self.customer_id else ())

    @property
    def closed(self) -> bool:
        return self.stage_type in {"won", "lost"}

    @property
    def moves(self) -> list[str]:
        if not self.exists:
            return ["open-opportunity"]
        return ["reopen-opportunity"] if self.closed else list(WHILE_OPEN)

    def open(
        self,
        title: str,
        pipeline_id: UUID,
        pipeline_version: int,
        stage: Stage,
        *,
        customer_id: UUID | None = None,
        contact: str | None = None,
        amount: Decimal | None = None,
        currency: str | None = None,
        expected_close: date | None = None,
        owner: str | None = None,
        team: str | None = None,
        source: str | None = None,
    ) -> None:
        if stage.type != "open":
            raise StageClosesTheSale(self, stage)
        self.record(
            self.Opened,
            title=title,
            customer_id=customer_id,
            contact=contact,
            pipeline_id=pipeline_id,
            amount=amount,
            currency=currency,
            expected_close=expected_close,
            owner=owner,
            team=team,
            source=source,
            **entering(stage, pipeline_version),
        )

    def link_customer(self, customer_id: UUID) -> None:
        self._refuse_when_closed()
        self.learn(self.CustomerLinked, customer_id=customer_id)

    def rename(self, title: str) -> None:
        self._refuse_when_closed()
        self.learn(self.Renamed, title=title)

    def move_to(self, stage: Stage) -> None:
        """Go to another open stage, forwards or backwards."""
        self._refuse_when_closed()
        if stage.type != "open":
            raise StageClosesTheSale(self, stage)
        if stage.label != self.stage:
            category = self.forecast_override or stage.forecast_category
            self.record(self.StageMoved, **self._leaving_for(stage) | {"forecast_category": category})

    def change_amount(self, amount: Decimal, currency: str) -> None:
        self._refuse_when_closed()
        self.learn(self.AmountChanged, amount=amount, currency=currency)

    def change_close_date(self, expected_close: date | None) -> None:
        self._refuse_when_closed()
        self.learn(self.CloseDateChanged, expected_close=expected_close)

    def change_forecast_category(self, category: str | None, stage: Stage) -> None:
        """Override the category of the present stage (`stage`); None lets it follow the stage again."""
        self._refuse_when_closed()
        if category != self.forecast_override:
            self.record(
                self.ForecastCategoryChanged,
                forecast_category=category or stage.forecast_category,
                override=category is not None,
            )

    def set_product_lines(self, lines: Sequence[ProductLine], currency: str | None = None) -> None:
        """Say what would be sold, and with it for how much; `currency` may be left out when it is known."""
        self._refuse_when_closed()
        currency = currency or self.currency
        if lines and currency is None:
            raise AmountUnknown(self)
        amount = sum((line.total for line in lines), Decimal(0)) if lines else None
        self.learn(self.ProductLinesSet, lines=tuple(lines), amount=amount, currency=currency)

    def add_competitor(self, competitor: str) -> None:
        self._refuse_when_closed()
        self.learn(self.CompetitorAdded, competitor=competitor)

    def remove_competitor(self, competitor: str) -> None:
        self._refuse_when_closed()
        self.learn(self.CompetitorRemoved, competitor=competitor)

    def assign(self, owner: str | None, team: str | None = None) -> None:
        self._refuse_when_closed()
        self.learn(self.Assigned, owner=owner, team=team)

    def win(
        self, stage: Stage, amount: Decimal | None = None, currency: str | None = None, closed_on: date | None = None
    ) -> None:
        """Close the sale as won, for the amount known so far unless another is given."""
        self._refuse_when_closed()
        amount = self.amount if amount is None else amount
        currency = currency or self.currency
        if amount is None or currency is None:
            raise AmountUnknown(self)
        self.record(
            self.Won,
            amount=amount,
            currency=currency,
            closed_on=closed_on or self._today,
            customer_id=self.customer_id,
            lines=self.lines,
            owner=self.owner,
            team=self.team,
            **self._leaving_for(stage),
        )

    def lose(self, stage: Stage, reason: str, explanation: str | None = None, closed_on: date | None = None) -> None:
        """Close the sale as lost; the reason "other" needs an explanation."""
        self._refuse_when_closed()
        if reason.casefold() == OTHER and not explanation:
            raise LossUnexplained(self)
        self.record(
            self.Lost,
            reason=reason,
            explanation=explanation,
            amount=self.amount,
            currency=self.currency,
            closed_on=closed_on or self._today,
            **self._leaving_for(stage),
        )

    def reopen(self, stage: Stage) -> None:
        """Take a closed sale up again, at the stage it left (`stage`)."""
        if not self.closed:
            raise OpportunityStillOpen(self)
        self.record(self.Reopened, **self._leaving_for(stage))

    def take_up_again(self, before: Opportunity) -> None:
        """Reopen a sale that was closed in error, with the amount and the forecast that it had."""
        self.reopen(stage_of(before))
        if (before.amount, before.currency) != (self.amount, self.currency):
            self.learn(self.AmountChanged, amount=before.amount, currency=before.currency)
        self.change_forecast_category(before.forecast_override, stage_of(before))

    def said_instead(self, fact: Fact, values: Changes) -> Iterator[Statement]:
        match fact:
            case Opportunity.CompetitorAdded() | Opportunity.CompetitorRemoved():
                there = values["competitors", fact.competitor]
                yield self.CompetitorAdded if there else self.CompetitorRemoved, {"competitor": fact.competitor}
            case Opportunity.ProductLinesSet():
                yield self.ProductLinesSet, {"lines": values["lines",] or (), "amount": None, "currency": None}
                if fact.amount is not None:  # with the lines it had set the amount
                    yield self.AmountChanged, {"amount": values["amount",], "currency": values["currency",]}
            case _:
                yield from super().said_instead(fact, values)

    def refuse_corrections(self) -> None:
        self._refuse_when_closed()

    @property
    def _today(self) -> date | None:
        return self.now.date() if self.now else None

    def _leaving_for(self, stage: Stage) -> dict[str, Any]:
        origin = {"from_stage": self.stage, "from_stage_rank": self.stage_rank}
        return entering(stage, self.pipeline_version) | origin

    def _refuse_when_closed(self) -> None:
        if self.closed:
            raise OpportunityClosed(self)


def entering(stage: Stage, pipeline_version: int) -> dict[str, Any]:
    """What every move on the stage axis says of the stage it enters; the probability is that of the moment."""
    return {
        "stage": stage.label,
        "stage_rank": stage.rank,
        "stage_type": stage.type,
        "probability": stage.probability,
        "forecast_category": stage.forecast_category,
        "pipeline_version": pipeline_version,
    }


def stage_of(opportunity: Opportunity) -> Stage:
    """The stage that it is in, as it was when it was entered."""
    return Stage(
        opportunity.stage,
        opportunity.stage_type,
        opportunity.probability,
        opportunity.forecast_category,
        opportunity.stage_rank,
    )


def standing(move: Opportunity.StageMoved | Opportunity.Won | Opportunity.Lost | Opportunity.Reopened) -> Changes:
    """Where a move on the stage axis leaves the opportunity."""
    return {
        ("stage",): move.stage,
        ("stage_rank",): move.stage_rank,
        ("stage_type",): move.stage_type,
        ("probability",): move.probability,
        ("forecast_category",): move.forecast_category,
    }


WHILE_OPEN = (
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
)
