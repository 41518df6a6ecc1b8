"""What can be asked about users: who belongs to the organisation, and what each is trusted with."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from commands.command import Command, Crm, Label, Text, handles
from commands.customers import Email
from domain.roles import ADMINISTRATOR, Role
from domain.team import Team
from domain.tenant import TENANT_ID, Tenant
from domain.user import User

Issuer = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500),
    Field(description="As `iss` in its tokens.", examples=["https://login.example.com/"]),
]
Subject = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=255),
    Field(description="What the issuer calls the user in its tokens.", examples=["248289761001"]),
]


def no_id(handle: str) -> str:
    """Ids are names of records' owners, too. Raises ValueError."""
    try:
        UUID(handle)
    except ValueError:
        return handle
    raise ValueError("a handle is no id")


Handle = Annotated[
    Label,
    AfterValidator(no_id),
    Field(description="What records call their owner, besides the user's id; no other user's.", examples=["li.wei"]),
]


class RegisterUser(Command):
    """Take somebody into the organisation; without a role it may do nothing yet."""

    user_id: UUID | None = Field(None, description="Made by the caller, or for you.")
    kind: Literal["human", "service"] = "human"
    name: Text
    email: Email | None = Field(None, description="No other user's.")
    handle: Handle | None = None


@handles(RegisterUser, creates=True, action="administer")
async def register_user(command: RegisterUser, crm: Crm) -> User:
    user = crm.new(User, command.user_id)
    user.register(command.kind, command.name, command.email)
    user.go_by(command.handle)
    return user


class GiveHandle(Command):
    """Say what records call a user as their owner, besides its id, or that nothing is, with null. What records call
    otherwise is no longer this user's."""

    user_id: UUID
    handle: Handle | None


@handles(GiveHandle, action="administer")
async def give_handle(command: GiveHandle, crm: Crm) -> User:
    user = await crm.load(User, command.user_id)
    user.go_by(command.handle)
    return user


class RenameUser(Command):
    """Give a user another name; the old one stays in the history."""

    user_id: UUID
    name: Text


@handles(RenameUser, action="administer")
async def rename_user(command: RenameUser, crm: Crm) -> User:
    user = await crm.load(User, command.user_id)
    user.rename(command.name)
    return user


class ChangeUserEmail(Command):
    """Change a user's e-mail address, or take it away with null."""

    user_id: UUID
    email: Email | None


@handles(ChangeUserEmail, action="administer")
async def change_user_email(command: ChangeUserEmail, crm: Crm) -> User:
    user = await crm.load(User, command.user_id)
    user.change_email(command.email)
    return user


class LinkIdentity(Command):
    """Say what an issuer of tokens calls a user, so that its tokens are taken for this user's; one for each issuer."""

    user_id: UUID
    issuer: Issuer
    subject: Subject


@handles(LinkIdentity, action="administer")
async def link_identity(command: LinkIdentity, crm: Crm) -> User:
    user = await crm.load(User, command.user_id)
    user.link_identity(command.issuer, command.subject)
    return user


class UnlinkIdentity(Command):
    """Take an issuer's tokens for this user's no longer."""

    user_id: UUID
    issuer: Issuer


@handles(UnlinkIdentity, action="administer")
async def unlink_identity(command: UnlinkIdentity, crm: Crm) -> User:
    user = await crm.load(User, command.user_id)
    user.unlink_identity(command.issuer)
    return user


class AssignRole(Command):
    """Trust a user with a role; what each role may do is the same for all who have it."""

    user_id: UUID
    role: Role


@handles(AssignRole, action="administer")
async def assign_role(command: AssignRole, crm: Crm) -> User:
    user = await crm.load(User, command.user_id)
    await settle(crm, user, user.active and ADMINISTRATOR in {command.role, *user.roles})
    user.assign_role(command.role)
    return user


class RevokeRole(Command):
    """Take a role away from a user; refused for the only administrator."""

    user_id: UUID
    role: Role


@handles(RevokeRole, action="administer")
async def revoke_role(command: RevokeRole, crm: Crm) -> User:
    user = await crm.load(User, command.user_id)
    await settle(crm, user, user.administers and command.role != ADMINISTRATOR)
    user.revoke_role(command.role)
    return user


class DeactivateUser(Command):
    """Let a user in no longer, by whatever token or key; refused for the only administrator."""

    user_id: UUID


@handles(DeactivateUser, action="administer")
async def deactivate_user(command: DeactivateUser, crm: Crm) -> User:
    user = await crm.load(User, command.user_id)
    await settle(crm, user, administers=False)
    user.deactivate()
    return user


class ReactivateUser(Command):
    """Let a deactivated user in again, with the roles and teams that it still has."""

    user_id: UUID


@handles(ReactivateUser, action="administer")
async def reactivate_user(command: ReactivateUser, crm: Crm) -> User:
    user = await crm.load(User, command.user_id)
    await settle(crm, user, ADMINISTRATOR in user.roles)
    user.reactivate()
    return user


async def settle(crm: Crm, user: User, administers: bool) -> None:
    """Have the tenant take note of who is about to administer it, or to do so no more. Raises LastAdministrator."""
    if administers != user.administers:
        tenant = await crm.load_or_new(Tenant, TENANT_ID)
        tenant.administered_by(user.id, administers)


class AddToTeam(Command):
    """Make a user a member of a team, besides those that it is in."""

    user_id: UUID
    team_id: UUID


@handles(AddToTeam, action="administer")
async def add_to_team(command: AddToTeam, crm: Crm) -> User:
    user = await crm.load(User, command.user_id)
    team = await crm.load(Team, command.team_id)
    team.refuse_when_dissolved()
    user.join(team.id)
    return user


class RemoveFromTeam(Command):
    """End a user's membership of a team."""

    user_id: UUID
    team_id: UUID


@handles(RemoveFromTeam, action="administer")
async def remove_from_team(command: RemoveFromTeam, crm: Crm) -> User:
    user = await crm.load(User, command.user_id)
    user.leave(command.team_id)
    return user


class SetManager(Command):
    """Say whom a user reports to, nobody with null; a circle of managers is refused."""

    user_id: UUID
    manager_id: UUID | None


@handles(SetManager, action="administer")
async def set_manager(command: SetManager, crm: Crm) -> User:
    user = await crm.load(User, command.user_id)
    user.report_to(await crm.load(User, command.manager_id) if command.manager_id else None)
    return user
