"""What was imported says where it was taken from, wherever an event is told; its dates bend where moves must not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from commands.command import Command
from commands.customers import DeactivateCustomer, ReactivateCustomer, RenameCustomer
from commands.dispatch import Asked, dispatch
from domain.refusals import MoveOutOfOrder
from eventlog.envelope import Answer, Caller, Context, Source
from eventlog.log import Log
from tests.log_helpers import registering

pytestmark = pytest.mark.anyio

CALLER = Caller("acme", "tester")
MARCH = datetime(2026, 3, 1, tzinfo=UTC)
JOB = uuid4()


async def imported(log: Log, command: Command, line: int, key: str | None = None, source: bool = True) -> Answer:
    context = Context(
        "acme",
        "tester",
        key or uuid4().hex,
        uuid4(),
        source=Source("shop", 40, f"customers.csv:{line}", JOB) if source else None,
    )
    return await dispatch(log, Asked(command, CALLER, context))


async def test_an_imported_event_says_its_source_in_history_feed_and_timeline(client, house, project):
    id = uuid4()
    await imported(house.log, registering(id, occurred_at=MARCH), 7)
    renamed = await imported(house.log, RenameCustomer(customer_id=id, name="李丽"), 0, source=False)
    await project()

    told = {"system": "shop", "trust": 40, "at": "customers.csv:7", "job": str(JOB), "stated_at": None}
    history = (await client.get(f"/v1/customers/{id}/history")).json()["entries"]
    assert [entry["source"] for entry in history] == [told, None]
    timeline = (await client.get(f"/v1/customers/{id}/timeline", params={"sort": "occurred_at"})).json()["items"]
    assert [entry["source"] for entry in timeline] == [told, None]
    blame = (await client.get(f"/v1/customers/{id}/blame")).json()["fields"]
    assert {one["field"]: one["set_by"]["source"] for one in blame if one["field"] in ("name", "kind")} == {
        "name": None,
        "kind": told,
    }
    feed = (await client.get("/v1/events", params={"after": house.token(renamed.position - 2)})).json()["events"]
    assert [event["source"] for event in feed] == [told, None]


async def test_a_move_dated_before_the_last_one_takes_effect_with_it_and_keeps_what_was_stated(client, house):
    id: UUID = uuid4()
    await imported(house.log, registering(id, occurred_at=MARCH), 1)
    early = MARCH - timedelta(days=1)
    leaving = DeactivateCustomer(customer_id=id, occurred_at=early)
    with pytest.raises(MoveOutOfOrder):
        await imported(house.log, leaving, 2, source=False)
    first = await imported(house.log, leaving, 2, key="two")
    again = await imported(house.log, leaving, 2, key="two")
    assert (again.position, again.repeated) == (first.position, True)
    await imported(house.log, ReactivateCustomer(customer_id=id, occurred_at=MARCH + timedelta(days=1)), 3)

    entries = (await client.get(f"/v1/customers/{id}/history")).json()["entries"]
    assert [(entry["type"], entry["occurred_at"], entry["source"]["stated_at"]) for entry in entries] == [
        ("customer.registered", "2026-03-01T00:00:00+00:00", None),
        ("customer.deactivated", "2026-03-01T00:00:00+00:00", "2026-02-28T00:00:00+00:00"),
        ("customer.reactivated", "2026-03-02T00:00:00+00:00", None),
    ]
