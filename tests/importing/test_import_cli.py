"""Imports from the command line: in a process of their own that may be killed at any moment."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from rich.console import Console
from rich.progress import Progress, TaskID

from deploy.cli import main
from deploy.errors import NotAsPromised
from deploy.importing import Asked, run
from deploy.settings import Settings
from eventlog.envelope import Caller
from eventlog.keys import FileKeyStore
from eventlog.log import Log
from tests.conftest import server

from .shop import MAPPING, business, customers, files, orders, rows

KILLS = int(os.environ.get("TESTS_KILLS", "3"))
"""At how many random moments an import is killed; the campaign takes 20."""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with a delivery of the shop, two of its rows wrong."""
    (tmp_path / "shop.yaml").write_text(MAPPING)
    some_customers, some_orders = customers(300), orders(600, 300)
    some_customers[7] = ("C7", "Twin", "c6@example.com", "2024-01-01")  # claims what is another's
    some_orders[5] = ("O5", "nobody", *some_orders[5][2:])
    some_orders[9] = (*some_orders[9][:6], "2024-01-01", "")  # confirmed before it was placed
    deliver(tmp_path, some_customers, some_orders)
    return tmp_path


def deliver(place: Path, some_customers, some_orders) -> None:
    for name, content in files(some_customers, some_orders).items():
        (place / name).write_bytes(content)


def asked(place: Path, *, dry_run: bool = False, corrected: Path | None = None) -> Asked:
    return Asked(str(place / "shop.yaml"), place, dry_run, corrected, Caller("demo", "operator"))


@dataclass
class Done:
    """An import that has come to its end in this process, and what was told of it."""

    all_taken: bool
    told: str

    def __getitem__(self, name: str) -> str:
        found = re.search(rf"{name} +│ +(.*?) *│", self.told)
        assert found, self.told
        return found[1]


def done(settings: Settings, asked: Asked, into: Path | None = None) -> Done:
    console = Console(file=StringIO(), width=200)
    all_taken = run(settings, asked, into, console)
    return Done(all_taken, console.file.getvalue())  # type: ignore[attr-defined]  # as given


def recorded(settings, tenant="demo") -> list[Any]:
    """What is in the log of the database."""

    async def read() -> list[Any]:
        keys = FileKeyStore(settings.keys_path)
        try:
            async with Log.open(str(settings.database_url), keys) as log:
                return await business(log)
        finally:
            keys.close()

    return asyncio.run(read())


def test_an_import_is_done_here_and_now_and_the_same_again_adds_nothing(place, settings):
    tried = done(settings, asked(place, dry_run=True))
    assert (tried.all_taken, tried["done"], tried["failed"]) == (False, "896", "4")
    assert recorded(settings) == []

    first = done(settings, asked(place), place / "results")
    assert (first.all_taken, first["done"], first["failed"], first["warnings"]) == (False, "896", "4", "1")
    assert first["failed: duplicate"].startswith("1, first customers:9: register-customer: Another one has this")
    for one in (tried, first):
        assert one["warned of"].startswith("1, first orders:11: order.confirmed was stated at 2024-01-01")
    log = recorded(settings)
    failed = rows((place / "results" / "failed.csv").read_bytes())
    assert [row["kronika_kind"] for row in failed] == ["duplicate", "not found", "not found", "not found"]

    again = done(settings, asked(place))
    assert (again["done"], again["events"]) == ("896", "0")
    assert recorded(settings) == log

    corrected = place / "corrected.csv"
    text = (place / "results" / "failed.csv").read_text()
    corrected.write_text(text.replace("c6@example.com", "c7@example.com").replace("nobody", "C7"))
    mended = done(settings, asked(place, corrected=corrected))
    assert (mended.all_taken, mended["done"], mended["failed"]) == (True, "4", "0"), mended.told
    assert len(recorded(settings)) == len(log) + 1 + 3 * 3


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("id;name\n1;x\n", "it has no columns kronika_line and kronika_file; send the file of results"),
        ("kronika_line,kronika_file\n", "There is no row in it that could be corrected"),
        (
            "kronika_line,kronika_file,id\n2,receipts,1\n",
            "the mapping has no file 'receipts'; it has customers, orders",
        ),
        ("kronika_line,kronika_file,name\n9999,customers,x\n", "kronika_line '9999' is no line"),
        ("kronika_line,kronika_file,name\n2,customers,\xe4\n", "This is no text in UTF-8"),
    ],
)
def test_what_is_no_corrected_file_says_so_and_stands_in_no_ones_way(place, elsewhere, content, says):
    settings = elsewhere()
    done(settings, asked(place), place / "results")
    corrected = place / "corrected.csv"
    corrected.write_text(content, encoding="latin-1")
    (place / "none").mkdir()
    refused = done(settings, asked(place, corrected=corrected), place / "none")
    assert not refused.all_taken
    assert says in refused["why"]
    assert list((place / "none").iterdir()) == []
    good = (place / "results" / "failed.csv").read_text().replace("c6@", "c7@").replace("nobody", "C7")
    corrected.write_text(good.replace(",", ";"), encoding="utf-8-sig")  # as a spreadsheet in Madrid saves it
    mended = done(settings, asked(place, corrected=corrected))
    assert (mended.all_taken, mended["done"], mended["failed"]) == (True, "4", "0"), mended.told


