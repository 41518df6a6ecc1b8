"""Reads over HTTP: as fresh as asked, page by page, of every read model, and never older than they say."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from projections import TABLES
from projections.reconciliations import Summary, keep

from .test_commands import PERSON, is_problem, registered_customer

pytestmark = pytest.mark.anyio


async def asked(client: httpx.AsyncClient, name: str, /, **body: Any) -> dict[str, Any]:
    answer = await client.post(f"/v1/commands/{name}", json=body)
    assert answer.status_code in (200, 201), answer.text
    told: dict[str, Any] = answer.json()
    return told


async def got(client: httpx.AsyncClient, path: str, /, **parameters: Any) -> Any:
    answer = await client.get(path, params={name.replace("__", "."): value for name, value in parameters.items()})
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-position"]
    return answer.json()


async def test_a_customer_reads_as_it_was_recorded(client, project):
    told = await asked(client, "register-customer", **PERSON, emails=["li@example.com"], tags=["vip", "a"])
    await project()
    answer = await client.get(f"/v1/customers/{told['id']}", params={"min_position": told["position"]})
    assert answer.status_code == 200
    assert answer.headers["etag"] == '"1"'
    customer = answer.json()
    assert customer["name"] == "李伟"
    assert customer["emails"] == ["li@example.com"]
    assert customer["tags"] == ["a", "vip"]
    assert customer["position"] == told["position"]
    assert "tenant" not in customer


async def test_a_read_model_that_is_behind_says_how_far(client, project):
    await project()
    await asked(client, "register-customer", **PERSON)
    told = await asked(client, "register-customer", **PERSON)
    answer = await client.get("/v1/customers", params={"min_position": told["position"], "wait": 0.05})
    problem = is_problem(answer, 503, "not-fresh-yet")
    assert problem["behind"] == 2
    assert answer.headers["retry-after"]


async def test_a_read_waits_until_the_read_model_is_there(client, project):
    told = await asked(client, "register-customer", **PERSON)
    waiting = [
        asyncio.create_task(client.get(path, params={"min_position": told["position"], "wait": 10}))
        for path in ("/v1/customers", f"/v1/customers/{told['id']}", f"/v1/customers/{told['id']}/timeline")
    ]
    await asyncio.sleep(0.1)
    assert not any(task.done() for task in waiting)
    await project()
    answers = await asyncio.gather(*waiting)
    assert {answer.status_code for answer in answers} == {200}


@pytest.mark.parametrize(
    ("token", "code"), [("nonsense", "bad-position"), ("9.1", "bad-position"), ("1.x", "bad-position")]
)
async def test_a_token_that_was_never_given_is_refused(client, token, code):
    is_problem(await client.get("/v1/customers", params={"min_position": token}), 400, code)


async def test_a_position_that_the_log_has_not_reached_is_refused_at_once(client):
    for path in ("customers", f"customers/{uuid4()}", f"customers/{uuid4()}/history", "events", "analytics/funnel"):
        answer = await client.get(f"/v1/{path}", params={"min_position": "1.999999999", "wait": 20})
        problem = is_problem(answer, 400, "bad-position")
        assert "beyond the log's head" in problem["detail"]


async def test_a_position_that_a_restore_has_undone_is_gone_with_where_to_resume(client, house, settings):
    head = (await asked(client, "register-customer", **PERSON))["position"].split(".")[1]
    with psycopg.connect(settings.database_url) as connection:
        connection.execute("INSERT INTO log.epochs (epoch, begins) VALUES (2, %s)", [int(head)])
    try:
        house._epochs_read_at = 0.0
        await house.position("2.1")
        problem = is_problem(
            await client.get("/v1/events", params={"after": f"1.{int(head) + 5}"}), 410, "position-abandoned"
        )
        assert problem["resume"] == f"2.{head}"
    finally:
        with psycopg.connect(settings.database_url) as connection:
            connection.execute("DELETE FROM log.epochs WHERE epoch = 2")
        house.epochs = type(house.epochs)()


async def test_pages_hold_every_row_once(client, project):
    for number in range(7):
        await asked(client, "register-customer", kind="person", name=f"n{number}", owner="pages")
    await project()
    seen, cursor = [], None
    while True:
        page = await got(
            client,
            "/v1/customers",
            owner="pages",
            limit=3,
            sort="-name",
            fields="name",
            total="exact",
            **({"cursor": cursor} if cursor else {}),
        )
        assert page["total"] == 7
        seen += [row["name"] for row in page["items"]]
        if (cursor := page["cursor"]) is None:
            break
    assert seen == [f"n{number}" for number in reversed(range(7))]


@pytest.mark.parametrize(
    "parameters",
    [
        {"surprise": "1"},
        {"sort": "shoe_size"},
        {"fields": "tenant"},
        {"limit": "501"},
        {"limit": "many"},
        {"cursor": "x"},
        {"total": "perhaps"},
        {"created_at.gte": "yesterday"},
        {"created_at.gte": "2026"},
        {"version.gte": "9" * 40},
        {"name.has": "x"},
        {"limit": ["1", "2"]},
        {"as_of": ["2026-01-01", "2026-02-01"]},
    ],
)
async def test_what_cannot_be_asked_is_answered_with_what_can(client, parameters):
    is_problem(await client.get("/v1/customers", params=parameters), 400, "bad-query")


@pytest.mark.parametrize("parameters", [{"wait": "31"}, {"wait": "nan"}, {"wait": "-1"}, {"min_position": "x" * 50}])
async def test_how_fresh_is_checked(client, parameters):
    problem = is_problem(await client.get("/v1/customers", params=parameters), 400, "bad-query")
    assert [[name] for name in parameters] == [fault["loc"] for fault in problem["errors"]]


@pytest.mark.parametrize(
    "address",
    [
        "customers?limit=0",
        "customers?wait=x",
        "customers/x",
        "customers/search?q=x&limit=0",
        "customers/6b1c1a1e-0000-4000-8000-000000000001/history?limit=0",
        "customers/6b1c1a1e-0000-4000-8000-000000000001/360?surprise=1",
        "events?limit=0",
        "pipeline?limit=501",
        "analytics/funnel?limit=0",
    ],
)
async def test_a_wrong_parameter_is_the_same_problem_whatever_is_asked(client, address):
    is_problem(await client.get(f"/v1/{address}"), 400, "bad-query")


@pytest.mark.parametrize(
    "path",
    [
        "customers/{}",
        "customers/{}/360",
        "customers/{}/timeline",
        "customers/{}/history",
        "opportunities/{}/stages",
        "orders/{}",
        "tickets/{}",
    ],
)
async def test_an_unknown_id_is_not_found(client, path):
    is_problem(await client.get("/v1/" + path.format(uuid4())), 404, "not-found")


async def test_nul_in_an_address_is_refused(client):
    is_problem(await client.get("/v1/customers/search?q=%00"), 400, "bad-request")


async def test_a_sale_reads_on_the_board_by_stage_in_its_history_and_on_the_timeline(client, project):
    customer = await registered_customer(client)
    sale = await asked(
        client,
        "open-opportunity",
        title="Pumps",
        customer_id=customer,
        amount="1000.50",
        currency="EUR",
        occurred_at="2026-01-01T00:00:00Z",
    )
    await asked(
        client, "move-opportunity", opportunity_id=sale["id"], stage="Proposal", occurred_at="2026-01-03T00:00:00Z"
    )
    won = await asked(client, "win-opportunity", opportunity_id=sale["id"], occurred_at="2026-01-04T12:00:00Z")
    other = await asked(client, "open-opportunity", title="Valves", customer_id=customer, amount="7", currency="EUR")
    await project()
    fresh = {"min_position": other["position"]}

    one = await got(client, f"/v1/opportunities/{sale['id']}", **fresh)
    assert one["amount"] == "1000.50"
    assert one["position"] == won["position"]

    stages = await got(client, f"/v1/opportunities/{sale['id']}/stages", **fresh)
    assert [stage["stage"] for stage in stages["stages"]] == ["Prospecting", "Proposal", "Won"]
    assert Decimal(stages["seconds"]) == 3.5 * 86400

    assert (await client.get("/v1/pipeline", params={**fresh, "pipeline_id": str(uuid4())})).status_code == 404
    board = await got(client, "/v1/pipeline", **fresh, title="Valves")
    assert (board["stages"][0]["stage"], board["stages"][0]["count"]) == ("Prospecting", 1)
    assert board["stages"][0]["worth"][0]["amount"] == "7"

    history = await got(client, f"/v1/opportunities/{sale['id']}/history")
    assert [entry["version"] for entry in history["entries"]] == [1, 2, 3]
    assert {"field": "stage", "old": "Prospecting", "new": "Proposal"} in history["entries"][1]["changes"]

    timeline = await got(client, f"/v1/customers/{customer}/timeline", **fresh, sort="position")
    assert [event["type"] for event in timeline["items"]][:2] == ["customer.registered", "opportunity.opened"]

    whole = await got(client, f"/v1/customers/{customer}/360", **fresh)
    assert whole["card"]["id"] == customer
    assert whole["open_opportunities"][0]["title"] == "Valves"


async def test_search_finds_parts_of_names_in_any_script(client, project):
    await asked(client, "register-customer", kind="person", name="欧阳修文", emails=["ouyang@example.com"])
    await project()
    for part in ("修", "欧阳", "ouyang", "example.com ouy"):
        found = await got(client, "/v1/customers/search", q=part)
        assert [row["name"] for row in found["items"]] == ["欧阳修文"]


async def test_what_is_owed_reads_by_age(client, project):
    await project()
    assert await got(client, "/v1/receivables") == {"items": [], "cursor": None}
    assert await got(client, "/v1/receivables/ageing") == {"currencies": []}


class TestParked:
    @pytest.fixture
    async def parked(self, client, project, settings):
        """A customer of whom one event could not be taken in."""
        told = await asked(client, "register-customer", **PERSON)
        await project()
        later = await asked(client, "rename-customer", customer_id=told["id"], name="李雷")
        await project()
        position = int(later["position"].split(".")[1])
        with psycopg.connect(settings.database_url) as connection:
            connection.execute(
                "INSERT INTO read.parked (slot, position, key, tenant, partition, event_id, type, error)"
                " SELECT 'customers', position, 'key', tenant, partition, event_id, type, 'ValueError'"
                " FROM log.events WHERE position = %s",
                [position],
            )
        yield told["id"], told["position"], later["position"]
        with psycopg.connect(settings.database_url) as connection:
            connection.execute("DELETE FROM read.parked")

    async def test_a_read_that_touches_it_says_so(self, client, parked):
        id, before, _ = parked
        for path in (f"/v1/customers/{id}", "/v1/customers", f"/v1/customers/{id}/360", "/v1/customers/search?q=李"):
            answer = await client.get(path, params=None if "?" in path else {"min_position": before})
            assert answer.status_code == 200, answer.text
            assert len(answer.headers["x-parked"]) == 36
        assert "x-parked" not in (await client.get("/v1/customers", params={"name": "nobody"})).headers

    async def test_asking_for_a_position_beyond_it_names_the_event(self, client, parked):
        id, _, after = parked
        for path in (f"/v1/customers/{id}", "/v1/customers", f"/v1/customers/{id}/360"):
            problem = is_problem(await client.get(path, params={"min_position": after}), 424, "parked")
            assert problem["event_id"]

    async def test_a_timeline_of_others_is_shown_beside_it(self, client, parked, settings):
        id, before, _ = parked
        with psycopg.connect(settings.database_url) as connection:
            connection.execute("UPDATE read.parked SET slot = 'timeline'")
        answer = await client.get(f"/v1/customers/{id}/timeline", params={"min_position": before})
        assert (answer.status_code, len(answer.headers["x-parked"])) == (200, 36), answer.text

    async def test_of_whom_the_first_event_cannot_be_read_it_is_told_which_one_that_is(self, client, project, settings):
        told = await asked(client, "register-customer", **PERSON)
        with psycopg.connect(settings.database_url) as connection:
            connection.execute(
                "UPDATE log.events SET personal = (SELECT json_object_agg(name, encode('unreadable', 'base64'))"
                " FROM json_object_keys(personal) AS name) WHERE stream_id = %s",
                [told["id"]],
            )
        await project()
        path = f"/v1/customers/{told['id']}"
        for route, params in (("", {}), ("/360", {}), ("/timeline", {}), ("", {"known_at": told["position"]})):
            problem = is_problem(await client.get(path + route, params=params), 424, "parked")
            assert problem["event_id"]
        is_problem(await client.get(path, params={"as_of": "2020-01-01"}), 404, "not-found")
        with psycopg.connect(settings.database_url) as connection:
            connection.execute("DELETE FROM read.parked")

    async def test_metrics_count_it(self, client, parked):
        text = (await client.get("/metrics")).text
        assert 'kronika_parked_keys{projection="customers"} 1.0' in text


class TestEvents:
    async def test_the_feed_goes_on_without_gaps(self, client):
        for _ in range(5):
            await asked(client, "register-customer", **PERSON)
        positions, after = [], None
        while True:
            page = await got(client, "/v1/events", limit=2, **({"after": after} if after else {}))
            if not page["events"]:
                break
            positions += [int(event["position"].split(".")[1]) for event in page["events"]]
            after = page["next"]
        assert positions == list(range(1, len(positions) + 1))
        assert page["next"] == after

    async def test_personal_fields_are_told_to_whom_they_belong(self, client):
        told = await asked(client, "register-customer", **PERSON)
        before = f"1.{int(told['position'].split('.')[1]) - 1}"
        (event,) = (await got(client, "/v1/events", after=before))["events"]
        assert event["type"] == "customer.registered"
        assert event["data"]["name"] == "李伟"
        assert event["stream_id"] == told["id"]

    async def test_an_empty_answer_is_held_back_until_something_happens(self, client):
        here = (await asked(client, "register-customer", **PERSON))["position"]
        waiting = asyncio.create_task(got(client, "/v1/events", after=here, wait=10))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        told = await asked(client, "register-customer", **PERSON)
        page = await waiting
        assert [event["position"] for event in page["events"]] == [told["position"]] == [page["next"]]

    async def test_nothing_new_in_time_is_an_empty_answer(self, client):
        here = (await asked(client, "register-customer", **PERSON))["position"]
        assert await got(client, "/v1/events", after=here, wait=0.1) == {"events": [], "next": here}

    async def test_only_the_types_and_streams_asked_for_are_told_and_the_feed_goes_on_after_all_else(self, client):
        here = (await asked(client, "register-customer", **PERSON))["position"]
        sale = (await asked(client, "open-opportunity", title="Pumps"))["id"]
        customer = (await asked(client, "register-customer", **PERSON))["id"]
        await asked(client, "rename-customer", customer_id=customer, name="李雷")
        last = (await asked(client, "open-opportunity", title="Valves"))["position"]

        page = await got(client, "/v1/events", after=here, type="customer.renamed,opportunity", limit=2)
        assert [(event["type"], event["stream_id"]) for event in page["events"]] == [
            ("opportunity.opened", sale),
            ("customer.renamed", customer),
        ]
        (event,) = (await got(client, "/v1/events", after=page["next"], type="customer.renamed, opportunity"))["events"]
        assert event["position"] == last
        assert await got(client, "/v1/events", after=here, type="ticket") == {"events": [], "next": last}

    async def test_whoever_waits_for_a_type_is_not_told_of_others(self, client):
        here = (await asked(client, "register-customer", **PERSON))["position"]
        waiting = asyncio.create_task(got(client, "/v1/events", after=here, type="opportunity.opened", wait=10))
        await asked(client, "register-customer", **PERSON)
        await asyncio.sleep(0.1)
        assert not waiting.done()
        told = await asked(client, "open-opportunity", title="Pumps")
        page = await waiting
        assert [event["position"] for event in page["events"]] == [told["position"]] == [page["next"]]

    async def test_a_type_that_there_is_not_is_refused_with_those_there_are(self, client):
        problem = is_problem(await client.get("/v1/events", params={"type": "order.eaten"}), 400, "bad-query")
        assert "order.placed" in problem["detail"]

    async def test_ahead_of_the_log_there_is_nothing_to_go_on_from(self, client):
        is_problem(await client.get("/v1/events", params={"after": "1.999999999"}), 400, "bad-position")


class TestHealth:
    async def test_it_lives_and_is_ready(self, client):
        assert (await client.get("/health/live")).json() == {"status": "live"}
        ready = (await client.get("/health/ready")).json()
        assert ready["status"] == "ready"
        assert {projection.name for projection in TABLES} == set(ready["projections"])

    async def test_metrics_tell_what_runs_and_what_lags(self, client):
        await asked(client, "register-customer", **PERSON)
        text = (await client.get("/metrics")).text
        for name in (
            "kronika_appends_total",
            "kronika_append_batch_size",
            "kronika_projection_lag_positions",
            "kronika_projection_lag_seconds",
            "kronika_parked_keys",
            "kronika_log_head",
            "kronika_http_request_seconds",
        ):
            assert name in text

    async def test_metrics_tell_what_the_last_reconciliation_found(self, client, house):
        assert "kronika_reconciled_rows" not in (await client.get("/metrics")).text
        async with house.log.connection() as connection:
            await keep(connection, Summary(datetime.now(UTC), "slice 1 of 64", 0, 5, 20, differed=2, healed=1))
        text = (await client.get("/metrics")).text
        assert "kronika_reconciled_differed 2.0" in text
        assert "kronika_reconciled_healed 1.0" in text
        assert "kronika_reconciled_at" in text
        assert "kronika_reconciled_missing" not in text, "Kafka was not compared"

    async def test_requests_are_counted_by_route_not_by_address(self, client):
        await client.get(f"/v1/customers/{uuid4()}")
        text = (await client.get("/metrics")).text
        assert 'kronika_http_request_seconds_count{route="/v1/customers/{id}",status="404"}' in text

    async def test_the_way_in_and_what_problems_mean(self, client):
        assert (await client.get("/")).json()["links"]["docs"] == "/docs"
        assert (await client.get("/docs")).status_code == 200
        assert (await client.get("/problems/customer-inactive")).json()["status"] == 409
        is_problem(await client.get("/problems/nonsense"), 404, "no-such-route")
