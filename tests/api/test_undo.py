"""Undoing over HTTP: what became of each event, what is shown afterwards, and what of it is in the history."""

from __future__ import annotations

from uuid import uuid4

import pytest

from deploy.errors import NotAsPromised
from deploy.settings import SettingsError
from deploy.undo import undone
from eventlog.envelope import Caller

pytestmark = pytest.mark.anyio


class Office:
    """Somebody who asks over HTTP, and reads what was recorded."""

    def __init__(self, client, project):
        self.client, self.project = client, project

    async def asks(self, command, status=None, **body):
        answer = await self.client.post(f"/v1/commands/{command}", json=body)
        assert answer.status_code in ([status] if status else [200, 201]), answer.text
        return answer.json()

    async def registers(self, **fields):
        return (await self.asks("register-customer", **{"kind": "organisation", "name": "Acme", **fields}))["id"]

    async def orders(self, customer, **fields):
        line = {"sku": "pump", "quantity": 10, "unit_price": 100}
        return (await self.asks("place-order", customer_id=customer, currency="CNY", lines=[line], **fields))["id"]

    async def history(self, kind, id):
        answer = await self.client.get(f"/v1/{kind}/{id}/history?limit=200")
        assert answer.status_code == 200, answer.text
        return answer.json()["entries"]

    async def ids(self, kind, id, *types):
        return [e["event_id"] for e in await self.history(kind, id) if not types or e["type"] in types]

    async def undoes(self, *event_ids, key=None, **fields):
        headers = {"Idempotency-Key": key} if key else {}
        answer = await self.client.post("/v1/undo", json={"event_ids": event_ids, **fields}, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()["events"]

    async def shows(self, path, status=200, **params):
        await self.project()
        answer = await self.client.get(path, params=params)
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture
def office(client, project):
    return Office(client, project)


async def test_an_undone_fact_is_put_right_and_was_known_before(office):
    customer = await office.registers(occurred_at="2026-01-01T09:00:00Z")
    for name, day in (("Akme", "02"), ("Acme Ltd", "01")):
        at = f"2026-01-{day}T10:00:00Z"
        await office.asks("rename-customer", customer_id=customer, name=name, occurred_at=at)
    before = (await office.history("customers", customer))[-1]["position"]
    (wrong,) = [e["event_id"] for e in await office.history("customers", customer) if e["fields"].get("name") == "Akme"]
    (told,) = await office.undoes(wrong, reason="mistyped")
    assert (told["status"], [by["type"] for by in told["by"]]) == ("done", ["customer.renamed", "customer.undone"])
    path = f"/v1/customers/{customer}"
    assert (await office.shows(path))["name"] == "Acme Ltd"
    assert (await office.shows(path, as_of="2026-01-03"))["name"] == "Acme Ltd"
    assert (await office.shows(path, as_of="2026-01-03", known_at=before))["name"] == "Akme"
    assert (await office.history("customers", customer))[-1]["reason"] == "mistyped"
    (again,) = await office.undoes(wrong)
    assert again["status"] == "nothing"
    assert again["by"] == told["by"]
    (redone,) = await office.undoes(told["by"][0]["event_id"])
    assert redone["status"] == "done"
    assert (await office.shows(path))["name"] == "Akme"


async def test_what_a_later_change_stands_on_is_a_conflict_that_names_it_and_changes_nothing(office):
    customer = await office.registers()
    for name in ("One", "Two"):
        await office.asks("rename-customer", customer_id=customer, name=name)
    await office.asks("tag-customer", customer_id=customer, tag="vip")
    _, one, two, tag = await office.ids("customers", customer)
    first, second = await office.undoes(one, tag)
    assert first["status"] == "conflict"
    assert [by["event_id"] for by in first["by"]] == [two]
    assert second["status"] == "conflict"
    assert [by["event_id"] for by in second["by"]] == [one]
    assert len(await office.history("customers", customer)) == 4
    assert [told["status"] for told in await office.undoes(one, two, tag)] == ["done"] * 3
    shown = await office.shows(f"/v1/customers/{customer}")
    assert (shown["name"], shown["tags"]) == ("Acme", [])


async def test_what_was_never_to_be_is_gone_from_everywhere_but_its_history(office):
    mail = f"{uuid4().hex}@example.com"
    customer = await office.registers(name="Phantom", emails=[mail])
    order = await office.orders(customer, number="R-1", source="shop")
    await office.asks("confirm-order", order_id=order)
    await office.asks("invoice-order", order_id=order, invoice_number="I-1")
    opportunity = (await office.asks("open-opportunity", title="pumps", customer_id=customer))["id"]
    ticket = (await office.asks("open-ticket", customer_id=customer, kind="fault", channel="mail", subject="x"))["id"]
    things = (("tickets", ticket), ("opportunities", opportunity), ("orders", order), ("customers", customer))
    known = (await office.history("tickets", ticket))[-1]["position"]
    (alone,) = await office.undoes(*await office.ids("customers", customer))
    assert alone["status"] == "conflict"
    assert {by["id"] for by in alone["by"]} == {order, opportunity, ticket}
    everything = [id for kind, thing in things for id in await office.ids(kind, thing)]
    assert {told["status"] for told in await office.undoes(*everything, reason="a test run")} == {"done"}
    for kind, thing in things:
        gone = await office.shows(f"/v1/{kind}/{thing}", 410)
        assert gone["type"] == "/problems/retracted"
        assert gone["event_id"]
        assert (await office.shows(f"/v1/{kind}/{thing}", known_at=known))["id"] == thing
        assert (await office.shows(f"/v1/{kind}", **{"id": thing}))["items"] == []
        assert [row["id"] for row in (await office.shows(f"/v1/{kind}", id=thing, known_at=known))["items"]] == [thing]
        assert [e["type"] for e in await office.history(kind, thing)][-1].endswith(".undone")
    assert (await office.shows("/v1/receivables", id=order))["items"] == []
    assert (await office.shows("/v1/customers/search", q=mail))["items"] == []
    assert (await office.shows("/v1/stage-durations", opportunity_id=opportunity))["items"] == []
    for path in ("timeline", "360", "duplicates"):
        await office.shows(f"/v1/customers/{customer}/{path}", 410)
    steps = (await office.shows(f"/v1/customers/{customer}/replay"))["steps"]
    assert {step["id"] for step in steps} == {thing for _, thing in things}
    refused = await office.asks("rename-customer", 409, customer_id=customer, name="x")
    assert refused["type"] == "/problems/was-retracted"
    line = {"sku": "pump", "quantity": 1, "unit_price": 1}
    await office.asks("place-order", 409, customer_id=customer, currency="CNY", lines=[line])
    other = await office.registers(emails=[mail])
    await office.orders(other, number="R-1", source="shop")
    retraction = (await office.history("customers", customer))[-1]["event_id"]
    (taken,) = await office.undoes(retraction)
    assert taken["status"] == "conflict"
    assert "email" in taken["why"]
    retraction = (await office.history("tickets", ticket))[-1]["event_id"]
    (orphan,) = await office.undoes(retraction)
    assert orphan["status"] == "conflict"
    assert customer in orphan["why"]


async def test_a_retracted_order_leaves_the_sums_and_the_timeline_of_its_customer(office):
    customer = await office.registers()
    kept, error = await office.orders(customer), await office.orders(customer)
    await office.undoes(*await office.ids("orders", error))
    sides = await office.shows(f"/v1/customers/{customer}/360")
    assert [order["id"] for order in sides["orders"]] == [kept]
    assert [(total["count"], total["total"]) for total in sides["order_totals"]] == [(1, "1000.00")]
    events = (await office.shows(f"/v1/customers/{customer}/timeline"))["items"]
    assert {event["stream_id"] for event in events} == {customer, kept}
    await office.undoes((await office.history("orders", error))[-1]["event_id"])
    events = (await office.shows(f"/v1/customers/{customer}/timeline"))["items"]
    assert {event["stream_id"] for event in events} == {customer, kept, error}
    assert (await office.shows(f"/v1/orders/{error}"))["state"] == "draft"


async def test_the_same_key_gets_the_same_answer_and_no_other_question(office, client):
    customer = await office.registers()
    await office.asks("rename-customer", customer_id=customer, name="One")
    first, rename = await office.ids("customers", customer)
    told = await office.undoes(rename, key="k-1")
    assert await office.undoes(rename, key="k-1") == told
    assert len(await office.history("customers", customer)) == 4
    answer = await client.post("/v1/undo", json={"event_ids": [first]}, headers={"Idempotency-Key": "k-1"})
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/idempotency-key-reused")


async def test_bad_questions_are_told_what_is_wrong(office, client, app, settings, store):
    from api import keys
    from tests.api.conftest import client_of

    for body, status in (({"event_ids": []}, 422), ({"event_ids": ["x"]}, 422), ({}, 422), ([], 422)):
        assert (await client.post("/v1/undo", json=body)).status_code == status
    missing = str(uuid4())
    answer = await client.post("/v1/undo", json={"event_ids": [missing]})
    assert answer.status_code == 404
    assert missing in answer.json()["detail"]
    reader = keys.create(str(settings.database_url), store, "acme", "reader", ["read"])
    async with client_of(app, reader) as other:
        assert (await other.post("/v1/undo", json={"event_ids": [missing]})).status_code == 403
    stranger = keys.create(str(settings.database_url), store, "umbrella", "wu")
    customer = await office.registers()
    async with client_of(app, stranger) as other:
        answer = await other.post("/v1/undo", json={"event_ids": await office.ids("customers", customer)})
        assert answer.status_code == 404


async def test_the_command_line_undoes_the_same(office, settings):
    customer = await office.registers()
    operator = Caller("acme", "operator")
    (told,) = await undone(settings, operator, await office.ids("customers", customer), "entered twice", None)
    assert (told["status"], told["by"][0]["type"]) == ("done", "customer.retracted")
    assert (await office.history("customers", customer))[-1]["actor"] == "operator"
    with pytest.raises(SettingsError, match="by its id"):
        await undone(settings, operator, ["the last one"], None, None)
    with pytest.raises(NotAsPromised, match="not-found"):
        await undone(settings, operator, [str(uuid4())], None, None)
