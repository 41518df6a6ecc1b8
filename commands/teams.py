"""What can be asked about teams."""

from __future__ import annotations

from uuid import UUID

from pydantic import Field

from commands.command import Command, Crm, Text, handles
from domain.team import Team


class FoundTeam(Command):
    """Found a team, within a larger one or at the top."""

    team_id: UUID | None = Field(None, description="Made by the caller, or for you.")
    name: Text
    within_id: UUID | None = Field(None, description="The larger team that it is part of.")


@handles(FoundTeam, creates=True, action="administer")
async def found_team(command: FoundTeam, crm: Crm) -> Team:
    team = crm.new(Team, command.team_id)
    team.found(command.name)
    if command.within_id:
        team.put_within(await crm.load(Team, command.within_id))
    return team


class RenameTeam(Command):
    """Give a team another name; the old one stays in the history."""

    team_id: UUID
    name: Text


@handles(RenameTeam, action="administer")
async def rename_team(command: RenameTeam, crm: Crm) -> Team:
    team = await crm.load(Team, command.team_id)
    team.rename(command.name)
    return team


class PutTeamWithin(Command):
    """Put a team into a larger one, or at the top with null; a circle is refused."""

    team_id: UUID
    within_id: UUID | None


@handles(PutTeamWithin, action="administer")
async def put_team_within(command: PutTeamWithin, crm: Crm) -> Team:
    team = await crm.load(Team, command.team_id)
    team.put_within(await crm.load(Team, command.within_id) if command.within_id else None)
    return team


class DissolveTeam(Command):
    """Dissolve a team: membership in it counts for nothing from now on."""

    team_id: UUID


@handles(DissolveTeam, action="administer")
async def dissolve_team(command: DissolveTeam, crm: Crm) -> Team:
    team = await crm.load(Team, command.team_id)
    team.dissolve()
    return team
