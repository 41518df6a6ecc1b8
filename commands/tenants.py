"""What can be asked about the organisation itself."""

from __future__ import annotations

from commands.command import Command, Crm, Text, handles
from domain.tenant import TENANT_ID, Tenant


class NameTenant(Command):
    """Say what the organisation is called."""

    name: Text


@handles(NameTenant, action="administer")
async def name_tenant(command: NameTenant, crm: Crm) -> Tenant:
    tenant = await crm.load_or_new(Tenant, TENANT_ID)
    tenant.call(command.name)
    return tenant
