"""An import that was a mistake is undone, as far as nothing later stands on it."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from commands.importing.reverting import revert_import
from commands.importing.running import carry_out

from .shop import files, results, sent

pytestmark = pytest.mark.anyio


async def test_an_import_is_undone_and_what_later_events_stand_on_is_listed(client, house, project):
    first, second, day = uuid4().hex, uuid4().hex, "2024-02-01"
    people = [(first, "First", "", "2024-01-01"), (second, "Second", "", "2024-01-01")]
    bought = [(f"R{who}", who, "tea", "1", "2.50", day, day, "") for who in (first, second)]
    id = await sent(client, files(people, bought))
    early = await client.post("/v1/commands/revert-import", json={"import_id": id})
    assert (early.status_code, early.json()["type"]) == (409, "/problems/import-under-way")
    await carry_out(house.log, "acme", UUID(id))
    await project()
    assert len((await client.get("/v1/orders")).json()["items"]) == 2
    kept_customer = next(row for row in (await client.get("/v1/customers")).json()["items"] if row["name"] == "Second")
    since = await client.post(
        "/v1/commands/place-order",
        json={
            "customer_id": kept_customer["id"],
            "currency": "EUR",
            "lines": [{"sku": "cup", "quantity": 1, "unit_price": "9"}],
        },
    )
    assert since.status_code == 201, since.text
    await project()

    asked = await client.post("/v1/commands/revert-import", json={"import_id": id})
    assert asked.status_code == 200, asked.text
    await revert_import(house.log, "acme", UUID(id))
    await project()
    told = (await client.get(f"/v1/imports/{id}")).json()
    assert told["state"] == "reverted"
    assert (told["undone"], told["kept"]) == (5, 1)
    names = [row["name"] for row in (await client.get("/v1/customers")).json()["items"]]
    assert names == ["Second"]
    [row] = await results(client, id, "kept")
    assert (row["type"], row["id"]) == ("customer.registered", kept_customer["id"])
    assert row["why"]

    since = await client.post("/v1/undo", json={"event_ids": row["stands_below"].split()})
    assert since.status_code == 200, since.text
    assert (await client.post("/v1/commands/revert-import", json={"import_id": id})).status_code == 200
    await revert_import(house.log, "acme", UUID(id))
    await project()
    told = (await client.get(f"/v1/imports/{id}")).json()
    assert (told["undone"], told["kept"]) == (6, 0)
    assert await results(client, id, "kept") == []
