"""One concern that a customer brings to us, from the first message until it is settled, as often as it takes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.aggregate import Changes, Event, Fact, Move, Personal
from domain.refusals import Refusal
from domain.sharing import Sharing, Unsharing
from domain.undoing import Reference, Reinstatement, Retractable, Retraction, Statement, Undoing

SETTLED = ("resolved", "closed")


class TicketRefusal(Refusal):
    """A ticket's way of saying no."""

    def __init__(self, ticket: Ticket, message: str) -> None:
        super().__init__(message, ticket.moves)


class TicketAlreadyResolved(TicketRefusal):
    """The ticket is resolved; reopening it starts a new service cycle."""

    def __init__(self, ticket: Ticket) -> None:
        super().__init__(ticket, "The ticket is resolved already; reopen it to work on it again.")


class TicketClosed(TicketRefusal):
    """The ticket is closed; reopening it starts a new service cycle."""

    def __init__(self, ticket: Ticket) -> None:
        super().__init__(ticket, "The ticket is closed; reopen it first.")


class TicketMerged(TicketRefusal):
    """The ticket went up in another one, which is where to go on."""

    def __init__(self, ticket: Ticket) -> None:
        super().__init__(ticket, f"The ticket was merged into {ticket.merged_into}; go on there.")


class TicketStillOpen(TicketRefusal):
    """Nothing about the ticket is settled yet."""

    def __init__(self, ticket: Ticket) -> None:
        super().__init__(ticket, "The ticket is still open.")


class MergedIntoItself(TicketRefusal):
    """A ticket cannot go up in itself."""

    def __init__(self, ticket: Ticket) -> None:
        super().__init__(ticket, "A ticket cannot be merged into itself; name another one.")


HIGHEST_LEVEL = 9


class NotHigher(TicketRefusal):
    """An escalation goes up, not sideways or down."""

    def __init__(self, ticket: Ticket, level: int) -> None:
        super().__init__(ticket, f"The ticket is at level {ticket.level} already; level {level} is not higher.")


class AtHighestLevel(TicketRefusal):
    """There is no level above the highest."""

    def __init__(self, ticket: Ticket) -> None:
        super().__init__(ticket, f"The ticket is at level {ticket.level}, and there is none above {HIGHEST_LEVEL}.")


