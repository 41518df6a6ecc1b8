"""What can be asked of tickets, from the customer's first message to the last word on satisfaction."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, model_validator

from commands.command import Command, Crm, Label, LongText, Text, handles
from commands.customers import SystemName
from domain.customer import Customer
from domain.order import Order
from domain.ticket import HIGHEST_LEVEL, Ticket

Priority = Literal["low", "normal", "high", "urgent"]


class OpenTicket(Command):
    """Open a ticket for a concern; the customer may be unknown, a `number` names one ticket at its `source`."""

    ticket_id: UUID | None = Field(None, description="Made by the caller, or for you.")
    customer_id: UUID | None = None
    kind: Literal["complaint", "question", "repair", "fault"]
    priority: Priority = "normal"
    channel: Label = Field(examples=["email"])
    subject: Text
    text: LongText | None = None
    product: Label | None = None
    category: Label | None = None
    order_id: UUID | None = None
    owner: Label | None = None
    team: Label | None = None
    number: Label | None = None
    source: SystemName | None = None


@handles(OpenTicket, creates=True)
async def open_ticket(command: OpenTicket, crm: Crm) -> Ticket:
    ticket = crm.new(Ticket, command.ticket_id)
    if command.customer_id:
        await crm.load(Customer, command.customer_id)
    if command.order_id:
        await crm.load(Order, command.order_id)
    ticket.open(
        command.kind,
        command.subject,
        command.text,
        channel=command.channel,
        priority=command.priority,
        customer_id=command.customer_id,
        product=command.product,
        category=command.category,
        order_id=command.order_id,
        owner=command.owner,
        team=command.team,
        number=command.number,
        source=command.source,
    )
    return ticket


class AssignTicket(Command):
    """Say who works on a ticket: a person, a team, or nobody."""

    ticket_id: UUID
    owner: Label | None = None
    team: Label | None = None


@handles(AssignTicket)
async def assign_ticket(command: AssignTicket, crm: Crm) -> Ticket:
    ticket = await crm.load(Ticket, command.ticket_id)
    ticket.assign(command.owner, command.team)
    return ticket


class ReplyToTicket(Command):
    """Record a reply by us, public or internal, or by the customer, whose reply ends the waiting for it."""

    ticket_id: UUID
    author: Literal["agent", "customer"] = "agent"
    text: LongText
    public: bool = True
    channel: Label | None = None

    @model_validator(mode="after")
    def customers_speak_openly(self) -> ReplyToTicket:
        if self.author == "customer" and not self.public:
            raise ValueError("a customer's reply is public")
        return self


@handles(ReplyToTicket)
async def reply_to_ticket(command: ReplyToTicket, crm: Crm) -> Ticket:
    ticket = await crm.load(Ticket, command.ticket_id)
    ticket.reply(command.author, command.text, public=command.public, channel=command.channel)
    return ticket


class PauseTicket(Command):
    """Wait for the customer's answer: until then the clocks of service stand still."""

    ticket_id: UUID


@handles(PauseTicket)
async def pause_ticket(command: PauseTicket, crm: Crm) -> Ticket:
    ticket = await crm.load(Ticket, command.ticket_id)
    ticket.pause(command.reason)
    return ticket


class ResumeTicket(Command):
    """Go on with a ticket without waiting any longer for the customer."""

    ticket_id: UUID


@handles(ResumeTicket)
async def resume_ticket(command: ResumeTicket, crm: Crm) -> Ticket:
    ticket = await crm.load(Ticket, command.ticket_id)
    ticket.resume()
    return ticket


class ChangeTicketPriority(Command):
    """Say how urgent an open ticket is."""

    ticket_id: UUID
    priority: Priority


@handles(ChangeTicketPriority)
async def change_ticket_priority(command: ChangeTicketPriority, crm: Crm) -> Ticket:
    ticket = await crm.load(Ticket, command.ticket_id)
    ticket.change_priority(command.priority)
    return ticket


class EscalateTicket(Command):
    """Hand an open ticket to a higher level of support (the next one unless named), if need be to another team."""

    ticket_id: UUID
    reason: Text
    level: Annotated[int, Field(ge=2, le=HIGHEST_LEVEL)] | None = None
    team: Label | None = None


@handles(EscalateTicket)
async def escalate_ticket(command: EscalateTicket, crm: Crm) -> Ticket:
    ticket = await crm.load(Ticket, command.ticket_id)
    ticket.escalate(command.reason, command.level, command.team)
    return ticket


class ResolveTicket(Command):
    """Resolve a ticket, saying how; this ends its service cycle."""

    ticket_id: UUID
    resolution: LongText


@handles(ResolveTicket)
async def resolve_ticket(command: ResolveTicket, crm: Crm) -> Ticket:
    ticket = await crm.load(Ticket, command.ticket_id)
    ticket.resolve(command.resolution)
    return ticket


class CloseTicket(Command):
    """Close a ticket; one that was not resolved counts as closed unresolved."""

    ticket_id: UUID


@handles(CloseTicket)
async def close_ticket(command: CloseTicket, crm: Crm) -> Ticket:
    ticket = await crm.load(Ticket, command.ticket_id)
    ticket.close()
    return ticket


class ReopenTicket(Command):
    """Reopen a resolved or closed ticket: a new service cycle starts, the old one's outcome is kept."""

    ticket_id: UUID


@handles(ReopenTicket)
async def reopen_ticket(command: ReopenTicket, crm: Crm) -> Ticket:
    ticket = await crm.load(Ticket, command.ticket_id)
    ticket.reopen(command.reason)
    return ticket


class MergeTicket(Command):
    """Merge a ticket into another one about the same concern; it takes no further commands."""

    ticket_id: UUID
    into_id: UUID


@handles(MergeTicket)
async def merge_ticket(command: MergeTicket, crm: Crm) -> Ticket:
    ticket = await crm.load(Ticket, command.ticket_id)
    ticket.merge_into(await crm.load(Ticket, command.into_id))
    return ticket


class RecordSatisfaction(Command):
    """Record how content the customer was with the last service cycle that ended, from 1 (not at all) to 5 (very)."""

    ticket_id: UUID
    score: Annotated[int, Field(ge=1, le=5)]
    comment: LongText | None = None


@handles(RecordSatisfaction)
async def record_satisfaction(command: RecordSatisfaction, crm: Crm) -> Ticket:
    ticket = await crm.load(Ticket, command.ticket_id)
    ticket.record_satisfaction(command.score, command.comment)
    return ticket