def test_a_correction_that_broke_off_is_gone_on_with_and_stands_in_no_others_way(place, elsewhere, monkeypatch):
    settings = elsewhere()
    done(settings, asked(place), place / "results")
    text = (place / "results" / "failed.csv").read_text()
    first, second = place / "first.csv", place / "second.csv"
    first.write_text(text.replace("c6@", "c7@"))
    second.write_text(text.replace("c6@", "c7@").replace("nobody", "C7"))

    async def breaks_off(*_: Any, **__: Any) -> None:
        raise RuntimeError("the machine fell")

    with monkeypatch.context() as fallen:
        fallen.setattr("deploy.importing.carry_out", breaks_off)
        with pytest.raises(RuntimeError):
            done(settings, asked(place, corrected=first))
    mended = done(settings, asked(place, corrected=second))
    assert (mended.all_taken, mended["done"]) == (True, "4"), mended.told
    log = recorded(settings)
    gone_on = done(settings, asked(place, corrected=first))
    assert (gone_on["done"], gone_on["failed"]) == ("3", "1"), gone_on.told
    assert recorded(settings) == log


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["no-such-mapping", "."], "there is no mapping"),
        (["{place}/shop.yaml", "/nowhere"], "has no customers.csv"),
        (["{place}/shop.yaml", "{place}", "--tenant", "a b"], "no tenant"),
        (["{place}/shop.yaml"], "name a mapping and a directory"),
        (["{place}/shop.yaml", "{place}", "--tenant", "x", "--corrected", "{place}/shop.yaml"], "nothing to correct"),
    ],
)
def test_what_cannot_be_meant_is_one_clear_line(place, settings, monkeypatch, capsys, given, says):
    monkeypatch.setenv("KRONIKA_DATABASE_URL", str(settings.database_url))
    monkeypatch.setenv("KRONIKA_KAFKA_BOOTSTRAP", "localhost:1")
    monkeypatch.setenv("KRONIKA_KEYS_PATH", str(settings.keys_path))
    monkeypatch.setattr(sys, "argv", ["kronika", "import", *(word.format(place=place) for word in given)])
    with pytest.raises(SystemExit) as ended:
        main()
    told = capsys.readouterr().err
    assert ended.value.code == 1
    assert says in told
    assert told.count("\n") == 1, told


