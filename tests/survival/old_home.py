"""A small home as an earlier release has left it, kept as text: its database and its keys.

`python -m tests.survival.old_home` writes one of the present release; do so when a release is made.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from deploy.postgres import _programs
from tests.survival.company import Client, Company
from tests.survival.nursery import Nursery
from tests.survival.servers import Servers
from tests.survival.system import System
from tests.survival.wire import Wire

KEPT = Path(__file__).with_name("old_home")
DATABASE, REST = KEPT / "database.sql", KEPT / "home.json"
SOMEWHERE = "/home/kronika/lake/"
"""Instead of where the lakehouse really was: a home may be moved."""

PROCESSES = ("api-1", "relay-1", "projector-1", "historian-1", "analyst-1", "reactor-1")


def restore(url: str, keys: Path) -> dict[str, Any]:
    """Put the database into the empty one at `url` and the keys where they belong; answers what else is known."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "DO $$ BEGIN CREATE ROLE kronika_app NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
        )
        connection.execute(DATABASE.read_text().encode())
    known: dict[str, Any] = json.loads(REST.read_text())
    keys.mkdir(mode=0o700)
    master = keys / "master.key"
    master.write_bytes(bytes.fromhex(known["master_key"]))
    master.chmod(0o600)
    with closing(sqlite3.connect(keys / "keys.sqlite")) as store:
        store.executescript("\n".join(known["keys"]))
    return known


def write() -> None:
    directory = Path(tempfile.mkdtemp(prefix="kronika-survival-"))
    servers = Servers(directory)
    nursery = Nursery(directory)
    try:
        system = System(servers, nursery, PROCESSES)
        company = Company(system.apis, system.token, seed=1, clients=1)
        asyncio.run(live(company))
        system.recover()
        assert system.told_to_end() == []
        KEPT.mkdir(exist_ok=True)
        DATABASE.write_text(dumped(system))
        store = sqlite3.connect(system.settings.keys_path / "keys.sqlite")
        first = company.book.acknowledged[0]
        known = {
            "token": system.token,
            "master_key": (system.settings.keys_path / "master.key").read_bytes().hex(),
            "keys": list(store.iterdump()),
            "customer": company.shared[0],
            "name": first.body["name"],
            "first": {"key": first.key, "name": first.name, "body": first.body, "answer": first.answer},
        }
        REST.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n")
        system.stop()
    finally:
        nursery.stop()
        servers.stop()
        shutil.rmtree(directory, ignore_errors=True)


async def live(company: Company) -> None:
    """A little of everything."""
    client = Client(company, Wire({"Authorization": f"Bearer {company.token}"}), 0, Random(1))
    for customer in company.shared[:2]:
        await client.ask("register-customer", customer_id=customer, kind="organisation", name="旧公司")
        client.customers.append(customer)
    for story in (client.sells, client.takes_an_order, client.helps, client.cares_for_a_customer, client.sells):
        await story()


def dumped(system: System) -> str:
    """The database as SQL that any client can execute, without what belongs to this machine or to psql."""
    told = conninfo_to_dict(system.url)
    programs = _programs(None, None)
    command = [str(programs / "pg_dump"), "--inserts", "--no-comments", "--dbname", system.url]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    lines = [
        line
        for line in done.stdout.splitlines()
        if line and not line.startswith(("--", "\\", "SET transaction_timeout"))
    ]
    text = "\n".join(lines).replace(system.settings.lake_path.rstrip("/") + "/", SOMEWHERE)
    for secret, instead in ((str(told["dbname"]), "kronika"), (str(told["user"]), "kronika")):
        text = text.replace(secret, instead)
    return text + "\n"


if __name__ == "__main__":
    write()
