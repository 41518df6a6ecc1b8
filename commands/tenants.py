"""What can be asked about the organisation itself."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from commands.command import Command, Crm, Text, handles
from domain.tenant import TENANT_ID, Tenant
from eventlog.policies import DEFAULT_TEXT, PolicyError, load_policy


class NameTenant(Command):
    """Say what the organisation is called."""

    name: Text


@handles(NameTenant, action="administer")
async def name_tenant(command: NameTenant, crm: Crm) -> Tenant:
    tenant = await crm.load_or_new(Tenant, TENANT_ID)
    tenant.call(command.name)
    return tenant


def a_policy(text: str) -> str:
    """The text, when it makes sense as a policy."""
    try:
        load_policy(text)
    except PolicyError as error:
        raise PydanticCustomError("policy", "{faults}", {"faults": str(error)}) from None
    return text


PolicyText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100_000),
    AfterValidator(a_policy),
    Field(description="YAML, as domain/POLICY.md tells.", examples=[DEFAULT_TEXT]),
]


class SetPolicy(Command):
    """Say who may see and do what from now on, in one text; with null, as Kronika has it of its own."""

    policy: PolicyText | None


@handles(SetPolicy, action="administer")
async def set_policy(command: SetPolicy, crm: Crm) -> Tenant:
    tenant = await crm.load_or_new(Tenant, TENANT_ID)
    tenant.decide_by(command.policy)
    return tenant
