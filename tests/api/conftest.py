"""A whole API over a database of the module's own, asked through its HTTP routes without a network."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from psycopg.rows import dict_row

from api import keys as api_keys
from api.app import create_app
from api.kronika import Kronika
from deploy.settings import Settings
from eventlog import feed
from eventlog.keys import FileKeyStore
from projections import TABLES
from projections.host import Host
from projections.slot import Slot


@pytest.fixture(scope="module")
def settings(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home: Path = tmp_path_factory.mktemp("home")
    api_keys.prepare(database_url)
    return Settings(home=home, database_url=database_url, pool_min=1, connect_timeout_s=3, log_level="error")


@pytest.fixture(scope="module")
def store(settings: Settings) -> Iterator[FileKeyStore]:
    store = FileKeyStore(settings.keys_path)
    yield store
    store.close()


@pytest.fixture(scope="module")
def key(settings: Settings, store: FileKeyStore) -> str:
    """A key of the tenant acme that allows everything."""
    return api_keys.create(str(settings.database_url), store, "acme", "tester", api_keys.SCOPES)


@pytest.fixture(scope="module")
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture(scope="module")
def house(app: FastAPI) -> Kronika:
    opened: Kronika = app.state.kronika
    return opened


@asynccontextmanager
async def client_of(app: FastAPI, token: str | None) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://kronika", headers=headers) as client:
        yield client


@pytest.fixture(scope="module")
async def project(settings: Settings, house: Kronika) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Takes what is recorded into every read model, as the projector does."""
    options = "-c role=kronika_app -c TimeZone=UTC"
    url = str(settings.database_url)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True, options=options) as own:

        async def taken_in() -> None:
            host = Host(own, [Slot(projection) for projection in TABLES])
            await host.claim(range(house.log.partitions))
            async for page in feed.everything(own, house.log.codec):
                await host.apply(page)

        yield taken_in


@pytest.fixture
async def client(app: FastAPI, key: str) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app, key) as client:
        yield client


@pytest.fixture
def recorded(settings: Settings) -> Iterator[Callable[[httpx.Response], list[dict[str, Any]]]]:
    """What the access log has of an answer."""
    with psycopg.connect(str(settings.database_url), autocommit=True, row_factory=dict_row) as connection:

        def of(answer: httpx.Response) -> list[dict[str, Any]]:
            return connection.execute(
                "SELECT * FROM log.accesses WHERE correlation_id = %s ORDER BY id",
                [answer.headers["x-correlation-id"]],
            ).fetchall()

        yield of
