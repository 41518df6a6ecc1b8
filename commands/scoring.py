"""What can be asked about scores; what came of a run is said by those who carry it out."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from commands.command import Command, Crm, Currency, Day, Label, LongText, Text, handles
from commands.customers import Part
from domain.refusals import Refusal
from domain.scoring import MOST_ALERTS, Outcome, Risk, ScoringRun, Trial, Wish

Count = Annotated[int, Field(ge=0)]
Fraction = Annotated[Decimal, Field(ge=0, le=1, max_digits=7, decimal_places=6)]
Figures = Annotated[dict[Label, Decimal], Field(max_length=100)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


def of_our_time(day: date) -> date:
    """Models look back from it by years."""
    if day.year < 1000:
        raise ValueError("nobody is scored as of a day before the year 1000")
    return day


DayScored = Annotated[Day, AfterValidator(of_our_time)]


class DayToCome(Refusal):
    """Nobody can be scored as of a day that is yet to come."""

    def __init__(self, day: date) -> None:
        super().__init__(f"{day} is yet to come; score as of today or an earlier day.")


class Rate(Part):
    """How much of the currency asked for is had for one of another."""

    currency: Currency
    rate: Annotated[Decimal, Field(gt=0, max_digits=18, decimal_places=9)]


class ScoreCustomers(Command):
    """Have all customers who ever bought scored: whether they are still there, how often they will buy, what they are
    worth; the clerk does it, and says when a valued one is about to leave."""

    run_id: UUID | None = Field(None, description="Made by the caller, or for you.")
    model: Literal["bg-nbd", "mbg-nbd", "pareto-nbd", "churn"] = Field(
        "bg-nbd", description="One of the models of buying and leaving, or `churn`: trained on who came back before."
    )
    as_of: DayScored | None = Field(None, description="As of the end of this day (UTC), else of today.")
    horizon_days: Annotated[int, Field(ge=1, le=3_650)] = Field(365, description="How many days are looked ahead.")
    currency: Currency | None = Field(None, description="What values are told in; else the one of all purchases.")
    rates: tuple[Rate, ...] = Field((), max_length=200, description="Of other currencies; none is made up.")
    margin: Fraction = Field(Decimal(1), description="What part of a purchase is left over.")
    discount: Fraction = Field(
        Decimal("0.1"), description="Of a year: what comes in a year later counts as divided by 1 + this."
    )
    valued_share: Fraction = Field(
        Decimal("0.2"), description="Of those who came back, what part counts as valued, by what they have spent."
    )
    alert_below: Fraction = Field(
        Decimal("0.5"), description="A valued customer less likely than this to be one still is about to leave."
    )
    opens_tickets: bool = Field(False, description="Open a ticket for each valued customer about to leave.")


@handles(ScoreCustomers, creates=True)
async def score_customers(command: ScoreCustomers, crm: Crm) -> ScoringRun:
    run = crm.new(ScoringRun, command.run_id)
    run.request(
        Wish(
            subject="customers",
            model=command.model,
            as_of=day_of(command.as_of),
            horizon_days=command.horizon_days,
            currency=command.currency,
            rates={one.currency: one.rate for one in command.rates},
            margin=command.margin,
            discount=command.discount,
            valued_share=command.valued_share,
            alert_below=command.alert_below,
            opens_tickets=command.opens_tickets,
        )
    )
    return run


class ScoreOpportunities(Command):
    """Have all open opportunities scored: how likely each is to be won, by what became of earlier ones."""

    run_id: UUID | None = Field(None, description="Made by the caller, or for you.")
    model: Literal["win", "win-naive-bayes"] = Field(
        "win", description="Learned by a regression, or (naive Bayes) counted by what deals have in common."
    )
    as_of: DayScored | None = Field(None, description="As of the end of this day (UTC), else of today.")


@handles(ScoreOpportunities, creates=True)
async def score_opportunities(command: ScoreOpportunities, crm: Crm) -> ScoringRun:
    run = crm.new(ScoringRun, command.run_id)
    none = Decimal(0)
    run.request(Wish("opportunities", command.model, day_of(command.as_of), 0, None, {}, none, none, none, none, False))
    return run


def day_of(asked: date | None) -> date:
    today = datetime.now(UTC).date()
    if asked is not None and asked > today:
        raise DayToCome(asked)
    return asked or today


class AtRisk(Part):
    """A valued customer about to leave."""

    customer_id: UUID
    probability: Fraction
    spent: Decimal | None


class Tried(Part):
    """A part of those whom a model was tried on."""

    count: Count
    foretold: Fraction
    happened: Fraction


class FinishScoring(Command):
    """Say what came of a scoring run."""

    run_id: UUID
    results: UUID
    reflects: Count
    code: Text
    parameters: Figures
    likelihood: Decimal | None
    measures: Figures
    calibration: Annotated[tuple[Tried, ...], Field(max_length=100)] = ()
    scored: Count
    at_risk: Count
    without_rate: Annotated[tuple[Currency, ...], Field(max_length=200)]
    sha256: Digest
    told_in: Currency | None = None
    risks: Annotated[tuple[AtRisk, ...], Field(max_length=MOST_ALERTS)]


@handles(FinishScoring, inside=True)
async def finish_scoring(command: FinishScoring, crm: Crm) -> ScoringRun:
    run = await crm.load(ScoringRun, command.run_id)
    said = {name: getattr(command, name) for name in Outcome.__dataclass_fields__}
    outcome = Outcome(**{**said, "calibration": tuple(Trial(**dict(one)) for one in command.calibration)})
    run.finish(outcome, [Risk(one.customer_id, one.probability, one.spent) for one in command.risks])
    return run


class FailScoring(Command):
    """Say why nothing can be scored."""

    run_id: UUID
    reflects: Count
    code: Text
    why: LongText


@handles(FailScoring, inside=True)
async def fail_scoring(command: FailScoring, crm: Crm) -> ScoringRun:
    run = await crm.load(ScoringRun, command.run_id)
    run.fail(command.reflects, command.code, command.why)
    return run
