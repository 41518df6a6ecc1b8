"""Asking over HTTP who may be the same customer."""

from __future__ import annotations

from uuid import uuid4

import pytest

from deploy.duplicates import found

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def twins(app, key, project):
    """Two who are one, and one who is not: their ids."""
    from tests.api.conftest import client_of

    ids = []
    async with client_of(app, key) as client:
        for name, born in (("Jon Smithe", "1980-05-17"), ("John Smith", "1980-05-17"), ("Anna Berg", "1980-05-17")):
            body = {"kind": "person", "name": name, "birthday": born}
            ids.append((await client.post("/v1/commands/register-customer", json=body)).json()["id"])
    await project()
    return ids


async def test_who_may_be_the_same_customer_is_told_with_score_and_reasons(client, twins):
    one, other, _ = twins
    answer = await client.get(f"/v1/customers/{one}/duplicates")
    (pair,) = answer.json()["items"]
    assert [customer["id"] for customer in pair["customers"]] == [one, other]
    assert 0.9 < pair["score"] <= 1
    assert pair["reasons"] == ["same birthday", "name 0.95"]
    assert answer.json()["left_out"] == {}
    assert "x-position" in answer.headers
    assert (await client.get(f"/v1/customers/{one}/duplicates", params={"min_score": "1"})).json()["items"] == []


async def test_all_pairs_are_told_page_by_page(client, twins):
    one, other, _ = twins
    page = (await client.get("/v1/duplicates", params={"limit": "1"})).json()
    assert {customer["id"] for customer in page["items"][0]["customers"]} == {one, other}
    assert page["cursor"] in (one, other)
    rest = (await client.get("/v1/duplicates", params={"cursor": page["cursor"]})).json()
    assert (rest["items"], rest["cursor"]) == ([], None)
    assert (await client.get("/v1/duplicates", params={"source": "shop"})).json()["items"] == []


async def test_an_operator_gets_them_all_at_once(settings, twins):
    report = await found(settings, "acme", None, 0.5, lambda at, to: None)
    (pair,) = report.pairs
    assert {str(pair.one["id"]), str(pair.other["id"])} == set(twins[:2])


async def test_a_customer_that_is_not_there_has_no_duplicates(client):
    assert (await client.get(f"/v1/customers/{uuid4()}/duplicates")).status_code == 404


async def test_the_merged_one_is_no_duplicate_any_more(client, twins, project):
    one, other, _ = twins
    body = {"survivor_id": one, "merged_id": other}
    answer = await client.post("/v1/commands/merge-customers", json=body)
    assert answer.status_code == 200, answer.text
    await project()
    for id in (one, other):
        assert (await client.get(f"/v1/customers/{id}/duplicates")).json()["items"] == []
