"""What the tests of exports stand on: the API over a database of each module's own, and a clerk."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import workers.schema
from tests.api.conftest import app, client, house, key, project, settings, store
from tests.workers.conftest import running
from workers.clerk import clerk
from workers.exports.task import Exporting
from workers.lifetime import Surroundings

__all__ = ["app", "client", "house", "key", "project", "settings", "store"]


@pytest.fixture(scope="module")
def around(settings, store) -> Surroundings:
    return Surroundings(settings.database_url, {}, store, settings.lake_path)


@pytest.fixture
def fanout(settings) -> None:
    """What a projector asks for: where the relay stands. Kafka itself is away, the log serves alone."""
    workers.schema.prepare(settings.database_url)


@pytest.fixture
def exported(client, around, project):
    """Asks for an export, has a clerk make it, and answers what is told of it."""

    async def done(resource: str, format: str, **more: Any) -> dict[str, Any]:
        asked = await client.post("/v1/exports", json={"resource": resource, "format": format, **more})
        assert asked.status_code == 202, asked.text
        await project()
        async with running(clerk(Exporting())(around)):
            return await ended(client, project, asked.headers["location"])

    return done


async def ended(client, project, location: str) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while True:
            await project()
            told = (await client.get(location)).json()
            if told["state"] != "asked":
                return dict(told)
            await asyncio.sleep(0.1)


@pytest.fixture
def fetched(client):
    """The file of a finished export."""

    async def file(told: dict[str, Any]) -> bytes:
        answer = await client.get(f"/v1/exports/{told['id']}/file")
        assert answer.status_code == 200, answer.text
        return bytes(answer.content)

    return file
