"""What can be asked about opportunities."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from commands.command import Amount, Command, Crm, Currency, Day, Label, LongText, Quantity, Text, handles
from commands.customers import dealing_with
from commands.pipelines import ForecastCategory, pipeline_named, pipeline_of
from domain.opportunity import Opportunity, ProductLine


class OpenOpportunity(Command):
    """Open a possible sale, at the first stage of the default pipeline unless another is named; the customer may still
    be unknown."""

    opportunity_id: UUID | None = Field(None, description="Made by the caller, or for you.")
    title: Text = Field(description="What would be sold; name no person in it.", examples=["20 pumps, new plant"])
    customer_id: UUID | None = None
    contact: Text | None = Field(None, description="Whom we talk to, in words.")
    pipeline_id: UUID | None = None
    stage: Label | None = None
    amount: Amount | None = Field(None, examples=["1200.00"])
    currency: Currency | None = Field(None, examples=["CNY"])
    expected_close: Day | None = None
    owner: Label | None = None
    team: Label | None = None
    source: Label | None = None

    @model_validator(mode="after")
    def amount_has_currency(self) -> Self:
        if self.amount is not None and self.currency is None:
            raise ValueError("an amount needs its currency")
        return self


@handles(OpenOpportunity, creates=True)
async def open_opportunity(command: OpenOpportunity, crm: Crm) -> Opportunity:
    opportunity = crm.new(Opportunity, command.opportunity_id)
    customer = await dealing_with(crm, command.customer_id) if command.customer_id else None
    named = command.pipeline_id
    pipeline = await pipeline_named(crm, named) if named else await pipeline_of(crm, None)
    current = pipeline.pipeline_version
    first = pipeline.first_of("open", current)
    opportunity.open(
        command.title,
        pipeline.id,
        current,
        pipeline.stage(command.stage, current, opportunity.moves) if command.stage else first,
        customer_id=customer.id if customer else None,
        contact=command.contact,
        amount=command.amount,
        currency=command.currency,
        expected_close=command.expected_close,
        owner=command.owner,
        team=command.team,
        source=command.source,
    )
    return opportunity


class LinkOpportunityToCustomer(Command):
    """Say which customer an opportunity is with, once that is known."""

    opportunity_id: UUID
    customer_id: UUID


@handles(LinkOpportunityToCustomer)
async def link_opportunity_to_customer(command: LinkOpportunityToCustomer, crm: Crm) -> Opportunity:
    opportunity = await crm.load(Opportunity, command.opportunity_id)
    customer = await dealing_with(crm, command.customer_id)
    opportunity.link_customer(customer.id)
    return opportunity


class RenameOpportunity(Command):
    """Give an opportunity another title."""

    opportunity_id: UUID
    title: Text = Field(description="What would be sold; name no person in it.")


@handles(RenameOpportunity)
async def rename_opportunity(command: RenameOpportunity, crm: Crm) -> Opportunity:
    opportunity = await crm.load(Opportunity, command.opportunity_id)
    opportunity.rename(command.title)
    return opportunity


class MoveOpportunity(Command):
    """Move an opportunity to another open stage of the pipeline version that it entered, forwards or backwards."""

    opportunity_id: UUID
    stage: Label = Field(examples=["Negotiation"])


@handles(MoveOpportunity)
async def move_opportunity(command: MoveOpportunity, crm: Crm) -> Opportunity:
    opportunity = await crm.load(Opportunity, command.opportunity_id)
    pipeline = await pipeline_of(crm, opportunity.pipeline_id)
    opportunity.move_to(pipeline.stage(command.stage, opportunity.pipeline_version, opportunity.moves))
    return opportunity


class ChangeAmount(Command):
    """Change what an opportunity would be worth."""

    opportunity_id: UUID
    amount: Amount = Field(examples=["1500.00"])
    currency: Currency = Field(examples=["CNY"])


@handles(ChangeAmount)
async def change_amount(command: ChangeAmount, crm: Crm) -> Opportunity:
    opportunity = await crm.load(Opportunity, command.opportunity_id)
    opportunity.change_amount(command.amount, command.currency)
    return opportunity


class ChangeCloseDate(Command):
    """Change the day on which an opportunity is expected to close; null when nobody can say."""

    opportunity_id: UUID
    expected_close: Day | None


@handles(ChangeCloseDate)
async def change_close_date(command: ChangeCloseDate, crm: Crm) -> Opportunity:
    opportunity = await crm.load(Opportunity, command.opportunity_id)
    opportunity.change_close_date(command.expected_close)
    return opportunity


class ChangeForecastCategory(Command):
    """Forecast an opportunity otherwise than its stage does, through all stages; null follows the stage again."""

    opportunity_id: UUID
    forecast_category: ForecastCategory | None


@handles(ChangeForecastCategory)
async def change_forecast_category(command: ChangeForecastCategory, crm: Crm) -> Opportunity:
    opportunity = await crm.load(Opportunity, command.opportunity_id)
    pipeline = await pipeline_of(crm, opportunity.pipeline_id)
    present = pipeline.stage(opportunity.stage, opportunity.pipeline_version)
    opportunity.change_forecast_category(command.forecast_category, present)
    return opportunity


class OfferedLine(BaseModel):
    """So many of one product at a price."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    sku: Label
    quantity: Quantity
    unit_price: Amount
    discount: Annotated[Decimal, Field(ge=0, le=1, decimal_places=6)] = Field(
        Decimal(0), description="A fraction from 0 to 1.", examples=["0.05"]
    )

    @property
    def value(self) -> ProductLine:
        return ProductLine(self.sku, self.quantity, self.unit_price, self.discount)


