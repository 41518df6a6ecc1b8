"""Imports over HTTP: files go up, the clerk carries them out, and what came of each row comes down."""

from __future__ import annotations

import gzip
from uuid import UUID, uuid4

import pytest

from commands.importing.running import carry_out

from .shop import MAPPING, business, customers, files, orders, results, rows, sent

pytestmark = pytest.mark.anyio

HARMFUL = '=HYPERLINK("http://x")'


@pytest.fixture
def clerk(house, project):
    """Carries out one import, and has the read models follow."""

    async def done(id: str) -> None:
        await carry_out(house.log, "acme", UUID(id))
        await project()

    return done


async def state(client, id):
    answer = await client.get(f"/v1/imports/{id}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_two_files_become_customers_and_orders_with_their_own_dates(client, clerk, project):
    id = await sent(client, files(customers(20), orders(40, 20)))
    await project()
    assert (await state(client, id))["state"] == "asked"
    await clerk(id)
    told = await state(client, id)
    assert (told["state"], told["done"], told["failed"], told["known"]) == ("finished", 60, 0, 0)
    assert told["commands"] == 20 + 40 * 2 + 20
    assert told["progress"] | {"at": ""} == {
        "step": "orders",
        "units": 60,
        "of": 60,
        "failed": 0,
        "warnings": 0,
        "at": "",
    }
    found = await client.get("/v1/orders", params={"limit": "500", "total": "exact"})
    assert found.json()["total"] == 40
    assert {order["created_at"][:7] for order in found.json()["items"]} == {"2024-02"}
    done = await results(client, id, "done")
    assert len(done) == 60
    assert done[0]["kronika_file"] == "customers"
    assert done[0]["kronika_line"] == "2"
    assert done[0]["name"] == "客户 0"
    history = (await client.get(f"/v1/orders/{found.json()['items'][0]['id']}/history")).json()["entries"]
    of_orders = [row for row in done if row["kronika_file"] == "orders"]
    assert {e["event_id"] for e in history} <= {id for row in of_orders for id in row["kronika_events"].split()}
    assert history[0]["source"]["system"] == "shop"
    assert history[0]["source"]["job"] == id
    assert await results(client, id, "failed") == await results(client, id, "not-processed") == []


async def test_a_command_that_had_nothing_to_change_is_told(client, clerk):
    mapping = MAPPING.replace("source: shop", "source: stall").replace("ship-order", "deliver-order")
    delivery = files([("S1", "客户", "s1@example.com", "2024-01-01")], orders(2, 1))
    delivery["orders.csv"] = delivery["orders.csv"].replace(b"C0", b"S1")
    id = await sent(client, delivery, mapping=mapping)
    await clerk(id)
    told = [row["kronika_message"] for row in await results(client, id, "done") if row["kronika_kind"]]
    assert told == ["orders.csv:3: deliver-order had nothing to change"], "it was never shipped"


async def test_the_same_upload_again_adds_nothing(client, house, clerk):
    delivery = files(customers(5), orders(5, 5))
    await clerk(await sent(client, delivery))
    before = await business(house.log)
    id = await sent(client, delivery)
    await clerk(id)
    assert await business(house.log) == before
    told = await state(client, id)
    assert (told["done"], told["events"], told["known"]) == (10, 0, told["commands"])


async def test_under_the_same_key_it_is_the_same_import(client):
    key = {"Idempotency-Key": "monday's delivery"}
    delivery = [("files", file) for file in files(customers(1), []).items()]
    first = await client.post("/v1/imports", data={"mapping": MAPPING}, files=delivery, headers=key)
    again = await client.post("/v1/imports", data={"mapping": MAPPING}, files=delivery, headers=key)
    assert first.json() | {"repeated": True} == again.json()
    assert again.headers["idempotent-replayed"] == "true"
    other = [("files", file) for file in files(customers(2), []).items()]
    reused = await client.post("/v1/imports", data={"mapping": MAPPING}, files=other, headers=key)
    assert (reused.status_code, reused.json()["type"]) == (422, "/problems/idempotency-key-reused")


async def test_a_dry_run_finds_what_the_log_would_refuse_and_records_nothing(client, house, clerk):
    known, twin, nobody = uuid4().hex, uuid4().hex, uuid4().hex
    await clerk(await sent(client, files([(known, "in the log", f"{known}@x.cn", "2024-01-01")], [])))
    before = await business(house.log)
    rows_of = [
        ("new", "New", "new@x.cn", "2024-01-01"),
        (known, "known, and other than before", "", "2024-01-01"),
        (twin, "claims what the log has", f"{known}@x.cn", "2024-01-01"),
        (nobody, "claims what an earlier row has", "NEW@x.cn", "2024-01-01"),
        ("broken", "", "", "2024-01-01"),
    ]
    orders_of = [
        ("1", "new", "tea", "1", "2.50", "2024-02-01", "2024-02-02", "2024-02-02"),
        ("2", "missing", "tea", "1", "2.50", "2024-02-01", "2024-02-01", ""),
        ("3", "new", "tea", "1", "2.50", "2024-02-03", "2024-02-02", ""),
    ]
    id = await sent(client, files(rows_of, orders_of), dry_run="true")
    await clerk(id)
    assert await business(house.log) == before
    assert (await state(client, id))["state"] == "finished"
    failed = [
        (row["kronika_file"], row["kronika_line"], row["kronika_kind"]) for row in await results(client, id, "failed")
    ]
    assert failed == [
        ("customers", "3", "duplicate"),
        ("customers", "4", "duplicate"),
        ("customers", "5", "duplicate"),
        ("customers", "6", "validation"),
        ("orders", "3", "not found"),
    ]
    done = await results(client, id, "done")
    assert [row["kronika_line"] for row in done] == ["2", "2", "4"]
    assert done[-1]["kronika_kind"] == "warning"
    assert "2024-02-02" in done[-1]["kronika_message"]

    answer = await client.post("/v1/commands/start-import", json={"import_id": id})
    assert answer.status_code == 200, answer.text
    await clerk(id)
    assert [
        (r["kronika_file"], r["kronika_line"], r["kronika_kind"]) for r in await results(client, id, "failed")
    ] == failed
    told = await state(client, id)
    assert (told["state"], told["dry_run"], told["failed"], told["warnings"]) == ("finished", False, 5, 1)
    assert len(await business(house.log)) == len(before) + told["events"]


async def test_a_move_that_its_source_dates_too_early_is_told_with_both_moments(client, clerk):
    id = await sent(
        client,
        files(
            [("late", "Late", "", "2024-01-01")], [("late", "late", "tea", "1", "1", "2024-02-03", "2024-02-01", "")]
        ),
    )
    await clerk(id)
    assert (await state(client, id))["warnings"] == 1
    [_, order] = await results(client, id, "done")
    assert order["kronika_kind"] == "warning"
    assert "order.confirmed was stated at 2024-02-01" in order["kronika_message"]
    assert "2024-02-03" in order["kronika_message"]


async def test_failed_rows_are_corrected_and_done_alone(client, house, clerk):
    good, bad = uuid4().hex, uuid4().hex
    delivery = files(
        [(good, "Good", "", "2024-01-01"), (bad, "", "", "2024-01-01")],
        [
            ("F1", good, "tea", "1", "-2.50", "2024-02-01", "2024-02-01", ""),
            ("F2", bad, "tea", "1", "2.50", "2024-02-01", "2024-02-01", ""),
        ],
    )
    id = await sent(client, delivery)
    await clerk(id)
    answer = await client.get(f"/v1/imports/{id}/results/failed.csv")
    failed = rows(answer.content)
    assert [row["kronika_line"] for row in failed] == ["3", "2", "3"]
    assert failed[1]["price"] == "'-2.50"
    corrected = answer.content.replace(f"{bad},,".encode(), f"{bad},Better,".encode()).replace(b"'-2.50", b"2.50")
    assert corrected != answer.content
    before = await business(house.log)
    again = await client.post("/v1/imports", data={"corrects": id}, files=[("files", ("failed.csv", corrected))])
    assert again.status_code == 202, again.text
    await clerk(again.json()["id"])
    told = await state(client, again.json()["id"])
    assert (told["state"], told["done"], told["failed"], told["corrects"]) == ("finished", 3, 0, id)
    new = [event for event in await business(house.log) if event not in before]
    assert sorted(event[3] for event in new) == ["customer.registered", *["order.confirmed"] * 2, *["order.placed"] * 2]


@pytest.mark.parametrize("dry_run", ["true", "false"])
async def test_what_is_warned_of_is_counted_and_told_of_failed_rows_too(client, clerk, dry_run):
    mapping = MAPPING.replace("source: shop", f"source: {uuid4().hex}").replace('["{email}"]', '[{email: "{email}"}]')
    delivery = files(
        [("W1", "Warned", "no address", "2024-01-01"), ("W2", "Failed", "neither", "31.02.2024")],
        [
            ("1", "W1", "tea", "1", "1", "2024-02-03", "2024-02-01", ""),
            ("2", "W1", "tea", "1", "1", "2024-02-03", "2024-02-01", "2999-01-01"),
        ],
    )
    id = await sent(client, delivery, mapping=mapping, dry_run=dry_run)
    await clerk(id)
    told = await state(client, id)
    assert (told["done"], told["failed"], told["warnings"]) == (2, 2, 4)
    rows_of = [*await results(client, id, "done"), *await results(client, id, "failed")]
    messages = dict.fromkeys(row["kronika_message"] for row in rows_of)  # an order's rows say the same
    warned = ["no e-mail address", "order.confirmed was stated at 2024-02-01"]
    assert sum(message.count(words) for message in messages for words in warned) == 4

    again = await sent(client, delivery, mapping=mapping, dry_run="true")
    await clerk(again)
    assert (await state(client, again))["warnings"] == 4


async def test_a_file_may_be_sent_packed(client, clerk):
    packed = {f"{name}.gz": gzip.compress(content) for name, content in files(customers(2), orders(2, 2)).items()}
    id = await sent(client, packed, dry_run="true")
    await clerk(id)
    told = await state(client, id)
    assert (told["state"], told["done"]) == ("finished", 4), told["why"]


async def test_a_row_that_says_something_else_than_before_is_told_as_a_duplicate(client, clerk):
    id = uuid4().hex
    await clerk(await sent(client, files([(id, "One", "", "2024-01-01")], [])))
    again = await sent(client, files([(id, "Other", "", "2024-01-01")], []))
    await clerk(again)
    [row] = await results(client, again, "failed")
    assert (row["kronika_kind"], row["name"]) == ("duplicate", "Other")


async def test_a_cancelled_import_tells_what_it_did_not_come_to(client, clerk, project):
    id = await sent(client, files(customers(3), []))
    await project()
    assert (await client.post("/v1/commands/cancel-import", json={"import_id": id})).status_code == 200
    await clerk(id)
    assert (await state(client, id))["state"] == "cancelled"
    assert [row["kronika_line"] for row in await results(client, id, "not-processed")] == ["2", "3", "4"]
    again = await client.post("/v1/commands/cancel-import", json={"import_id": id})
    assert (again.status_code, again.json()["type"]) == (409, "/problems/import-over")


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "'=1", HARMFUL])
async def test_no_cell_of_the_results_is_run_by_a_spreadsheet_and_each_comes_back_as_it_was(client, clerk, cell):
    id = await sent(client, files([("", cell, cell, "2024-01-01")], []))
    await clerk(id)
    answer = await client.get(f"/v1/imports/{id}/results/failed.csv")
    [row] = rows(answer.content)
    assert row["name"] == "'" + cell
    assert not [one for one in row.values() if one.startswith(("=", "+", "-", "@", "\t", "\r"))]
    again = await client.post("/v1/imports", data={"corrects": id}, files=[("files", ("failed.csv", answer.content))])
    await clerk(again.json()["id"])
    [same] = await results(client, again.json()["id"], "failed")
    assert same["name"] == row["name"]