@pytest.fixture
def elsewhere(template_database, tmp_path) -> Iterator[Callable[[], Settings]]:
    """Makes another empty company, with keys of its own."""
    made: list[str] = []
    with psycopg.connect(server("postgres"), autocommit=True) as connection:

        def make() -> Settings:
            made.append(f"t_{uuid4().hex}")
            name, template = sql.Identifier(made[-1]), sql.Identifier(template_database)
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, template))
            return Settings(home=tmp_path / made[-1], database_url=make_conninfo(server("postgres"), dbname=made[-1]))

        yield make
        for name in made:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@dataclass
class Process:
    """An import in a process of its own."""

    pid: int
    told: Path

    def ended(self) -> str:
        """What it told, once it has ended."""
        os.waitpid(self.pid, 0)
        return self.told.read_text()


def started(place: Path, settings: Settings, *, stopped_at: int | None = None) -> Process:
    """`stopped_at`: after so many units somebody presses Ctrl-C."""
    told = place / f"told-{uuid4().hex}"
    told.touch()
    if pid := os.fork():  # starting Python anew takes longer than the import
        return Process(pid, told)
    try:
        if stopped_at is not None:
            press_ctrl_c(stopped_at)
        with told.open("w") as file:
            try:
                run(settings, asked(place), None, Console(file=file, width=200))
            except NotAsPromised as error:
                file.write(str(error))
    finally:
        os._exit(0)


def press_ctrl_c(units: int) -> None:
    """Here, once the progress shows so many units; whoever runs the tests in the background has it ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    shown, once = Progress.update, iter([True])

    def update(bar: Progress, task: TaskID, **told: Any) -> None:
        shown(bar, task, **told)
        if (told.get("completed") or 0) >= units and next(once, False):
            os.kill(os.getpid(), signal.SIGINT)

    setattr(Progress, "update", update)  # noqa: B010  # mypy


def positions(settings: Settings) -> int:
    with psycopg.connect(str(settings.database_url)) as connection:
        row = connection.execute("SELECT coalesce(max(position), 0) FROM log.events").fetchone()
        assert row
        return int(row[0])


def wait_for(settings: Settings, position: int) -> None:
    deadline = time.monotonic() + 60
    while positions(settings) < position:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_killed_at_any_moment_and_run_again_the_log_is_as_if_nothing_had_happened(place, elsewhere):
    undisturbed, disturbed = elsewhere(), elsewhere()
    started(place, undisturbed).ended()
    expected = recorded(undisturbed)
    assert len(expected) > 1_500
    chance = random.Random(KILLS)
    for moment in sorted(chance.randrange(len(expected) * 9 // 10) for _ in range(KILLS)):
        running = started(place, disturbed)
        wait_for(disturbed, moment)
        os.kill(running.pid, signal.SIGKILL)
        running.ended()
    assert "finished" in started(place, disturbed).ended()
    assert recorded(disturbed) == expected
    assert one_import(disturbed) == one_import(undisturbed), "what is told of the import is the same, too"


def one_import(settings: Settings) -> list[Any]:
    """The outcomes of the only import there is, and its end."""
    with psycopg.connect(str(settings.database_url)) as connection:
        outcomes = connection.execute("SELECT unit, status, kind, message, commands FROM imports.outcome ORDER BY unit")
        ended = connection.execute("SELECT data::text FROM log.events WHERE type = 'import.finished'")
        return [outcomes.fetchall(), ended.fetchall()]


def test_stopped_with_a_signal_it_goes_on_when_run_again(place, elsewhere):
    settings = elsewhere()
    assert "goes on where it was" in started(place, settings, stopped_at=100).ended()
    assert 100 <= positions(settings) < 1_500
    assert "896" in started(place, settings).ended()


def test_while_one_process_is_at_an_import_another_leaves_it_alone(place, elsewhere):
    settings = elsewhere()
    first = started(place, settings)
    wait_for(settings, 1)
    second = started(place, settings)
    assert "Another process is carrying out this import" in second.ended()
    assert "896" in first.ended()
    assert [len(part) for part in one_import(settings)] == [900, 1]
