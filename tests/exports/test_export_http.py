"""Exports over HTTP: a whole list or feed as a file, of one position, in four formats that say the same."""

from __future__ import annotations

import asyncio
import base64
import csv
import hashlib
import io
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import openpyxl
import psycopg
import pyarrow as pa
import pytest
from pyarrow import parquet

from api import keys as api_keys
from projections.customer_card import CUSTOMER_CARD
from projections.export_files import clear_away
from projections.exports import EXPORT_ROWS
from tests.api.conftest import client_of
from tests.api.test_reads import asked
from tests.workers.conftest import eventually, running, value
from workers.clerk import clerk
from workers.exports.task import Exporting
from workers.projector import project as projector

from .conftest import ended

pytestmark = pytest.mark.anyio

NAMES = ["李雷", '=HYPERLINK("http://x")', "+49 30 1", "-1", "@cmd", 'Wu, "the" Great', "two\nlines", " ends\t"]


@pytest.fixture(scope="module", autouse=True)
async def company(app, key, project):
    """Customers with names of all kinds, and enough opportunities for more than a page."""
    async with client_of(app, key) as client:
        for number, name in enumerate(NAMES):
            await asked(
                client,
                "register-customer",
                kind="person",
                name=name,
                tags=["=1+1", "vip"][: number % 3],
                external_ids=[{"source": "shop", "id": f"-{number}"}],
                birthday="1890-01-31" if number == 0 else "1990-01-31",
            )
        many = [
            {
                "command": "open-opportunity",
                "body": {"title": f"=sale {number}", "amount": f"{number}.{number % 100:02}", "currency": "EUR"},
            }
            for number in range(600)
        ]
        assert (await client.post("/v1/commands", json=many)).status_code == 200
        await project()


async def listed(client, path, **parameters):
    """All rows of a list, page by page."""
    found, cursor = [], None
    while True:
        more = {"cursor": cursor} if cursor else {}
        page = (await client.get(path, params={"limit": "500", **parameters, **more})).json()
        found += page["items"]
        if (cursor := page["cursor"]) is None:
            return found


@pytest.mark.parametrize("resource", ["customers", "opportunities"])
async def test_json_lines_are_the_rows_of_the_list(client, exported, fetched, resource):
    columns = [
        name for name in (await listed(client, f"/v1/{resource}"))[0] if name not in ("age_days", "days_in_stage")
    ]
    told = await exported(resource, "jsonl", fields=columns, sort="created_at")
    rows = [json.loads(line) for line in (await fetched(told)).splitlines()]
    expected = await listed(client, f"/v1/{resource}", sort="created_at", fields=",".join(columns))
    assert rows == expected
    assert (told["state"], told["rows"], told["parked"]) == ("finished", len(expected), 0)


async def test_csv_says_the_same_and_no_spreadsheet_runs_it(client, exported, fetched):
    fields = ["name", "tags", "external_ids", "birthday", "active", "interactions", "created_at", "id"]
    file = await fetched(await exported("customers", "csv", sort="name", fields=fields))
    header, *rows = csv.reader(io.StringIO(file.decode(), newline=""))
    assert header == fields
    expected = await listed(client, "/v1/customers", sort="name", fields=",".join(fields))
    for row, meant in zip(rows, expected, strict=True):
        name, tags, external_ids, birthday, active, interactions, created_at, id = row
        assert name.removeprefix("'") == meant["name"]
        assert (name != meant["name"]) == (meant["name"][0] in "=+-@\t\r")
        assert (json.loads(tags), json.loads(external_ids)) == (meant["tags"], meant["external_ids"])
        assert (birthday, active, id) == (meant["birthday"], "true", meant["id"])
        assert interactions == ""
        assert datetime.fromisoformat(created_at) == datetime.fromisoformat(meant["created_at"])


async def test_numbers_stay_numbers(client, exported, fetched):
    fields, filters = ["title", "amount", "version"], {"amount.gte": "590"}
    expected = await listed(client, "/v1/opportunities", fields=",".join(fields), **filters)
    assert len(expected) == 10
    file = await fetched(await exported("opportunities", "csv", fields=fields, filters=filters))
    rows = [*csv.reader(file.decode().splitlines())][1:]
    assert [(title.removeprefix("'"), Decimal(amount)) for title, amount, _ in rows] == [
        (row["title"], Decimal(row["amount"])) for row in expected
    ]
    file = await fetched(await exported("opportunities", "xlsx", fields=fields, filters=filters))
    sheet = openpyxl.load_workbook(io.BytesIO(file)).active
    assert [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2)] == [
        ["'" + row["title"], float(row["amount"]), row["version"]] for row in expected
    ]
    assert {cell.data_type for cell in sheet["A"]} <= {"s", "inlineStr"}, "no formula"


