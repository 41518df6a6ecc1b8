"""A whole Kronika of the tests' own, its processes killable, a load on it, and the question whether all is well."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, LiteralString
from uuid import uuid4

import httpx
import psycopg

from api import keys as api_keys
from deploy.kafka import LocalKafka
from deploy.migrate import migrate, rebuilt
from deploy.postgres import LocalPostgres
from deploy.report import lake_lag, lake_of
from deploy.settings import Settings
from eventlog.keys import FileKeyStore
from projections import PROJECTIONS
from projections.analytics import FACTS
from workers.__main__ import WORKERS

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60


@dataclass
class Acknowledged:
    """A command that was answered, and the first answer it got."""

    key: str
    name: str
    body: dict[str, Any]
    answer: dict[str, Any]


@dataclass
class Load:
    """Callers who send commands through HTTP, and send one again under its key until it is answered."""

    url: str
    token: str
    callers: int = 6
    acknowledged: list[Acknowledged] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    wins: int = 0

    @contextmanager
    def running(self) -> Iterator[Load]:
        stop = threading.Event()
        thread = threading.Thread(target=lambda: asyncio.run(self._all(stop)))
        thread.start()
        try:
            yield self
        finally:
            stop.set()
            thread.join(PATIENCE_S + 30)
        assert not thread.is_alive(), "callers still wait for an answer"
        assert self.errors == []

    async def _all(self, stop: threading.Event) -> None:
        async with httpx.AsyncClient(base_url=self.url, timeout=15) as client:
            await asyncio.gather(*(self._caller(client, stop, n) for n in range(self.callers)))

    async def _caller(self, client: httpx.AsyncClient, stop: threading.Event, number: int) -> None:
        chance = random.Random(number)  # the same load in each run
        while not stop.is_set():
            customer, opportunity = str(uuid4()), str(uuid4())
            email = f"{customer}@example.com"
            await self._send(
                client, "register-customer", customer_id=customer, kind="person", name="李雷", emails=[email]
            )
            await self._send(client, "rename-customer", customer_id=customer, name="韩梅梅")
            await self._send(
                client, "open-opportunity", opportunity_id=opportunity, customer_id=customer, title="A sale",
                amount=str(chance.randint(1, 9_999)), currency="EUR",
            )  # fmt: skip
            if chance.random() < 0.5:
                await self._send(client, "move-opportunity", opportunity_id=opportunity, stage="Proposal")
                await self._send(client, "win-opportunity", opportunity_id=opportunity)
                self.wins += 1
            ticket = str(uuid4())
            await self._send(
                client,
                "open-ticket",
                ticket_id=ticket,
                customer_id=customer,
                kind="question",
                channel="mail",
                subject="?",
            )
            await self._send(client, "reply-to-ticket", ticket_id=ticket, text="!")

    async def _send(self, client: httpx.AsyncClient, command: str, /, **body: Any) -> None:
        key, deadline = uuid4().hex, time.monotonic() + PATIENCE_S
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": key}
        last = "no answer"
        while time.monotonic() < deadline:
            try:
                answer = await client.post(f"/v1/commands/{command}", json=body, headers=headers)
            except httpx.HTTPError as error:
                last = repr(error)
            else:
                if answer.status_code in (200, 201):
                    self.acknowledged.append(Acknowledged(key, command, body, answer.json()))
                    return
                last = f"{answer.status_code} {answer.text}"
                if answer.status_code != 503:
                    break
            await asyncio.sleep(0.1)
        self.errors.append(f"{command} {key}: {last}")


class System:
    """Servers, tables, API and workers; `kill` is kill -9."""

    def __init__(self, home: Path) -> None:
        self.home = home
        home.chmod(0o755)
        self.postgres, self.kafka = LocalPostgres(home), LocalKafka(home)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        addresses: dict[str, str] = {}
        started = [
            threading.Thread(target=lambda n=name, s=server: addresses.update({n: s.start()}))
            for name, server in (("database_url", self.postgres), ("kafka_bootstrap", self.kafka))
        ]
        for thread in started:
            thread.start()
        for thread in started:
            thread.join()
        self.settings = Settings.model_validate(
            {"home": home, "api_port": free_port(), "partitions": 4, "log_level": "warning", **addresses}
        )
        self.url = addresses["database_url"]
        migrate(self.url, self.settings)
        store = FileKeyStore(self.settings.keys_path)
        self.token = api_keys.create(self.url, store, "acme", "tester")
        store.close()
        self.api = f"http://127.0.0.1:{self.settings.api_port}"
        for name in ("api", *WORKERS):
            self.start(name)
        try:
            self.wait_until(self.ready, "the API answers")
        except BaseException:
            self.stop()
            raise

    def start(self, name: str) -> None:
        environment = os.environ | {
            "KRONIKA_HOME": str(self.home),
            "KRONIKA_API_PORT": str(self.settings.api_port),
            "KRONIKA_DATABASE_URL": self.url,
            "KRONIKA_KAFKA_BOOTSTRAP": str(self.settings.kafka_bootstrap),
            "KRONIKA_LOG_LEVEL": "warning",
        }
        arguments = ["api"] if name == "api" else ["workers", name]
        with (self.home / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(  # our own
                [sys.executable, "-m", *arguments], cwd=ROOT, env=environment, stdout=log, stderr=log
            )

    def kill(self, name: str) -> None:
        self.processes[name].send_signal(signal.SIGKILL)
        self.processes[name].wait()

    def restart(self, name: str) -> None:
        self.kill(name)
        self.start(name)

    def stop(self) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
        self.kafka.stop()
        self.postgres.stop()

    def ready(self) -> bool:
        try:
            return httpx.get(f"{self.api}/health/ready", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    @contextmanager
    def reading(self, path: str) -> Iterator[list[httpx.Response]]:
        """Somebody reads this again and again; what was answered is in the list."""
        stop, answers = threading.Event(), list[httpx.Response]()

        def read() -> None:
            while not stop.wait(0.05):
                headers = {"Authorization": f"Bearer {self.token}"}
                answers.append(httpx.get(f"{self.api}{path}", headers=headers, timeout=15))

        thread = threading.Thread(target=read)
        thread.start()
        try:
            yield answers
        finally:
            stop.set()
            thread.join()

    def load(self) -> Load:
        return Load(self.api, self.token)

    def wait_until(self, so: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not so():
            assert time.monotonic() < deadline, f"not within {PATIENCE_S} s: {what}\n{self.last_words()}"
            time.sleep(0.2)

    def last_words(self) -> str:
        return "\n".join(f"{path.name}: {path.read_text(errors='replace')[-1500:]}" for path in self.home.glob("*.log"))

    # -- is all well?

    def check_acknowledged(self, load: Load) -> None:
        """Every acknowledged command is in the log once, every win has its order, read models catch up unaided."""
        self.check_log(load)
        self.check_wins()
        self.wait_until(self.all_taken_in, "every read model has reached the head of the log")

    def check_against_log(self) -> None:
        """No read model differs from the pure fold of the log, row for row; nor does a fact of the lakehouse."""
        self.check_read_models()
        self.check_lake()

    def all_taken_in(self) -> bool:
        (behind,) = self.row(
            "SELECT count(*) FROM (SELECT DISTINCT slot FROM read.checkpoints) s"
            " WHERE read.reflected(slot) < (SELECT coalesce(max(position), 0) FROM log.events)"
        )
        return bool(behind == 0)

    def row(self, query: LiteralString) -> tuple[Any, ...]:
        with psycopg.connect(self.url) as connection:
            found: tuple[Any, ...] | None = connection.execute(query).fetchone()
        assert found is not None
        return found

    def check_log(self, load: Load) -> None:
        with psycopg.connect(self.url) as connection:
            recorded = {
                row[0]: row[1:]
                for row in connection.execute(
                    "SELECT command_id, stream_id, version, position, events FROM log.commands"
                )
            }
            for one in load.acknowledged:
                stream, version, position, _ = recorded[one.key]
                assert (str(stream), version) == (one.answer["id"], one.answer["version"])
                assert one.answer["position"].endswith(f".{position}")
            count, first, last = self.row("SELECT count(*), min(position), max(position) FROM log.events")
            assert (first, last) == (1, count), "positions are gapless"
            sparse = connection.execute(
                "SELECT stream_id FROM log.events GROUP BY tenant, stream_id HAVING count(*) <> max(version)"
            ).fetchall()
            assert sparse == [], "versions are dense"
            back = connection.execute(
                "SELECT position FROM (SELECT position, recorded_at, lag(recorded_at) OVER (ORDER BY position)"
                " AS before FROM log.events) e WHERE recorded_at < before"
            ).fetchall()
            assert back == [], "recorded_at never runs back"

    def check_wins(self) -> None:
        """Each win has placed one order."""

        def orders() -> list[tuple[Any, ...]]:
            with psycopg.connect(self.url) as connection:
                return connection.execute(
                    "SELECT w.stream_id, count(o.position) FROM log.events w LEFT JOIN log.events o"
                    " ON o.type = 'order.placed' AND o.causation_id = w.event_id"
                    " WHERE w.type = 'opportunity.won' GROUP BY w.stream_id HAVING count(o.position) <> 1"
                ).fetchall()

        self.wait_until(lambda: orders() == [], "each win has placed one order")

    def check_read_models(self) -> None:
        for projection in PROJECTIONS:
            asyncio.run(rebuilt(self.url, self.settings, projection.name))  # raises Differs
        with psycopg.connect(self.url) as connection:
            assert connection.execute("SELECT slot, position, error FROM read.parked").fetchall() == []

    def check_lake(self) -> None:
        self.wait_until(lambda: lake_lag(self.settings)[1] == 0, "the lakehouse has reached the head of the log")
        for fact in FACTS:
            asyncio.run(rebuilt(self.url, self.settings, fact))  # raises Differs
        with lake_of(self.settings) as lake:
            assert lake.parked() == []


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
