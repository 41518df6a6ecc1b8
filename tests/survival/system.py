"""A whole Kronika of the tests' own: a database, a home, and processes that can be killed, stopped, cut off and started
again."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, LiteralString
from uuid import uuid4

import httpx
import psutil
import psycopg
from kafka import KafkaAdminClient
from psycopg import sql
from psycopg.conninfo import make_conninfo

from api import keys as api_keys
from deploy.report import lag_of, lags, lake_of
from deploy.settings import Settings
from eventlog.keys import FileKeyStore
from projections.analytics.lake import Lake
from tests.survival.failpoints import Board, Order, kind_of
from tests.survival.nursery import Nursery
from tests.survival.proxy import Proxy
from tests.survival.servers import Servers

PATIENCE_S = 30
"""Within that everything has recovered by itself, once nothing is done to it any more."""

TENANT = "acme"
PARTITIONS = 4
EVERYTHING = (
    "api-1",
    "api-2",
    "relay-1",
    "relay-2",
    "projector-1",
    "projector-2",
    "historian-1",
    "analyst-1",
    "reactor-1",
)
REST_S = 0.3
"""How long the keeper of services waits before it starts again what has ended."""


class System:
    """One Kronika on these servers, in a database and a home of its own. What ends is started again, as a keeper of
    services would; `stop` takes it down with all that it has made."""

    def __init__(
        self,
        servers: Servers,
        nursery: Nursery,
        names: tuple[str, ...] = EVERYTHING,
        restore: Callable[[str, Path], dict[str, Any]] | None = None,
    ) -> None:
        """`restore` fills an empty database, and the directory of the keys, with what an earlier release left; it is
        brought to the present one. It answers what it knows, an API's token among it."""
        self.servers, self.nursery, self.names = servers, nursery, names
        self.name = f"s_{uuid4().hex[:12]}"
        self.home = servers.directory / self.name
        self.home.mkdir()
        self.board = Board(self.home / "failpoints")
        self.pids: dict[str, int] = {}
        self.ports = {name: free_port() for name in names if kind_of(name) == "api"}
        self.ended: Counter[str] = Counter()
        """Which processes have ended how often without having been killed."""
        self.stopped: dict[str, float] = {}
        """When a process that stopped itself is to go on."""
        self.faults_fired: Counter[str] = Counter()
        self._lock = threading.RLock()
        self._killed: set[int] = set()
        self._down = False
        self._lake: Lake | None = None
        if restore:
            self.url = self._database("template0")
            self.settings = self.settings_for(self.url)
            self.token = restore(self.url, self.settings.keys_path)["token"]
            nursery.migrate(self.home / "migration.log", self.environment("migration", self.url))
        else:
            self.url = self._database(self._template())
            self.settings = self.settings_for(self.url)
            store = FileKeyStore(self.settings.keys_path)
            self.token = api_keys.create(self.url, store, TENANT, "tester")
            store.close()
            with psycopg.connect(self.url) as connection:  # no two logs share a topic, not even copies of one
                connection.execute("UPDATE fanout.relay SET log_name = %s", [self.name[2:10]])
        self.http = httpx.Client(headers={"Authorization": f"Bearer {self.token}"}, timeout=20)
        nursery.listeners.append(self._has_ended)
        for name in names:
            self.start(name)
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()
        try:
            self.wait_until(self.ready, "every API answers")
        except BaseException:
            self.stop()
            raise

    def _template(self) -> str:
        """A database that the nursery's own release has migrated."""
        template = self.nursery.template
        address = self.servers.database_url
        with psycopg.connect(make_conninfo(address, dbname="postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [template]).rowcount:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(template)))
                environment = self.environment("migration", make_conninfo(address, dbname=template))
                self.nursery.migrate(self.home / "migration.log", environment)
        return template

    def _database(self, template: str) -> str:
        address = self.servers.database_url
        with psycopg.connect(make_conninfo(address, dbname="postgres"), autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(self.name), sql.Identifier(template))
            )
        return make_conninfo(address, dbname=self.name)

    # -- processes

    def environment(self, name: str, url: str) -> dict[str, str]:
        return {
            "KRONIKA_HOME": str(self.home),
            "KRONIKA_API_PORT": str(self.ports.get(name, 1)),
            "KRONIKA_DATABASE_URL": url,
            "KRONIKA_KAFKA_BOOTSTRAP": self.servers.kafka_bootstrap,
            "KRONIKA_PARTITIONS": str(PARTITIONS),
            "KRONIKA_LOG_LEVEL": "warning",
            "PGAPPNAME": name,
        }

    def settings_for(self, url: str) -> Settings:
        return Settings.model_validate(
            {
                "home": self.home,
                "database_url": url,
                "kafka_bootstrap": self.servers.kafka_bootstrap,
                "partitions": PARTITIONS,
            }
        )

    def start(self, name: str) -> None:
        way, _ = self.servers.way_to_postgres(name)
        url = make_conninfo(self.url, port=way.port)
        with self._lock:
            self.pids[name] = self.nursery.start(
                name, self.home / f"{name}.log", self.board.directory, self.environment(name, url)
            )

    def _has_ended(self, pid: int, status: int) -> None:
        with self._lock:
            found = [name for name, known in self.pids.items() if known == pid]
            if not found or self._down:
                return
            (name,) = found
            del self.pids[name]
            self.stopped.pop(name, None)
            if pid not in self._killed and status != -signal.SIGKILL:
                self.ended[name] += 1
        time.sleep(REST_S)
        if not self._down:
            self.start(name)

    def _keep(self) -> None:
        """Notice which failpoints have acted, and let go on what has been stopped for long enough."""
        while not self._down:
            for process, name, order in self.board.fired():
                self.faults_fired[f"{order.act} at {name}"] += 1
                if order.act == "stop":
                    self.stopped[process] = time.monotonic() + order.seconds
            for name, until in list(self.stopped.items()):
                if time.monotonic() > until:
                    self.resume(name)
            time.sleep(0.02)

    def kill(self, name: str) -> None:
        """kill -9; it is started again."""
        with self._lock:
            pid = self.pids.get(name)
            if pid:
                self._killed.add(pid)
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def pause(self, name: str, seconds: float) -> None:
        """SIGSTOP; it is let go on after that."""
        with self._lock:
            if pid := self.pids.get(name):
                os.kill(pid, signal.SIGSTOP)
                self.stopped[name] = time.monotonic() + seconds

    def resume(self, name: str) -> None:
        with self._lock:
            self.stopped.pop(name, None)
            if pid := self.pids.get(name):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def way(self, name: str) -> Proxy:
        """The process's way to PostgreSQL."""
        return self.servers.way_to_postgres(name)[0]

    def arm(self, process: str, failpoint: str, act: str, *, nth: int = 1, seconds: float = 0.0) -> None:
        self.board.arm(process, failpoint, Order(act, nth, seconds))  # type: ignore[arg-type]  # checked when read

    def heal(self) -> None:
        """Nothing is done to the system any more; from here on it recovers unaided."""
        self.board.disarm()
        self.servers.heal()
        self.nursery.faults.none()
        self.servers.revive()
        for name in list(self.stopped):
            self.resume(name)

    def told_to_end(self) -> list[str]:
        """SIGTERM to all; answers which have not ended ten seconds later."""
        with self._lock:
            self._down = True
            running = {name: psutil.Process(pid) for name, pid in self.pids.items() if psutil.pid_exists(pid)}
            for process in running.values():
                with suppress(psutil.NoSuchProcess):
                    process.terminate()
        deadline = time.monotonic() + 10
        while running and time.monotonic() < deadline:
            running = {name: process for name, process in running.items() if alive(process)}
            time.sleep(0.02)
        return sorted(running)

    def stop(self) -> None:
        with suppress(ValueError):
            self.nursery.listeners.remove(self._has_ended)
        with self._lock:
            self._down = True
            for pid in self.pids.values():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        if self._lake:
            self._lake.close()
        self.http.close()
        topics = self._topics()
        with (
            suppress(psycopg.OperationalError),
            psycopg.connect(make_conninfo(self.servers.database_url, dbname="postgres"), autocommit=True) as connection,
        ):
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(self.name)))
        if topics:
            with self.admin() as admin:
                admin.delete_topics(topics)
        shutil.rmtree(self.home, ignore_errors=True)

    def _topics(self) -> list[str]:
        with suppress(Exception), self.admin() as admin:  # a Kafka that is away keeps its topics
            return [topic for topic in admin.list_topics() if self.name[2:10] in topic]
        return []

    @contextmanager
    def admin(self) -> Iterator[Any]:
        client = KafkaAdminClient(bootstrap_servers=self.servers.kafka_bootstrap, bootstrap_timeout_ms=5_000)
        try:
            yield client
        finally:
            client.close()

    def delete_topic(self) -> None:
        """What a wiped Kafka means to us, at less cost: the topic is gone."""
        if topic := self.topic():
            with suppress(Exception), self.admin() as admin:
                admin.delete_topics([topic])

    def topic(self) -> str | None:
        """Where the relay publishes."""
        (topic,) = self.row(
            "SELECT CASE WHEN generation > 0 THEN 'kronika.events.' || log_name || '.g' || generation END"
            " FROM fanout.relay"
        )
        return str(topic) if topic else None

    # -- how it is

    @property
    def apis(self) -> list[str]:
        return [f"http://127.0.0.1:{port}" for port in self.ports.values()]

    def ready(self) -> bool:
        """Whether every API takes commands and reads; each goes over connections of its own."""
        nobody = {"customer_id": str(uuid4()), "name": "?"}
        try:
            return all(
                self.http.get(f"{api}/v1/customers?limit=1", timeout=5).status_code == 200
                and self.http.post(f"{api}/v1/commands/rename-customer", json=nobody, timeout=5).status_code == 404
                and self.http.get(f"{api}/health/ready", timeout=5).status_code == 200
                for api in self.apis
            )
        except httpx.HTTPError:
            return False

    def wait_until(self, so: Callable[[], bool], what: str, within_s: float = PATIENCE_S) -> float:
        """Answers how long it took."""
        began = time.monotonic()
        while not so():
            waited = time.monotonic() - began
            assert waited < within_s, f"not within {within_s} s: {what}\n{self.standing()}\n{self.last_words()}"
            time.sleep(0.05)
        return time.monotonic() - began

    def standing(self) -> str:
        """Who is how far behind."""
        try:
            with psycopg.connect(self.url, connect_timeout=5) as connection, self.lake() as lake:
                late = [f"{lag.name} by {lag.events} events" for lag in lags(connection) if lag.events]
                return f"behind are {', '.join(late) or 'none'}, the lakehouse by {lag_of(self.settings, lake)[1]}"
        except Exception as error:  # why nobody can tell
            return repr(error)

    def last_words(self) -> str:
        return "\n".join(f"{path.name}: {path.read_text(errors='replace')[-1500:]}" for path in self.home.glob("*.log"))

    def row(self, query: LiteralString) -> tuple[Any, ...]:
        with psycopg.connect(self.url, connect_timeout=5) as connection:
            found: tuple[Any, ...] | None = connection.execute(query).fetchone()
        assert found is not None
        return found

    def caught_up(self) -> bool:
        """Whether relay, reactor, every read model and the lakehouse have taken in all that is in the log."""
        try:
            (behind,) = self.row(
                "WITH head AS (SELECT coalesce(max(position), 0) AS position FROM log.events)"
                " SELECT (SELECT count(*) FROM (SELECT DISTINCT slot FROM read.checkpoints) s, head"
                " WHERE read.reflected(slot) < head.position)"
                " + (SELECT count(*) FROM fanout.relay r, head WHERE r.position < head.position)"
            )
            if behind:
                return False
            with self.lake() as lake:
                return lag_of(self.settings, lake)[1] == 0
        except Exception:  # a server is still coming up
            return False

    def has_topic(self) -> bool:
        """Whether Kafka has the topic; one that was lost while nothing happened is missed within seconds."""
        if (topic := self.topic()) is None:
            return True
        with suppress(Exception), self.admin() as admin:
            return topic in admin.list_topics()
        return False

    def head(self) -> int:
        return int(self.row("SELECT coalesce(max(position), 0) FROM log.events")[0])

    def reflects(self, slot: str, position: int) -> bool:
        """Whether a read model has taken in everything up to this position."""
        with psycopg.connect(self.url) as connection:
            row = connection.execute("SELECT read.reflected(%s) >= %s", [slot, position]).fetchone()
        return bool(row and row[0])

    def relayed(self, position: int) -> bool:
        return bool(self.row("SELECT position FROM fanout.relay")[0] >= position)

    @contextmanager
    def reading(self, path: str) -> Iterator[list[httpx.Response]]:
        """Somebody reads this again and again; what was answered is in the list."""
        stop, answers = threading.Event(), list[httpx.Response]()

        def read() -> None:
            while not stop.wait(0.05):
                answers.append(self.http.get(f"{self.apis[0]}{path}"))

        thread = threading.Thread(target=read)
        thread.start()
        try:
            yield answers
        finally:
            stop.set()
            thread.join()

    @contextmanager
    def lake(self) -> Iterator[Lake]:
        """The lakehouse, for reading; opened once, and anew after a failure."""
        if self._lake is None:
            self._lake = lake_of(self.settings)
        try:
            yield self._lake
        except BaseException:
            self._lake.close()
            self._lake = None
            raise

    def recover(self) -> float:
        """Heal, and wait until all is well again; answers how long that took."""
        self.heal()
        began = time.monotonic()
        self.wait_until(self.ready, "every API answers")
        self.wait_until(
            self.caught_up, "everything has reached the head of the log", PATIENCE_S - (time.monotonic() - began)
        )
        self.wait_until(self.has_topic, "Kafka has the topic", PATIENCE_S - (time.monotonic() - began))
        return time.monotonic() - began


def alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
