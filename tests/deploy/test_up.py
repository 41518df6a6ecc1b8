"""One command runs the whole system: it starts, reports, stops cleanly, resumes, and works again after kill -9."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import psutil
import pytest
from rich.console import Console

from deploy import cli
from tests.survival.system import free_port

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(280)


@pytest.fixture
def home():
    with TemporaryDirectory(prefix="kronika-up-") as directory:  # not under pytest's: the servers' user cannot go there
        Path(directory).chmod(0o755)
        yield Path(directory)
        for process in left_over(Path(directory)):  # of a test that failed
            with suppress(psutil.NoSuchProcess):
                process.kill()


def kronika(home, *arguments, **popen):
    return subprocess.Popen(
        [sys.executable, "-m", "deploy.cli", *arguments, "--home", str(home)],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | {"COLUMNS": "160"},
        **popen,
    )


def done(home, *arguments):
    process = kronika(home, *arguments)
    output, _ = process.communicate(timeout=240)
    return process.returncode, output


@pytest.fixture
def answered(home, monkeypatch, capsys):
    """The code and the words with which a command ends. Here, as a process of its own needs seconds."""
    monkeypatch.setattr(cli, "console", Console(highlight=False, width=160))

    def answered(*arguments):
        monkeypatch.setattr(sys, "argv", ["kronika", *arguments, "--home", str(home)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return ended.value.code, said.out + said.err

    return answered


def up(home, port):
    """`kronika up`, once it says that it runs: the process and what it said."""
    process = kronika(home, "up", "--no-demo", "--port", str(port))
    said = ""
    assert process.stdout
    while "Ctrl-C" not in said:
        line = process.stdout.readline()
        assert line, f"ended: {said}"
        said += line
    return process, said


def left_over(home):
    """Processes that work in the home or were started for it."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(home) in " ".join([process.cwd(), *process.cmdline(), process.environ().get("KRONIKA_HOME", "")]):
                found.append(process)
        except psutil.Error:
            continue
    return found


def nothing_is_left(home, within_s=5):
    """Whether all of it is gone, after a moment: those who import and clean up for the others see them go."""
    deadline = time.monotonic() + within_s
    while left_over(home) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left_over(home) == []


def test_a_check_fills_the_demo_company_reports_it_and_stops(home):
    """A twentieth of the company: test_demo.py says what the whole one holds."""
    code, said = done(home, "up", "--check", "--demo-scale", "0.05", "--port", str(free_port()))
    assert code == 0, said
    rows = {name.strip(): int(n.replace(",", "")) for name, n in re.findall(r"│ ([\w: ]+?) +│ ([\d,]+) ", said)}
    assert rows["log: events"] > 2_000
    assert rows["read model: customers"] >= 100
    assert rows["read model: opportunities"] >= 150
    assert rows["read model: orders"] >= 250
    assert rows["read model: tickets"] >= 200
    assert rows["read model: timeline"] == rows["lakehouse: events"] == rows["log: events"]
    for title in ("The sales funnel", "The best customers", "The history of"):
        assert title in said
    assert nothing_is_left(home)


