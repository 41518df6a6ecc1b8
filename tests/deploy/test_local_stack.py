"""The local servers keep their promises: real ones in a scratch home, stopped, killed and started again."""

import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest
from jgo.maven import Artifact, PythonResolver
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

from deploy.kafka_jars import fetched
from deploy.local import Addresses, LocalServers
from deploy.place import CannotStart
from deploy.postgres import LocalPostgres
from deploy.process import silent
from deploy.settings import SettingsError, load_settings

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to another user")


@pytest.fixture
def home() -> Iterator[Path]:
    scratch = Path(tempfile.mkdtemp(prefix="kronika-"))
    yield scratch
    for server in ("postgres", "kafka"):
        shutil.rmtree((scratch / server).resolve(), ignore_errors=True)
    shutil.rmtree(scratch, ignore_errors=True)


@pytest.mark.long
def test_both_keep_their_data_over_a_restart(home):
    with LocalServers(home) as first:
        remember(first)
        assert recalled(first)
    assert servers_of(home) == []
    with LocalServers(home) as second:
        assert recalled(second)
        assert second == first, "the ports stay the same while they are free"


@pytest.mark.long
def test_after_everything_was_killed_it_simply_works_again(home):
    supervisor, addresses = supervised(home)
    remember(addresses)
    for process in (supervisor, *supervisor.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):  # gone with the one before
            process.kill()
    with LocalServers(home) as again:
        assert recalled(again)


@pytest.mark.long
def test_servers_end_with_their_killed_supervisor(home):
    supervisor, _ = supervised(home)
    assert {process.name() for process in servers_of(home)} == {"postgres", "java"}
    supervisor.kill()
    assert soon(lambda: servers_of(home) == [])


def test_a_server_that_outlived_its_supervisor_is_ended_by_the_next_start(home):
    with LocalPostgres(home):
        command, user = postmaster(home).cmdline(), postmaster(home).uids().real
    left = subprocess.Popen(command, user=user, cwd="/", stderr=subprocess.DEVNULL, start_new_session=True)
    assert soon(lambda: (home / "postgres/data/postmaster.pid").exists())
    with LocalPostgres(home) as url, psycopg.connect(url):
        assert left.wait(10) == 0


def test_what_a_killed_postmaster_leaves_behind_does_no_harm(home):
    with LocalPostgres(home) as url, psycopg.connect(url) as session:
        session.execute("CREATE TABLE kept AS SELECT 1")
        session.commit()
        postmaster(home).kill()
    (home / "postgres/data/postmaster.pid").write_text(f"{os.getpid()}\n{home / 'postgres/data'}\n")
    with LocalPostgres(home) as url, psycopg.connect(url) as session:
        assert session.execute("SELECT * FROM kept").fetchall() == [(1,)]


def test_a_second_start_on_the_same_home_is_refused_in_one_line(home):
    with LocalPostgres(home), pytest.raises(CannotStart) as refusal:
        LocalPostgres(home).start()
    assert str(refusal.value) == f"{home} is already in use by another Kronika (process {os.getpid()})"


def test_a_taken_port_is_replaced(home):
    with LocalPostgres(home) as first:
        port = int((home / "postgres/port").read_text())
    with socket.create_server(("127.0.0.1", port)), LocalPostgres(home) as second, psycopg.connect(second):
        assert second != first


def test_letters_do_not_end_at_z(home):
    with LocalPostgres(home) as url, psycopg.connect(url) as session:
        session.execute("CREATE EXTENSION pg_trgm")
        trigrams, lower, ctype = session.execute(
            "SELECT show_trgm('张伟'), lower('ÅÉ'), datctype FROM pg_database WHERE datname = current_database()"
        ).fetchone() or ([], "", "")
    assert len(trigrams) == 3
    assert lower == "åé"
    assert ctype != "C"


def test_only_this_machine_with_the_password_gets_in(home):
    with LocalPostgres(home) as url:
        assert stat.S_IMODE((home / "postgres/password").stat().st_mode) == 0o600
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(url, password="wrong")
        assert {peer.laddr.ip for peer in postmaster(home).net_connections("inet")} == {"127.0.0.1"}


@as_root
def test_root_runs_its_servers_as_nobody(home):
    with LocalServers(home):
        assert {process.username() for process in servers_of(home)} == {"nobody"}


@as_root
def test_a_home_that_only_root_can_enter_works_and_stays_closed(home):
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    with LocalPostgres(closed / "home") as url, psycopg.connect(url) as session:
        session.execute("CREATE TABLE kept AS SELECT 1")
    try:
        with LocalPostgres(closed / "home") as url, psycopg.connect(url) as session:
            assert session.execute("SELECT * FROM kept").fetchall() == [(1,)]
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    finally:
        shutil.rmtree((closed / "home/postgres").resolve())


def test_a_server_that_cannot_start_shows_its_last_words(home):
    with pytest.raises(CannotStart, match='invalid value for parameter "shared_buffers": "much"'):
        LocalPostgres(home, settings={"shared_buffers": "much"}).start()
    with LocalPostgres(home) as url, psycopg.connect(url):
        pass


