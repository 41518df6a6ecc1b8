"""Two tenants, every route: nothing of the other is seen, and nothing of the other is changed."""

from __future__ import annotations

import json
import re
from uuid import UUID

import pytest

from api import keys
from commands.command import registered

from .conftest import client_of
from .one_of_each import MARK, one_of_each, paths_to_read
from .samples import sample

pytestmark = pytest.mark.anyio

ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


@pytest.fixture(scope="module")
async def theirs(app, key, project, house, store) -> dict[str, UUID]:
    async with client_of(app, key) as client:
        return await one_of_each(client, project, house, store)


@pytest.fixture
async def stranger(app, settings, store):
    async with client_of(app, keys.create(settings.database_url, store, "rival", "spy", keys.SCOPES)) as client:
        yield client


async def test_the_owner_sees_what_is_there(app, key, theirs):
    """Else the next tests would prove nothing."""
    async with client_of(app, key) as client:
        for path in paths_to_read(app.openapi(), theirs):
            asked = {"q": MARK} if path.endswith("/search") else {}
            if path.endswith("/explain"):
                asked = {"actor": str(theirs["user_id"])}
            if path.endswith("/pipeline"):
                asked = {"limit": "5"}
            answer = await client.get(path, params=asked)
            assert answer.status_code == 200, f"{path}: {answer.text}"
            assert (
                MARK in answer.text
                or str(theirs["opportunity_id"]) in answer.text
                or "ageing" in path
                or "kept" in path
                or "calibration" in path
                or path in ("/v1/me", "/v1/access/explain", "/v1/access/log", "/v1/analytics")
            ), path


async def test_no_route_shows_anything_without_a_record_of_all_that_it_shows(app, client, theirs, recorded):
    for path in paths_to_read(app.openapi(), theirs):
        asked = {"q": "theirs"} if path.endswith("/search") else {}
        if path.endswith("/explain"):
            asked = {"actor": str(theirs["user_id"])}
        answer = await client.get(path, params=asked, headers={"X-Purpose": "a test"})
        assert answer.status_code == 200, path
        (record,) = recorded(answer)
        route = path
        for id in theirs.values():
            route = route.replace(str(id), "{id}")
        assert record["route"] == f"GET {route}"
        assert (record["tenant"], record["actor"], record["outcome"]) == ("acme", "tester", "shown")
        assert record["purpose"] == "a test"
        assert record["key"]
        if "x-position" in answer.headers:
            assert answer.headers["x-position"].endswith(f".{record['position']}")
        named = {UUID(text) for text in ID.findall(path)}
        assert named <= set(record["objects"])
        if answer.headers["content-type"] == "application/json" and path not in ("/v1/me", "/v1/access/log"):
            things = set(theirs.values()) & {UUID(text) for text in ID.findall(answer.text)}
            assert things - named <= set(record["objects"]), path


async def test_a_stranger_sees_nothing_on_any_route(app, theirs, stranger):
    for path in paths_to_read(app.openapi(), theirs):
        if path == "/v1/access/log":  # tells what the stranger has asked about
            continue
        for asked in (
            {},
            {"q": MARK},
            {"limit": "100"},
            {"customer_id": str(theirs["customer_id"])},
            {"total": "exact"},
        ):
            answer = await stranger.get(path, params=asked)
            assert answer.status_code < 500
            assert MARK not in answer.text, path
            told = answer.text if answer.status_code == 200 else ""
            assert not [id for id in theirs.values() if str(id) in told.replace(str(asked.get("customer_id")), "")], (
                path
            )
            assert json.loads(answer.text).get("total", 0) == 0, path
            if "{id}" in path or any(str(id) in path for id in theirs.values()):
                assert answer.status_code in (400, 404, 422), path


async def test_a_stranger_changes_nothing_by_any_command(house, theirs, stranger):
    async def events_of_acme() -> int:
        async with house.log.connection() as connection:
            row = await (await connection.execute("SELECT count(*) FROM log.events WHERE tenant = 'acme'")).fetchone()
            assert row is not None
            return int(row[0])

    before = await events_of_acme()
    assert before
    for registration in registered():
        statuses = set()
        for all_fields in (True, False):
            body = sample(registration, theirs, all_fields=all_fields)
            answer = await stranger.post(f"/v1/commands/{registration.name}", json=body)
            assert MARK not in answer.text
            statuses.add(answer.status_code)
        assert statuses - {422}, f"{registration.name} was never decided: {answer.text}"
        assert statuses <= {201, 404, 409, 422} if registration.creates else statuses <= {200, 404, 409, 422}
    assert await events_of_acme() == before


async def test_without_a_key_nothing_is_answered(app, theirs):
    async with client_of(app, None) as client:
        for path in paths_to_read(app.openapi(), theirs):
            answer = await client.get(path)
            assert answer.status_code == 401, path
            assert answer.headers["www-authenticate"] == "Bearer"
        for registration in registered():
            assert (await client.post(f"/v1/commands/{registration.name}", json={})).status_code == 401
