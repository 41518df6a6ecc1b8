"""What can be asked about keys to the API; what is secret in one never comes here."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from commands.command import Command, Crm, Label, Moment, handles
from domain.api_key import ApiKey
from domain.roles import Action
from domain.user import User

USUAL = timedelta(days=365)
"""For how long a key is issued unless it is said."""


def network(given: str) -> str:
    """An address, or a range of them, as it is usually written. Raises ValueError."""
    try:
        return str(ip_network(given, strict=False))
    except ValueError:
        raise ValueError("an address, or a range of them like 10.1.0.0/16, is expected") from None


Network = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=50),
    AfterValidator(network),
    Field(examples=["10.1.0.0/16"]),
]
SecretId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{12}$"), Field(exclude=True)]
"""Another one at each sending of the same command, and so no part of what was asked."""


class IssueKey(Command):
    """Issue a key to a user, human or service."""

    key_id: UUID | None = None
    user_id: UUID
    label: Label
    scopes: Annotated[tuple[Action, ...], Field(min_length=1, max_length=3)]
    networks: Annotated[tuple[Network, ...], Field(max_length=50)] = ()
    expires_at: Moment | None = None
    secret_id: SecretId


@handles(IssueKey, creates=True, inside=True, action="administer")
async def issue_key(command: IssueKey, crm: Crm) -> ApiKey:
    key = crm.new(ApiKey, command.key_id)
    user = await crm.load(User, command.user_id)
    expires_at = command.expires_at or crm.occurred_at + USUAL
    key.issue(user, command.label, command.scopes, command.networks, expires_at, command.secret_id)
    return key


class RotateKey(Command):
    """Give a key a new secret; the one before goes on for a while."""

    key_id: UUID
    overlap_s: Annotated[int, Field(ge=0, le=7 * 24 * 3600)] = 24 * 3600
    secret_id: SecretId


@handles(RotateKey, inside=True, action="administer")
async def rotate_key(command: RotateKey, crm: Crm) -> ApiKey:
    key = await crm.load(ApiKey, command.key_id)
    key.rotate(command.secret_id, timedelta(seconds=command.overlap_s))
    return key


class RevokeKey(Command):
    """End a key with all its secrets; every process notices within seconds."""

    key_id: UUID


@handles(RevokeKey, action="administer")
async def revoke_key(command: RevokeKey, crm: Crm) -> ApiKey:
    key = await crm.load(ApiKey, command.key_id)
    key.revoke()
    return key
