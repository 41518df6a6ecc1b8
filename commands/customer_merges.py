"""What can be asked about two customers that turn out to be one, or not to be."""

from __future__ import annotations

from uuid import UUID

from pydantic import Field

from commands.command import Command, Crm, handles
from domain import merging
from domain.customer import Customer


class MergeCustomers(Command):
    """Merge a customer into another one, which takes over what it lacks, and of what both have the value trusted more,
    else the later one. All that is linked to the merged one is shown with the survivor."""

    survivor_id: UUID
    merged_id: UUID
    prefer: dict[merging.Field, merging.Side] = Field(
        {}, description="Whose word counts, by field.", examples=[{"name": "survivor"}]
    )


@handles(MergeCustomers)
async def merge_customers(command: MergeCustomers, crm: Crm) -> Customer:
    survivor = await crm.load(Customer, command.survivor_id)
    merged = await crm.load(Customer, command.merged_id)
    trusts = {one: await crm.trusts(one.id) for one in (survivor, merged)}
    merging.merge(survivor, merged, command.prefer, trusts)
    return survivor


class UnmergeCustomers(Command):
    """Part two customers that were merged: both become what they were. What was changed since stays, and the answer
    names it (`kept`)."""

    survivor_id: UUID
    merged_id: UUID


@handles(UnmergeCustomers)
async def unmerge_customers(command: UnmergeCustomers, crm: Crm) -> Customer:
    survivor = await crm.load(Customer, command.survivor_id)
    merged = await crm.load(Customer, command.merged_id)
    others = [await crm.look_up(Customer, UUID(id)) for id in survivor.absorbed if UUID(id) != merged.id]
    merging.unmerge(survivor, merged, await crm.past(survivor), others)
    return survivor
