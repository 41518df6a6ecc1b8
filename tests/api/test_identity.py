"""Keys of users: shown once, for as long and from where they are meant, and worth what the user's roles are."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from uuid import UUID

import psycopg
import pytest

from api import caller, keys
from deploy.demo.organisation import PROGRAM, organise
from deploy.errors import NotAsPromised
from deploy.keys import issued as issued_by_hand
from deploy.keys import revoked, rotated
from domain.user import User
from eventlog.envelope import Caller

from .conftest import client_of
from .test_commands import PERSON, REGISTER, is_problem
from .test_organisation import asked, user

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def looked_up_each_time(monkeypatch):
    monkeypatch.setattr(caller, "REMEMBERED_S", 0.0)


async def with_role(client, name, role):
    made = await user(client, name)
    await asked(client, "assign-role", user_id=made, role=role)
    return made


async def issued(client, user_id, scopes=("read", "write", "administer"), **more):
    answer = await client.post("/v1/api-keys", json={"user_id": user_id, "label": "x", "scopes": [*scopes], **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def me(app, token, **how):
    async with client_of(app, token) as client:
        return await client.get("/v1/me", **how)


async def test_an_operators_key_of_an_existing_home_keeps_working(app, settings, store):
    old = keys.create(settings.database_url, store, "acme", "old")
    with psycopg.connect(settings.database_url) as connection:
        connection.execute("ALTER TABLE access.keys DROP COLUMN key_id")  # as it was before users had keys
    keys.prepare(str(settings.database_url))
    told = (await me(app, old)).json()
    assert (told["tenant"], told["actor"], told["kind"], told["user_id"]) == ("acme", "old", "operator", None)
    assert told["scopes"] == ["read", "write"]
    async with client_of(app, old) as client:
        assert (await client.post(REGISTER, json=PERSON)).status_code == 201
        is_problem(await client.post("/v1/commands/register-user", json={"name": "x"}), 403, "forbidden")
        is_problem(await client.post("/v1/api-keys", json={}), 422, "invalid")


async def test_a_key_says_as_whom_and_what(app, client):
    li = await with_role(client, "Li", "sales_representative")
    team = (await asked(client, "found-team", name="East"))["id"]
    gone = (await asked(client, "found-team", name="Gone"))["id"]
    for one in (team, gone):
        await asked(client, "add-to-team", user_id=li, team_id=one)
    await asked(client, "dissolve-team", team_id=gone)
    key = await issued(client, li)
    told = (await me(app, key["token"])).json()
    assert told == {
        "tenant": "acme",
        "actor": li,
        "kind": "human",
        "user_id": li,
        "roles": ["sales_representative"],
        "teams": [team],
        "scopes": ["read", "write"],
    }
    async with client_of(app, key["token"]) as own:
        answer = await own.post(REGISTER, json=PERSON)
        assert answer.status_code == 201
        history = await client.get(f"/v1/customers/{answer.json()['id']}/history")
        assert history.json()["entries"][0]["actor"] == li


async def test_the_token_is_shown_once_and_its_secret_is_nowhere(client, settings):
    li = await user(client, "Li")
    sent = {"json": {"user_id": li, "label": "nightly", "scopes": ["read"]}, "headers": {"Idempotency-Key": "a key"}}
    first, again = [(await client.post("/v1/api-keys", **sent)).json() for _ in range(2)]
    assert re.fullmatch(r"kr_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", first["token"])
    assert again == first | {"token": None, "repeated": True}
    with psycopg.connect(settings.database_url) as connection:
        rows = [
            row[0]
            for table in ("log.events", "log.commands", "access.keys")
            for row in connection.execute(f"SELECT t::text FROM {table} t").fetchall()
        ]
    assert not [row for row in rows if first["token"][16:] in row]


async def test_a_key_is_rotated_without_a_pause(app, client):
    key = await issued(client, await with_role(client, "Li", "auditor"))
    path = f"/v1/api-keys/{key['id']}/rotation"
    second = (await client.post(path, json={})).json()["token"]
    assert [(await me(app, token)).status_code for token in (key["token"], second)] == [200, 200]
    third = (await client.post(path, json={"overlap_s": 0})).json()["token"]
    assert [(await me(app, token)).status_code for token in (key["token"], second, third)] == [401, 401, 200]
    await asked(client, "revoke-key", key_id=key["id"])
    assert (await me(app, third)).status_code == 401
    is_problem(await client.post(path, json={}), 409, "key-ended")


async def test_the_history_of_a_key_tells_who_made_and_ended_it(client, project):
    key = await issued(client, await user(client, "Li"), label="shop")
    await client.post(f"/v1/api-keys/{key['id']}/rotation", json={})
    await asked(client, "revoke-key", key_id=key["id"])
    await project()
    entries = (await client.get(f"/v1/api-keys/{key['id']}/history")).json()["entries"]
    assert [entry["type"] for entry in entries] == ["api_key.issued", "api_key.rotated", "api_key.revoked"]
    assert {entry["actor"] for entry in entries} == {"tester"}
    row = (await client.get(f"/v1/api-keys/{key['id']}")).json()
    assert (row["label"], row["revoked"]) == ("shop", True)


async def test_a_key_expires(app, client):
    li = await user(client, "Li")
    for unfit in (datetime.now(UTC) - timedelta(days=1), datetime.now(UTC) + timedelta(days=3 * 365)):
        body = {"user_id": li, "label": "x", "scopes": ["read"], "expires_at": unfit.isoformat()}
        is_problem(await client.post("/v1/api-keys", json=body), 409, "unfit-expiry")
    soon = datetime.now(UTC) + timedelta(seconds=1)
    key = await issued(client, li, expires_at=soon.isoformat())
    while datetime.now(UTC) < soon:
        assert (await me(app, key["token"])).status_code in (200, 401)
    assert (await me(app, key["token"])).status_code == 401


async def test_a_key_is_taken_from_where_it_is_meant_for_alone(app, client):
    li = await user(client, "Li")
    here = await issued(client, li, networks=["127.0.0.0/8"])
    elsewhere = await issued(client, li, networks=["10.1.0.0/16", "2001:db8::/32"])
    assert (await me(app, here["token"])).status_code == 200
    is_problem(await me(app, elsewhere["token"]), 401, "unauthenticated")
    for address, inside in (("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("10.2.0.1", False), ("2001:db8::1", True)):
        networks = [ip_network(one) for one in ("10.1.0.0/16", "2001:db8::/32")]
        assert caller.within({"client": (address, 1)}, networks) is inside
    assert not caller.within({"client": None}, networks)
    answer = await client.post(
        "/v1/api-keys", json={"user_id": li, "label": "x", "scopes": ["read"], "networks": ["x"]}
    )
    is_problem(answer, 422, "invalid")


async def test_what_a_user_may_do_ends_everywhere_when_it_is_taken(app, client):
    li = await with_role(client, "Li", "support")
    token = (await issued(client, li))["token"]
    async with client_of(app, token) as own:
        assert (await own.post(REGISTER, json=PERSON)).status_code == 201
        await asked(client, "revoke-role", user_id=li, role="support")
        is_problem(await own.post(REGISTER, json=PERSON), 403, "forbidden")
        is_problem(await own.get("/v1/customers"), 403, "forbidden")
        assert (await own.get("/v1/me")).json()["scopes"] == []
        await asked(client, "assign-role", user_id=li, role="auditor")
        assert (await own.get("/v1/customers")).status_code == 200
        is_problem(await own.post(REGISTER, json=PERSON), 403, "forbidden")
        await asked(client, "deactivate-user", user_id=li)
        is_problem(await own.get("/v1/me"), 401, "unauthenticated")
        await asked(client, "reactivate-user", user_id=li)
        assert (await own.get("/v1/me")).status_code == 200


@pytest.mark.parametrize("role", ["auditor", "analyst"])
async def test_who_only_looks_on_changes_nothing_by_any_way(app, client, role):
    token = (await issued(client, await with_role(client, role, role)))["token"]
    async with client_of(app, token) as own:
        for path, body in (
            (REGISTER, PERSON),
            ("/v1/commands", []),
            ("/v1/undo", {"event_ids": ["00000000-0000-0000-0000-000000000000"]}),
            ("/v1/exports", {"resource": "customers", "format": "csv"}),
            ("/v1/api-keys", {"user_id": "00000000-0000-0000-0000-000000000000", "label": "x", "scopes": ["read"]}),
        ):
            is_problem(await own.post(path, json=body), 403, "forbidden")
        is_problem(await own.post("/v1/imports", files=[("files", ("x.csv", "a"))]), 403, "forbidden")


async def test_an_administrator_issues_keys_and_no_other_role_does(app, client):
    boss, li = await with_role(client, "Boss", "administrator"), await with_role(client, "Li", "director")
    async with client_of(app, (await issued(client, boss))["token"]) as own:
        await issued(own, li)
    async with client_of(app, (await issued(client, li))["token"]) as own:
        body = {"user_id": li, "label": "x", "scopes": ["read"]}
        is_problem(await own.post("/v1/api-keys", json=body), 403, "forbidden")
        is_problem(
            await own.post("/v1/commands/assign-role", json={"user_id": li, "role": "support"}), 403, "forbidden"
        )


async def test_a_key_of_another_tenant_can_be_neither_rotated_nor_revoked(app, client, settings, store):
    key = await issued(client, await user(client, "Li"))
    async with client_of(app, keys.create(settings.database_url, store, "rival", "spy", keys.SCOPES)) as spy:
        is_problem(await spy.post(f"/v1/api-keys/{key['id']}/rotation", json={}), 404, "not-found")
        is_problem(await spy.post("/v1/commands/revoke-key", json={"key_id": key["id"]}), 404, "not-found")
    assert (await me(app, key["token"])).status_code == 200


async def test_a_caller_is_remembered_for_seconds_and_no_longer(app, client, house, monkeypatch):
    monkeypatch.setattr(caller, "REMEMBERED_S", 5.0)
    key = await issued(client, await with_role(client, "Li", "auditor"))
    asked_before = len(house.callers._known)
    assert (await me(app, key["token"])).status_code == 200
    assert (await me(app, key["token"])).status_code == 200
    assert len(house.callers._known) == asked_before + 1
    assert caller.REMEMBERED_S <= 5


def test_whoever_calls_without_more_words_is_one_of_our_own_processes():
    assert Caller("acme", "clerk").kind == "operator"


async def test_the_command_line_issues_rotates_and_revokes_as_http_does(app, client, settings):
    operator = Caller("acme", "operator")
    li = await with_role(client, "Li", "auditor")
    token = await issued_by_hand(settings, operator, {"user_id": li, "label": "x", "scopes": ["read"]})
    assert (await me(app, token)).json()["user_id"] == li
    (key_id,) = [row["stream_id"] for row in await events(client, "api_key.issued") if row["data"]["user_id"] == li]
    second = await rotated(settings, operator, UUID(key_id), 0)
    assert [(await me(app, one)).status_code for one in (token, second)] == [401, 200]
    await revoked(settings, operator, UUID(key_id))
    assert (await me(app, second)).status_code == 401
    with pytest.raises(NotAsPromised, match="key-ended"):
        await rotated(settings, operator, UUID(key_id), 0)
    with pytest.raises(NotAsPromised, match="invalid"):
        await issued_by_hand(settings, operator, {"user_id": li, "label": "x", "scopes": ["root"]})


async def events(client, kind):
    found, after = [], {}
    while page := (answer := (await client.get("/v1/events", params={"limit": 1000, **after})).json())["events"]:
        found += [event for event in page if event["type"] == kind]
        after = {"after": answer["next"]}
    return found


async def test_the_demo_organisation_is_made_once_and_knows_where_its_issuer_is(house, client):
    demo = Caller("demo", "demo")
    for issuer in ("http://127.0.0.1:1", "http://127.0.0.1:1", "http://127.0.0.1:2"):
        await organise(house.log, demo, issuer)
    found = await house.log.past(User, "demo", PROGRAM)
    assert [type(event).__name__ for event in found] == [
        "Registered",
        "RoleAssigned",
        "IdentityLinked",
        "IdentityLinked",
    ]
