"""What can be asked about who sees a single record besides those who see it by their roles."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from commands.command import Command, Crm, handles
from commands.undoing import KINDS
from domain import sharing
from domain.policy import party
from domain.team import Team
from domain.undoing import Retractable
from domain.user import User


class SharedRecord(Command):
    """Which record, and with whom."""

    stream: Literal["customer", "opportunity", "order", "ticket"]
    id: UUID
    whom: Literal["user", "team"]
    whom_id: UUID

    @property
    def party(self) -> str:
        return party(self.whom, self.whom_id)


class Share(SharedRecord):
    """Show one record to a user or a team, who would not see it by their roles, or let them change it, too."""

    access: Literal["read", "write"] = "read"


@handles(Share)
async def share(command: Share, crm: Crm) -> Retractable:
    record = await crm.load(KINDS[command.stream], command.id)
    if command.whom == "user":
        await crm.load(User, command.whom_id)
    else:
        (await crm.load(Team, command.whom_id)).refuse_when_dissolved()
    sharing.share(record, command.party, command.access)
    return record


class Unshare(SharedRecord):
    """Show a record no longer to those with whom it was shared, unless they see it by their roles."""


@handles(Unshare)
async def unshare(command: Unshare, crm: Crm) -> Retractable:
    record = await crm.load(KINDS[command.stream], command.id)
    sharing.unshare(record, command.party)
    return record
