"""Kronika in one command: the servers, the tables, the API and every worker, watched until it is told to stop."""

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import FrameType

import psycopg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from api import keys as api_keys
from deploy.crew import ISSUER, Crew
from deploy.demo import SEED, TENANT, company, fill, unfinished
from deploy.demo import Progress as Filled
from deploy.demo.organisation import CLIENT, organise
from deploy.errors import NotAsPromised
from deploy.issuer import AUDIENCE, LocalIssuer
from deploy.local import Addresses, LocalServers
from deploy.migrate import migrate
from deploy.place import CannotStart
from deploy.printing import Table, printer
from deploy.report import caught_up, report
from deploy.running import api_url, note, ready
from deploy.settings import Issuer, Settings, on_this_machine
from eventlog import feed
from eventlog.envelope import Caller
from eventlog.keeping import keys_of
from eventlog.log import Log
from workers import WORKERS

PATIENCE_S = 120
"""How long a step may take before `up` says that it failed."""


class Stopped(Exception):
    """Somebody asked to stop."""


def up(settings: Settings, crew: Crew, *, demo_scale: float | None, check: bool) -> None:
    """Start everything, fill an empty log with the demo company (of this scale; None: with nothing), and stay until
    SIGINT or SIGTERM; with `check`, stop once every read model has reached the head of the log, and report.

    Raises CannotStart and NotAsPromised, whose text says what is wrong.
    """
    console = printer()
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotStart(f"{settings.home} cannot be a home: {error.strerror}; choose another one (--home)") from None
    refuse_taken_port(settings)
    with stopping_on_signals() as stop, steps(console) as progress:
        doing = progress.add_task("", total=None)

        def tell(server: str, what: str) -> None:
            progress.update(doing, description=f"{server}: {what}")

        servers = LocalServers(
            settings.home,
            tell,
            cache=settings.cache,
            database_url=settings.database_url,
            kafka_bootstrap=settings.kafka_bootstrap,
        )
        issuer = local_issuer(settings) if demo_scale is not None else None
        try:
            addresses = servers.begin()
            found = {"database_url": addresses.database_url, "kafka_bootstrap": addresses.kafka_bootstrap}
            settings = settings.model_copy(update=found | ({"issuers": (issuer,)} if issuer else {}))
            keys_of(addresses.database_url, settings.keys_path).close()  # before anything is made with others
            migrate(addresses.database_url, settings, lambda what: tell("tables", what))
            running = note(settings, addresses)
            try:
                for name in (*crew.names, *([ISSUER] if issuer else [])):
                    tell(name, "starting")
                    crew.start(name, settings)
                wait_for_api(settings, crew)
                servers.wait()
                if demo_scale is not None:
                    asyncio.run(fill_demo(addresses, settings, demo_scale, progress, issuer))
                token = demo_key(addresses, settings) if has_tenant(addresses, TENANT) else None
                tell("read models", "reaching the head of the log")
                if check:
                    caught_up(settings, PATIENCE_S)
                progress.stop()
                console.print(what_runs(settings, addresses, token, issuer))
                if check:
                    report(console, settings)
                    return
                console.print("Ctrl-C stops all of it.")
                while not stop.wait(0.5):
                    if gone := servers.ended():
                        raise NotAsPromised(
                            f"{' and '.join(gone)} ended, so all ends; run it again. Logs: {settings.home}"
                        )
                    for name in crew.restart_ended():
                        console.print(f"{name} ended and was started again; its log: {crew.log(name)}")
            finally:
                progress.stop()
                running.unlink(missing_ok=True)
                crew.stop()
        finally:
            servers.stop()


def refuse_taken_port(settings: Settings) -> None:
    """Raises CannotStart, before anything is started, where another program listens already."""
    with socket.socket(socket.AF_INET6 if ":" in settings.api_host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.api_host, settings.api_port))
        except OSError as error:
            told = f"the API cannot listen at {settings.api_host}:{settings.api_port} ({error.strerror})"
            raise CannotStart(f"{told}; choose another port (--port), or stop who has it") from None


