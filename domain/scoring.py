"""One time that models scored customers or opportunities: what was asked, from what, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from domain.aggregate import Aggregate, Changes, Event, Move
from domain.refusals import AlreadyExists, Refusal

MOST_ALERTS = 1_000
"""So many customers about to leave are told of in one run, those worth most first; all are in the scores."""


@dataclass(frozen=True)
class Wish:
    """What is to be scored, by which model, and how."""

    subject: str
    """customers or opportunities"""
    model: str
    as_of: date
    """At the end of this day"""
    horizon_days: int
    """How far is looked ahead"""
    currency: str | None
    rates: dict[str, Decimal]
    margin: Decimal
    discount: Decimal
    """A year"""
    valued_share: Decimal
    """What part of the customers who came back, by what they spent, counts as valued"""
    alert_below: Decimal
    """A valued customer less likely than this to be one still is about to leave"""
    opens_tickets: bool


@dataclass(frozen=True)
class Trial:
    """Of those whom the model was tried on, one part, from the least to the most likely: how many there were, what was
    foretold of them on average, and to which share of them it happened."""

    count: int
    foretold: Decimal
    happened: Decimal


@dataclass(frozen=True)
class Outcome:
    """What came of a run, and of what it was made: with the same position and code it comes out the same."""

    results: UUID
    """By which its scores are found"""
    reflects: int
    """Events up to this position were counted"""
    code: str
    """The versions of our models and of the libraries under them"""
    parameters: dict[str, Decimal]
    likelihood: Decimal | None
    measures: dict[str, Decimal]
    """How well the model did on what it had not seen"""
    calibration: tuple[Trial, ...]
    """And whether its chances are those that there were; none for a model that was not tried"""
    scored: int
    at_risk: int
    without_rate: tuple[str, ...]
    """Currencies that values are missing for"""
    sha256: str
    """Of the scores, one a line"""
    told_in: str | None
    """The currency of all values: the one asked for, else the one of all purchases"""


@dataclass(frozen=True)
class Risk:
    """A valued customer who is about to leave."""

    customer_id: UUID
    probability: Decimal
    """That it is still a customer"""
    spent: Decimal | None


class ScoringOver(Refusal):
    """The run has come to its end."""

    def __init__(self, run: ScoringRun) -> None:
        super().__init__(f"The scoring run is {run.state} already.")


class ScoringRun(Aggregate):
    """One run. That a customer is at risk is said here and not in the customer's own stream: it is an opinion of this
    run, recorded together with all else that came of it or not at all, and nobody who works on the customer has to wait
    for it."""

    class Requested(Move):
        axis = "state"

        subject: str
        model: str
        as_of: date
        horizon_days: int
        currency: str | None
        rates: dict[str, Decimal]
        margin: Decimal
        discount: Decimal
        valued_share: Decimal
        alert_below: Decimal
        opens_tickets: bool

        def changes(self) -> Changes:
            return {**super().changes(), ("state",): "asked"}

    class CustomerAtRisk(Event):
        """A valued customer is about to leave, who was not as of that day, or the last before it, when it was scored by
        this model; none of those that are deactivated or merged."""

        customer_id: UUID
        probability: Decimal
        spent: Decimal | None
        currency: str | None
        model: str
        opens_ticket: bool

    class Finished(Move):
        axis = "state"
        class_version = 3

        results: UUID
        reflects: int
        code: str
        parameters: dict[str, Decimal]
        likelihood: Decimal | None
        measures: dict[str, Decimal]
        scored: int
        at_risk: int
        without_rate: tuple[str, ...]
        sha256: str
        calibration: tuple[Trial, ...] = ()
        told_in: str | None = None

        def changes(self) -> Changes:
            return {**super().changes(), ("state",): "finished"}

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            state["calibration"] = []  # it was not told

        @staticmethod
        def upcast_v2_v3(state: dict[str, Any]) -> None:
            state["told_in"] = None  # it was not told where none was asked for

    class Failed(Move):
        """There are no parameters that fit; the scores of the run before stay what they are."""

        axis = "state"

        reflects: int
        code: str
        why: str

        def changes(self) -> Changes:
            return {**super().changes(), ("state",): "failed"}

    def __init__(self, id: UUID, now: datetime | None = None) -> None:
        super().__init__(id, now)
        self.state = ""
        self.subject = ""
        self.model = ""
        self.as_of: date | None = None
        self.horizon_days = 0
        self.currency: str | None = None
        self.rates: dict[str, Decimal] = {}
        self.margin = self.discount = self.valued_share = self.alert_below = Decimal(0)
        self.opens_tickets = False
        self.results: UUID | None = None
        self.reflects: int | None = None
        self.code: str | None = None
        self.parameters: dict[str, Decimal] = {}
        self.likelihood: Decimal | None = None
        self.measures: dict[str, Decimal] = {}
        self.calibration: tuple[Trial, ...] = ()
        self.scored: int | None = None
        self.at_risk: int | None = None
        self.without_rate: tuple[str, ...] = ()
        self.sha256: str | None = None
        self.told_in: str | None = None
        self.why: str | None = None

    @property
    def wish(self) -> Wish:
        assert self.as_of is not None, "it was requested"
        return Wish(**{name: getattr(self, name) for name in Wish.__dataclass_fields__})

    def request(self, wish: Wish) -> None:
        if self.exists:
            raise AlreadyExists("scoring run", self.id)
        self.record(self.Requested, **vars(wish))

    def finish(self, outcome: Outcome, risks: Iterable[Risk]) -> None:
        """With those newly at risk."""
        self._check_under_way()
        for risk in risks:
            self.record(
                self.CustomerAtRisk,
                **vars(risk),
                currency=outcome.told_in,
                model=self.model,
                opens_ticket=self.opens_tickets,
            )
        self.record(self.Finished, **vars(outcome))

    def fail(self, reflects: int, code: str, why: str) -> None:
        self._check_under_way()
        self.record(self.Failed, reflects=reflects, code=code, why=why)

    def _check_under_way(self) -> None:
        if self.state != "asked":
            raise ScoringOver(self)
