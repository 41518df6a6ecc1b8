"""When this happens, ask that: the rules by which the company goes on by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

from commands.command import Command
from commands.orders import OrderLine, PlaceOrder
from commands.tickets import OpenTicket
from domain.aggregate import Event
from domain.opportunity import Opportunity
from domain.scoring import ScoringRun
from eventlog.envelope import Recorded

IDS = UUID("6b726f6e-696b-4a1b-8c00-000000000002")
"""Namespace of the ids of what policies ask for, derived from the event: asked twice, it is still the same."""

Ask = Callable[[Any, Recorded], Command | None]


@dataclass(frozen=True)
class Policy:
    """What to ask when an event of one type happens; the same event always asks the same, or nothing (None).

    An event recorded more than `most_back_dated` after it occurred is history being imported, and asks for nothing:
    what came of it then is imported, too.
    """

    name: str
    event: type[Event]
    ask: Ask
    most_back_dated: timedelta = timedelta(days=1)

    def concerns(self, recorded: Recorded) -> bool:
        return (
            type(recorded.event) is self.event and recorded.recorded_at - recorded.occurred_at <= self.most_back_dated
        )


def when(event: type[Event]) -> Callable[[Ask], Policy]:
    """Make the decorated function a policy of that name: `(event, recorded) -> command or None`."""
    return lambda ask: Policy(ask.__name__.replace("_", "-"), event, ask)


@when(Opportunity.Won)
def draft_order_when_won(won: Opportunity.Won, recorded: Recorded) -> Command | None:
    """A won opportunity places a draft order; won again after it was reopened, it places another."""
    if won.customer_id is None:
        return None
    return PlaceOrder(
        order_id=uuid5(IDS, f"order|{recorded.event_id}"),
        customer_id=won.customer_id,
        opportunity_id=recorded.stream_id,
        owner=won.owner,
        team=won.team,
        currency=won.currency,
        lines=lines_of(won),
        occurred_at=recorded.occurred_at,
    )


@when(ScoringRun.CustomerAtRisk)
def open_ticket_when_at_risk(risk: ScoringRun.CustomerAtRisk, recorded: Recorded) -> Command | None:
    """A valued customer about to leave becomes a ticket, where the run was asked for that."""
    if not risk.opens_ticket:
        return None
    return OpenTicket(
        ticket_id=uuid5(IDS, f"ticket|{recorded.event_id}"),
        customer_id=risk.customer_id,
        kind="question",
        priority="high",
        channel="scores",
        subject=f"May leave us: still a customer with a probability of {risk.probability:.0%} ({risk.model})",
        category="at risk",
        occurred_at=recorded.occurred_at,
    )


def lines_of(won: Opportunity.Won) -> tuple[OrderLine, ...]:
    """What was offered, else one line for the amount agreed."""
    offered = [
        OrderLine(sku=line.sku, quantity=line.quantity, unit_price=line.unit_price, discount=line.discount)
        for line in won.lines
    ]
    return tuple(offered) or (OrderLine(sku="as-agreed", quantity=1, unit_price=won.amount),)