async def test_a_spreadsheet_has_days_moments_and_flags(client, exported, fetched):
    fields = ["name", "birthday", "active", "created_at", "tags", "interactions"]
    file = await fetched(await exported("customers", "xlsx", sort="created_at", fields=fields))
    book = openpyxl.load_workbook(io.BytesIO(file))
    header, *rows = book["customers"].iter_rows(values_only=True)
    assert list(header) == fields
    expected = await listed(client, "/v1/customers", sort="created_at", fields=",".join(fields))
    for row, meant in zip(rows, expected, strict=True):
        name, birthday, active, created_at, tags, interactions = row
        assert name == ("'" + meant["name"] if meant["name"][0] in "=+-@" else meant["name"])
        shown = birthday if isinstance(birthday, str) else birthday.date().isoformat()
        assert shown == meant["birthday"], "what a spreadsheet has no day for is text"
        assert active is True
        assert abs(created_at.replace(tzinfo=UTC) - datetime.fromisoformat(meant["created_at"])) < timedelta(
            milliseconds=2
        )
        assert json.loads(tags) == meant["tags"]
        assert interactions is None


async def test_parquet_has_a_type_for_each_column(client, exported, fetched):
    told = await exported("customers", "parquet", sort="created_at")
    table = parquet.read_table(io.BytesIO(await fetched(told)))
    types = {field.name: field.type for field in table.schema}
    assert types["created_at"] == pa.timestamp("us", tz="UTC")
    assert (types["birthday"], types["active"], types["version"]) == (pa.date32(), pa.bool_(), pa.int64())
    assert types["tags"] == pa.list_(pa.string())
    amounts = parquet.read_table(io.BytesIO(await fetched(await exported("opportunities", "parquet"))))
    assert pa.types.is_decimal(amounts.schema.field("amount").type)
    assert sum(amounts["amount"].to_pylist()) == sum(
        Decimal(row["amount"]) for row in await listed(client, "/v1/opportunities")
    )
    expected = await listed(client, "/v1/customers", sort="created_at")
    for row, meant in zip(table.to_pylist(), expected, strict=True):
        assert row["name"] == meant["name"], "nothing is changed"
        assert row["created_at"] == datetime.fromisoformat(meant["created_at"])
        assert row["birthday"].isoformat() == meant["birthday"]
        assert (row["tags"], json.loads(row["external_ids"])) == (meant["tags"], meant["external_ids"])
        assert (row["id"], row["position"], row["interactions"]) == (meant["id"], meant["position"], None)


async def test_events_are_those_of_the_feed(client, exported, fetched):
    feed, page = [], {"next": "1.0", "events": [1]}
    while page["events"]:
        page = (await client.get("/v1/events", params={"limit": 1000, "after": page["next"]})).json()
        feed += page["events"]
    told = await exported("events", "jsonl", filters={"kinds": "customer,opportunity.opened"})
    rows = [json.loads(line) for line in (await fetched(told)).splitlines()]
    assert rows == [e for e in feed if e["stream"] == "customer" or e["type"] == "opportunity.opened"]
    assert len(rows) > 600


async def test_an_export_as_of_a_moment_of_two_clocks_is_the_list_as_of_then(client, exported, fetched):
    body = {"kind": "person", "name": "王芳", "occurred_at": "2026-03-01T09:00:00Z"}
    registered = (await client.post("/v1/commands/register-customer", json=body)).json()
    body = {"customer_id": registered["id"], "name": "李丽", "occurred_at": "2026-05-01T09:00:00Z"}
    renamed = (await client.post("/v1/commands/rename-customer", json=body)).json()
    for clocks, name in (
        ({"as_of": "2026-03-31"}, "王芳"),
        ({"known_at": registered["position"]}, "王芳"),
        ({"known_at": renamed["position"], "as_of": "2026-05-02"}, "李丽"),
        ({"known_at": datetime.now(UTC).isoformat()}, "李丽"),
    ):
        told = await exported("customers", "jsonl", sort="name", **clocks)
        file = await fetched(told)
        rows = [json.loads(line) for line in file.splitlines()]
        assert rows == await listed(client, "/v1/customers", sort="name", **clocks), clocks
        assert [row["name"] for row in rows if row["id"] == registered["id"]] == [name]
        assert [told[clock] is None for clock in ("as_of", "known_at")] == [
            clock not in clocks for clock in ("as_of", "known_at")
        ]
    again = await exported("customers", "jsonl", sort="name", **clocks)
    assert again["sha256"] == told["sha256"] == hashlib.sha256(file).hexdigest(), "what was known stays as it was"
    (history,) = (await client.get(f"/v1/exports/{told['id']}/history", params={"limit": 1})).json()["entries"]
    assert history["fields"]["known_at"]