def test_it_stays_stops_on_ctrl_c_within_ten_seconds_and_resumes_with_its_data(home, answered):
    port = free_port()
    process, _ = up(home, port)
    code, key = done(home, "key", "create", "acme", "li")
    headers = {"Authorization": f"Bearer {key.strip()}"}
    api = f"http://127.0.0.1:{port}"
    made = httpx.post(f"{api}/v1/commands/register-customer", json={"kind": "person", "name": "李雷"}, headers=headers)
    assert made.status_code == 201, made.text
    code, said = done(home, "status")
    assert code == 0, said
    assert "does not run" not in said
    assert f"{api} takes commands" in said
    for command, says in (
        (["migrate"], ""),
        (["ask"], "register-customer"),
        (["ask", "register-customer"], "one of person, organisation, needed"),
        (["ask", "register-customer", "--schema"], '"properties"'),
        (["ask", "register-customer", '{"kind": "person", "name": "王芳"}', "--tenant", "acme"], "customer.registered"),
        (["replay", made.json()["id"], "--tenant", "acme"], "customer.registered"),
        (["replay", made.json()["id"], "--tenant", "acme", "--json"], '"kind":"customer"'),
        (["rebuild", "customers"], "equal to the live one"),
        (["rebuild", "events"], "equal to the live one"),
        (["reconcile", "--all"], "0 differed"),
        (["status"], "everything: 2 streams"),
        (["relay", "--from", "1"], "2 events published again"),
        (["parked", "list"], "read model"),
        (["parked", "replay", "customers"], "0 events taken in"),
        (["key", "list"], "acme"),
    ):
        code, said = answered(*command)
        assert code == 0, said
        assert says in said
    for command, says in (
        (["rebuild", "nothing"], "there is no read model nothing"),
        (["ask", "praise-customer"], "there is no command praise-customer"),
        (["ask", "register-customer", "{}"], "/problems/invalid"),
        (["ask", "register-customer", "{"], "/problems/bad-body"),
        (["ask", "verify-customer", '{"customer_id": "00000000-0000-7000-8000-000000000000"}'], "/problems/not-found"),
        (["replay", "nobody"], "nobody is no customer's id"),
        (["replay", made.json()["id"]], "there is no customer"),
        (["parked", "show", "customers", "1"], "nothing parked"),
        (["key", "create", "No Tenant", "li"], "is no tenant"),
        (["key", "revoke", "unknown"], "no key unknown"),
    ):
        code, said = answered(*command)
        assert (code, said.count("\n")) == (1, 1), said
        assert says in said
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    assert process.wait(timeout=10) == 0
    assert nothing_is_left(home)
    assert time.monotonic() - began < 10
    process, _ = up(home, port)
    read = httpx.get(f"{api}/v1/customers/{made.json()['id']}", headers=headers)
    assert read.json()["name"] == "李雷"
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 0


def test_after_kill_minus_nine_of_everything_it_simply_works_again(home):
    port = free_port()
    process, _ = up(home, port)
    process.kill()
    for one in left_over(home):
        with suppress(psutil.NoSuchProcess):
            one.kill()
    process.wait()
    process, _ = up(home, port)
    assert httpx.get(f"http://127.0.0.1:{port}/health/ready").status_code == 200
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 0
    assert nothing_is_left(home)


def test_when_a_server_dies_it_says_so_and_ends(home):
    process, _ = up(home, free_port())
    postmaster = int((home / "postgres").resolve().joinpath("data", "postmaster.pid").read_text().split()[0])
    os.kill(postmaster, signal.SIGKILL)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "postgres ended, so all ends" in said
    assert nothing_is_left(home, within_s=20)


def test_a_start_that_cannot_be_is_one_clear_line_before_anything_is_started(home, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, said = done(home, "up", "--no-demo", "--port", str(taken.getsockname()[1]))
    assert (code, said.count("\n")) == (1, 1), said
    assert "Address already in use" in said
    (tmp_path / "file").touch()
    code, said = done(tmp_path / "file", "up", "--no-demo", "--port", str(free_port()))
    assert (code, said.count("\n")) == (1, 1), said
    assert "cannot be a home" in said


def test_when_only_the_supervisor_is_killed_nothing_stays_behind(home):
    process, _ = up(home, free_port())
    process.kill()
    process.wait()
    assert nothing_is_left(home, within_s=20)


@pytest.mark.parametrize(
    "arguments", [["status"], ["rebuild", "orders"], ["reconcile"], ["parked", "list"], ["key", "list"]]
)
def test_a_command_for_a_system_that_does_not_run_says_so_in_one_line(home, arguments):
    code, said = done(home, *arguments)
    assert code == 1
    assert said.count("\n") == 1
    assert "kronika up" in said
