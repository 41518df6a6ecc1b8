"""How much may be asked: counted for each key and each tenant, told in every answer, and beyond it refused."""

from __future__ import annotations

import time

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import keys, limits
from api.app import create_app
from api.errors import TooManyRequests
from api.limits import Allowance, Bucket

from .conftest import client_of
from .test_commands import PERSON, REGISTER, is_problem

pytestmark = pytest.mark.anyio


@given(st.lists(st.floats(0, 3), min_size=1, max_size=60))
def test_no_bucket_gives_more_than_it_was_filled_with(pauses):
    bucket = Bucket(rate=2, most=5)
    began = now = bucket.at
    given = 0
    allowance = Allowance(bucket, Bucket(rate=1e9, most=1e9))
    for pause in pauses:
        now += pause
        try:
            allowance.take(now, [])
            given += 1
        except TooManyRequests:
            assert bucket.left < 1
    assert given <= 5 + 2 * (now - began) + 1e-6


def test_what_was_asked_beyond_is_waited_for():
    bucket = Bucket(rate=10, most=10)
    allowance = Allowance(bucket, bucket)
    allowance.charge(45)
    told: list[tuple[bytes, bytes]] = []
    with pytest.raises(TooManyRequests):
        allowance.take(bucket.at, told)
    assert dict(told)[b"retry-after"] == b"9"


@pytest.fixture(autouse=True)
def refused_at_once(monkeypatch):
    monkeypatch.setattr(limits, "HELD_S", 0.0)


@pytest.fixture(scope="module")
async def small(settings, store):
    """An API that takes little."""
    little = {"key_rate": 0.001, "tenant_rate": 0.0015, "burst_s": 4_000, "body_max_bytes": 2_000}
    app = create_app(settings.model_copy(update=little))
    async with app.router.lifespan_context(app):
        yield app


async def test_a_key_that_asks_too_much_is_told_when_to_come_again(small, settings, store):
    busy, calm = [keys.create(settings.database_url, store, "flooding", actor) for actor in ("busy", "calm")]
    async with client_of(small, busy) as client:
        left = [int((await client.get("/v1/me")).headers["ratelimit-remaining"]) for _ in range(4)]
        assert left == [3, 2, 1, 0]
        refused = await client.post(REGISTER, json=PERSON)
        is_problem(refused, 429, "too-many-requests")
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.headers["ratelimit-limit"] == "4"
    async with client_of(small, calm) as client:
        assert [(await client.get("/v1/me")).status_code for _ in range(3)] == [200, 200, 429]  # the tenant's is 6
    async with client_of(small, keys.create(settings.database_url, store, "bystander", "x")) as client:
        assert (await client.get("/v1/me")).status_code == 200


async def test_the_commands_of_a_batch_count_each(small, settings, store):
    async with client_of(small, keys.create(settings.database_url, store, "batching", "x")) as client:
        item = {"command": "register-customer", "body": PERSON}
        assert (await client.post("/v1/commands", json=[item] * 5)).status_code == 200
        is_problem(await client.get("/v1/me"), 429, "too-many-requests")


async def test_a_body_is_as_large_as_is_set(small, settings, store):
    async with client_of(small, keys.create(settings.database_url, store, "wordy", "x")) as client:
        is_problem(await client.post(REGISTER, json=PERSON | {"name": "x" * 3_000}), 413, "too-large")


async def test_no_question_keeps_the_store_for_longer_than_is_set(settings, store):
    app = create_app(settings.model_copy(update={"statement_timeout_ms": 300}))
    key = keys.create(settings.database_url, store, "patient", "x")
    async with app.router.lifespan_context(app), client_of(app, key) as client:
        with psycopg.connect(settings.database_url) as owner:
            owner.execute("LOCK TABLE read.customers IN ACCESS EXCLUSIVE MODE")
            began = time.monotonic()
            refused = await client.get("/v1/customers")
            assert 0.3 <= time.monotonic() - began < 5
            is_problem(refused, 503, "too-slow")
        assert (await client.get("/v1/customers")).status_code == 200