async def test_events_are_exported_as_of_a_moment_of_two_clocks_too(client, exported, fetched):
    body = {"kind": "person", "name": "Ann", "occurred_at": "2025-03-01T09:00:00Z"}
    registered = (await client.post("/v1/commands/register-customer", json=body)).json()
    await client.post("/v1/commands/tag-customer", json={"customer_id": registered["id"], "tag": "late"})

    async def exported_of_it(**clocks):
        file = await fetched(await exported("events", "jsonl", filters={"kinds": "customer"}, **clocks))
        events = map(json.loads, file.splitlines())
        return [event["type"] for event in events if event["stream_id"] == registered["id"]]

    assert await exported_of_it() == ["customer.registered", "customer.tagged"]
    assert await exported_of_it(as_of="2025-03-31") == ["customer.registered"]
    assert await exported_of_it(known_at=registered["position"]) == ["customer.registered"]
    assert await exported_of_it(known_at="2025-03-31") == []


@pytest.mark.parametrize(
    ("clocks", "problem"),
    [
        ({"as_of": "2999-01-01"}, "bad-request"),
        ({"as_of": "yesterday"}, "bad-request"),
        ({"known_at": "1.999999999"}, "bad-position"),
        ({"known_at": "9.1"}, "bad-position"),
    ],
)
async def test_an_export_as_of_what_nobody_can_know_is_refused_at_once(client, clocks, problem):
    answer = await client.post("/v1/exports", json={"resource": "customers", "format": "csv", **clocks})
    assert answer.json()["type"] == f"/problems/{problem}", answer.text


async def test_the_file_comes_with_its_type_name_length_and_digest_and_the_event_keeps_the_digest(client, exported):
    told = await exported("customers", "csv", filters={"tags.has": ["vip", "=1+1"]})
    answer = await client.get(f"/v1/exports/{told['id']}/file")
    digest = hashlib.sha256(answer.content)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-length"] == str(len(answer.content)) == str(told["bytes"])
    assert answer.headers["content-disposition"].startswith('attachment; filename="customers-')
    assert answer.headers["digest"] == "sha-256=" + base64.b64encode(digest.digest()).decode()
    assert answer.headers["x-position"] == told["shows"]
    history = (await client.get(f"/v1/exports/{told['id']}/history")).json()["entries"]
    assert [entry["type"] for entry in history] == ["export.requested", "export.finished"]
    assert history[0]["actor"] == "tester"
    assert history[1]["fields"]["sha256"] == digest.hexdigest()
    listed = (await client.get("/v1/exports", params={"state": "finished"})).json()["items"]
    assert told["id"] in {row["id"] for row in listed}


async def test_an_export_shows_what_was_recorded_before_it_was_asked_for(client, around, project, fetched):
    async with running(clerk(Exporting())(around)):
        name = f"late {uuid4()}"
        await asked(client, "register-customer", kind="person", name=name)
        told = await client.post("/v1/exports", json={"resource": "customers", "format": "jsonl"})
        done = await ended(client, project, told.headers["location"])
    assert name in (await fetched(done)).decode()


async def test_under_the_same_key_it_is_the_same_export(client):
    wanted = {"resource": "customers", "format": "csv"}
    first = await client.post("/v1/exports", json=wanted, headers={"Idempotency-Key": "for the board"})
    again = await client.post("/v1/exports", json=wanted, headers={"Idempotency-Key": "for the board"})
    assert first.json()["id"] == again.json()["id"]
    assert again.headers["idempotent-replayed"] == "true"
    wanted["format"] = "xlsx"
    other = await client.post("/v1/exports", json=wanted, headers={"Idempotency-Key": "for the board"})
    assert (other.status_code, other.json()["type"]) == (422, "/problems/idempotency-key-reused")


