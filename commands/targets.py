"""What can be asked about targets."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from commands.command import Amount, Command, Crm, Currency, Label, handles
from domain.target import Target, target_id

Period = Annotated[str, StringConstraints(pattern=r"^(19|20|21)\d\d(-(Q[1-4]|0[1-9]|1[0-2]))?$")]
"""A year, quarter or month: 2026, 2026-Q4, 2026-11."""


class SetTarget(Command):
    """Set what is to be won in a period: by an owner, by a team, by an owner for a team or, with neither, by everybody.
    There is one target of theirs for a period in a currency: set again, it is another amount from then on."""

    owner: Label | None = Field(None, description="As opportunities name their owner.")
    team: Label | None = Field(None, description="As opportunities name their team.")
    period: Period = Field(description="A year, quarter or month.", examples=["2026-Q4"])
    amount: Amount = Field(examples=["250000"])
    currency: Currency = Field(examples=["CNY"])


@handles(SetTarget)
async def set_target(command: SetTarget, crm: Crm) -> Target:
    id = target_id(command.owner, command.team, command.period, command.currency)
    target = await crm.load_or_new(Target, id)
    target.set(command.owner, command.team, command.period, command.amount, command.currency)
    return target


class WithdrawTarget(Command):
    """Nothing is to be won by them in that period any more; what the target was stays in the history."""

    target_id: UUID


@handles(WithdrawTarget)
async def withdraw_target(command: WithdrawTarget, crm: Crm) -> Target:
    target = await crm.load(Target, command.target_id)
    target.withdraw()
    return target
