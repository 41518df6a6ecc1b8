"""What is to be won: by a seller, a team or everybody, in a month, a quarter or a year."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID, uuid5

from domain.aggregate import Aggregate, Changes, Fact

NAMESPACE = UUID("2f0d1c52-5a0e-4a35-9f0e-7a0c5d1b7e46")
"""Of the ids of targets, which follow from what they are for."""


class Target(Aggregate):
    """The worth of the opportunities that are to be won in a period, in one currency: by an owner, by a team, by an
    owner for a team or, with neither, by everybody. What is set later counts from then on."""

    class Set(Fact):
        owner: str | None
        team: str | None
        period: str
        """2026, 2026-Q4 or 2026-11"""
        first: date
        before: date
        """The first day of the period, and the first one after it"""
        amount: Decimal
        currency: str

    class Withdrawn(Fact):
        """Nothing is to be won any more: which is not the same as 0."""

        def changes(self) -> Changes:
            return {("amount",): None}

    def __init__(self, id: UUID, now: datetime | None = None) -> None:
        super().__init__(id, now)
        self.owner: str | None = None
        self.team: str | None = None
        self.period = ""
        self.first: date | None = None
        self.before: date | None = None
        self.amount: Decimal | None = None
        self.currency = ""

    @property
    def moves(self) -> list[str]:
        return ["set-target"] if self.amount is None else ["set-target", "withdraw-target"]

    def set(self, owner: str | None, team: str | None, period: str, amount: Decimal, currency: str) -> None:
        first, before = days_of(period)
        self.learn(
            self.Set,
            owner=owner,
            team=team,
            period=period,
            first=first,
            before=before,
            amount=amount,
            currency=currency,
        )

    def withdraw(self) -> None:
        self.learn(self.Withdrawn)


def target_id(owner: str | None, team: str | None, period: str, currency: str) -> UUID:
    """The one target of theirs for a period in a currency, in whichever tenant."""
    return uuid5(NAMESPACE, repr((owner, team, period, currency)))


def days_of(period: str) -> tuple[date, date]:
    """The first day of a period, and the first one after it."""
    year, _, part = period.partition("-")
    before, months = ((int(part[1:]) - 1) * 3, 3) if part.startswith("Q") else (int(part) - 1, 1) if part else (0, 12)
    years, months = divmod(before + months, 12)
    return date(int(year), before + 1, 1), date(int(year) + years, months + 1, 1)