@pytest.mark.parametrize(
    ("wanted", "status", "says"),
    [
        ({"resource": "nonsense"}, 400, "possible: customers"),
        ({"filters": {"nonsense": "1"}}, 400, "possible:"),
        ({"filters": {"limit": "1"}}, 400, "no filter"),
        ({"sort": "nonsense"}, 400, "sorted"),
        ({"fields": ["nonsense"]}, 400, "possible:"),
        ({"resource": "events", "filters": {"kinds": "nonsense"}}, 400, "customer.registered"),
        ({"resource": "events", "sort": "actor"}, 400, "position"),
        ({"format": "pdf"}, 422, "errors"),
        ({"more": 1}, 422, "errors"),
    ],
)
async def test_what_cannot_be_exported_is_refused_at_once(client, wanted, status, says):
    answer = await client.post("/v1/exports", json={"resource": "customers", "format": "csv", **wanted})
    assert answer.status_code == status
    assert says in answer.text


async def test_a_cancelled_export_leaves_nothing(client, around, project):
    told = await client.post("/v1/exports", json={"resource": "customers", "format": "csv"})
    id = told.json()["id"]
    await project()
    waiting = await client.get(f"/v1/exports/{id}/file")
    assert (waiting.status_code, waiting.json()["type"]) == (409, "/problems/file-not-ready")
    assert (await client.post("/v1/commands/cancel-export", json={"export_id": id})).status_code == 200
    again = await client.post("/v1/commands/cancel-export", json={"export_id": id})
    assert (again.status_code, again.json()["type"]) == (409, "/problems/export-over")
    async with running(clerk(Exporting())(around)):
        assert (await ended(client, project, told.headers["location"]))["state"] == "cancelled"
    assert (await client.get(f"/v1/exports/{id}/file")).status_code == 409


async def test_one_that_is_cancelled_while_it_is_written_leaves_nothing_either(client, around, project, settings):
    async with (
        await psycopg.AsyncConnection.connect(str(settings.database_url), autocommit=True) as owner,
        running(clerk(Exporting())(around)),
    ):
        await eventually(lambda: at_it(settings, "SELECT tenant, id FROM read.exports%", "%"))
        async with owner.transaction():
            await owner.execute("LOCK TABLE exports.part IN EXCLUSIVE MODE")
            told = await client.post("/v1/exports", json={"resource": "customers", "format": "csv"})
            id = told.json()["id"]
            await project()
            await eventually(lambda: at_it(settings, "INSERT INTO exports.part%", "%"))
            assert (await client.post("/v1/commands/cancel-export", json={"export_id": id})).status_code == 200
        assert (await ended(client, project, told.headers["location"]))["state"] == "cancelled"
        await eventually(lambda: value(owner, "SELECT count(*) = 0 FROM exports.part WHERE export = %s", id))


async def test_what_does_not_fit_fails_with_a_reason(client, exported):
    customer = (await asked(client, "register-customer", kind="person", name="Wu"))["id"]
    lines = [{"sku": "x" * 60, "quantity": 1, "unit_price": 1} for _ in range(300)]
    await asked(client, "place-order", customer_id=customer, currency="EUR", lines=lines)
    told = await exported("orders", "xlsx", fields=["number", "lines"])
    assert told["state"] == "failed"
    assert "32,767" in told["why"]
    assert "lines" in told["why"]
    refused = await client.get(f"/v1/exports/{told['id']}/file")
    assert "32,767" in refused.json()["detail"]


async def test_files_expire_and_the_digest_stays(client, exported, house):
    told = await exported("pipelines", "csv")
    kept = "SELECT count(*) FROM exports.part WHERE export = %s"
    async with house.log.connection() as connection:
        assert await clear_away(connection) == 0
        assert (await (await connection.execute(kept, [told["id"]])).fetchone()) == (1,)
        expired = "UPDATE read.exports SET expires_at = now() - interval '1 s' WHERE id = %s"
        await connection.execute(expired, [told["id"]])
        assert await clear_away(connection) == 1
    gone = await client.get(f"/v1/exports/{told['id']}/file")
    assert (gone.status_code, gone.json()["type"]) == (410, "/problems/file-expired")
    assert (await client.get(f"/v1/exports/{told['id']}")).json()["sha256"] == told["sha256"]


