"""The analytic views over HTTP: each documented, in every format, fresh, as of then, and only of one's own tenant."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
from datetime import date

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from psycopg import AsyncConnection
from pyarrow import ipc, parquet

from api import keys
from api.lakehouse import Lakehouse
from eventlog import feed
from eventlog.codec import Codec
from eventlog.connections import APP_ROLE
from eventlog.keys import NobodysKeys
from projections.analytics import VIEWS, lake
from projections.analytics.intake import Intake
from projections.analytics.macros import script

from .conftest import client_of
from .test_fuzz import TEXTS, in_order

pytestmark = pytest.mark.anyio

EVIL = "=HYPERLINK(1)</script>"

OF_MORE = (
    "forecast_accuracy",
    "backlog",
    "customer_growth",
    "next_best_actions",
    "stage_survival",
    "baskets",
    "next_products",
)
"""What this business is too small for."""


@pytest.fixture(scope="module")
async def analyse(settings, app):
    """Takes what is recorded into the lakehouse, as the analyst does."""
    url = str(settings.database_url)
    assert lake.prepare(url, settings.lake_path) == []

    async def taken_in() -> None:
        facts = Intake(lake.Lake.open(url, settings.lake_path))
        await facts.claim(facts.lake.checkpoints())
        async with await AsyncConnection.connect(url, autocommit=True, options=APP_ROLE) as own:
            async for page in feed.everything(own, Codec(NobodysKeys())):
                await facts.apply(page)
        await facts.commit()
        await facts.close()

    return taken_in


async def does(client, command: str, **body):
    answer = await client.post(f"/v1/commands/{command}", json=body)
    assert answer.status_code in (200, 201), answer.text
    return answer


@pytest.fixture(scope="module")
async def business(app, key, analyse):
    """Some of everything, in the tenant acme; answers the position after it."""
    async with client_of(app, key) as client:
        customer = (await does(client, "register-customer", kind="organisation", name="Li", region=EVIL)).json()["id"]
        sale = (await does(client, "open-opportunity", title="pumps", customer_id=customer, amount=500, currency="CNY",
                           owner=EVIL, occurred_at="2025-01-10T09:00:00Z")).json()["id"]  # fmt: skip
        await does(client, "win-opportunity", opportunity_id=sale, occurred_at="2025-01-20T09:00:00Z")
        line = {"sku": EVIL, "quantity": 2, "unit_price": "49.95"}
        order = (await does(client, "place-order", customer_id=customer, currency="CNY", lines=[line],
                            occurred_at="2025-02-01T09:00:00Z")).json()["id"]  # fmt: skip
        for command in ("confirm-order", "ship-order", "deliver-order"):
            await does(client, command, order_id=order, occurred_at="2025-02-02T09:00:00Z")
        invoice = {"invoice_number": "R1", "amount": "99.90", "occurred_at": "2025-02-03T09:00:00Z"}
        await does(client, "invoice-order", order_id=order, **invoice)
        ticket = (await does(client, "open-ticket", kind="fault", channel="mail", subject="leaks", team="north",
                             occurred_at="2025-02-04T09:00:00Z")).json()["id"]  # fmt: skip
        await does(client, "set-target", owner=EVIL, period="2025-Q1", amount="1000", currency="CNY")
        last = await does(client, "resolve-ticket", ticket_id=ticket, resolution="seal")
    await analyse()
    return last.headers["x-position"]


def place(position: str) -> tuple[int, ...]:
    """Where a position lies among others."""
    return tuple(map(int, position.split(".")))


def path_of(name: str) -> str:
    return f"/v1/analytics/{name.replace('_', '-')}"


async def test_every_view_is_listed_with_its_definition_columns_and_parameters(client):
    answer = (await client.get("/v1/analytics")).json()
    assert {"stage_moves", "deals"} < {table["name"] for table in answer["tables"]}
    told = answer["views"]
    assert [view["name"] for view in told] == list(VIEWS)
    for view in told:
        assert view["path"] == path_of(view["name"])
        assert len(view["definition"]) > 100
        assert view["columns"]
        for column in view["columns"]:
            assert column["kind"] in ("text", "id", "date") or column["unit"] or column["kind"] == "moment", column


async def test_the_views_are_told_as_a_script_for_a_duckdb_of_one_s_own(client):
    answer = await client.get("/v1/analytics/views.sql")
    assert answer.headers["content-type"].startswith("application/sql")
    assert answer.text == script()  # what it does: tests/projections/analytics/test_macros.py


async def test_every_view_answers_at_the_position_asked_for(client, business):
    for name, view in VIEWS.items():
        answer = await client.get(path_of(name), params={"min_position": business})
        assert answer.status_code == 200, answer.text
        assert place(answer.headers["x-position"]) >= place(business)
        told = answer.json()
        assert told["truncated"] is False
        assert all(list(row) == list(view.columns) for row in told["rows"])
        assert told["rows"] or name in OF_MORE, name


async def test_decimals_are_told_exactly_and_in_every_format_the_same(client, business):
    path = path_of("revenue")
    rows = (await client.get(path)).json()["rows"]
    assert (rows[0]["month"], rows[0]["revenue"]) == ("2025-02-01", "99.9000")
    table = parquet.read_table(io.BytesIO((await client.get(path, params={"format": "parquet"})).content))
    stream = (await client.get(path, headers={"Accept": "application/vnd.apache.arrow.stream"})).content
    assert ipc.open_stream(stream).read_all() == table
    assert isinstance(table.schema.field("revenue").type, pa.Decimal128Type)
    assert table.to_pylist()[0]["month"] == date(2025, 2, 1)
    text = (await client.get(path, headers={"Accept": "text/csv"})).text
    assert next(iter(csv.DictReader(io.StringIO(text))))["revenue"] == "99.9000"


async def test_cells_that_a_spreadsheet_would_run_are_told_as_text(client, business):
    asked = {"by": "product"}
    text = (await client.get(path_of("revenue"), params=asked | {"format": "csv"})).text
    assert next(iter(csv.DictReader(io.StringIO(text))))["dimension"] == f"'{EVIL}"
    assert (await client.get(path_of("revenue"), params=asked)).json()["rows"][0]["dimension"] == EVIL


async def test_a_series_is_ready_for_a_chart(client, business):
    told = (await client.get(path_of("funnel"), params={"format": "series"})).json()
    (line,) = told["series"]
    assert (told["mark"], told["x"]["column"], line["column"], line["unit"]) == (
        "bars",
        "stage",
        "reached",
        "opportunities",
    )
    assert line["points"][0] == ["Prospecting", 1]
    (counted,) = (await client.get(path_of("service_cycles"), params={"format": "series"})).json()["series"]
    assert (counted["column"], counted["unit"], counted["name"]) == ("count", "service cycles", "resolved")
    assert counted["points"] == [["fault", 1]], "each place once, with how many there are"


async def test_a_view_is_asked_as_of_then(client, business):
    path = path_of("win_rate")
    assert (await client.get(path)).json()["rows"][0]["won"] == 1
    assert (await client.get(path, params={"as_of": "2025-01-15"})).json()["rows"] == [], "it was open then"
    asked = {"as_of": "2025-01-15", "form": "cohort"}
    assert (await client.get(path, params=asked)).json()["rows"][0]["open"] == 1
    assert (await client.get(path, params={"known_at": business.partition(".")[0] + ".1"})).json()["rows"] == []


async def test_more_rows_than_asked_for_are_announced(client, business):
    answer = await client.get(path_of("funnel"), params={"limit": "2"})
    assert len(answer.json()["rows"]) == 2
    assert answer.json()["truncated"] is True
    as_csv = await client.get(path_of("funnel"), params={"limit": "2", "format": "csv"})
    assert as_csv.headers["x-truncated"] == "true"
    assert len(as_csv.text.splitlines()) == 3


@pytest.mark.parametrize(
    ("asked", "status", "says"),
    [
        ({"cohort": "week"}, 400, "cohort"),
        ({"surprise": "1"}, 400, "surprise"),
        ({"entered_from": "2025-02-30"}, 400, "entered_from"),
        ({"format": "xls"}, 400, "format"),
        ({"limit": "0"}, 400, "limit"),
        ({"as_of": "yesterday"}, 400, "as_of"),
        ({"as_of": "2999-01-01"}, 400, "yet to come"),
        ({"known_at": "1.999999999"}, 400, "beyond"),
        ({"min_position": "x"}, 400, "position"),
        ([("owner", "a"), ("owner", "b")], 400, "once"),
    ],
)
async def test_a_parameter_that_cannot_be_is_told_clearly(client, business, asked, status, says):
    answer = await client.get(path_of("funnel"), params=asked)
    assert answer.status_code == status
    assert says in answer.text


async def test_rates_are_told_by_currency(client, business):
    path = path_of("purchase_histories")
    for rates, says in (("USD", "USD:0.9"), ("USD:0", "more than 0"), ("USD:x", "a number")):
        answer = await client.get(path, params={"currency": "CNY", "rates": rates})
        assert answer.status_code == 400
        assert says in answer.text
    told = [
        (await client.get(path, params={"currency": "EUR", **rates})).json()["rows"][0]
        for rates in ({}, {"rates": "CNY:0.125,USD:0.9"})
    ]
    assert [(row["value"], row["without_rate"]) for row in told] == [(None, ["CNY"]), (99.9 * 0.125, [])]


async def test_what_the_lakehouse_has_not_taken_in_yet_is_waited_for_and_then_said(client, business, analyse):
    newer = (await does(client, "register-customer", kind="person", name="Han")).headers["x-position"]
    answer = await client.get(path_of("customer_growth"), params={"min_position": newer, "wait": "0.2"})
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/not-fresh-yet")
    waiting = asyncio.create_task(client.get(path_of("customer_growth"), params={"min_position": newer, "wait": "20"}))
    await analyse()
    assert (await waiting).json()["rows"][-1]["customers"] == 2


async def test_a_stranger_sees_nothing_of_it(app, business, settings, store):
    async with client_of(app, keys.create(settings.database_url, store, "rival", "spy")) as stranger:
        for name in VIEWS:
            answer = await stranger.get(path_of(name))
            assert answer.status_code == 200
            assert EVIL not in answer.text
            assert not any(row.get("customers", 1) for row in answer.json()["rows"]), name


async def test_who_may_not_ask_the_lakehouse_or_does_not_see_all_is_refused(app, client, business):
    async def asking(role: str) -> str:
        user = (await does(client, "register-user", name="Li")).json()["id"]
        await does(client, "assign-role", user_id=user, role=role)
        issued = await client.post("/v1/api-keys", json={"user_id": user, "label": "key", "scopes": ["read"]})
        return str(issued.json()["token"])

    rules = {
        "manager": {"analytics, customer, order": {"read": "all"}, "opportunity": {"read": "subtree"}},
        "analyst": {"analytics, customer, opportunity, order, ticket": {"read": "all"}},
        "administrator": {"user, team, tenant, api_key": {"read": "all", "administer": "all"}},
    }
    manager, analyst, sales = [await asking(role) for role in ("manager", "analyst", "sales_representative")]
    policy = json.dumps({"kronika": "policy/1", "roles": rules})
    newer = (await does(client, "set-policy", policy=policy)).headers["x-position"]
    query = {"sql": "SELECT sum(amount) AS amount FROM payments"}
    async with (
        client_of(app, analyst) as analysing,
        client_of(app, manager) as managing,
        client_of(app, sales) as selling,
    ):
        assert (await analysing.get(path_of("funnel"))).status_code == 200
        assert (await managing.get(path_of("receivables_ageing"))).status_code == 200
        assert (await managing.post("/v1/analytics/query", json=query)).status_code == 200
        for answer in (
            await managing.get(path_of("funnel")),
            await managing.get(f"{path_of('funnel')}/chart.svg"),
            *[await managing.get(path_of("funnel"), params={name: newer}) for name in ("known_at", "min_position")],
            await selling.get("/v1/analytics"),
            await selling.get("/v1/analytics/views.sql"),
            await selling.get(path_of("receivables_ageing")),
            await selling.post("/v1/analytics/query", json=query),
        ):
            assert answer.status_code == 403, answer.text
        nothing = await managing.post("/v1/analytics/query", json={"sql": "FROM stage_moves"})
        assert nothing.status_code == 400
        assert "There is no table 'stage_moves'; there are" in nothing.json()["detail"]
    await does(client, "set-policy", policy=None)


async def test_without_a_lakehouse_the_api_runs_and_says_what_is_missing(settings, house, client, monkeypatch):
    nowhere = settings.model_copy(update={"database_url": "postgresql://nobody:secret@127.0.0.1:1/none"})
    monkeypatch.setattr(house, "lakehouse", Lakehouse(nowhere))
    answer = await client.get(path_of("funnel"))
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/lakehouse-away")
    assert "secret" not in answer.text
    assert (await client.get("/v1/customers")).status_code == 200


async def test_a_lost_connection_to_the_catalog_is_made_anew(client, business, settings):
    assert (await client.get(path_of("funnel"))).status_code == 200
    async with await AsyncConnection.connect(str(settings.database_url), autocommit=True) as owner:
        await owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = '' AND pid <> pg_backend_pid() AND query ILIKE '%ducklake%'"
        )
    assert (await client.get(path_of("funnel"))).status_code == 200


async def test_a_question_that_takes_too_long_is_given_up(client, business, house, monkeypatch):
    assert (await client.get(path_of("funnel"))).status_code == 200  # the lakehouse is open
    monkeypatch.setattr(
        house.lakehouse, "_settings", house.settings.model_copy(update={"analytics_timeout_s": 0.2}), raising=True
    )
    endless = "WITH x AS (SELECT 1) SELECT count(*) AS n FROM range(100000000000) a"
    monkeypatch.setattr(VIEWS["funnel"], "sql", classmethod(lambda cls: endless))
    answer = await client.get(path_of("funnel"))
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/too-much"), answer.text


async def test_every_view_is_drawn(client, business):
    for name in ("funnel", "cohort_retention", "revenue"):
        answer = await client.get(f"{path_of(name)}/chart.svg", params={"as_of": "2025-12-31"})
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "image/svg+xml"
        assert answer.text.startswith("<svg")
        assert place(answer.headers["x-position"]) >= place(business)


async def test_a_page_with_a_chart_needs_nothing_from_elsewhere(client, business):
    answer = await client.get(f"{path_of('slippage')}/chart.html", params={"by": "owner"})
    page = answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert page.count("</script>") == 2, "what an owner is called does not end the script"
    assert re.findall(r"<(?:script|link|iframe)[^>]+(?:src|href)=", page) == []
    assert "vegaEmbed" in page
    assert len(page) > 500_000, "the library is in it"


# -- analysts' own SQL


async def query(client, sql: str, **more):
    return await client.post("/v1/analytics/query", json={"sql": sql, **more})


async def test_sql_is_asked_of_one_s_own_rows_at_the_position_wanted(client, app, business, settings, store):
    answer = await query(
        client, "SELECT what, owner, amount FROM opportunity_terms ORDER BY what", min_position=business
    )
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert [row["what"] for row in told["rows"]] == ["opened", "won"]
    assert (told["rows"][0]["owner"], told["rows"][1]["amount"]) == (EVIL, "500.0000")
    assert told["columns"][2] == {"name": "amount", "type": "decimal128(18, 4)"}
    assert place(answer.headers["x-position"]) >= place(business)
    before = await query(client, "SELECT count(*) AS n FROM events", as_of="2025-01-15")
    assert before.json()["rows"] == [{"n": 1}], "what has happened by then"
    assert (await query(client, "SELECT current_date AS day", as_of="2025-01-15")).json()["rows"] == [
        {"day": "2025-01-15"}
    ]
    async with client_of(app, keys.create(settings.database_url, store, "rival", "spy")) as stranger:
        assert (await query(stranger, "SELECT count(*) AS n FROM events")).json()["rows"] == [{"n": 0}]


async def test_sql_that_reaches_further_or_is_wrong_is_refused_with_a_reason(client, business):
    for sql, says in (
        ("SELECT * FROM lake.events", "without a schema"),
        ("SELECT * FROM read_text('/etc/passwd')", "read_text"),
        ("SELECT nonsense FROM events", "nonsense"),
        ("DROP TABLE events", "SELECT"),
        ("SELECT max(occurred_at) - min(occurred_at) AS span FROM events", "cast it, as in epoch(span)"),
        ("SELECT 'x'::BLOB AS b", "b is of a kind (binary)"),
        ("SELECT 'infinity'::DATE AS d", "not of the years 1 to 9999"),
        ("SELECT '294000-01-01'::TIMESTAMPTZ AS d", "not of the years 1 to 9999"),
    ):
        answer = await query(client, sql)
        assert (answer.status_code, answer.json()["type"]) == (400, "/problems/bad-query")
        assert says in answer.json()["detail"]


@pytest.mark.parametrize("format", ["json", "csv", "parquet", "arrow"])
async def test_columns_of_one_name_are_told_apart(client, business, format):
    answer = await query(client, "SELECT 1 AS a, 2 AS a, 3 AS a_1", format=format)
    assert answer.status_code == 200
    match format:
        case "json":
            assert answer.json()["rows"] == [{"a": 1, "a_2": 2, "a_1": 3}]
        case "csv":
            assert answer.text.split() == ["a,a_2,a_1", "1,2,3"]


async def test_a_query_has_rows_time_and_memory_within_limits(client, business, house, monkeypatch):
    few = await query(client, "FROM range(100) t(i)", limit=3, format="csv")
    assert (few.text.split(), few.headers["x-truncated"]) == (["i", "0", "1", "2"], "true")
    much = await query(client, "SELECT list(repeat('x', 1000000) || i) FROM range(100000) t(i)")
    assert (much.status_code, much.json()["type"]) == (503, "/problems/too-much")
    monkeypatch.setattr("projections.analytics.sandbox.asking.START_S", 600)
    monkeypatch.setattr(house.sandbox, "_settings", house.settings.model_copy(update={"analytics_timeout_s": 1.0}))
    async with asyncio.timeout(60):
        long = await query(client, ENDLESS)
    assert (long.status_code, long.json()["type"]) == (503, "/problems/too-much")
    assert "longer than 1 seconds" in long.json()["detail"]


ENDLESS = "SELECT sum(hash(i) % 7) FROM range(1000000000000) t(i)"
"""It takes time, and no memory."""


async def test_a_query_is_cancelled_by_its_id_and_by_its_tenant_alone(client, app, business, house, settings, store):
    id = "6b0f2c7e-5d43-5f0a-9c1b-0a5a1e5c0d01"
    running = asyncio.create_task(query(client, ENDLESS, query_id=id))
    while not house.sandbox._running:
        await asyncio.sleep(0.05)
    async with client_of(app, keys.create(settings.database_url, store, "rival", "spy")) as stranger:
        assert (await stranger.delete(f"/v1/analytics/query/{id}")).status_code == 404
    assert (await query(client, "SELECT 1", query_id=id)).status_code == 400
    assert (await client.delete(f"/v1/analytics/query/{id}")).status_code == 204
    answer = await running
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/query-cancelled")
    assert house.sandbox._running == {}


async def test_a_query_whose_caller_has_gone_is_ended(client, business, house):
    asking = asyncio.create_task(query(client, ENDLESS))
    while not house.sandbox._running:
        await asyncio.sleep(0.05)
    asking.cancel()
    async with asyncio.timeout(5):
        while house.sandbox._running:
            await asyncio.sleep(0.05)


@st.composite
def question(draw):
    name = draw(st.sampled_from(list(VIEWS)))
    known = [*VIEWS[name].model_fields, "format", "limit", "surprise"]
    texts = TEXTS.map(lambda text: text[:500])
    return name, draw(st.dictionaries(st.sampled_from(known), texts, max_size=3))


@examples(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(question=question())
async def test_any_question_is_answered_in_order(client, business, question):
    name, asked = question
    answer = await client.get(path_of(name), params=asked)
    assert answer.status_code < 500, answer.text
    if answer.headers["content-type"].startswith(("application/json", "application/problem")):
        in_order(answer)
