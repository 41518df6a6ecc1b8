"""A company whose commands go through the real log into the real read models."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncConnection

from commands.command import registered
from eventlog.connections import APP_ROLE
from eventlog.envelope import Caller
from eventlog.log import Log
from projections import TABLES
from projections.asking import ask_of
from projections.host import Host
from projections.query import Page, select
from projections.resource import Resource
from projections.slot import Slot
from tests.log_helpers import ask, take_in

COMMANDS = {registration.name: registration.model for registration in registered()}


class Company:
    """A tenant of its own, by whose name nobody else writes."""

    def __init__(self, log: Log, connection: AsyncConnection[Any]) -> None:
        self.log, self.connection = log, connection
        self.caller = Caller(f"tenant-{uuid4().hex[:8]}", "li")

    async def does(self, command: str, **fields: Any) -> UUID:
        """Send a command by its name in the API; answers the id of the stream it was about."""
        model = COMMANDS[command].model_validate(fields)
        return (await ask(self.log, model, caller=self.caller)).stream_id

    async def settles(self) -> None:
        """Everything that happened reaches the read models."""
        await take_in(Host(self.connection, [Slot(p) for p in TABLES]), self.connection, self.log.codec)

    async def customer(self, name: str = "李雷", **fields: Any) -> UUID:
        return await self.does("register-customer", **{"kind": "organisation", "name": name, **fields})

    async def opportunity(self, **fields: Any) -> UUID:
        return await self.does("open-opportunity", **{"title": "20 pumps", "amount": 1000, "currency": "CNY", **fields})

    async def order(self, customer_id: UUID, **fields: Any) -> UUID:
        """An order of 10 pumps at 100."""
        line = {"sku": "pump", "quantity": 10, "unit_price": 100}
        return await self.does(
            "place-order", **{"customer_id": customer_id, "currency": "CNY", "lines": [line], **fields}
        )

    async def ticket(self, **fields: Any) -> UUID:
        return await self.does("open-ticket", **{"kind": "fault", "channel": "mail", "subject": "It leaks", **fields})

    async def list(self, resource: Resource, query: str = "", now: datetime | None = None) -> Page:
        pairs = [(name, value) for name, _, value in (part.partition("=") for part in query.split("&") if part)]
        return await select(self.connection, self.caller, resource, ask_of(resource, pairs))

    async def row(self, resource: Resource, id: UUID) -> dict[str, Any]:
        (row,) = (await self.list(resource, f"{resource.key[0]}={id}")).rows
        return row


def day(number: int, hour: int = 9) -> datetime:
    """An hour of a day of January 2026."""
    return datetime(2026, 1, number, hour, tzinfo=UTC)


@pytest.fixture
async def company(database_url, keys):
    async with (
        Log.open(database_url, keys) as log,
        await AsyncConnection.connect(database_url, autocommit=True, options=APP_ROLE) as connection,
    ):
        yield Company(log, connection)
