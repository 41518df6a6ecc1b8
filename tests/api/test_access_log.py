"""Who was shown what is on record before the answer leaves, on every route; and so is whom it was refused to."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql

from api import keys
from eventlog.accesses import Access

from .conftest import client_of
from .test_commands import PERSON, REGISTER, is_problem

pytestmark = pytest.mark.anyio

LOG = "/v1/access/log"


@pytest.fixture(scope="module")
async def customer(app, key, project) -> UUID:
    async with client_of(app, key) as client:
        registered = await client.post(REGISTER, json=PERSON)
    await project()
    return UUID(registered.json()["id"])


async def user_with(client, store, settings, *roles: str) -> tuple[str, str]:
    """A user's id, and a key of it."""
    user = (await client.post("/v1/commands/register-user", json={"name": "李伟"})).json()["id"]
    for role in roles:
        assert (await client.post("/v1/commands/assign-role", json={"user_id": user, "role": role})).status_code == 200
    issued = await client.post("/v1/api-keys", json={"user_id": user, "label": "test", "scopes": ["read", "write"]})
    return user, issued.json()["token"]


async def test_what_is_hidden_and_what_is_forbidden_is_on_record(app, client, customer, recorded, settings, store):
    nobody = uuid4()
    (record,) = recorded(await client.get(f"/v1/customers/{nobody}/360"))
    assert (record["outcome"], record["objects"]) == ("hidden", [nobody])
    (record,) = recorded(
        await client.post("/v1/commands/rename-customer", json={"customer_id": str(nobody), "name": "x"})
    )
    assert (record["outcome"], record["objects"]) == ("hidden", [nobody])
    reader = keys.create(settings.database_url, store, "acme", "reader", ["read"])
    async with client_of(app, reader) as client_that_reads:
        (record,) = recorded(await client_that_reads.post(REGISTER, json=PERSON))
        assert (record["actor"], record["outcome"], record["route"]) == ("reader", "forbidden", f"POST {REGISTER}")
        assert recorded(await client_that_reads.post("/v1/commands", json=[]))[0]["outcome"] == "forbidden"
    writer = keys.create(settings.database_url, store, "acme", "writer", ["write"])
    async with client_of(app, writer) as client_that_writes:
        (record,) = recorded(await client_that_writes.get(f"/v1/customers/{customer}/timeline"))
        assert (record["outcome"], record["objects"]) == ("forbidden", [customer])


async def test_of_a_batch_each_refusal_is_on_record_and_what_was_done_is_in_the_events(client, customer, recorded):
    nobody, another = uuid4(), uuid4()
    rename = {"command": "rename-customer"}
    bodies = [{"customer_id": str(id), "name": "王"} for id in (nobody, another, customer)]
    (record,) = recorded(await client.post("/v1/commands", json=[rename | {"body": body} for body in bodies]))
    assert (record["outcome"], set(record["objects"])) == ("hidden", {nobody, another})
    assert recorded(await client.post(REGISTER, json=PERSON)) == []


async def test_what_stands_in_a_question_is_not_on_record(client, customer, recorded):
    asked = {"q": "王小明", "fields": "id"}
    (record,) = recorded(await client.get("/v1/customers/search", params={"q": "王小明"}))
    assert "王" not in repr(record)
    (record,) = recorded(await client.get("/v1/customers", params={"name": asked["q"], "fields": "id,tier"}))
    assert "王" not in repr(record)
    assert record["fields"] == "id,tier"


async def test_a_purpose_that_cannot_be_read_is_refused_before_anything_is_done(client):
    for purpose in (b"", b" ", b"\xff\xfe", b"x" * 201, b"a\tb"):
        is_problem(await client.get("/v1/customers", headers=[(b"x-purpose", purpose)]), 400, "bad-request")
    answer = await client.get("/v1/customers", headers=[(b"x-purpose", "回访".encode())])
    assert answer.status_code == 200


async def test_auditors_find_who_was_shown_a_customer_and_others_do_not(app, client, customer, settings, store):
    reader, token = await user_with(client, store, settings, "director")
    async with client_of(app, token) as director:
        for _ in range(3):
            assert (await director.get(f"/v1/customers/{customer}/history")).status_code == 200
        is_problem(await director.get(LOG), 403, "forbidden")
    _, token = await user_with(client, store, settings, "auditor")
    async with client_of(app, token) as auditor:
        items = (await auditor.get(LOG, params={"actor": reader, "object": str(customer)})).json()["items"]
        assert [one["route"] for one in items] == ["GET /v1/customers/{id}/history"] * 3
        assert items[0]["at"] > items[1]["at"] > items[2]["at"]
        forbidden = (await auditor.get(LOG, params={"actor": reader, "outcome": "forbidden"})).json()["items"]
        assert [one["route"] for one in forbidden] == [f"GET {LOG}"]
        first = (await auditor.get(LOG, params={"actor": reader, "limit": 2})).json()
        others = (await auditor.get(LOG, params={"actor": reader, "limit": 2, "cursor": first["cursor"]})).json()
        assert [one["id"] for one in (*first["items"], *others["items"])] == [one["id"] for one in (*forbidden, *items)]
        since = {"actor": reader, "since": items[1]["at"].replace("+00:00", "Z")}
        assert [one["id"] for one in (await auditor.get(LOG, params=since)).json()["items"]] == [
            one["id"] for one in (*forbidden, *items[:2])
        ]
        until = {"actor": reader, "until": items[1]["at"].replace("+00:00", "Z")}
        assert [one["id"] for one in (await auditor.get(LOG, params=until)).json()["items"]] == [
            one["id"] for one in items[1:]
        ]
        looked = (await auditor.get(LOG, params={"limit": 1})).json()["items"]
        assert looked[0]["route"] == f"GET {LOG}"
    async with client_of(app, keys.create(settings.database_url, store, "rival", "spy", keys.SCOPES)) as stranger:
        assert (await stranger.get(LOG, params={"object": str(customer)})).json() == {"items": [], "cursor": None}