async def test_an_import_that_cannot_go_on_says_why(client, clerk):
    id = await sent(client, {"customers.csv": b"", "orders.csv": b"id\n1\n"})
    await clerk(id)
    told = await state(client, id)
    assert told["state"] == "failed"
    assert told["why"] == "customers: is empty"


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["customers.csv"], "The mapping also reads orders.csv; send it together with customers.csv."),
        (["orders.csv.gz"], "The mapping also reads customers.csv; send it together with orders.csv.gz."),
        (["customers.csv", "orders.csv", "orders.csv.gz"], "orders.csv is sent twice, once packed."),
        (["customers.csv", "order.csv"], "The mapping reads no order.csv; it reads customers.csv, orders.csv."),
    ],
)
async def test_a_delivery_that_is_not_what_the_mapping_reads_is_refused_at_once(client, names, says):
    delivery = [("files", (name, b"id\n1\n")) for name in names]
    answer = await client.post("/v1/imports", data={"mapping": MAPPING}, files=delivery)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/unfit-delivery")
    assert answer.json()["detail"] == says


@pytest.mark.parametrize(
    ("form", "named", "status", "problem"),
    [
        ({}, {"customers.csv": b""}, 422, "invalid"),
        ({"mapping": "no-such-mapping"}, {"customers.csv": b""}, 422, "bad-mapping"),
        ({"mapping": "no:\nmapping"}, {"customers.csv": b""}, 422, "bad-mapping"),
        ({"mapping": MAPPING}, {}, 422, "unfit-delivery"),
        ({"mapping": MAPPING}, {"other.csv": b""}, 422, "unfit-delivery"),
        ({"mapping": MAPPING}, {"../customers.csv": b""}, 422, "unfit-delivery"),
        ({"mapping": MAPPING, "dry_run": "perhaps"}, {"customers.csv": b""}, 422, "invalid"),
        ({"mapping": MAPPING, "surprise": "1"}, {"customers.csv": b""}, 422, "invalid"),
        ({"corrects": "x"}, {"failed.csv": b""}, 422, "invalid"),
        ({"corrects": str(uuid4())}, {"failed.csv": b""}, 404, "not-found"),
    ],
)
async def test_a_request_that_cannot_be_meant_is_refused(client, form, named, status, problem):
    sent = [("files", file) for file in named.items()] or [("mapping", (None, MAPPING))]
    answer = await client.post("/v1/imports", data=form, files=sent)
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{problem}"), answer.text


async def test_an_upload_has_its_limit(client, house):
    house.settings = house.settings.model_copy(update={"upload_max_bytes": 10_000})
    answer = await client.post(
        "/v1/imports", data={"mapping": MAPPING}, files=[("files", ("customers.csv", b"x" * 10_000))]
    )
    assert (answer.status_code, answer.json()["type"]) == (413, "/problems/too-large")

    async def endless():
        yield b'--b\r\nContent-Disposition: form-data; name="files"; filename="customers.csv"\r\n\r\n'
        for _ in range(1_000):
            yield b"x" * 1_000

    answer = await client.post(
        "/v1/imports", content=endless(), headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert answer.status_code == 413


async def test_a_key_that_only_reads_imports_nothing(app, settings, store):
    from api import keys
    from tests.api.conftest import client_of

    async with client_of(app, keys.create(settings.database_url, store, "acme", "reader", ["read"])) as reader:
        answer = await reader.post("/v1/imports", data={"mapping": MAPPING}, files=[("files", ("customers.csv", b""))])
    assert answer.status_code == 403
