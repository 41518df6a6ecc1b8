"""A real API process: it serves, stops in order while somebody waits, and logs no names; and a store that goes away."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from deploy.settings import Settings

from .conftest import client_of
from .test_commands import PERSON, REGISTER, is_problem

pytestmark = pytest.mark.anyio

SERVE = "from api.app import serve; from deploy.settings import load_settings; serve(load_settings())"


@pytest.fixture
def process(settings, tmp_path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    with served(settings, tmp_path) as running:
        yield running


@contextmanager
def served(
    settings: Settings, tmp_path: Path, asking: ssl.SSLContext | None = None, **more: Path
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A process that serves, and its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "KRONIKA_HOME": str(settings.home),
        "KRONIKA_DATABASE_URL": str(settings.database_url),
        "KRONIKA_API_PORT": str(port),
        **{f"KRONIKA_{name.upper()}": str(path) for name, path in more.items()},
    }
    url = f"http{'s' if asking else ''}://127.0.0.1:{port}"
    with open(tmp_path / "log", "wb") as log:
        command = [sys.executable, "-c", SERVE]
        running = subprocess.Popen(command, env=environment, stderr=log, stdout=log)  # our own
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                assert httpx.get(f"{url}/health/ready", verify=asking or False).status_code == 200
                break
            except httpx.ConnectError:
                assert running.poll() is None, (tmp_path / "log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.1)
        yield running, url
    finally:
        running.kill()
        running.wait()


async def test_it_serves_stops_in_order_and_logs_no_names(process, key, tmp_path):
    running, url = process
    async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30) as client:
        answers = await asyncio.gather(*(client.post(REGISTER, json=PERSON) for _ in range(50)))
        assert {answer.status_code for answer in answers} == {201}
        here = max((answer.json()["position"] for answer in answers), key=lambda token: int(token.split(".")[1]))

        async def parts():
            for _ in range(20):
                yield b" " * 100_000

        is_problem(
            await client.post(REGISTER, content=parts(), headers={"Content-Type": "application/json"}), 413, "too-large"
        )
        assert (await client.get("/v1/customers/search", params={"q": "李伟"})).status_code == 200

        waiting = asyncio.create_task(client.get("/v1/events", params={"after": here, "wait": 30}))
        stale = asyncio.create_task(client.get("/v1/customers", params={"min_position": here, "wait": 30}))
        await asyncio.sleep(0.3)
        began = time.monotonic()
        running.send_signal(signal.SIGTERM)
        assert (await waiting).json() == {"events": [], "next": here}
        is_problem(await stale, 503, "not-fresh-yet")
        assert await asyncio.to_thread(running.wait, 10) in (0, -signal.SIGTERM)
        assert time.monotonic() - began < 10
    log = (tmp_path / "log").read_text()
    lines = [json.loads(line) for line in log.splitlines()]
    posts = [line for line in lines if line.get("route") == REGISTER]
    assert posts[0].keys() >= {"method", "status", "ms", "tenant", "correlation_id", "timestamp", "level"}
    assert "李伟" not in log
    assert "%E6" not in log


async def test_whatever_was_answered_before_it_was_killed_is_on_record(process, key, settings):
    running, url = process
    answered: list[str] = []

    async def asking(client: httpx.AsyncClient) -> None:
        while True:
            answer = await client.get("/v1/customers", params={"limit": 5})
            assert answer.status_code == 200
            answered.append(answer.headers["x-correlation-id"])

    async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30) as client:
        callers = [asyncio.create_task(asking(client)) for _ in range(16)]
        while len(answered) < 100:
            await asyncio.sleep(0.01)
        running.kill()
        ended = await asyncio.gather(*callers, return_exceptions=True)
    assert all(isinstance(one, httpx.TransportError) for one in ended)
    with psycopg.connect(str(settings.database_url)) as connection:
        found = connection.execute(
            "SELECT correlation_id FROM log.accesses WHERE correlation_id = ANY (%s::uuid[])", [answered]
        ).fetchall()
    assert {str(id) for (id,) in found} == set(answered)


async def test_a_store_that_is_away_is_said_and_when_it_is_back_all_goes_on(app, key, settings):
    name = conninfo_to_dict(str(settings.database_url))["dbname"]
    owner = make_conninfo(str(settings.database_url), dbname="kronika")

    def allow(connections: bool) -> None:
        with psycopg.connect(owner, autocommit=True) as connection:
            connection.execute(
                sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(sql.Identifier(name), sql.Literal(connections))
            )
            if not connections:
                connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])

    async with client_of(app, key) as client:
        sent = {"headers": {"Idempotency-Key": "through the storm"}, "json": PERSON}
        assert (await client.post(REGISTER, json=PERSON)).status_code == 201
        await asyncio.to_thread(allow, False)
        try:
            answers = await asyncio.gather(
                client.post(REGISTER, **sent),
                client.get("/v1/customers"),
                client.get("/v1/events"),
                client.get("/health/ready"),
            )
            for answer in answers:
                is_problem(answer, 503, "unavailable")
                assert answer.headers["retry-after"]
                assert "127.0.0.1" not in answer.text
            assert answers[0].headers["idempotency-key"] == "through the storm"
            assert (await client.get("/health/live")).status_code == 200
        finally:
            await asyncio.to_thread(allow, True)
        for _ in range(100):
            if (await client.get("/v1/customers")).status_code == 200:
                break
            await asyncio.sleep(0.1)
        assert (await client.post(REGISTER, **sent)).status_code == 201


def test_a_database_that_is_not_migrated_is_one_clear_line(settings, tmp_path):
    bare = make_conninfo(str(settings.database_url), dbname="postgres")
    environment = os.environ | {"KRONIKA_HOME": str(tmp_path), "KRONIKA_DATABASE_URL": bare}
    command = [sys.executable, "-c", SERVE]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)  # our own
    assert ended.returncode != 0
    said = [json.loads(line)["event"] for line in ended.stderr.splitlines()]
    assert any("kronika migrate" in event for event in said)
    assert "Traceback" not in ended.stderr
