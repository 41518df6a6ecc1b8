"""What tests of the log and of what reads it share: asking for commands, and letting a host take the log in."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from psycopg import AsyncConnection

from commands.command import Command
from commands.customers import RegisterCustomer
from commands.dispatch import Asked, dispatch
from eventlog import feed
from eventlog.codec import Codec
from eventlog.envelope import Answer, Caller, Context
from eventlog.log import Log
from projections.host import Host

ACME = Caller("acme", "li")
UMBRELLA = Caller("umbrella", "wu")


async def ask(
    log: Log, command: Command, key: str | None = None, caller: Caller = ACME, if_match: int | None = None
) -> Answer:
    """Send a command through the one door."""
    context = Context(caller.tenant, caller.actor, key or uuid4().hex, uuid4())
    return await dispatch(log, Asked(command, caller, context, if_match))


def registering(id: UUID | None = None, **fields: object) -> RegisterCustomer:
    return RegisterCustomer.model_validate({"customer_id": id or uuid4(), "kind": "person", "name": "李雷", **fields})


async def take_in(host: Host, connection: AsyncConnection[Any], codec: Codec, *, size: int = 500) -> None:
    """Claim everything and apply the log from the lowest checkpoint to the head, in batches of `size`."""
    cursor = await connection.execute("SELECT DISTINCT partition FROM read.checkpoints")
    await host.claim([row[0] for row in await cursor.fetchall()])
    after = min(host.checkpoints.values(), default=0)
    while page := await feed.page(connection, codec, after=after, limit=size):
        await host.apply(page)
        after = page[-1].position
