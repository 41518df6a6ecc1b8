"""Asking for one thing as it was, or as it was known: what the routes take, and what they refuse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

pytestmark = pytest.mark.anyio

LATER = (datetime.now(UTC) + timedelta(days=2)).isoformat().replace("+00:00", "Z")


@pytest.fixture(scope="module")
async def life(app, key, project):
    """A customer named twice: its path, and the position after each name."""
    from tests.api.conftest import client_of

    id, positions = str(uuid4()), []
    async with client_of(app, key) as client:
        for name, said in (
            ("register-customer", {"kind": "person", "name": "王芳"}),
            ("rename-customer", {"name": "李丽"}),
        ):
            body = {"customer_id": id, **said, "occurred_at": f"2026-03-0{len(positions) + 1}T09:00:00Z"}
            answer = await client.post(f"/v1/commands/{name}", json=body)
            assert answer.status_code < 300, answer.text
            positions.append(answer.json()["position"])
    await project()
    return f"/v1/customers/{id}", positions


async def test_one_thing_is_shown_as_it_was_at_a_moment_a_day_or_a_position(client, life):
    path, (first, second) = life
    for asked, name in (
        ({"as_of": "2026-03-01T09:00:00Z"}, "王芳"),
        ({"as_of": "2026-03-01"}, "王芳"),
        ({"as_of": "2026-03-02"}, "李丽"),
        ({"known_at": first}, "王芳"),
        ({"known_at": second}, "李丽"),
        ({"known_at": datetime.now(UTC).isoformat().replace("+00:00", "Z")}, "李丽"),
        ({"as_of": "2026-03-05", "known_at": first}, "王芳"),
    ):
        answer = await client.get(path, params=asked)
        assert answer.status_code == 200, answer.text
        assert answer.json()["name"] == name
        assert "etag" not in answer.headers, "what was cannot be changed on condition"
    assert (await client.get(path, params={"as_of": "2026-03-01", "fields": "name"})).json() == {"name": "王芳"}


async def test_what_was_not_there_yet_is_not_found(client, life):
    path, _ = life
    for route in ("", "/history", "/blame"):
        answer = await client.get(path + route, params={"as_of": "2026-02-28"})
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")


async def test_the_history_ends_where_it_is_cut(client, life):
    path, (first, _) = life
    for asked in ({"as_of": "2026-03-01"}, {"known_at": first}):
        assert [e["version"] for e in (await client.get(path + "/history", params=asked)).json()["entries"]] == [1]


async def test_each_field_names_who_set_it_when_and_by_which_event(client, life):
    path, (_, second) = life
    fields = {one["field"]: one for one in (await client.get(path + "/blame")).json()["fields"]}
    assert fields["name"]["value"] == "李丽"
    by = fields["name"]["set_by"]
    assert (by["type"], by["version"], by["position"], by["actor"]) == ("customer.renamed", 2, second, "tester")
    assert by["occurred_at"].startswith("2026-03-02T09:00:00")


async def test_a_difference_is_told_field_by_field_with_its_events(client, life):
    path, (first, second) = life
    for asked in ({"from": "2026-03-01"}, {"from": "2026-03-01", "to": "2026-03-02"}, {"from": first, "to": second}):
        (one,) = (await client.get(path + "/diff", params=asked)).json()["fields"]
        assert (one["field"], one["old"], one["new"]) == ("name", "王芳", "李丽")
        assert [event["type"] for event in one["events"]] == ["customer.renamed"]
    assert (await client.get(path + "/diff", params={"from": second})).json() == {"fields": []}


async def test_the_sides_of_a_difference_may_be_one_moment_known_at_two(client, life):
    """What has become of what we thought of the third of March."""
    path, (first, second) = life
    day = {"from": "2026-03-03", "to": "2026-03-03"}
    for known in ({"from_known_at": first}, {"from_known_at": first, "to_known_at": second}):
        (one,) = (await client.get(path + "/diff", params=day | known)).json()["fields"]
        assert (one["field"], one["old"], one["new"]) == ("name", "王芳", "李丽")
    for known in ({}, {"from_known_at": first, "to_known_at": first}):
        assert (await client.get(path + "/diff", params=day | known)).json() == {"fields": []}


async def test_a_life_is_told_step_by_step_across_all_streams_of_the_customer(client, life, project):
    path, (first, second) = life
    customer = path.rpartition("/")[2]
    line = {"sku": "pump", "quantity": 2, "unit_price": "10.00"}
    for name, body in (
        ("place-order", {"customer_id": customer, "currency": "CNY", "lines": [line]}),
        ("classify-customer", {"customer_id": customer, "tier": "gold"}),
    ):
        assert (await client.post(f"/v1/commands/{name}", json=body)).status_code < 300
    await project()
    told = (await client.get(path + "/replay")).json()
    assert [step["entry"]["type"] for step in told["steps"]] == [
        "customer.registered",
        "customer.renamed",
        "order.placed",
        "customer.classified",
    ]
    assert [step["state"].get("name") for step in told["steps"]] == ["王芳", "李丽", None, "李丽"]
    assert told["steps"][3]["entry"]["changes"] == [{"field": "tier", "old": None, "new": "gold"}]
    assert told["next"] is None
    page = (await client.get(path + "/replay", params={"limit": 1, "after": first})).json()
    assert ([step["entry"]["position"] for step in page["steps"]], page["next"]) == ([second], second)
    walked, after = [], "1.0"
    while after:
        page = (await client.get(path + "/replay", params={"limit": 1, "after": after})).json()
        walked, after = walked + page["steps"], page["next"]
    assert walked == told["steps"], "page by page as all at once"
    then = (await client.get(path + "/replay", params={"as_of": "2026-03-01"})).json()
    assert [step["entry"]["version"] for step in then["steps"]] == [1]


@pytest.mark.parametrize(
    ("route", "asked", "problem"),
    [
        ("", {"as_of": LATER}, "bad-request"),
        ("", {"as_of": "2026-03-01T00:00:00"}, "bad-request"),
        ("", {"as_of": "yesterday"}, "bad-request"),
        ("", {"as_of": "2026-02-30"}, "bad-request"),
        ("", {"as_of": "1.1"}, "bad-request"),
        ("", {"known_at": LATER}, "bad-request"),
        ("", {"known_at": "1.999999999"}, "bad-position"),
        ("", {"known_at": "9.1"}, "bad-position"),
        ("", {"known_at": "soon"}, "bad-request"),
        ("/history", {"known_at": "soon"}, "bad-request"),
        ("/blame", {"as_of": LATER}, "bad-request"),
        ("/diff", {"from": "soon"}, "bad-request"),
        ("/diff", {"from": "2026-03-01", "to": "1.999999999"}, "bad-position"),
        ("/diff", {"from": "1.1", "from_known_at": "1.1"}, "bad-request"),
        ("/diff", {"from": "2026-03-01", "to_known_at": "1.999999999"}, "bad-position"),
    ],
)
async def test_a_moment_that_nobody_can_answer_for_is_refused(client, life, route, asked, problem):
    path, _ = life
    answer = await client.get(path + route, params=asked)
    assert answer.json()["type"] == f"/problems/{problem}", answer.text
    assert 400 <= answer.status_code < 500


async def test_a_moment_centuries_ago_is_a_moment_like_any_other(client, life):
    path, _ = life
    assert (await client.get(path, params={"as_of": "1582-10-15"})).status_code == 404
    assert len((await client.get(path + "/diff", params={"from": "1582-10-15"})).json()["fields"]) > 0
