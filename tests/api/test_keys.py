"""API keys: shown once, kept as a digest, limited by scope, and ended when revoked."""

from __future__ import annotations

import psycopg
import pytest

from api import caller, keys

from .conftest import client_of
from .test_commands import PERSON, REGISTER, is_problem

pytestmark = pytest.mark.anyio


def made(settings, store, **more):
    return keys.create(settings.database_url, store, more.pop("tenant", "acme"), more.pop("actor", "li"), **more)


def test_the_secret_is_nowhere_in_the_database(settings, store):
    token = made(settings, store)
    secret = token.split("_", 2)[2]
    assert len(secret) == 43
    with psycopg.connect(settings.database_url) as connection:
        rows = connection.execute("SELECT k::text FROM access.keys k").fetchall()
    assert not [row for row in rows if secret in row[0]]


def test_keys_are_listed_without_their_secrets(settings, store):
    token = made(settings, store, tenant="listed", scopes={"read"})
    (key,) = keys.listed(settings.database_url, "listed")
    assert (key.id, key.tenant, key.actor, key.scopes, key.revoked_at) == (
        token.split("_")[1],
        "listed",
        "li",
        ["read"],
        None,
    )
    assert key in keys.listed(settings.database_url)


@pytest.mark.parametrize(
    "unfit",
    [{"tenant": ""}, {"tenant": "A B"}, {"actor": ""}, {"actor": "x\n"}, {"scopes": set()}, {"scopes": {"root"}}],
)
def test_unfit_keys_are_not_made(settings, store, unfit):
    with pytest.raises(keys.UnfitKey):
        made(settings, store, **unfit)


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer kr_x", "Basic kr_x", "Bearer kr_000000000000_" + "x" * 43]
)
async def test_whoever_has_no_key_is_told_how_to_call(app, authorization):
    async with client_of(app, None) as client:
        answer = await client.post(REGISTER, json=PERSON, headers={"Authorization": authorization})
        is_problem(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_wrong_secret_opens_nothing(app, settings, store):
    token = made(settings, store)
    async with client_of(app, token[:-4] + "AAAA") as client:
        is_problem(await client.post(REGISTER, json=PERSON), 401, "unauthenticated")


async def test_a_key_moved_to_another_tenant_opens_nothing(app, settings, store):
    token = made(settings, store)
    with psycopg.connect(settings.database_url) as connection:
        connection.execute("UPDATE access.keys SET tenant = 'rival' WHERE id = %s", [token.split("_")[1]])
    async with client_of(app, token) as client:
        is_problem(await client.post(REGISTER, json=PERSON), 401, "unauthenticated")


async def test_scopes_limit_what_a_key_may_do(app, settings, store):
    async with client_of(app, made(settings, store, scopes={"read"})) as client:
        assert (await client.get("/v1/customers")).status_code == 200
        is_problem(await client.post(REGISTER, json=PERSON), 403, "forbidden")
        is_problem(await client.post("/v1/commands", json=[]), 403, "forbidden")
    async with client_of(app, made(settings, store, scopes={"write"})) as client:
        assert (await client.post(REGISTER, json=PERSON)).status_code == 201
        is_problem(await client.get("/v1/customers"), 403, "forbidden")


async def test_a_revoked_key_ends_within_seconds(app, settings, store, monkeypatch):
    monkeypatch.setattr(caller, "REMEMBERED_S", 0.0)
    token = made(settings, store)
    async with client_of(app, token) as client:
        assert (await client.get("/v1/customers")).status_code == 200
        assert keys.revoke(settings.database_url, token.split("_")[1])
        assert not keys.revoke(settings.database_url, token.split("_")[1])
        is_problem(await client.get("/v1/customers"), 401, "unauthenticated")
