"""The files of an import are kept for some days: what was done with them, and which they were, is kept for ever."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from commands.importing.files import clear_away
from commands.importing.running import carry_out

from .shop import customers, files, orders, results, sent

pytestmark = pytest.mark.anyio

DELIVERY = files(customers(3), orders(3, 3))


async def test_files_are_deleted_after_their_days_and_their_digests_stay(client, house, project):
    async def tidied(days: float) -> int:
        await project()
        async with house.log.connection() as connection:
            return await clear_away(connection, timedelta(days=days))

    async with house.log.connection() as connection:
        id = await sent(client, DELIVERY)
        await connection.execute("UPDATE imports.file SET delivered_at = now() - interval '2 days'")
        assert await tidied(1) == 0, "the import is not done yet"
        await carry_out(house.log, "acme", UUID(id))
        assert await tidied(3) == 0, "they are too young"
        assert len(await results(client, id, "done")) == 6
        assert await tidied(1) == 2

    gone = await client.get(f"/v1/imports/{id}/results/done.csv")
    assert (gone.status_code, "import the files anew" in gone.json()["detail"]) == (410, True)
    told = (await client.get(f"/v1/imports/{id}")).json()
    assert {len(file["sha256"]) for file in told["files"]} == {64}

    again = await sent(client, DELIVERY)
    await carry_out(house.log, "acme", UUID(again))
    await project()
    told = (await client.get(f"/v1/imports/{again}")).json()
    assert (told["state"], told["done"], told["events"]) == ("finished", 6, 0)
