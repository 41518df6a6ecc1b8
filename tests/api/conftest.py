"""A whole API over a database of the module's own, asked through its HTTP routes without a network."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from api import keys as api_keys
from api.app import create_app
from api.kronika import Kronika
from deploy.settings import Settings
from eventlog.keys import FileKeyStore


@pytest.fixture(scope="module")
def settings(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home: Path = tmp_path_factory.mktemp("home")
    api_keys.prepare(database_url)
    return Settings(home=home, database_url=database_url, pool_min=1, log_level="error")


@pytest.fixture(scope="module")
def store(settings: Settings) -> Iterator[FileKeyStore]:
    store = FileKeyStore(settings.keys_path)
    yield store
    store.close()


@pytest.fixture(scope="module")
def key(settings: Settings, store: FileKeyStore) -> str:
    """A key of the tenant acme."""
    return api_keys.create(str(settings.database_url), store, "acme", "tester")


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


@pytest.fixture
async def client(app: FastAPI, key: str) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app, key) as client:
        yield client
