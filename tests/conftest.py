"""Real servers for the tests: one PostgreSQL and one Kafka a run, a freshly migrated database for each module."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from hypothesis import settings
from psycopg import sql
from psycopg.conninfo import make_conninfo

from deploy.kafka import LocalKafka
from deploy.postgres import LocalPostgres
from eventlog.keys import FileKeyStore
from eventlog.schema import migrate

settings.register_profile("kronika", deadline=None)  # a busy machine says nothing about the business
settings.load_profile("kronika")

RUN = "TESTS_OF_KRONIKA"
"""Names the directory in which this run's servers say where they are; the workers of a parallel run inherit it."""

PARTITIONS = 4
TEMPLATE = "template_kronika"


class Servers:
    """This run's servers, starting while the first tests are collected."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="kronika-tests-"))
        self.home.chmod(0o755)
        self.postgres = LocalPostgres(self.home, settings={"max_connections": "300"})
        self.kafka = LocalKafka(self.home)
        self.threads = [threading.Thread(target=self.start, args=(name,)) for name in ("postgres", "kafka")]
        os.environ[RUN] = str(self.home)  # before the threads: they must not fork while the environment changes
        for thread in self.threads:
            thread.start()

    def start(self, name: str) -> None:
        try:
            told = {"url": getattr(self, name).start()}
        except Exception as error:
            told = {"error": str(error)}
        fresh = self.home / f"{name}.fresh"
        fresh.write_text(json.dumps(told))
        fresh.rename(self.home / f"{name}.json")

    def stop(self) -> None:
        for thread in self.threads:
            thread.join()
        self.kafka.stop()
        self.postgres.stop()
        shutil.rmtree(self.home, ignore_errors=True)


def pytest_configure(config: pytest.Config) -> None:
    if RUN not in os.environ:
        servers = Servers()
        config.add_cleanup(servers.stop)
        config.add_cleanup(lambda: os.environ.__delitem__(RUN))


def server(name: str) -> str:
    """Where a server of this run listens; waits until it does."""
    told = Path(os.environ[RUN]) / f"{name}.json"
    deadline = time.monotonic() + 180
    while not told.exists():
        assert time.monotonic() < deadline, f"{name} did not start"
        time.sleep(0.05)
    answer: dict[str, Any] = json.loads(told.read_text())
    assert "url" in answer, answer
    return str(answer["url"])


@pytest.fixture(scope="session")
def kafka_bootstrap() -> str:
    return server("kafka")


@pytest.fixture(scope="session")
def template_database() -> str:
    """A migrated, empty database that others are copied from; made once a run."""
    from commands.importing import tables
    from projections import TABLES, export_files, query_runs, scores
    from projections.tables import prepare

    url = server("postgres")
    with (
        (Path(os.environ[RUN]) / "template.lock").open("w") as lock,
        psycopg.connect(url, autocommit=True) as connection,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [TEMPLATE]).rowcount:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
            migrate(make_conninfo(url, dbname=TEMPLATE), PARTITIONS)
            prepare(make_conninfo(url, dbname=TEMPLATE), TABLES)
            tables.prepare(make_conninfo(url, dbname=TEMPLATE))
            export_files.prepare(make_conninfo(url, dbname=TEMPLATE))
            scores.prepare(make_conninfo(url, dbname=TEMPLATE))
            query_runs.prepare(make_conninfo(url, dbname=TEMPLATE))
    return TEMPLATE


@pytest.fixture(scope="module")
def database_url(template_database: str) -> Iterator[str]:
    """A freshly migrated database of this module's own, as its owner; KRONIKA's processes act as kronika_app in it."""
    url = server("postgres")
    name = f"t_{uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template_database))
        )
        yield make_conninfo(url, dbname=name)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileKeyStore]:
    store = FileKeyStore(tmp_path_factory.mktemp("keys"))
    yield store
    store.close()


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """Async tests run on uvloop, as the processes do."""
    return "asyncio", {"use_uvloop": True}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long is left to `make test-long`, so that `make test` stays within its twenty minutes."""
    if "TESTS_LONG" not in os.environ:
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="takes long: `make test-long` asks for it"))
