"""The organisation over HTTP: kept across streams, read with its past, and its people's names sealed in the log."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from .test_commands import is_problem

pytestmark = pytest.mark.anyio


async def asked(client, name, status=None, /, **body):
    answer = await client.post(f"/v1/commands/{name}", json=body)
    assert answer.status_code in ((200, 201) if status is None else (status,)), answer.text
    return answer.json()


async def user(client, name, **more):
    return (await asked(client, "register-user", name=name, **more))["id"]


async def test_no_circle_of_managers_or_teams_closes_even_at_once(client):
    one, two, three = [await user(client, f"manager {n}") for n in range(3)]
    await asked(client, "set-manager", user_id=one, manager_id=two)
    answers = await asyncio.gather(
        client.post("/v1/commands/set-manager", json={"user_id": two, "manager_id": three}),
        client.post("/v1/commands/set-manager", json={"user_id": three, "manager_id": one}),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    is_problem(max(answers, key=lambda answer: answer.status_code), 409, "parent-circle")
    larger = (await asked(client, "found-team", name="larger"))["id"]
    smaller = (await asked(client, "found-team", name="smaller", within_id=larger))["id"]
    await asked(client, "put-team-within", 409, team_id=larger, within_id=smaller)


async def test_the_last_two_administrators_cannot_leave_at_once(client):
    both = [await user(client, f"administrator {n}") for n in range(2)]
    for one in both:
        await asked(client, "assign-role", user_id=one, role="administrator")
    answers = await asyncio.gather(
        client.post("/v1/commands/deactivate-user", json={"user_id": both[0]}),
        client.post("/v1/commands/revoke-role", json={"user_id": both[1], "role": "administrator"}),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    is_problem(max(answers, key=lambda answer: answer.status_code), 409, "last-administrator")


async def test_an_address_and_an_identity_are_one_users_alone(client):
    one, two = [await user(client, name, email=f"{name}@example.com") for name in ("zhao", "qian")]
    await asked(client, "change-user-email", 409, user_id=one, email="QIAN@example.com")
    await asked(client, "link-identity", user_id=one, issuer="https://login", subject="7")
    await asked(client, "link-identity", 409, user_id=two, issuer="https://login", subject="7")
    await asked(client, "unlink-identity", user_id=one, issuer="https://login")
    await asked(client, "link-identity", user_id=two, issuer="https://login", subject="7")


async def test_the_organisation_is_read_as_it_is_was_and_came_to_be(client, project):
    team = (await asked(client, "found-team", name="South"))["id"]
    boss, sun = await user(client, "Zhou"), await user(client, "Sun Li", email="sun.li@example.com")
    await asked(client, "add-to-team", user_id=sun, team_id=team)
    await asked(client, "set-manager", user_id=sun, manager_id=boss)
    await asked(client, "assign-role", user_id=sun, role="manager")
    before = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    last = await asked(client, "revoke-role", user_id=sun, role="manager")
    await project()
    now = (await client.get(f"/v1/users/{sun}")).json()
    assert (now["roles"], now["teams"], now["manager_id"]) == ([], [team], boss)
    assert (now["name"], now["email"], now["active"]) == ("Sun Li", "sun.li@example.com", True)
    assert (await client.get(f"/v1/users/{sun}", params={"as_of": before})).json()["roles"] == ["manager"]
    found = (await client.get("/v1/users", params={"teams.has": team, "known_at": last["position"]})).json()["items"]
    assert [one["id"] for one in found] == [sun]
    types = [entry["type"] for entry in (await client.get(f"/v1/users/{sun}/history")).json()["entries"]]
    assert types == [
        "user.registered",
        "user.team_joined",
        "user.manager_set",
        "user.role_assigned",
        "user.role_revoked",
    ]
    blamed = {
        one["field"]: one["set_by"]["type"] for one in (await client.get(f"/v1/users/{sun}/blame")).json()["fields"]
    }
    assert blamed["manager_id"] == "user.manager_set"
    assert (await client.get(f"/v1/teams/{team}")).json()["name"] == "South"


async def test_names_and_addresses_of_users_are_sealed_in_the_log(client, house):
    await user(client, "Wang Sealed", email="sealed@example.com")
    async with house.log.connection() as connection:
        cursor = await connection.execute("SELECT e::text FROM log.events e WHERE type LIKE 'user.%'")
        log = str(await cursor.fetchall())
    assert "user.registered" in log
    assert "Sealed" not in log
    assert "sealed@" not in log


async def test_what_somebody_might_do_on_a_day_is_explained_from_the_log(client):
    larger = (await asked(client, "found-team", name="All"))["id"]
    team = (await asked(client, "found-team", name="West", within_id=larger))["id"]
    top, boss, sun = [await user(client, name) for name in ("Top", "Boss", "Sun")]
    await asked(client, "set-manager", user_id=boss, manager_id=top)
    await asked(client, "set-manager", user_id=sun, manager_id=boss)
    await asked(client, "add-to-team", user_id=sun, team_id=team)
    then = await asked(client, "assign-role", user_id=sun, role="support")
    await asked(client, "revoke-role", user_id=sun, role="support")
    await asked(client, "assign-role", user_id=sun, role="auditor")
    await asked(client, "dissolve-team", team_id=team)

    async def explained(**when):
        answer = await client.get("/v1/access/explain", params={"actor": sun, **when})
        assert answer.status_code == 200, answer.text
        return answer.json()

    now, before = await explained(), await explained(known_at=then["position"])
    assert (now["permits"], [ground["role"] for ground in now["grounds"]]) == (["read"], ["auditor"])
    assert (before["permits"], [ground["role"] for ground in before["grounds"]]) == (["read", "write"], ["support"])
    assert before["grounds"][0]["said"]["position"] == then["position"]
    assert [(one["team_id"], one["counts"]) for one in now["teams"]] == [(team, False), (larger, False)]
    assert [one["user_id"] for one in now["managers"]] == [boss, top]
    assert now["standing"]["type"] == "user.registered"
    await asked(client, "deactivate-user", user_id=sun)
    gone = await explained()
    assert (gone["active"], gone["permits"], gone["standing"]["type"]) == (False, [], "user.deactivated")
    is_problem(await client.get("/v1/access/explain", params={"actor": team}), 404, "not-found")
