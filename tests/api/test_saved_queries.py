"""Saved queries over HTTP: kept, shared, scheduled and deleted by who saved them, and their answers fetched."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import uuid4

import pyarrow as pa
import pytest
from pyarrow import ipc, parquet

from api import keys
from projections.query_runs import Run, keep
from tests.api.conftest import client_of

pytestmark = pytest.mark.anyio

DUE = datetime(2026, 1, 5, 6, 30, tzinfo=UTC)


@pytest.fixture
async def colleague(app, settings, store):
    token = keys.create(settings.database_url, store, "acme", "colleague", ["read"])
    async with client_of(app, token) as client:
        yield client


async def saved(client, **body) -> str:
    body = {"name": "payments", "sql": "SELECT 1 AS one", **body}
    answer = await client.post("/v1/commands/save-query", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def does(client, command: str, status: int = 200, **body):
    answer = await client.post(f"/v1/commands/{command}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def ran(house, query, *, due=DUE, rows=None, why=None) -> None:
    answer = None
    if rows is not None:
        sink = io.BytesIO()
        parquet.write_table(pa.Table.from_pylist(rows), sink)
        answer = sink.getvalue()
    digest = sha256(answer).hexdigest() if answer else None
    state = "finished" if answer else "failed"
    run = Run(due, state, why, 1, 1, "kronika 1", due, rows and len(rows), rows and False, digest)
    async with house.log.connection() as connection:
        assert await keep(connection, "acme", query, run, answer, 30)
        assert not await keep(connection, "acme", query, run, answer, 30)


async def test_whoever_may_read_keeps_queries_of_its_own_and_shares_them_if_it_likes(client, colleague, project):
    query = await saved(colleague)
    await does(colleague, "schedule-query", query_id=query, cron="30 6 * * 1-5", zone="Asia/Shanghai", keep=7)
    await project()
    (shown,) = (await colleague.get("/v1/saved-queries")).json()["items"]
    assert (shown["id"], shown["owner"], shown["shared"]) == (query, "colleague", False)
    assert (shown["cron"], shown["zone"], shown["keep"]) == ("30 6 * * 1-5", "Asia/Shanghai", 7)
    for path in ("", "/runs", "/answer"):
        assert (await client.get(f"/v1/saved-queries/{query}{path}")).status_code == 404, "it is not shared"
    assert (await client.get("/v1/saved-queries")).json()["items"] == []
    await does(client, "change-query", 404, query_id=query, name="mine")
    await does(colleague, "change-query", query_id=query, name="payments by day", shared=True)
    await project()
    assert (await client.get(f"/v1/saved-queries/{query}")).json()["name"] == "payments by day"
    refused = await does(client, "delete-query", 409, query_id=query)
    assert refused["type"] == "/problems/not-the-owner"
    await does(colleague, "unschedule-query", query_id=query)
    await does(colleague, "delete-query", query_id=query)
    await project()
    assert (await colleague.get(f"/v1/saved-queries/{query}")).status_code == 404
    assert (await does(colleague, "change-query", 409, query_id=query, name="again"))["allowed"] == ["save-query"]


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("how many payments were there?", "syntax error"),
        ("SELECT sum(amount FROM payments", "syntax error"),
        ("DROP TABLE events", "one SELECT is needed"),
        ("SELECT 1; SELECT 2", "no other statement"),
        ("-- later", "no other statement"),
        ("SELECT " + "(" * 20_000, "one SELECT is needed"),
    ],
    ids=lambda text: text[:20],
)
async def test_a_query_that_could_never_be_asked_is_not_kept(client, sql, says):
    query = await saved(client)
    for command, body in (("save-query", {"name": "payments"}), ("change-query", {"query_id": query})):
        answer = await client.post(f"/v1/commands/{command}", json={**body, "sql": sql})
        assert answer.status_code == 422, answer.text
        assert says in answer.text


async def test_answers_are_fetched_in_every_format_with_position_and_code(client, project, house, recorded):
    query = await saved(client)
    await project()
    assert (await client.get(f"/v1/saved-queries/{query}/answer")).status_code == 404, "it has not run"
    rows = [{"currency": "CNY", "amount": 5}]
    await ran(house, query, rows=rows)
    await ran(house, query, due=DUE + timedelta(days=1), why="There is no table 'x'.")
    failed, finished = (await client.get(f"/v1/saved-queries/{query}/runs")).json()["items"]
    assert (failed["state"], failed["why"]) == ("failed", "There is no table 'x'.")
    assert (finished["state"], finished["position"], finished["code"]) == ("finished", house.token(1), "kronika 1")
    answer = await client.get(f"/v1/saved-queries/{query}/answer")
    told = answer.json()
    assert (told["rows"], told["run"], answer.headers["x-position"]) == (rows, finished, house.token(1))
    assert [record["position"] for record in recorded(answer)] == [1], "on record is what it tells"
    stored = await client.get(f"/v1/saved-queries/{query}/answer?format=parquet&due_at=2026-01-05T06:30:00Z")
    assert parquet.read_table(io.BytesIO(stored.content)).to_pylist() == rows
    stream = await client.get(
        f"/v1/saved-queries/{query}/answer", headers={"Accept": "application/vnd.apache.arrow.stream"}
    )
    assert ipc.open_stream(stream.content).read_all().to_pylist() == rows
    assert (await client.get(f"/v1/saved-queries/{query}/answer?format=csv")).text == "currency,amount\r\nCNY,5\r\n"
    later = await client.get(f"/v1/saved-queries/{query}/answer?due_at=2026-01-06T06:30:00Z")
    assert later.status_code == 404, "that one failed"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"cron": "30 6 * *"}, "five fields"),
        ({"cron": "30 6 * * * *"}, "five fields"),
        ({"cron": "99 6 * * *"}, "no time that comes again"),
        ({"cron": "0 0 30 2 *"}, "no time that comes again"),
        ({"zone": "Middle/Earth"}, "no such time zone"),
        ({"zone": "../../etc/passwd"}, "no such time zone"),
        ({"keep": 0}, "keep"),
    ],
)
async def test_a_time_that_cannot_be_is_told_clearly(client, body, says):
    answer = await client.post(
        "/v1/commands/schedule-query", json={"query_id": str(uuid4()), "cron": "0 6 * * *", **body}
    )
    assert answer.status_code == 422
    assert says in answer.text