class Ticket(Retractable):
    """One concern of a customer. It is open, waiting (for the customer), resolved, closed, or merged into another one.

    Every opening and reopening starts a service cycle; how the earlier cycles ended stays known. A customer's answer
    ends the waiting. It does not reopen a resolved ticket: a word of thanks would start a new cycle; we decide that.
    """

    class Opened(Move):
        axis = "state"

        customer_id: UUID | None
        kind: str
        """complaint, question, repair or fault"""
        priority: str
        channel: str
        subject: Personal[str]
        text: Personal[str]
        product: str | None
        category: str | None
        order_id: UUID | None
        owner: str | None
        team: str | None
        number: str | None
        """What the ticket is called elsewhere: a case number at its source"""
        source: str | None

        def changes(self) -> Changes:
            return {**super().changes(), ("state",): "open", ("cycle",): 1}

    class Assigned(Fact):
        owner: str | None
        team: str | None

    class PriorityChanged(Fact):
        priority: str

    class Escalated(Fact):
        """To a higher level of support; `team` is None when the team stays."""

        level: int
        team: str | None
        reason: str

        def changes(self) -> Changes:
            team: Changes = {} if self.team is None else {("team",): self.team}
            return {("level",): self.level, **team}

    class EscalationCorrected(Fact):
        """An escalation was recorded in error: the level, and where the escalation had named one the team, that it had
        without it."""

        level: int
        named_team: bool
        team: str | None

        def changes(self) -> Changes:
            team: Changes = {("team",): self.team} if self.named_team else {}
            return {("level",): self.level, **team}

    class Replied(Event):
        """`author` is agent or customer; what is not public was said among ourselves."""

        instead = "What was said is said; write another reply."

        author: str
        public: bool
        text: Personal[str]
        channel: str | None
        cycle: int

    class Paused(Move):
        axis = "state"

        reason: str | None

        def changes(self) -> Changes:
            return {("state",): "waiting"}

        def take_back(self, aggregate: Ticket, before: Ticket) -> None:
            aggregate.resume()

    class Resumed(Move):
        """`answered` tells a customer's reply from our own decision to go on."""

        axis = "state"

        answered: bool

        def changes(self) -> Changes:
            return {("state",): "open"}

        def take_back(self, aggregate: Ticket, before: Ticket) -> None:
            aggregate.pause()

    class Resolved(Move):
        axis = "state"

        cycle: int
        resolution: Personal[str]

        def changes(self) -> Changes:
            return {("state",): "resolved", ("resolution",): self.resolution, ("outcomes", str(self.cycle)): "resolved"}

        def take_back(self, aggregate: Ticket, before: Ticket) -> None:
            aggregate.reopen()

    class Closed(Move):
        """`outcome` is how the cycle ended: resolved, or unresolved when it was closed without a resolution."""

        axis = "state"

        cycle: int
        outcome: str

        def changes(self) -> Changes:
            return {("state",): "closed", ("outcomes", str(self.cycle)): self.outcome}

        def take_back(self, aggregate: Ticket, before: Ticket) -> None:
            aggregate.reopen()

    class Reopened(Move):
        """`cycle` is the one that starts; `outcome` how the one before it ended."""

        axis = "state"
        instead = "A reopened ticket is worked on again; resolve or close it."

        cycle: int
        outcome: str
        reason: str | None

        def changes(self) -> Changes:
            before: Changes = {("outcomes", str(self.cycle - 1)): self.outcome}
            return {("state",): "open", ("cycle",): self.cycle, ("resolution",): None, **before}

    class Merged(Move):
        axis = "state"
        instead = "Tickets that were merged stay one; open another ticket."

        into_id: UUID
        cycle: int

        def changes(self) -> Changes:
            merged: Changes = {("state",): "merged", ("merged_into",): self.into_id}
            return {**merged, ("outcomes", str(self.cycle)): "merged"}

    class Absorbed(Fact):
        """Another ticket went up in this one."""

        instead = "Tickets that were merged stay one; open another ticket."

        ticket_id: UUID

        def changes(self) -> Changes:
            return {("absorbed", str(self.ticket_id)): True}

    class SatisfactionRecorded(Fact):
        """`score` runs from 1 (not at all) to 5 (very much), and is about one service cycle."""

        score: int | None
        comment: Personal[str]
        cycle: int

        def changes(self) -> Changes:
            return {("satisfaction", str(self.cycle)): self.score}

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
        self.state = "open"
        self.customer_id: UUID | None = None
        self.kind = ""
        self.priority = "normal"
        self.channel = ""
        self.subject: str | None = None
        self.text: str | None = None
        self.product: str | None = None
        self.category: str | None = None
        self.order_id: UUID | None = None
        self.owner: str | None = None
        self.team: str | None = None
        self.shared_with: dict[str, str] = {}
        """Who may read it, or write it, besides those who may by their roles"""
        self.number: str | None = None
        self.source: str | None = None
        self.level = 1
        """The level of support that works on it, 1 being the first"""
        self.cycle = 1
        self.outcomes: dict[str, str] = {}
        """How each service cycle ended, by its number"""
        self.resolution: str | None = None
        self.merged_into: UUID | None = None
        self.absorbed: dict[str, bool] = {}
        self.satisfaction: dict[str, int] = {}
        """The score of each service cycle, by its number"""

    @property
    def concerns(self) -> UUID:
        return self.customer_id or self.id

    @property
    def claims(self) -> frozenset[tuple[str, str]]:
        """A source's case number is one ticket, however often it is sent."""
        if self.retracted:
            return frozenset()
        return frozenset({("ticket-number", f"{self.source or ''}:{self.number}")} if self.number else ())

    @property
    def references(self) -> frozenset[Reference]:
        named = (("customer", self.customer_id), ("order", self.order_id), ("ticket", self.merged_into))
        return frozenset((kind, id) for kind, id in named if id)

    @property
    def moves(self) -> list[str]:
        if not self.exists:
            return ["open-ticket"]
        allowed = list(WHEN.get(self.state, ()))
        if self._rated_cycle is None:
            return allowed
        return sorted([*allowed, "record-satisfaction"]) if allowed else []

    def open(
        self,
        kind: str,
        subject: str,
        text: str | None,
        *,
        channel: str,
        priority: str = "normal",
        customer_id: UUID | None = None,
        product: str | None = None,
        category: str | None = None,
        order_id: UUID | None = None,
        owner: str | None = None,
        team: str | None = None,
        number: str | None = None,
        source: str | None = None,
    ) -> None:
        self.record(
            self.Opened,
            customer_id=customer_id,
            kind=kind,
            priority=priority,
            channel=channel,
            subject=subject,
            text=text,
            product=product,
            category=category,
            order_id=order_id,
            owner=owner,
            team=team,
            number=number,
            source=source,
        )

    def assign(self, owner: str | None, team: str | None = None) -> None:
        self._only_when("open", "waiting", "resolved")
        self.learn(self.Assigned, owner=owner, team=team)

    def change_priority(self, priority: str) -> None:
        self._only_when("open", "waiting")
        self.learn(self.PriorityChanged, priority=priority)

    def escalate(self, reason: str, level: int | None = None, team: str | None = None) -> None:
        """To a higher level of support, the next one unless another is named."""
        self._only_when("open", "waiting")
        level = self.level + 1 if level is None else level
        if self.level >= HIGHEST_LEVEL:
            raise AtHighestLevel(self)
        if level <= self.level:
            raise NotHigher(self, level)
        self.record(self.Escalated, level=level, team=team, reason=reason)

    def reply(self, author: str, text: str, *, public: bool = True, channel: str | None = None) -> None:
        self._only_when("open", "waiting", "resolved")
        self.record(self.Replied, author=author, public=public, text=text, channel=channel, cycle=self.cycle)
        if author == "customer" and self.state == "waiting" and self._since_the_last_move:
            self.record(self.Resumed, answered=True)

    def pause(self, reason: str | None = None) -> None:
        """Wait for the customer: the clocks of service stand still."""
        if self.state != "waiting":
            self._only_when("open")
            self.record(self.Paused, reason=reason)

    def resume(self) -> None:
        if self.state != "open":
            self._only_when("waiting")
            self.record(self.Resumed, answered=False)

    def resolve(self, resolution: str) -> None:
        self._only_when("open", "waiting")
        self.record(self.Resolved, cycle=self.cycle, resolution=resolution)

    def close(self) -> None:
        """Settle the ticket for good; one that was never resolved is closed unresolved."""
        if self.state != "closed":
            self._only_when("open", "waiting", "resolved")
            outcome = "resolved" if self.state == "resolved" else "unresolved"
            self.record(self.Closed, cycle=self.cycle, outcome=outcome)

    def reopen(self, reason: str | None = None) -> None:
        """Start a new service cycle."""
        self._only_when(*SETTLED)
        outcome = self.outcomes.get(str(self.cycle), "resolved")
        self.record(self.Reopened, cycle=self.cycle + 1, outcome=outcome, reason=reason)

    def merge_into(self, other: Ticket) -> None:
        """Go up in another ticket; neither may be closed or merged before."""
        if other.id == self.id:
            raise MergedIntoItself(self)
        self._only_when("open", "waiting", "resolved")
        other._only_when("open", "waiting", "resolved")
        self.record(self.Merged, into_id=other.id, cycle=self.cycle)
        other.record(self.Absorbed, ticket_id=self.id)

    def record_satisfaction(self, score: int, comment: str | None = None) -> None:
        """How content the customer was with the last cycle that ended."""
        if self.state == "merged":
            raise TicketMerged(self)
        cycle = self._rated_cycle
        if cycle is None:
            raise TicketStillOpen(self)
        self.record(self.SatisfactionRecorded, score=score, comment=comment, cycle=cycle)

    def said_instead(self, fact: Fact, values: Changes) -> Iterator[Statement]:
        match fact:
            case Ticket.Escalated() | Ticket.EscalationCorrected():
                said = {"level": values["level",], "named_team": ("team",) in values, "team": values.get(("team",))}
                yield self.EscalationCorrected, said
            case Ticket.SatisfactionRecorded():
                score = values["satisfaction", str(fact.cycle)]
                yield self.SatisfactionRecorded, {"score": score, "comment": None, "cycle": fact.cycle}
            case _:
                yield from super().said_instead(fact, values)

    def refuse_corrections(self) -> None:
        if self.state == "merged":
            raise TicketMerged(self)

    @property
    def _rated_cycle(self) -> int | None:
        if self.state in SETTLED:
            return self.cycle
        return self.cycle - 1 if self.cycle > 1 else None

    @property
    def _since_the_last_move(self) -> bool:
        # A reply that is recorded late was written before we began to wait, and so does not end the waiting.
        last = self.moved_at.get("state")
        return last is None or self.now is None or self.now >= last

    def _only_when(self, *states: str) -> None:
        if self.state not in states:
            raise FORBIDDEN_BY[self.state](self)


FORBIDDEN_BY: dict[str, Any] = {
    "open": TicketStillOpen,
    "waiting": TicketStillOpen,
    "resolved": TicketAlreadyResolved,
    "closed": TicketClosed,
    "merged": TicketMerged,
}

WHEN = {
    "open": (
        "assign-ticket",
        "change-ticket-priority",
        "close-ticket",
        "escalate-ticket",
        "merge-ticket",
        "pause-ticket",
        "reply-to-ticket",
        "resolve-ticket",
    ),
    "waiting": (
        "assign-ticket",
        "change-ticket-priority",
        "close-ticket",
        "escalate-ticket",
        "merge-ticket",
        "reply-to-ticket",
        "resolve-ticket",
        "resume-ticket",
    ),
    "resolved": ("assign-ticket", "close-ticket", "merge-ticket", "reopen-ticket", "reply-to-ticket"),
    "closed": ("reopen-ticket",),
}
"""What is possible in each state; record-satisfaction too, once a cycle has ended."""