@contextmanager
def stopping_on_signals() -> Iterator[threading.Event]:
    """An event that Ctrl-C or SIGTERM sets; before anybody waits for it, the signal raises Stopped where we are."""
    event = threading.Event()

    def asked(number: int, frame: FrameType | None) -> None:
        if event.is_set():
            return
        event.set()
        raise Stopped

    before = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    except Stopped:
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def steps(console: Console) -> Iterator[Progress]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield progress


def wait_for_api(settings: Settings, crew: Crew) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if ready(settings):
            return
        time.sleep(0.1)
        crew.restart_ended()
    raise CannotStart(f"the API does not answer at {api_url(settings)}:\n{crew.last_words('api')}")


def has_tenant(addresses: Addresses, tenant: str) -> bool:
    with psycopg.connect(addresses.database_url) as connection:
        return bool(connection.execute("SELECT FROM log.events WHERE tenant = %s LIMIT 1", [tenant]).rowcount)


def local_issuer(settings: Settings) -> Issuer | None:
    """The issuer of tokens for trying out; none where others are set, or the servers are not this machine's own."""
    if settings.issuers or settings.database_url or settings.kafka_bootstrap:
        return None
    if not on_this_machine(settings.api_host):
        return None
    local = LocalIssuer(settings.home)
    local.client(CLIENT)
    return Issuer(url=local.address(), audience=AUDIENCE, tenants=(TENANT,), clients=(CLIENT,))


async def fill_demo(
    addresses: Addresses, settings: Settings, scale: float, progress: Progress, issuer: Issuer | None
) -> None:
    """Fill an empty log, or go on with a filling that was interrupted; leave every other log alone."""
    keys = keys_of(addresses.database_url, settings.keys_path)
    async with Log.open(addresses.database_url, keys) as log:
        async with log.connection() as connection:
            empty = await feed.head(connection) == 0
        until = datetime.now(UTC).date() if empty else await unfinished(log, TENANT)
        if until is not None:
            task = progress.add_task("the demo company", total=None)

            def tell(filled: Filled) -> None:
                progress.update(task, completed=filled.done, total=filled.total)

            await fill(log, Caller(TENANT, "demo"), list(company(SEED, until, scale)), tell)
            progress.remove_task(task)
        if issuer and has_tenant(addresses, TENANT):
            await organise(log, Caller(TENANT, "demo"), issuer.url)
    keys.close()


def demo_key(addresses: Addresses, settings: Settings) -> str:
    """The API key of the demo company: made once, kept in the home for its owner's eyes only."""
    path = settings.home / "demo.key"
    if not path.exists():
        store = keys_of(addresses.database_url, settings.keys_path)
        token = api_keys.create(addresses.database_url, store, TENANT, "demo", api_keys.SCOPES)
        store.close()
        with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
            file.write(token)
    return path.read_text()


def what_runs(settings: Settings, addresses: Addresses, token: str | None, issuer: Issuer | None) -> Table:
    with psycopg.connect(addresses.database_url) as connection:
        host = f"{connection.info.host}:{connection.info.port}"
        counted = connection.execute("SELECT coalesce(max(position), 0) FROM log.events").fetchone()
    table = Table(
        "", "", title=f"Kronika, {counted[0] if counted else 0:,} events", show_header=False, title_justify="left"
    )
    table.add_row("API", f"{api_url(settings)}   documentation: {api_url(settings)}/docs")
    if token:
        table.add_row("API key", token)
        table.add_row("try", f"curl -H 'Authorization: Bearer {token}' '{api_url(settings)}/v1/customers?limit=3'")
    else:
        table.add_row("API key", "kronika key create TENANT NAME makes one")
    if token and issuer:
        secret = LocalIssuer(settings.home).client(CLIENT)
        table.add_row("or a token", f"curl -d grant_type=client_credentials -u {CLIENT}:{secret} {issuer.url}/token")
    table.add_row("PostgreSQL", host)
    table.add_row("Kafka", addresses.kafka_bootstrap)
    table.add_row("workers", ", ".join(WORKERS))
    table.add_row("home", f"{settings.home}   logs: {settings.home / 'logs'}")
    return table
