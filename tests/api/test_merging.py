"""Customers merged and parted over HTTP: what is shown where, what is refused, and what it was before."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

pytestmark = pytest.mark.anyio

LINE = {"sku": "pump", "quantity": 2, "unit_price": "10.00"}


class Desk:
    """Whoever asks through the API."""

    def __init__(self, client, project):
        self.client, self.project = client, project

    async def asks(self, command: str, /, **body: Any) -> Any:
        answer = await self.client.post(f"/v1/commands/{command}", json=body)
        assert answer.status_code < 300, answer.text
        return answer.json()

    async def refused(self, command: str, /, **body: Any) -> Any:
        answer = await self.client.post(f"/v1/commands/{command}", json=body)
        assert answer.status_code == 409, answer.text
        return answer.json()

    async def sees(self, path: str, **asked: Any) -> Any:
        answer = await self.client.get(f"/v1/{path}", params=asked)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def person(self, name: str, **body: Any) -> str:
        return str((await self.asks("register-customer", kind="person", name=name, **body))["id"])

    async def ids(self, path: str, **asked: Any) -> set[str]:
        return {row["id"] for row in (await self.sees(path, **asked))["items"]}


@pytest.fixture
def desk(client, project):
    return Desk(client, project)


@pytest.fixture
async def pair(desk):
    """Two customers that are one, and all that hangs on the second: (survivor, merged, their things by list)."""
    mark = uuid4().hex[:8]
    survivor = await desk.person(f"Li Wei {mark}", emails=[f"li@{mark}.cn"])
    merged = await desk.person(f"Wei Li {mark}", emails=[f"wei@{mark}.cn"], tags=["vip"])
    opened = {"customer_id": merged, "title": "pumps", "amount": "20", "currency": "CNY"}
    things = {"opportunities": (await desk.asks("open-opportunity", **opened))["id"]}
    order = await desk.asks("place-order", customer_id=merged, currency="CNY", lines=[LINE])
    things["orders"] = order["id"]
    await desk.asks("confirm-order", order_id=order["id"])
    await desk.asks("invoice-order", order_id=order["id"], invoice_number=mark, amount="20")
    ticket = {"kind": "fault", "priority": "normal", "channel": "email", "subject": "It leaks"}
    things["tickets"] = (await desk.asks("open-ticket", customer_id=merged, **ticket))["id"]
    await desk.project()
    return survivor, merged, things


async def test_what_belongs_to_the_merged_one_is_shown_with_the_survivor_until_they_are_parted(desk, pair):
    survivor, merged, things = pair
    for merging, shown in ((None, False), ("merge-customers", True), ("unmerge-customers", False)):
        if merging:
            await desk.asks(merging, survivor_id=survivor, merged_id=merged)
            await desk.project()
        for path, id in things.items():
            assert (id in await desk.ids(path, customer_id=survivor)) is shown, path
            assert (id in await desk.ids(path, **{"customer_id.in": f"{survivor},{uuid4()}"})) is shown
            assert id in await desk.ids(path, customer_id=merged), "who asks for the merged one is answered as before"
        assert (things["orders"] in await desk.ids("receivables", customer_id=survivor)) is shown
        ageing = (await desk.sees("receivables/ageing", customer_id=survivor))["currencies"]
        assert [one["outstanding"] for one in ageing] == (["20.00"] if shown else [])
        board = await desk.sees("pipeline", customer_id=survivor)
        assert sum(stage["count"] for stage in board["stages"]) == shown
        sides = await desk.sees(f"customers/{survivor}/360")
        assert [row["id"] for row in sides["orders"]] == ([things["orders"]] if shown else [])
        assert [row["id"] for row in sides["open_opportunities"]] == ([things["opportunities"]] if shown else [])
        assert [row["id"] for row in sides["tickets"]] == ([things["tickets"]] if shown else [])
        assert [one["total"] for one in sides["order_totals"]] == (["20.00"] if shown else [])
        assert [one["outstanding"] for one in sides["receivables"]] == (["20.00"] if shown else [])
        for told in (sides["timeline"], (await desk.sees(f"customers/{survivor}/timeline"))["items"]):
            assert ("order.placed" in {event["type"] for event in told}) is shown
        steps = (await desk.sees(f"customers/{survivor}/replay"))["steps"]
        assert ("order.placed" in {step["entry"]["type"] for step in steps}) is shown


async def test_an_opportunity_moved_from_the_merged_one_to_the_survivor_is_shown_once(desk, pair):
    survivor, merged, things = pair
    await desk.asks("merge-customers", survivor_id=survivor, merged_id=merged)
    await desk.asks("link-opportunity-to-customer", opportunity_id=things["opportunities"], customer_id=survivor)
    await desk.project()
    told = (await desk.sees(f"customers/{survivor}/timeline"))["items"]
    assert [event["type"] for event in told].count("opportunity.opened") == 1


async def test_the_merged_one_is_left_out_of_lists_and_search_unless_it_is_asked_for(desk, pair):
    survivor, merged, _ = pair
    name = (await desk.sees(f"customers/{merged}"))["name"]
    await desk.asks("merge-customers", survivor_id=survivor, merged_id=merged, prefer={"name": "survivor"})
    await desk.project()
    assert merged not in await desk.ids("customers", limit=500)
    assert merged not in await desk.ids("customers", name=name)
    assert merged in await desk.ids("customers", **{"merged_into.null": "false", "limit": 500})
    assert await desk.ids("customers", merged_into=survivor) == {merged}
    assert (await desk.sees(f"customers/{merged}"))["merged_into"] == survivor
    assert (await desk.sees(f"customers/{survivor}"))["absorbed"] == [merged]
    email = (await desk.sees(f"customers/{merged}"))["emails"][0]
    assert [row["id"] for row in (await desk.sees("customers/search", q=email))["items"]] == [survivor]
    await desk.asks("unmerge-customers", survivor_id=survivor, merged_id=merged)
    await desk.project()
    assert merged in await desk.ids("customers", name=name)
    assert [row["id"] for row in (await desk.sees("customers/search", q=email))["items"]] == [merged]


async def test_both_rows_are_as_before_once_parted_but_for_when_they_were_last_touched(desk, pair):
    survivor, merged, _ = pair

    async def rows():
        touched = ("version", "position", "updated_at", "updated_recorded_at", "updated_by")
        return [
            {name: value for name, value in (await desk.sees(f"customers/{id}")).items() if name not in touched}
            for id in (survivor, merged)
        ]

    before = await rows()
    await desk.asks("merge-customers", survivor_id=survivor, merged_id=merged)
    await desk.project()
    assert (await rows())[0]["tags"] == ["vip"]
    await desk.asks("unmerge-customers", survivor_id=survivor, merged_id=merged)
    await desk.project()
    assert await rows() == before


async def test_a_customer_as_of_before_the_merge_shows_unmerged(desk, pair):
    survivor, merged, things = pair
    before = {id: await desk.sees(f"customers/{id}") for id in (survivor, merged)}
    then = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    answer = await desk.asks("merge-customers", survivor_id=survivor, merged_id=merged)
    await desk.project()
    for id in (survivor, merged):
        assert await desk.sees(f"customers/{id}", as_of=then) == before[id]
    assert (await desk.sees(f"customers/{merged}", known_at=answer["position"]))["merged_into"] == survivor
    steps = (await desk.sees(f"customers/{survivor}/replay", as_of=then))["steps"]
    assert {step["id"] for step in steps} == {survivor}, "what was another's then is not part of this life"
    await desk.asks("unmerge-customers", survivor_id=survivor, merged_id=merged)
    await desk.project()
    steps = (await desk.sees(f"customers/{survivor}/replay", known_at=answer["position"]))["steps"]
    assert things["orders"] in {step["id"] for step in steps}, "and what was its own then is"


async def test_between_the_two_events_of_a_merge_the_survivor_has_taken_over_and_both_stand(desk, pair):
    survivor, merged, things = pair
    answer = await desk.asks("merge-customers", survivor_id=survivor, merged_id=merged)
    await desk.project()
    history = (await desk.sees(f"customers/{survivor}/history"))["entries"]
    (inside,) = [entry["position"] for entry in history if entry["type"] == "customer.absorbed"]
    assert inside != answer["position"], "the merged one's own event comes after it"
    for position, both, theirs in ((inside, {survivor, merged}, False), (answer["position"], {survivor}, True)):
        known = {"known_at": position}
        assert await desk.ids("customers", **{"id.in": f"{survivor},{merged}"}, **known) == {survivor, merged}
        assert await desk.ids("customers", **known) & {survivor, merged} == both
        assert await desk.ids("customers/search", q="Li", **known) & {survivor, merged} == both
        card = await desk.sees(f"customers/{survivor}", **known)
        assert card["tags"] == ["vip"], "taken over in either case"
        assert (await desk.ids("orders", customer_id=survivor, **known) == {things["orders"]}) == theirs
        sides = await desk.sees(f"customers/{survivor}/360", **known)
        assert (things["orders"] in {row["id"] for row in sides["orders"]}) == theirs
        for part in ("timeline", "replay"):
            told = await desk.sees(f"customers/{survivor}/{part}", **known)
            streams = {one.get("stream_id") or one["id"] for one in told.get("items") or told["steps"]}
            assert (things["orders"] in streams) == theirs, part


async def test_the_answer_to_parting_names_what_stays_also_when_it_is_asked_again(desk, pair, client):
    survivor, merged, _ = pair
    await desk.asks("merge-customers", survivor_id=survivor, merged_id=merged)
    await desk.asks("rename-customer", customer_id=survivor, name="Li W.")
    body, headers = {"survivor_id": survivor, "merged_id": merged}, {"Idempotency-Key": uuid4().hex}
    for repeated in (False, True):
        answer = (await client.post("/v1/commands/unmerge-customers", json=body, headers=headers)).json()
        assert (answer["kept"], answer["repeated"]) == (["name"], repeated)
    assert "kept" not in await desk.asks("merge-customers", survivor_id=survivor, merged_id=merged)


async def test_a_command_on_the_merged_one_is_refused_and_names_the_survivor(desk, pair):
    survivor, merged, _ = pair
    await desk.asks("merge-customers", survivor_id=survivor, merged_id=merged)
    problem = await desk.refused("tag-customer", customer_id=merged, tag="late")
    assert problem["type"] == "/problems/customer-merged"
    assert survivor in problem["detail"]
    assert problem["allowed"] == ["unmerge-customers"]


async def test_those_below_a_merged_organisation_are_found_below_the_survivor(desk):
    group, branch, child = [
        (await desk.asks("register-customer", kind="organisation", name=name))["id"] for name in ("G", "B", "C")
    ]
    await desk.asks("set-parent", customer_id=child, parent_id=branch)
    await desk.asks("merge-customers", survivor_id=group, merged_id=branch)
    await desk.project()
    assert await desk.ids("customers", parent_id=group) == {child}


async def test_the_personal_data_of_the_merged_one_is_sealed_with_the_survivors_key(desk, pair, house):
    survivor, merged, _ = pair
    await desk.asks("merge-customers", survivor_id=survivor, merged_id=merged, prefer={"name": "merged"})
    house.log.keys.destroy("acme", UUID(merged))
    *_, entry = (await desk.sees(f"customers/{survivor}/history"))["entries"]
    assert entry["fields"]["particulars"]["name"].startswith("Wei Li")
    assert (await desk.sees(f"customers/{merged}/history"))["entries"][0]["fields"]["name"] is None