class SetProductLines(Command):
    """Replace what an opportunity would sell by these lines; its amount becomes their sum."""

    opportunity_id: UUID
    lines: Annotated[tuple[OfferedLine, ...], Field(max_length=200)]
    currency: Currency | None = Field(None, description="Left out, the opportunity's own.")


@handles(SetProductLines)
async def set_product_lines(command: SetProductLines, crm: Crm) -> Opportunity:
    opportunity = await crm.load(Opportunity, command.opportunity_id)
    opportunity.set_product_lines([line.value for line in command.lines], command.currency)
    return opportunity


class AddCompetitor(Command):
    """Note who else wants to make this sale."""

    opportunity_id: UUID
    competitor: Label


@handles(AddCompetitor)
async def add_competitor(command: AddCompetitor, crm: Crm) -> Opportunity:
    opportunity = await crm.load(Opportunity, command.opportunity_id)
    opportunity.add_competitor(command.competitor)
    return opportunity


class RemoveCompetitor(Command):
    """Note that a competitor no longer wants to make this sale."""

    opportunity_id: UUID
    competitor: Label


@handles(RemoveCompetitor)
async def remove_competitor(command: RemoveCompetitor, crm: Crm) -> Opportunity:
    opportunity = await crm.load(Opportunity, command.opportunity_id)
    opportunity.remove_competitor(command.competitor)
    return opportunity


class AssignOpportunity(Command):
    """Put an opportunity into somebody's hands, and a team's; null where it is nobody's."""

    opportunity_id: UUID
    owner: Label | None
    team: Label | None = None


@handles(AssignOpportunity)
async def assign_opportunity(command: AssignOpportunity, crm: Crm) -> Opportunity:
    opportunity = await crm.load(Opportunity, command.opportunity_id)
    opportunity.assign(command.owner, command.team)
    return opportunity


class WinOpportunity(Command):
    """Close an opportunity as won, for the amount known so far and today unless others are given."""

    opportunity_id: UUID
    amount: Amount | None = None
    currency: Currency | None = None
    closed_on: Day | None = Field(None, description="Left out, the day of occurred_at.")


@handles(WinOpportunity)
async def win_opportunity(command: WinOpportunity, crm: Crm) -> Opportunity:
    opportunity = await crm.load(Opportunity, command.opportunity_id)
    pipeline = await pipeline_of(crm, opportunity.pipeline_id)
    won = pipeline.first_of("won", opportunity.pipeline_version)
    opportunity.win(won, command.amount, command.currency, command.closed_on)
    return opportunity


class LoseOpportunity(Command):
    """Close an opportunity as lost, and say why; the reason "other" needs an explanation in words."""

    opportunity_id: UUID
    lost_reason: Label = Field(examples=["price"])
    explanation: LongText | None = None
    closed_on: Day | None = Field(None, description="Left out, the day of occurred_at.")


@handles(LoseOpportunity)
async def lose_opportunity(command: LoseOpportunity, crm: Crm) -> Opportunity:
    opportunity = await crm.load(Opportunity, command.opportunity_id)
    pipeline = await pipeline_of(crm, opportunity.pipeline_id)
    lost = pipeline.first_of("lost", opportunity.pipeline_version)
    opportunity.lose(lost, command.lost_reason, command.explanation, command.closed_on)
    return opportunity


class ReopenOpportunity(Command):
    """Take up a won or lost opportunity again, at the stage that it left."""

    opportunity_id: UUID


@handles(ReopenOpportunity)
async def reopen_opportunity(command: ReopenOpportunity, crm: Crm) -> Opportunity:
    opportunity = await crm.load(Opportunity, command.opportunity_id)
    pipeline = await pipeline_of(crm, opportunity.pipeline_id)
    version = opportunity.pipeline_version
    left = opportunity.left_stage
    opportunity.reopen(pipeline.stage(left, version) if left else pipeline.first_of("open", version))
    return opportunity
