"""Commands over HTTP: what is answered to a good one, a repeated one, a stale one, and to whatever else is sent."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI

from commands.command import registered

pytestmark = pytest.mark.anyio

PERSON = {"kind": "person", "name": "李伟"}
REGISTER = "/v1/commands/register-customer"
RENAME = "/v1/commands/rename-customer"


async def registered_customer(client: httpx.AsyncClient, **more: object) -> str:
    answer = await client.post(REGISTER, json=PERSON | more)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def is_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["type"] == f"/problems/{code}"
    assert problem["status"] == status
    assert problem["instance"] == f"urn:uuid:{answer.headers['x-correlation-id']}"
    return problem


async def test_a_command_that_creates_is_answered_with_its_stream_and_position(client):
    answer = await client.post(REGISTER, json=PERSON)
    assert answer.status_code == 201
    body = answer.json()
    assert body["stream"] == "customer"
    assert body["version"] == 1
    assert body["types"] == ["customer.registered"]
    assert body["repeated"] is False
    assert answer.headers["etag"] == '"1"'
    assert answer.headers["location"] == f"/v1/customers/{body['id']}"
    assert answer.headers["x-position"] == body["position"]
    assert UUID(answer.headers["idempotency-key"])


async def test_a_command_that_changes_is_answered_200(client):
    id = await registered_customer(client)
    answer = await client.post(RENAME, json={"customer_id": id, "name": "李雷"})
    assert answer.status_code == 200
    assert answer.json()["version"] == 2
    assert "location" not in answer.headers


async def test_the_same_command_twice_gets_the_first_answer(client):
    sent = {"headers": {"Idempotency-Key": "once only"}, "json": PERSON}
    first = await client.post(REGISTER, **sent)
    second = await client.post(REGISTER, **sent)
    assert first.status_code == second.status_code == 201
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert second.json() == first.json() | {"repeated": True}


async def test_the_same_key_for_another_command_is_refused(client):
    headers = {"Idempotency-Key": "mine"}
    await client.post(REGISTER, headers=headers, json=PERSON)
    is_problem(
        await client.post(REGISTER, headers=headers, json=PERSON | {"name": "王芳"}), 422, "idempotency-key-reused"
    )


@pytest.mark.parametrize("unfit", ["", "x" * 256, "tab\there", "ü"])
async def test_a_key_that_cannot_be_kept_is_refused(client, unfit):
    is_problem(
        await client.post(REGISTER, headers={b"Idempotency-Key": unfit.encode("latin-1")}, json=PERSON),
        400,
        "bad-request",
    )


@pytest.mark.parametrize("version", ["1", '"1"'])
async def test_if_match_lets_pass_what_was_decided_on_the_present_version(client, version):
    id = await registered_customer(client)
    answer = await client.post(RENAME, headers={"If-Match": version}, json={"customer_id": id, "name": "李雷"})
    assert answer.status_code == 200


async def test_if_match_stops_what_was_decided_on_an_old_version(client):
    id = await registered_customer(client)
    answer = await client.post(RENAME, headers={"If-Match": '"7"'}, json={"customer_id": id, "name": "李雷"})
    is_problem(answer, 412, "stale-version")


@pytest.mark.parametrize("version", ["*", 'W/"1"', "one", '"1', '1"', '"-1"', "1, 2", "9" * 30])
async def test_an_if_match_that_is_no_version_is_refused(client, version):
    id = await registered_customer(client)
    answer = await client.post(RENAME, headers={"If-Match": version}, json={"customer_id": id, "name": "李雷"})
    is_problem(answer, 400, "bad-request")


async def test_a_refusal_names_the_moves_that_are_allowed(client):
    id = await registered_customer(client)
    await client.post("/v1/commands/deactivate-customer", json={"customer_id": id})
    problem = is_problem(
        await client.post("/v1/commands/tag-customer", json={"customer_id": id, "tag": "vip"}), 409, "customer-inactive"
    )
    assert "reactivate-customer" in problem["allowed"]


async def test_what_must_be_one_customers_own_is_refused_to_another(client):
    await registered_customer(client, emails=["one@example.com"])
    problem = is_problem(await client.post(REGISTER, json=PERSON | {"emails": ["one@example.com"]}), 409, "claim-taken")
    assert "one@example.com" not in json.dumps(problem)


async def test_an_id_that_exists_is_refused(client):
    id = await registered_customer(client)
    is_problem(await client.post(REGISTER, json=PERSON | {"customer_id": id}), 409, "already-exists")


async def test_an_unknown_id_is_not_found(client):
    is_problem(await client.post(RENAME, json={"customer_id": str(uuid4()), "name": "x"}), 404, "not-found")


async def test_an_unknown_command_is_not_found(client):
    is_problem(await client.post("/v1/commands/make-coffee", json={}), 404, "unknown-command")
    is_problem(await client.get("/v1/coffee"), 404, "no-such-route")


async def test_another_method_is_not_allowed(client):
    is_problem(await client.get(REGISTER), 405, "method-not-allowed")


DEEP = '{"a":' * 40 + "1" + "}" * 40


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "bad-body"),
        (b"{", 400, "bad-body"),
        (b"{} {}", 400, "bad-body"),
        (b"\xff\xfe{}", 400, "bad-body"),
        (b'{"kind": "person", "name": "\xed\xa0\x80"}', 400, "bad-body"),
        (b'{"kind": "person", "kind": "person", "name": "x"}', 400, "bad-body"),
        (b'{"kind": "person", "name": NaN}', 400, "bad-body"),
        (b'{"kind": "person", "name": "\0"}', 400, "bad-body"),
        (DEEP.encode(), 400, "bad-body"),
        (b"[" * 100_000 + b"]" * 100_000, 400, "bad-body"),
        (b'{"kind": "person", "name": "\\u0000"}', 422, "invalid"),
        (b'{"kind": "person", "name": "a", "\\u0000": 1}', 422, "invalid"),
        (b'{"kind": "person", "name": "\\ud800"}', 422, "invalid"),
        (b'{"kind": "person", "name": 1e999999999}', 422, "invalid"),
        (b'{"kind": "person", "name": 1e9999999999999999999999}', 422, "invalid"),
        (b'{"kind": "person", "name": ' + b"9" * 5000 + b"}", 422, "invalid"),
        (b'{"kind": "person", "name": "a", "surname": "b"}', 422, "invalid"),
        (b'{"kind": "robot", "name": "a"}', 422, "invalid"),
        (b'{"kind": "person"}', 422, "invalid"),
        (b"[]", 422, "invalid"),
        (b"null", 422, "invalid"),
        (b'{"kind": "person", "name": "a", "occurred_at": "2026-01-01T00:00:00"}', 422, "invalid"),
        (b'{"kind": "person", "name": "a", "occurred_at": 1767225600}', 422, "invalid"),
        (b'{"kind": "person", "name": "a", "occurred_at": "2999-01-01T00:00:00Z"}', 422, "future-moment"),
        (b'{"name": "' + b"x" * 1_000_000 + b'"}', 413, "too-large"),
    ],
)
async def test_whatever_is_no_command_is_answered_with_what_is_wrong(client, body, status, code):
    answer = await client.post(REGISTER, content=body, headers={"Content-Type": "application/json"})
    is_problem(answer, status, code)


async def test_faults_are_told_without_the_values(client):
    problem = is_problem(
        await client.post(REGISTER, json={"kind": "person", "name": 7, "emails": ["secret"]}), 422, "invalid"
    )
    assert [fault["loc"] for fault in problem["errors"]] == [["name"], ["emails", 0]]
    assert "secret" not in json.dumps(problem)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": None}, "name: text is expected"),
        ({"name": " "}, "name: its length is to be at least 1"),
        ({"kind": "robot"}, "kind: 'person' or 'organisation' is expected"),
        ({"nmae": "a"}, "nmae: not known here, leave it out"),
        ({"customer_id": 7}, "customer_id: an id like 6b0f2c7e-5d43-5f0a-9c1b-0a5a1e5c0d01 is expected"),
        ({"birthday": "soon"}, "birthday: a day is written like 2026-01-31"),
        ({"birthday": 86400}, "birthday: a day is written like 2026-01-31"),
        ({"occurred_at": "2026-01-01T00:00:00"}, "occurred_at: a moment with its zone like 2026-01-31T09:00:00Z"),
        ({"emails": ["a@example.com", "b"]}, "emails.1: an e-mail address looks like li.wei@example.com"),
        ({"phones": [{"raw": "12345"}]}, "phones.0.e164: needed, and missing"),
        ({"external_ids": "shop"}, "external_ids: a list is expected"),
    ],
)
async def test_a_fault_is_told_by_its_field_in_words_of_ours(client, fields, says):
    problem = is_problem(await client.post(REGISTER, json=PERSON | fields), 422, "invalid")
    assert says in problem["detail"]


async def test_of_many_faults_the_sentence_tells_the_first_and_the_list_all(client):
    problem = is_problem(await client.post(REGISTER, json={"a": 1, "b": 2, "c": 3}), 422, "invalid")
    assert len(problem["errors"]) == 5
    assert problem["detail"].endswith("more in `errors`.")


async def test_only_json_is_taken(client):
    is_problem(
        await client.post(REGISTER, content=b"{}", headers={"Content-Type": "text/plain"}), 415, "wrong-media-type"
    )
    is_problem(await client.post(REGISTER, content=b"{}"), 415, "wrong-media-type")
    packed = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    is_problem(await client.post(REGISTER, content=b"{}", headers=packed), 415, "wrong-media-type")


async def test_numbers_are_exact(client):
    raw = b'{"title": "t", "amount": 12345678901234.5678, "currency": "EUR"}'
    answer = await client.post(
        "/v1/commands/open-opportunity", content=raw, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 201, answer.text


async def test_trace_correlation_and_reason_travel_into_the_log(client, house):
    correlation, trace = str(uuid4()), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    answer = await client.post(
        REGISTER, json=PERSON | {"reason": "fair"}, headers={"X-Correlation-Id": correlation, "traceparent": trace}
    )
    assert answer.headers["x-correlation-id"] == correlation
    async with house.log.connection() as connection:
        cursor = await connection.execute(
            "SELECT correlation_id::text, trace, reason, actor FROM log.events WHERE stream_id = %s",
            [answer.json()["id"]],
        )
        assert await cursor.fetchall() == [(correlation, trace, "fair", "tester")]


@pytest.mark.parametrize("trace", ["nonsense", "00-" + "0" * 32 + "-00f067aa0ba902b7-01"])
async def test_a_trace_that_is_none_is_left_out(client, house, trace):
    answer = await client.post(REGISTER, json=PERSON, headers={"X-Correlation-Id": "nonsense", "traceparent": trace})
    assert UUID(answer.headers["x-correlation-id"])
    async with house.log.connection() as connection:
        cursor = await connection.execute("SELECT trace FROM log.events WHERE stream_id = %s", [answer.json()["id"]])
        assert await cursor.fetchall() == [(None,)]


async def test_every_command_is_documented_with_its_body(app: FastAPI):
    paths = app.openapi()["paths"]
    documented = {path.rpartition("/")[2]: item for path, item in paths.items() if path.startswith("/v1/commands/")}
    assert set(documented) == {registration.name for registration in registered()}
    for registration in registered():
        body = documented[registration.name]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert body["$ref"].endswith(f"/{registration.model.__name__}")


class TestBatch:
    async def test_each_item_of_a_list_is_answered_on_its_own_and_in_order(self, client):
        id = str(uuid4())
        items = [
            {"command": "register-customer", "key": "b1", "body": PERSON | {"customer_id": id}},
            {"command": "make-coffee", "body": {}},
            {"command": "rename-customer", "body": {"customer_id": id, "name": "李雷"}},
            {"command": "rename-customer", "if_match": 1, "body": {"customer_id": id, "name": "李明"}},
            {"command": "rename-customer", "body": {"customer_id": id}},
            {"command": "rename-customer", "body": {"customer_id": str(uuid4()), "name": "x"}},
            "nonsense",
        ]
        answer = await client.post("/v1/commands", json=items)
        assert answer.status_code == 200
        told = answer.json()
        assert [one["status"] for one in told] == [201, 404, 200, 412, 422, 404, 422]
        assert told[0]["key"] == "b1"
        assert told[2]["answer"]["version"] == 2
        assert told[1]["problem"]["type"] == "/problems/unknown-command"

    async def test_an_item_that_is_none_is_told_what_it_lacks(self, client):
        items = [{"body": PERSON}, {"command": "register-customer"}, {"command": "make-coffee", "body": {}}]
        told = [one["problem"] for one in (await client.post("/v1/commands", json=items)).json()]
        assert [one.get("errors", [{}])[0].get("loc") for one in told] == [["command"], ["body"], None]
        assert "'make-coffee'" in told[2]["detail"]

    async def test_lines_are_answered_as_lines(self, client):
        lines = [
            json.dumps({"command": "register-customer", "body": PERSON}),
            "{",
            "",
            '{"command": "register-customer"}',
        ]
        answer = await client.post(
            "/v1/commands", content="\n".join(lines), headers={"Content-Type": "application/x-ndjson"}
        )
        assert answer.headers["content-type"] == "application/x-ndjson"
        assert [json.loads(line)["status"] for line in answer.text.splitlines()] == [201, 400, 422]

    async def test_items_about_one_stream_keep_their_order(self, client):
        ids = [str(uuid4()) for _ in range(5)]
        items = [{"command": "register-customer", "body": PERSON | {"customer_id": id}} for id in ids]
        for turn in range(20):
            items += [{"command": "rename-customer", "body": {"customer_id": id, "name": f"n{turn}"}} for id in ids]
        told = (await client.post("/v1/commands", json=items)).json()
        assert {one["status"] for one in told} == {200, 201}
        for start in range(5):
            assert [one["answer"]["version"] for one in told[start::5]] == list(range(1, 22))

    async def test_a_thousand_go_together_and_one_more_does_not(self, client):
        items = [{"command": "register-customer", "body": PERSON}] * 1001
        is_problem(await client.post("/v1/commands", json=items), 413, "too-large")
        told = (await client.post("/v1/commands", json=items[:1000])).json()
        assert {one["status"] for one in told} == {201}
        assert len({one["answer"]["id"] for one in told}) == 1000

    async def test_the_same_key_twice_is_one_command(self, client):
        items = [{"command": "register-customer", "key": "twice", "body": PERSON}] * 2
        told = (await client.post("/v1/commands", json=items)).json()
        assert {one["answer"]["id"] for one in told} == {told[0]["answer"]["id"]}
        assert sorted(one["answer"]["repeated"] for one in told) == [False, True]

    @pytest.mark.parametrize("lines", [False, True])
    async def test_a_key_of_the_batch_is_one_for_each_item_that_has_none(self, client, lines):
        key, own = uuid4().hex, uuid4().hex
        register = {"command": "register-customer", "body": PERSON}
        items = [register, register | {"key": own}, register]
        headers = {"Idempotency-Key": key, "Content-Type": "application/x-ndjson" if lines else "application/json"}
        content = "\n".join(map(json.dumps, items)) if lines else json.dumps(items)

        async def told():
            answer = await client.post("/v1/commands", content=content, headers=headers)
            one_by_one = answer.text.splitlines() if lines else map(json.dumps, answer.json())
            return answer.headers["x-position"], [json.loads(one) for one in one_by_one]

        (position, first), (_, again) = await told(), await told()
        assert [one["key"] for one in first] == [f"{key}.1", own, f"{key}.3"]
        assert [one["answer"]["id"] for one in again] == [one["answer"]["id"] for one in first]
        assert all(one["answer"]["repeated"] for one in again)
        assert position == max((one["answer"]["position"] for one in first), key=lambda told: int(told.split(".")[1]))
        too_long = await client.post("/v1/commands", json=items, headers={"Idempotency-Key": "k" * 251})
        is_problem(too_long, 400, "bad-request")

    async def test_nothing_but_a_list_is_a_batch(self, client):
        is_problem(await client.post("/v1/commands", json={"command": "x"}), 422, "invalid")
        is_problem(
            await client.post("/v1/commands", content="x", headers={"Content-Type": "text/csv"}),
            415,
            "wrong-media-type",
        )


async def test_a_hundred_at_once_are_all_recorded(client):
    answers = await asyncio.gather(*(client.post(REGISTER, json=PERSON) for _ in range(100)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["position"] for answer in answers}) == 100
