"""Lists, the board and all sides of a customer as they were, or as they were known: what the routes take and refuse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest

from tests.api.conftest import client_of

pytestmark = pytest.mark.anyio

LATER = (datetime.now(UTC) + timedelta(days=2)).isoformat().replace("+00:00", "Z")
SPRING, SUMMER = "2026-03-31", "2026-06-30"
ROUTES = (
    "/v1/customers",
    "/v1/opportunities",
    "/v1/orders",
    "/v1/tickets",
    "/v1/receivables",
    "/v1/receivables/ageing",
    "/v1/stage-durations",
    "/v1/pipelines",
    "/v1/pipeline",
    "/v1/customers/search",
)


@pytest.fixture(scope="module")
async def sold(app, key, project):
    """A customer who was asked in March, bought in May and was renamed since: ids, and the position after each step."""
    ids = {name: str(uuid4()) for name in ("customer", "opportunity", "order", "ticket")}
    line = {"sku": "pump", "quantity": 2, "unit_price": "10.00"}
    worth = {"amount": "20.00", "currency": "CNY"}
    of_customer = {"customer_id": ids["customer"]}
    steps = (
        ("register-customer", "03-01", {"kind": "person", "name": "王芳", **of_customer}),
        ("open-opportunity", "03-02", {"title": "pumps", **worth, "opportunity_id": ids["opportunity"], **of_customer}),
        ("win-opportunity", "05-02", {"opportunity_id": ids["opportunity"]}),
        ("place-order", "05-03", {"order_id": ids["order"], "currency": "CNY", "lines": [line], **of_customer}),
        ("confirm-order", "05-03", {"order_id": ids["order"]}),
        ("invoice-order", "05-04", {"order_id": ids["order"], "invoice_number": "1"}),
        ("rename-customer", "07-01", {"name": "李丽", **of_customer}),
    )
    positions = []
    async with client_of(app, key) as client:
        for name, on, said in steps:
            answer = await client.post(f"/v1/commands/{name}", json={**said, "occurred_at": f"2026-{on}T09:00:00Z"})
            assert answer.status_code < 300, answer.text
            positions.append(answer.json()["position"])
    await project()
    return ids, positions


async def test_lists_show_what_was_with_filters_on_personal_fields(client, sold):
    _, positions = sold
    for asked, names in (
        ({"as_of": SPRING}, ["王芳"]),
        ({"as_of": "2026-07-01"}, ["李丽"]),
        ({"as_of": "2026-02-28"}, []),
        ({"as_of": SPRING, "name": "李丽"}, []),
        ({"as_of": SPRING, "name": "王芳"}, ["王芳"]),
        ({"known_at": positions[0]}, ["王芳"]),
        ({"known_at": positions[-1]}, ["李丽"]),
        ({"known_at": positions[0], "as_of": "2026-07-02"}, ["王芳"]),
        ({"known_at": "2020-01-01"}, []),
        ({"known_at": datetime.now(UTC).isoformat().replace("+00:00", "Z")}, ["李丽"]),
        ({}, ["李丽"]),
    ):
        answer = await client.get("/v1/customers", params=asked)
        assert answer.status_code == 200, answer.text
        assert [row["name"] for row in answer.json()["items"]] == names, asked
        assert answer.headers["x-position"]
    assert (await client.get("/v1/customers", params={"as_of": SPRING, "total": "exact"})).json()["total"] == 1


async def test_customers_are_found_by_what_they_were_called(client, sold):
    _, positions = sold
    for asked, q, names in (
        ({"as_of": SPRING}, "王", ["王芳"]),
        ({"as_of": SPRING}, "李", []),
        ({"known_at": positions[0]}, "王", ["王芳"]),
        ({"known_at": positions[-1]}, "李", ["李丽"]),
        ({}, "王", []),
    ):
        answer = await client.get("/v1/customers/search", params={"q": q, **asked})
        assert [row["name"] for row in answer.json()["items"]] == names, asked


async def test_the_board_shows_what_was_open_and_the_stages_how_long_it_had_been(client, sold):
    ids, positions = sold

    async def open_then(**asked):
        stages = (await client.get("/v1/pipeline", params=asked)).json()["stages"]
        return [card["id"] for stage in stages for card in stage["opportunities"]]

    assert await open_then(as_of=SPRING) == [ids["opportunity"]]
    assert await open_then(known_at=positions[1]) == [ids["opportunity"]]
    assert await open_then(as_of=SUMMER) == await open_then() == []
    path = f"/v1/opportunities/{ids['opportunity']}/stages"
    (visit,) = (await client.get(path, params={"as_of": SPRING})).json()["stages"]
    assert visit["left_at"] is None
    assert len((await client.get(path, params={"as_of": SUMMER})).json()["stages"]) == 2
    assert (await client.get(path, params={"as_of": "2026-03-01"})).status_code == 404


async def test_what_is_owed_is_aged_to_the_day_that_is_asked_about(client, sold):
    for day, sums in (("2026-05-04", "not_due"), ("2026-05-20", "days_1_30"), (SUMMER, "days_31_60")):
        (owed,) = (await client.get("/v1/receivables/ageing", params={"as_of": day})).json()["currencies"]
        assert (owed[sums], owed["outstanding"]) == ("20.00", "20.00"), day
        (row,) = (await client.get("/v1/receivables", params={"as_of": day})).json()["items"]
        assert row["outstanding"] == "20.00"
    assert (await client.get("/v1/receivables/ageing", params={"as_of": SPRING})).json()["currencies"] == []


async def test_all_sides_and_the_timeline_of_a_customer_as_of_then(client, sold):
    ids, positions = sold
    path = f"/v1/customers/{ids['customer']}"
    then = await client.get(f"{path}/360", params={"as_of": SPRING})
    assert (then.json()["card"]["name"], then.json()["orders"]) == ("王芳", [])
    assert [row["id"] for row in then.json()["open_opportunities"]] == [ids["opportunity"]]
    assert "etag" not in then.headers, "what was cannot be changed on condition"
    known = (await client.get(f"{path}/360", params={"known_at": positions[3]})).json()
    assert [row["id"] for row in known["orders"]] == [ids["order"]]
    assert known["receivables"] == []
    for asked, count in (({"as_of": SPRING}, 2), ({"known_at": positions[2]}, 3), ({}, 7)):
        assert len((await client.get(f"{path}/timeline", params=asked)).json()["items"]) == count
    for route in ("360", "timeline", "replay"):
        assert (await client.get(f"{path}/{route}", params={"as_of": "2026-02-28"})).status_code == 404


@pytest.mark.parametrize("route", ROUTES)
async def test_a_moment_that_nobody_can_answer_for_is_refused_of_lists_too(client, sold, route):
    sought = {"q": "a"} if route.endswith("search") else {}
    for asked, problem in (
        ({"as_of": LATER}, "bad-request"),
        ({"as_of": "yesterday"}, "bad-request"),
        ({"known_at": "1.999999999"}, "bad-position"),
        ({"known_at": "9.1"}, "bad-position"),
        ({"known_at": "soon"}, "bad-request"),
    ):
        answer = await client.get(route, params=asked | sought)
        assert answer.json()["type"] == f"/problems/{problem}", answer.text
    first_moment = "0001-01-01T00:00:00+14:00"
    for asked in (
        {"as_of": "1582-10-15"},
        {"known_at": "1.0"},
        {"known_at": "1582-10-15"},
        {"as_of": first_moment},
        {"known_at": first_moment},
        {"as_of": first_moment, "known_at": "1582-10-15"},
    ):
        assert (await client.get(route, params=asked | sought)).status_code == 200


async def test_what_a_restore_has_undone_was_never_known_and_where_to_resume_is_told(client, sold, house, settings):
    ids, positions = sold
    head = int(positions[-1].split(".")[1])
    one = f"/v1/customers/{ids['customer']}"
    with psycopg.connect(settings.database_url) as connection:
        connection.execute("INSERT INTO log.epochs (epoch, begins) VALUES (2, %s)", [head])
    try:
        house._epochs_read_at = 0.0
        await house.position("2.1")
        for route in (*ROUTES, *(one + part for part in ("", "/history", "/blame", "/360", "/timeline", "/replay"))):
            sought = {"q": "a"} if route.endswith("search") else {}
            answer = await client.get(route, params={"known_at": f"1.{head + 5}"} | sought)
            assert (answer.status_code, answer.json()["type"]) == (410, "/problems/position-abandoned"), route
            assert answer.json()["resume"] == f"2.{head}"
            assert (await client.get(route, params={"known_at": f"1.{head}"} | sought)).status_code == 200
        answer = await client.get(f"{one}/diff", params={"from": f"1.{head + 5}"})
        assert answer.json()["type"] == "/problems/position-abandoned"
        wanted = {"resource": "customers", "format": "csv", "known_at": f"1.{head + 5}"}
        assert (await client.post("/v1/exports", json=wanted)).status_code == 410
    finally:
        with psycopg.connect(settings.database_url) as connection:
            connection.execute("DELETE FROM log.epochs WHERE epoch = 2")
        house.epochs = type(house.epochs)()


async def test_a_cursor_belongs_to_the_moment_that_it_was_given_for(client, sold, key, app, project):
    for number in range(3):
        body = {"kind": "person", "name": f"Li {number}", "occurred_at": "2026-03-05T09:00:00Z"}
        assert (await client.post("/v1/commands/register-customer", json=body)).status_code < 300
    await project()
    first = (await client.get("/v1/customers", params={"as_of": SPRING, "limit": 2})).json()
    rest = await client.get("/v1/customers", params={"as_of": SPRING, "limit": 9, "cursor": first["cursor"]})
    assert len({row["id"] for row in (*first["items"], *rest.json()["items"])}) == 4
    elsewhere = await client.get("/v1/customers", params={"as_of": SUMMER, "limit": 9, "cursor": first["cursor"]})
    assert elsewhere.status_code == 400


async def test_what_was_known_at_a_position_waits_until_the_past_has_it(client, sold):
    body = {"kind": "person", "name": "Late", "occurred_at": "2026-03-05T09:00:00Z"}
    position = (await client.post("/v1/commands/register-customer", json=body)).json()["position"]
    answer = await client.get("/v1/customers", params={"known_at": position})
    assert answer.json()["type"] == "/problems/not-fresh-yet", answer.text


async def test_before_a_customer_was_there_it_has_no_timeline_though_its_order_is_dated_earlier(client, project):
    customer, line = str(uuid4()), {"sku": "pump", "quantity": 1, "unit_price": "1"}
    for name, on, body in (
        ("register-customer", "05-01", {"kind": "person", "name": "王芳"}),
        ("place-order", "03-01", {"currency": "CNY", "lines": [line]}),
    ):
        said = {"customer_id": customer, "occurred_at": f"2026-{on}T09:00:00Z", **body}
        assert (await client.post(f"/v1/commands/{name}", json=said)).status_code == 201
    await project()
    for path in ("", "/timeline", "/replay", "/360", "/history"):
        answer = await client.get(f"/v1/customers/{customer}{path}", params={"as_of": SPRING})
        assert answer.status_code == 404, path
