"""Tickets: the queue that support works through, and how long each service cycle took."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from domain.aggregate import EPOCH, Event, order_of
from domain.service_times import Cycle, service_times, wall_clock
from domain.ticket import Ticket
from eventlog.envelope import Recorded
from projections.projection import Row, Table, on
from projections.resource import Resource
from projections.stream_rows import (
    BY_CREATED,
    BY_UPDATED,
    ROW_KEY,
    STREAM_COLUMNS,
    StreamRows,
    by_owner,
    seconds,
)

PRIORITIES = ("urgent", "high", "normal", "low")
TIMED = (
    Ticket.Opened,
    Ticket.Reopened,
    Ticket.Paused,
    Ticket.Resumed,
    Ticket.Resolved,
    Ticket.Closed,
    Ticket.Merged,
    Ticket.Replied,
)
"""The events that service times are computed from."""
TIMED_BY_NAME: dict[str, type[Event]] = {event_class.__name__: event_class for event_class in TIMED}


class Tickets(StreamRows):
    """Each ticket. First response, resolution and pauses are those of the present service cycle; `cycles` lists all.

    `marks` keeps what service times are computed from, as a reply recorded late counts for the cycle it was written in.
    `queue_place` sorts what is to be worked on: by priority, then by who has waited longest for us; null when nobody
    waits for us.
    """

    version = 6  # those of each owner that changed last
    aggregate = Ticket
    passing = ("queue_place IS NOT NULL",)
    table = Table(
        "tickets",
        key=ROW_KEY,
        columns=STREAM_COLUMNS
        | {
            "number": "text",
            "customer_id": "uuid",
            "kind": "text",
            "priority": "text",
            "channel": "text",
            "subject": "text",
            "text": "text",
            "product": "text",
            "category": "text",
            "order_id": "uuid",
            "owner": "text",
            "team": "text",
            "shared_with": "jsonb",
            "source": "text",
            "state": "text",
            "level": "integer",
            "cycle": "integer",
            "outcomes": "jsonb",
            "resolution": "text",
            "merged_into": "uuid",
            "absorbed": "jsonb",
            "satisfaction": "jsonb",
            "last_score": "integer",
            "agent_replies": "integer",
            "customer_replies": "integer",
            "internal_notes": "integer",
            "last_reply_at": "timestamptz",
            "last_reply_by": "text",
            "unanswered_since": "timestamptz",
            "paused_since": "timestamptz",
            "ended_at": "timestamptz",
            "first_response_s": "numeric",
            "resolution_s": "numeric",
            "paused_s": "numeric",
            "cycles": "jsonb",
            "queue_place": "text",
            "marks": "jsonb",
        },
        indexes=(
            BY_CREATED,
            BY_UPDATED,
            "(tenant, queue_place, id)",
            *by_owner("queue_place", "state"),
            "USING gin (shared_with) WHERE shared_with <> '{}'",
            "(tenant, customer_id, created_at)",
            "(tenant, number)",
            "(tenant, state, created_at, id)",
        ),
    )

    @on(*TIMED)
    def timed(self, row: Row, event: Event, recorded: Recorded) -> None:
        row["marks"] = [*(row["marks"] or ()), mark_of(event)]
        match event:
            case Ticket.Paused():
                row["paused_since"] = row["paused_since"] or recorded.occurred_at
            case Ticket.Replied():
                who = event.author if event.public else "colleague"
                kind = {"agent": "agent_replies", "customer": "customer_replies"}.get(who, "internal_notes")
                row[kind] = (row[kind] or 0) + 1
                if event.public and recorded.occurred_at >= (row["last_reply_at"] or recorded.occurred_at):
                    row["last_reply_at"], row["last_reply_by"] = recorded.occurred_at, event.author
            case _:
                row["paused_since"] = None

    def derive(self, row: Row) -> None:
        scores = row["satisfaction"] or {}
        row["last_score"] = scores[max(scores, key=int)] if scores else None
        for count in ("agent_replies", "customer_replies", "internal_notes"):
            row[count] = row[count] or 0
        row["level"] = 1 if row["level"] is None else row["level"]
        cycles = service_times(times_of(row["id"], row["marks"] or ()))
        row["cycles"] = [cycle_row(cycle, row["outcomes"] or {}) for cycle in cycles]
        row["unanswered_since"] = row["queue_place"] = None
        if cycles:
            present = cycles[-1]
            row["ended_at"] = present.ended_at
            row["first_response_s"] = seconds(present.first_response)
            row["resolution_s"] = seconds(present.resolution)
            row["paused_s"] = seconds(paused(present))
            if not present.ended_at:
                row["unanswered_since"] = present.unanswered_since
                row["queue_place"] = queue_place(row["priority"], present) if row["state"] == "open" else None


def mark_of(event: Event) -> dict[str, Any]:
    """What service times need to know of an event."""
    said = {name: getattr(event, name) for name in ("cycle", "author", "public") if hasattr(event, name)}
    return {"type": type(event).__name__, "at": order_of(event)[0], "version": event.originator_version, **said}


def times_of(ticket_id: UUID, marks: Any) -> list[tuple[datetime, Event]]:
    """The marked events again, with nothing in them but what was marked."""
    history = []
    for mark in marks:
        event = object.__new__(TIMED_BY_NAME[mark["type"]])
        at = EPOCH + timedelta(microseconds=mark["at"])
        vars(event).update(mark, originator_id=ticket_id, originator_version=mark["version"], timestamp=at)
        history.append((at, event))
    return history


def cycle_row(cycle: Cycle, outcomes: dict[str, str]) -> dict[str, Any]:
    """A service cycle as the row lists it; seconds as text, exact."""
    return {
        "cycle": cycle.number,
        "started_at": moment(cycle.started_at),
        "ended_at": moment(cycle.ended_at),
        "outcome": outcomes.get(str(cycle.number)),
        "first_response_s": text(cycle.first_response),
        "next_responses_s": [text(response) for response in cycle.next_responses],
        "resolution_s": text(cycle.resolution),
        "paused_s": text(paused(cycle)),
    }


def paused(cycle: Cycle) -> timedelta:
    return sum((wall_clock(began, ended) for began, ended in cycle.pauses), timedelta(0))


def queue_place(priority: str | None, cycle: Cycle) -> str:
    """Sorts as text: urgent ones first, then who has waited longest for an answer, else for a solution."""
    rank = PRIORITIES.index(priority) if priority in PRIORITIES else len(PRIORITIES)
    return f"{rank} {moment(cycle.unanswered_since or cycle.started_at)}"


def moment(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat(timespec="microseconds")


def text(duration: timedelta | None) -> str | None:
    return None if duration is None else str(seconds(duration))


TICKET_ROWS = Tickets()
TICKETS = Resource(
    "tickets", TICKET_ROWS, stream="ticket", sets=("absorbed",), maps=("outcomes", "shared_with"), hidden=("marks",)
)