async def test_what_is_looked_for_among_much_is_found_at_once_however_long_ago_it_was(client, customer, monkeypatch):
    monkeypatch.setattr("projections.accesses.LOOKED_THROUGH", 3)
    one, other, nobody = uuid4(), uuid4(), str(uuid4())
    await asyncio.gather(*(client.get(f"/v1/customers/{id}/360") for id in (one, one, other)))
    await client.get(f"/v1/customers/{one}", headers={"x-purpose": "the latest"})
    await asyncio.gather(*(client.get("/v1/teams") for _ in range(7)))
    first = (await client.get(LOG, params={"object": str(one), "limit": 2})).json()
    assert first["items"][0]["purpose"] == "the latest"
    last = (await client.get(LOG, params={"object": str(one), "limit": 2, "cursor": first["cursor"]})).json()
    assert [item["route"] for item in last["items"]] == ["GET /v1/customers/{id}/360"]
    assert {item["outcome"] for item in (*first["items"], *last["items"])} == {"hidden"}
    assert (await client.get(LOG, params={"actor": nobody})).json() == {"items": [], "cursor": None}
    refused = (await client.get(LOG, params={"outcome": "hidden", "limit": 3})).json()["items"]
    assert len(refused) == 3


async def test_a_page_looks_through_so_much_and_the_next_goes_on(client, customer, monkeypatch):
    monkeypatch.setattr("projections.accesses.LOOKED_THROUGH", 3)
    await asyncio.gather(*(client.get("/v1/teams") for _ in range(7)))
    pages, cursor = 0, {}
    while pages < 200:
        page = (await client.get(LOG, params={"actor": "tester", "outcome": "gone"} | cursor)).json()
        assert page["items"] == []
        if page["cursor"] is None:
            break
        pages, cursor = pages + 1, {"cursor": page["cursor"]}
    assert pages > 2
    found, cursor = set(), {}
    while True:
        page = (await client.get(LOG, params={"actor": "tester", "limit": 500} | cursor)).json()
        found |= {one["id"] for one in page["items"]}
        if page["cursor"] is None:
            break
        cursor = {"cursor": page["cursor"]}
    assert len(found) > 7


async def test_an_answer_that_cannot_be_recorded_does_not_leave(client, customer, settings):
    def let(may: str) -> None:
        with psycopg.connect(str(settings.database_url)) as connection:
            connection.execute(sql.SQL(may))

    let("REVOKE INSERT ON log.accesses FROM kronika_app")
    try:
        for path in (f"/v1/customers/{customer}", "/v1/events"):
            answer = await client.get(path)
            is_problem(answer, 503, "unrecorded")
            assert "theirs" not in answer.text
        is_problem(await client.get(f"/v1/customers/{uuid4()}"), 503, "unrecorded")
        assert (await client.post(REGISTER, json=PERSON)).status_code == 201
    finally:
        let("GRANT INSERT ON log.accesses TO kronika_app")
    assert (await client.get("/v1/customers")).status_code == 200


def access(actor: str) -> Access:
    return Access("acme", actor, "GET /", "shown", (), uuid4())


async def test_one_that_cannot_be_kept_fails_alone(house):
    told = await asyncio.gather(
        *(house.accesses.record([access(actor)]) for actor in ("one", "no\0body", "two")), return_exceptions=True
    )
    assert [type(one) for one in told] == [type(None), psycopg.errors.CharacterNotInRepertoire, type(None)]


async def test_what_is_on_its_way_when_the_store_hangs_up_is_on_record_once(house, settings):
    hang_up = "SELECT pg_terminate_backend(%s)"
    with psycopg.connect(str(settings.database_url), autocommit=True) as owner:
        for turn in range(20):
            await house.accesses.begin([access("before")], alone=True)
            server = [house.accesses._line._connection.info.backend_pid]
            if turn % 2:  # before it is sent, else while it is under way
                owner.execute(hang_up, server)
                await asyncio.sleep(0.01)
            written = house.accesses.begin([access(f"alone {turn}")], alone=True)
            company = [house.accesses.begin([access(f"company {turn}")]) for _ in range(3)]
            owner.execute(hang_up, server)
            await asyncio.gather(written, *company)
        found = owner.execute("SELECT count(*), count(DISTINCT id) FROM log.accesses WHERE actor ~ '^(alone|comp)'")
        assert found.fetchone() == (80, 80)


async def test_the_application_can_add_to_it_and_change_nothing(client, settings, customer):
    await client.get("/v1/customers")
    with psycopg.connect(str(settings.database_url), autocommit=True) as owner:
        owner.execute(
            "UPDATE log.accesses SET at = at - interval '1096 days', id = ('0000' || substr(id::text, 5))::uuid"
            " WHERE actor = 'reader'"
        )
        owner.execute("SET ROLE kronika_app")
        for attempt in (
            "UPDATE log.accesses SET actor = 'somebody else'",
            "DELETE FROM log.accesses",
            "TRUNCATE log.accesses",
            "DROP TABLE log.accesses",
            "UPDATE log.settings SET access_days = 0",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                owner.execute(attempt)
        before = owner.execute("SELECT count(*) FROM log.accesses").fetchone()
        gone = owner.execute("SELECT log.forget_accesses(1000)").fetchone()
        after = owner.execute("SELECT count(*) FROM log.accesses").fetchone()
    assert before
    assert gone
    assert after
    assert before[0] - gone[0] == after[0] > 0
