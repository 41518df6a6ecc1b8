"""PostgreSQL and Kafka for the survival tests: behind proxies, with disk and clock of their own, killed and wiped."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psutil
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import deploy.kafka
import deploy.postgres
from deploy.kafka import LocalKafka
from deploy.postgres import LocalPostgres
from deploy.process import LocalServer
from tests.survival.faults import Faults
from tests.survival.proxy import Network, Proxy


class Servers:
    """Both servers under one directory. Processes reach PostgreSQL through `way_to_postgres`, Kafka through the one
    address that it tells its clients; the tests themselves go straight to `database_url`."""

    def __init__(self, directory: Path) -> None:
        directory.chmod(0o755)  # the servers' user passes here
        self.directory = directory
        self.network = Network()
        self.faults = {name: Faults(directory, name) for name in ("postgres", "kafka")}
        self.to_kafka = self.network.proxy()
        self._ways: dict[str, Proxy] = {}
        self.postgres = LocalPostgres(directory, settings={"max_connections": "200", "checkpoint_timeout": "5min"})
        self.kafka = LocalKafka(directory)
        self.database_url = ""
        self._reviving = threading.RLock()
        self.kafka_bootstrap = f"127.0.0.1:{self.to_kafka.port}"
        try:
            both(self.start_postgres, self.start_kafka)
        except BaseException:
            self.stop()
            raise

    def start_postgres(self) -> None:
        with behind(deploy.postgres, "_environment", self._with(self.faults["postgres"])):
            self.database_url = self.postgres.start()
        told = conninfo_to_dict(self.database_url)
        for way in self._ways.values():
            way.target = (str(told["host"]), int(str(told["port"])))

    def start_kafka(self) -> None:
        def advertised(original: Callable[..., str]) -> Callable[..., str]:
            def properties(data: Path, broker: int, controller: int) -> str:
                self.to_kafka.target = ("127.0.0.1", broker)
                real = f"advertised.listeners=PLAINTEXT://127.0.0.1:{broker}"
                text = original(data, broker, controller)
                assert real in text
                return text.replace(real, f"advertised.listeners=PLAINTEXT://{self.kafka_bootstrap}")

            return properties

        with ExitStack() as wrapped:
            wrapped.enter_context(behind(deploy.kafka, "_environment", self._with(self.faults["kafka"])))
            wrapped.enter_context(behind(deploy.kafka, "_properties", advertised))
            self.kafka.start()

    def way_to_postgres(self, who: str) -> tuple[Proxy, str]:
        """A process's own way to PostgreSQL, and the address at its beginning."""
        if who not in self._ways:
            self._ways[who] = self.network.proxy()
            told = conninfo_to_dict(self.database_url)
            self._ways[who].target = (str(told["host"]), int(str(told["port"])))
        return self._ways[who], make_conninfo(self.database_url, port=self._ways[who].port)

    def crash_postgres(self) -> None:
        """kill -9 of one session: the server ends all others and recovers from its log, as after a crash."""
        with psycopg.connect(self.database_url) as connection:
            os.kill(connection.info.backend_pid, 9)

    def restart_postgres(self) -> None:
        """kill -9 of the server and a new start."""
        with self._reviving:
            if alive(self.postgres):
                kill(self.postgres)
            else:
                self.postgres.stop()
            self.start_postgres()

    def restart_kafka(self, *, wiped: bool = False) -> None:
        """kill -9 and a new start, perhaps with nothing left of its data."""
        with self._reviving:
            if alive(self.kafka):
                kill(self.kafka)
            else:
                self.kafka.stop()
            if wiped:
                shutil.rmtree((self.directory / self.kafka.kind).resolve() / "data")
            self.start_kafka()

    def heal(self) -> None:
        """Whatever was done to the network, the disks and the clocks is undone."""
        for way in (*self._ways.values(), self.to_kafka):
            way.heal()
        for faults in self.faults.values():
            faults.none()

    def revive(self) -> None:
        """Start again what has died, as a machine's keeper of services would; a full disk may have taken it down."""
        with self._reviving:
            both(*(lambda s=server, b=begin: (s.stop(), b()) for server, begin in self._starts() if not alive(server)))

    def _starts(self) -> list[tuple[LocalServer, Callable[[], None]]]:
        return [(self.postgres, self.start_postgres), (self.kafka, self.start_kafka)]

    def stop(self) -> None:
        for server in (self.kafka, self.postgres):
            server.stop()
        for way in (*self._ways.values(), self.to_kafka):
            way.close()
        self.network.stop()

    def _with(self, faults: Faults) -> Callable[[Any], Any]:
        return lambda original: lambda data: {**original(data), **faults.environment}


def behind(module: Any, name: str, wrap: Callable[[Any], Any]) -> Any:
    """While this lasts, a function of the module is wrapped."""
    return patch.object(module, name, wrap(getattr(module, name)))


def both(*works: Callable[[], object]) -> None:
    """Do these at the same time; raises what the first that failed raised."""
    failed: list[BaseException] = []

    def run(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def process_of(server: LocalServer) -> psutil.Process | None:
    """The server itself, behind its guard."""
    guarded = server._server
    if guarded is None or not guarded.running:
        return None
    children = psutil.Process(guarded._guard.pid).children()
    return children[0] if children else None


def alive(server: LocalServer) -> bool:
    return process_of(server) is not None


def kill(server: LocalServer) -> None:
    process = process_of(server)
    assert process, "it runs"
    process.kill()
    process.wait()
    server.stop()
