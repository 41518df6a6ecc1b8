"""One of each there is, every route: its owner sees it, what is shown is recorded, and without a key there is nothing.
What another tenant learns of it is asked in tests/policy/test_strangers.py."""

from __future__ import annotations

import re
from uuid import UUID

import pytest

from commands.command import registered

from .conftest import client_of
from .one_of_each import MARK, one_of_each, paths_to_read

pytestmark = pytest.mark.anyio

ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


@pytest.fixture(scope="module")
async def theirs(app, key, project, house, store) -> dict[str, UUID]:
    async with client_of(app, key) as client:
        return await one_of_each(client, project, house, store)


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


async def test_without_a_key_nothing_is_answered(app, theirs):
    async with client_of(app, None) as client:
        for path in paths_to_read(app.openapi(), theirs):
            answer = await client.get(path)
            assert answer.status_code == 401, path
            assert answer.headers["www-authenticate"] == "Bearer"
        for registration in registered():
            assert (await client.post(f"/v1/commands/{registration.name}", json={})).status_code == 401
