"""How long service took, computed from a ticket's events alone: first response, next responses and resolution."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.aggregate import Event
from domain.ticket import Ticket

Clock = Callable[[datetime, datetime], timedelta]
"""How much time that counts lies between two moments; business hours are another clock."""


def wall_clock(start: datetime, end: datetime) -> timedelta:
    return max(end - start, timedelta(0))


@dataclass
class Cycle:
    """One service cycle. Times are without the pauses; None means that it has not come to that (yet)."""

    number: int
    started_at: datetime
    first_response: timedelta | None = None
    """From the start to our first public reply"""
    next_responses: list[timedelta] = field(default_factory=list)
    """From each first unanswered word of the customer, once we had responded, to our public reply"""
    unanswered_since: datetime | None = None
    """When the customer wrote what nobody has answered yet; the start of the cycle until our first public reply"""
    resolution: timedelta | None = None
    """From the start until resolved; None also when the cycle was closed unresolved, or merged"""
    ended_at: datetime | None = None
    pauses: list[tuple[datetime, datetime]] = field(default_factory=list)


def service_times(history: Iterable[tuple[datetime, Event]], clock: Clock = wall_clock) -> list[Cycle]:
    """The service cycles of one ticket, from its (occurred_at, event) pairs in version order.

    A cycle starts when the ticket is opened or reopened and ends when it is resolved, closed or merged; a reply counts
    for the cycle during which it was written, even when it was recorded later.
    """
    cycles: list[Cycle] = []
    paused_at: datetime | None = None

    for moment, event in sorted(history, key=lambda entry: entry[0]):
        if isinstance(event, Ticket.Opened | Ticket.Reopened):
            number = event.cycle if isinstance(event, Ticket.Reopened) else 1
            cycles.append(Cycle(number, moment, unanswered_since=moment))
            paused_at = None
            continue
        if not cycles or cycles[-1].ended_at:
            continue
        cycle = cycles[-1]
        if isinstance(event, Ticket.Paused):
            paused_at = paused_at or moment
        elif isinstance(event, Ticket.Resumed | Ticket.Resolved | Ticket.Closed | Ticket.Merged) and paused_at:
            cycle.pauses.append((paused_at, moment))
            paused_at = None
        if isinstance(event, Ticket.Replied) and event.public:
            if event.author == "customer":
                cycle.unanswered_since = cycle.unanswered_since or moment
            elif cycle.unanswered_since:
                pauses = [*cycle.pauses, (paused_at, moment)] if paused_at else cycle.pauses
                took = without(pauses, cycle.unanswered_since, moment, clock)
                if cycle.first_response is None:
                    cycle.first_response = took
                else:
                    cycle.next_responses.append(took)
                cycle.unanswered_since = None
        elif isinstance(event, Ticket.Resolved | Ticket.Closed | Ticket.Merged):
            cycle.ended_at = moment
            if isinstance(event, Ticket.Resolved):
                cycle.resolution = without(cycle.pauses, cycle.started_at, moment, clock)
    return cycles


def without(pauses: Iterable[tuple[datetime, datetime]], start: datetime, end: datetime, clock: Clock) -> timedelta:
    """The time that counts from start to end, less what of it fell into pauses (which never overlap)."""
    paused = (clock(max(start, began), min(end, ended)) for began, ended in pauses if began < end and ended > start)
    return clock(start, end) - sum(paused, timedelta(0))