async def test_another_tenant_exports_its_own_and_cannot_fetch_ours(client, app, settings, store, exported):
    told = await exported("customers", "csv")
    token = api_keys.create(str(settings.database_url), store, "umbrella", "wu")
    async with client_of(app, token) as other:
        assert (await other.get(f"/v1/exports/{told['id']}/file")).status_code == 404
        assert (await other.get(f"/v1/exports/{told['id']}")).status_code == 404
    reader = api_keys.create(str(settings.database_url), store, "acme", "reader", ["read"])
    async with client_of(app, reader) as other:
        assert (await other.post("/v1/exports", json={"resource": "customers", "format": "csv"})).status_code == 403
        assert (await other.get(f"/v1/exports/{told['id']}/file")).status_code == 200


async def test_after_kill_minus_nine_it_is_begun_again_and_the_same_comes_of_it(
    client, settings, project, fetched, around, kafka_bootstrap
):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KRONIKA_")} | {
        "KRONIKA_DATABASE_URL": settings.database_url,
        "KRONIKA_KAFKA_BOOTSTRAP": kafka_bootstrap,
        "KRONIKA_KEYS_PATH": str(settings.keys_path),
        "PGAPPNAME": "doomed clerk",
    }
    doomed = subprocess.Popen([sys.executable, "-m", "workers", "clerk"], env=environment)
    try:
        await eventually(lambda: at_it(settings, "SELECT tenant, id FROM read.exports%"), within_s=150)
        async with await psycopg.AsyncConnection.connect(str(settings.database_url)) as owner:
            await owner.execute("LOCK TABLE exports.part IN EXCLUSIVE MODE")
            told = await client.post("/v1/exports", json={"resource": "customers", "format": "xlsx", "sort": "name"})
            id = told.json()["id"]
            await project()
            await eventually(lambda: at_it(settings, "INSERT INTO exports.part%"), within_s=150)
            doomed.kill()
            doomed.wait()
    finally:
        doomed.kill()
        doomed.wait()
    async with running(clerk(Exporting())(around)):
        done = await ended(client, project, told.headers["location"])
    book = openpyxl.load_workbook(io.BytesIO(await fetched(done)))
    assert book["customers"].max_row == done["rows"] + 1
    async with await psycopg.AsyncConnection.connect(str(settings.database_url)) as owner:
        await clear_away(owner)
        cursor = await owner.execute("SELECT count(DISTINCT file) FROM exports.part WHERE export = %s", [id])
        assert await cursor.fetchone() == (1,), "what the dead process left is cleared away"


async def at_it(settings, query: str, who: str = "doomed clerk") -> bool:
    """Whether somebody (the clerk that will be killed) is, or was last, at such a query."""
    async with await psycopg.AsyncConnection.connect(str(settings.database_url)) as connection:
        cursor = await connection.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name LIKE %s AND query LIKE %s",
            [who, query],
        )
        return await cursor.fetchone() != (0,)


async def test_on_the_command_line_too(settings, fanout, kafka_bootstrap, tmp_path, around):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KRONIKA_")} | {
        "KRONIKA_DATABASE_URL": settings.database_url,
        "KRONIKA_KAFKA_BOOTSTRAP": kafka_bootstrap,
        "KRONIKA_KEYS_PATH": str(settings.keys_path),
    }
    out = tmp_path / "great.csv"

    async def command(*arguments):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "deploy.cli", "export", "--out", str(out), *arguments, "--tenant", "acme"),
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        return process.returncode, said.decode()

    async with running(projector(EXPORT_ROWS, CUSTOMER_CARD)(around)):
        code, said = await command("customers", "--filter", "active=true", "--sort", "name", "--fields", "name,id")
    assert code == 0, said
    assert hashlib.sha256(out.read_bytes()).hexdigest() in said.replace("\n", "")
    assert len([*csv.reader(io.StringIO(out.read_bytes().decode(), newline=""))]) > len(NAMES)
    assert [file.name for file in tmp_path.iterdir()] == ["great.csv"]
    for wrong, says in (
        (("--filter", "nonsense=1"), "possible:"),
        (("--as-of", "yesterday"), "--as-of"),
        (("--known-at", "1.999999"), "head"),
        (("--out", "/nowhere/great.csv"), "there is no directory /nowhere"),
    ):
        code, said = await command("customers", *wrong)
        assert code == 1
        assert says in said
