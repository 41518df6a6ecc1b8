"""The demo company's targets: each quarter somewhat more than was won in the one before."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, time
from decimal import Decimal
from random import Random
from uuid import UUID

from commands.opportunities import AssignOpportunity, OpenOpportunity, WinOpportunity
from commands.targets import SetTarget
from deploy.demo.chronicle import Chronicle
from domain.target import days_of

DIRECTOR = "sales-director"
LEAST = Decimal(1_000)


class Targets(Chronicle):
    """Sets targets of sellers and of their teams, from what they have won so far."""

    def aims(self) -> None:
        rng = Random(f"{self.seed} targets")  # noqa: S311  # made up, not secret
        for (owner, team, currency, period), won in sorted(self.won_by_quarter().items(), key=repr):
            coming = following(period)
            begins = datetime.combine(days_of(coming)[0], time(8), self.present.tzinfo)
            if begins < self.present:
                amount = max(LEAST, round(won * Decimal(rng.uniform(0.95, 1.3)), -3))
                aim = SetTarget(owner=owner, team=team, period=coming, amount=amount, currency=currency)
                self.told.append((begins, DIRECTOR, aim.model_copy(update={"occurred_at": begins})))

    def won_by_quarter(self) -> dict[tuple[str | None, str | None, str, str], Decimal]:
        """What each seller (owner), and each team, has won, by currency and quarter."""
        sold: dict[UUID, tuple[str | None, str | None, str | None]] = {}
        won: dict[tuple[str | None, str | None, str, str], Decimal] = defaultdict(Decimal)
        for moment, _, command in self.told:
            if isinstance(command, OpenOpportunity) and command.opportunity_id:
                sold[command.opportunity_id] = command.owner, command.team, command.currency
            elif isinstance(command, AssignOpportunity):
                sold[command.opportunity_id] = command.owner, command.team, sold[command.opportunity_id][2]
            elif isinstance(command, WinOpportunity) and command.amount:
                owner, team, currency = sold[command.opportunity_id]
                if currency:
                    won[owner, None, currency, quarter(moment.date())] += command.amount
                    won[None, team, currency, quarter(moment.date())] += command.amount
        return won


def quarter(day: date) -> str:
    return f"{day.year}-Q{(day.month + 2) // 3}"


def following(period: str) -> str:
    return quarter(days_of(period)[1])
