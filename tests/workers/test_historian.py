"""The historian: the past of every read model, kept a moment behind the live rows by a worker of its own."""

from __future__ import annotations

import pytest

from commands.customers import RenameCustomer
from eventlog import feed
from projections import PASTS
from projections.customer_card import CUSTOMERS
from projections.rebuild import rebuild
from tests.log_helpers import ask, registering
from tests.workers.conftest import at_work, eventually, happen, value
from workers.historian import remember
from workers.relay import relay

pytestmark = pytest.mark.anyio

PAST = CUSTOMERS.past.projection.name


async def caught_up(connection):
    return await value(connection, "SELECT read.reflected(%s)", PAST) == await feed.head(connection)


async def test_a_log_that_was_there_before_is_filled_and_what_comes_is_followed(around, log, connection):
    await happen(log, 30)
    async with at_work(relay(), around), at_work(remember(*PASTS), around):
        await eventually(lambda: caught_up(connection))
        for _ in range(3):
            renamed = (await ask(log, registering())).stream_id
            await ask(log, RenameCustomer(customer_id=renamed, name="韩梅梅"))
        await eventually(lambda: caught_up(connection))
    assert await value(connection, f"SELECT count(*) FROM read.{PAST} WHERE id = %s", renamed) == 2
    same = await rebuild(around.database_url, log.codec, CUSTOMERS.past.projection)
    assert same.live == same.rebuilt
