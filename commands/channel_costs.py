"""What can be asked about the costs of channels."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field, StringConstraints

from commands.command import Amount, Command, Crm, Currency, Label, handles
from domain.channel_cost import ChannelCost, channel_cost_id

Month = Annotated[str, StringConstraints(pattern=r"^(19|20|21)\d\d-(0[1-9]|1[0-2])$")]


class RecordChannelCost(Command):
    """Record what a channel cost in a month: all of it, in this currency. Recorded again, it is another amount from
    then on."""

    channel: Label = Field(description="As customers, opportunities and orders name their `source`.", examples=["fair"])
    month: Month = Field(examples=["2026-11"])
    amount: Amount = Field(examples=["12000"])
    currency: Currency = Field(examples=["CNY"])


@handles(RecordChannelCost)
async def record_channel_cost(command: RecordChannelCost, crm: Crm) -> ChannelCost:
    month = date.fromisoformat(f"{command.month}-01")
    cost = await crm.load_or_new(ChannelCost, channel_cost_id(command.channel, month, command.currency))
    cost.enter(command.channel, month, command.amount, command.currency)
    return cost