def test_without_jars_the_line_names_the_setting_for_a_broker(home, monkeypatch):
    def unreachable(*_: object) -> None:
        raise ConnectionError("no route to host")

    monkeypatch.setattr(PythonResolver, "download", unreachable)
    with pytest.raises(CannotStart, match=r"cannot be downloaded; set KRONIKA_KAFKA_BOOTSTRAP .* no route to host"):
        fetched(home, silent)


def test_a_jar_that_is_not_the_pinned_one_is_refused(home, monkeypatch):
    def forged(_: object, artifact: Artifact) -> Path:
        assert artifact.cached_path
        artifact.cached_path.parent.mkdir(parents=True)
        artifact.cached_path.write_bytes(b"not what was pinned")
        return artifact.cached_path

    monkeypatch.setattr(PythonResolver, "download", forged)
    with pytest.raises(CannotStart, match="is not the pinned one"):
        fetched(home, silent)
    assert list(home.glob("kafka-*/*")) == []


@pytest.fixture
def bare(monkeypatch):
    """An environment without settings, into which a test puts its own."""
    for variable in [name for name in os.environ if name.startswith("KRONIKA_")]:
        monkeypatch.delenv(variable)
    return monkeypatch


@pytest.mark.parametrize(
    ("variable", "value", "line"),
    [
        ("KRONIKA_API_PORT", "abc", "KRONIKA_API_PORT: Input should be a valid integer"),
        ("KRONIKA_API_PROT", "8000", "KRONIKA_API_PROT is no setting of Kronika; is KRONIKA_API_PORT meant?"),
        ("KRONIKA_DATABASE_URL", "mysql://me:hush@there/db", "KRONIKA_DATABASE_URL: is no PostgreSQL URL"),
        ("KRONIKA_KAFKA_BOOTSTRAP", "broker", "KRONIKA_KAFKA_BOOTSTRAP: must be host:port"),
        ("KRONIKA_SECURITY_PROTOCOL", "SASL_SSL", "KRONIKA_SECURITY_PROTOCOL=SASL_SSL needs KRONIKA_SASL_MECHANISM"),
        ("KRONIKA_SSL_CAFILE", "/no/such/file", "KRONIKA_SSL_CAFILE: there is no file /no/such/file"),
        ("KRONIKA_POOL_MIN", "11", "KRONIKA_POOL_MIN must not be greater than KRONIKA_POOL_MAX"),
    ],
)
def test_a_wrong_setting_is_one_clear_line(bare, variable, value, line):
    bare.setenv(variable, value)
    with pytest.raises(SettingsError) as refusal:
        load_settings()
    assert str(refusal.value).startswith(line)
    assert "\n" not in str(refusal.value)
    assert "hush" not in str(refusal.value)


def test_settings_come_from_the_environment_and_the_command_line_wins(bare):
    bare.setenv("KRONIKA_HOME", "/somewhere")
    bare.setenv("KRONIKA_API_PORT", "9000")
    settings = load_settings(api_port=9001, home=None)
    assert (settings.home, settings.api_port) == (Path("/somewhere"), 9001)
    assert (settings.lake_path, settings.keys_path) == ("/somewhere/lake", Path("/somewhere/keys"))


def remember(at: Addresses) -> None:
    with psycopg.connect(at.database_url) as session:
        session.execute("CREATE TABLE kept AS SELECT 'in PostgreSQL' AS what")
    admin = KafkaAdminClient(bootstrap_servers=at.kafka_bootstrap)
    admin.create_topics([NewTopic(name="kept", num_partitions=1, replication_factor=1)])
    admin.close()
    producer = KafkaProducer(bootstrap_servers=at.kafka_bootstrap)
    producer.send("kept", b"in Kafka").get(10)
    producer.close()


def recalled(at: Addresses) -> bool:
    with psycopg.connect(at.database_url) as session:
        rows = session.execute("SELECT what FROM kept").fetchall()
    consumer = KafkaConsumer(bootstrap_servers=at.kafka_bootstrap, consumer_timeout_ms=10_000)
    consumer.assign([TopicPartition("kept", 0)])
    consumer.seek_to_beginning()
    record = next(iter(consumer))
    consumer.close()
    return rows == [("in PostgreSQL",)] and record.value == b"in Kafka"


SUPERVISOR = """
import sys, time
from pathlib import Path
from deploy.local import LocalServers
with LocalServers(Path(sys.argv[1])) as addresses:
    print(addresses.database_url, addresses.kafka_bootstrap, flush=True)
    time.sleep(600)
"""


def supervised(home: Path) -> tuple[psutil.Process, Addresses]:
    """Another process that runs both servers."""
    process = subprocess.Popen([sys.executable, "-c", SUPERVISOR, str(home)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    return psutil.Process(process.pid), Addresses(*process.stdout.readline().split())


def servers_of(home: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.name() in ("postgres", "java") and process.cwd().startswith(str(home)):
                found.append(process)
        except psutil.Error:
            continue
    return found


def postmaster(home: Path) -> psutil.Process:
    return psutil.Process(int((home / "postgres/data/postmaster.pid").read_text().split()[0]))


def soon(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not true() and time.monotonic() < deadline:
        time.sleep(0.05)
    return true()
