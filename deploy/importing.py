"""An import from the command line: the same job as over HTTP, carried out here and now, under everybody's eyes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid5

import structlog
import uvloop
from psycopg import AsyncConnection, OperationalError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from uuid_utils.compat import uuid7

from commands.dispatch import Asked as Asking
from commands.dispatch import NotFound, dispatch
from commands.importing.files import Delivered, delivery_of, measured
from commands.importing.language.mapping import Mapping, MappingError, load_mapping
from commands.importing.outcomes import STANDING
from commands.importing.outcomes import Progress as Reached
from commands.importing.problems import Unreadable
from commands.importing.reading import PACKED
from commands.importing.requesting import UnfitDelivery, Wish, request
from commands.importing.results import WHICH, results
from commands.importing.reverting import kept_after, revert_import
from commands.importing.running import Assignment, assignment, carry_out
from commands.importing.shipped import shipped
from commands.imports import RevertImport
from deploy.errors import NotAsPromised
from deploy.printing import Table
from deploy.settings import Settings, SettingsError
from domain.data_import import COUNTS, UNDER_WAY, Import
from domain.refusals import Refusal
from domain.tenant import NAME as TENANT
from eventlog.envelope import Caller, Context
from eventlog.keeping import keys_of
from eventlog.log import Log
from workers.clerk import Desk, Job, Taken, alone
from workers.lifetime import Surroundings

T = TypeVar("T")
log = structlog.get_logger()

IDS = UUID("6b726f6e-696b-4a1b-8c00-000000000014")
"""Namespace of the ids of imports from here: same files by same mapping are the same import until it is over."""

COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TaskProgressColumn(show_speed=True),
    TextColumn("{task.fields[failed]} failed"),
    TimeRemainingColumn(),
)
# Of what was told of the units: of which kind it is, of how many, and what is said of the first.
REMARKS = f"""
SELECT remark, count(*),
       (array_agg(CASE WHEN starts_with(message, place) THEN '' ELSE place END || message ORDER BY unit))[1]
  FROM (SELECT o.unit, CASE o.status WHEN 'failed' THEN 'failed: ' || o.kind ELSE 'warned of' END AS remark,
               format('%%s:%%s: ', o.lines -> 0 ->> 0, o.lines -> 0 ->> 1) AS place,
               coalesce(o.message, e.clamped) AS message
          FROM imports.outcome o CROSS JOIN {STANDING}
         WHERE o.tenant = %s AND o.job = %s AND o.dry_run = %s) told
 WHERE message IS NOT NULL
 GROUP BY remark ORDER BY remark = 'warned of', 2 DESC
"""  # noqa: S608  # our own words
CORRECTABLE = ("finished", "cancelled")
NAMES = {"known": "of them known already"}


@dataclass(frozen=True)
class Asked:
    """What the command line says."""

    mapping: str
    """The name of one that comes with Kronika, or where a file of one's own lies"""
    directory: Path
    dry_run: bool
    corrected: Path | None
    caller: Caller


@asynccontextmanager
async def desk(settings: Settings) -> AsyncIterator[Desk]:
    assert settings.database_url
    keys = keys_of(settings.database_url, settings.keys_path)
    try:
        async with Log.open(settings.database_url, keys) as log:
            yield Desk(log, Surroundings(settings.database_url, {}, keys, settings.lake_path))
    finally:
        keys.close()


class Attended:
    """One import that somebody looks on at."""

    name = "import"

    def __init__(
        self, caller: Caller, wish: Wish, delivered: Sequence[Delivered], tell: Callable[[Reached], None]
    ) -> None:
        self.caller, self.wish, self.delivered, self.tell = caller, wish, delivered, tell

    async def waiting(self, connection: AsyncConnection[Any], around: Surroundings) -> Sequence[Job]:
        return []

    async def carry_out(self, job: Job, desk: Desk) -> None:
        """Ask for it, unless that was done before, and do what is left of it."""
        context = Context(job.tenant, self.caller.actor, str(job.id), uuid7())
        await request(desk.log, self.caller, context, self.wish, self.delivered)
        await carry_out(desk.log, job.tenant, job.id, tell=self.tell)


async def imported(desk: Desk, asked: Asked, tell: Callable[[Reached], None]) -> Assignment:
    """Carry out an import, or go on with it, and answer how it ended. Raises MappingError, UnfitDelivery,
    NotAsPromised when another process is at it, and LogUnavailable before it has begun."""
    tenant, text = asked.caller.tenant, text_of(asked.mapping)
    with ExitStack() as opened:
        delivered = files_of(load_mapping(text, asked.mapping), asked.directory, opened)
        series = f"{tenant}|{delivery_of(tenant, [one.file for one in delivered])}|{text}"
        corrects = None
        if asked.corrected is not None:
            delivered = [measured(asked.corrected.name, opened.enter_context(asked.corrected.open("rb")))]
            corrects, series = await corrected_by(desk.log, tenant, series)
        series += f"|{asked.dry_run}"
        line = await line_of(desk.log, tenant, series)
        same = {one.file for one in delivered}
        if begun := [one for one in line if one.state in UNDER_WAY and set(one.files) == same]:
            id, corrects = begun[-1].id, begun[-1].corrects
        else:
            id = id_in(series, len(line))
        wish = Wish(text, asked.mapping, dry_run=asked.dry_run, corrects=corrects, attended=True, import_id=id)
        try:
            await alone(Attended(asked.caller, wish, delivered, tell), Job(tenant, id), desk)
        except Taken:
            raise NotAsPromised(f"Another process is carrying out this import, {id}.") from None
    ended = await assignment(desk.log, tenant, id)
    assert ended
    return ended


async def line_of(log: Log, tenant: str, series: str) -> list[Import]:
    """The imports of one series that there are, in their order."""
    line: list[Import] = []
    while True:
        found, stream = await log.load(Import, tenant, id_in(series, len(line)), datetime.now(UTC))
        if stream is None:
            return line
        line.append(found)


def id_in(series: str, place: int) -> UUID:
    return uuid5(IDS, f"{series}|{place}")


async def corrected_by(log: Log, tenant: str, series: str) -> tuple[UUID, str]:
    """The import that is to be corrected: the last one of these files, or its last correction; and the series of its
    corrections. Raises UnfitDelivery when there is none."""
    first = [one for one in await line_of(log, tenant, f"{series}|{False}") if one.state in CORRECTABLE]
    if not first:
        raise UnfitDelivery("There is nothing to correct: these files were not imported to the end.")
    series = f"corrections of {first[-1].id}"
    since = [one for one in await line_of(log, tenant, f"{series}|{False}") if one.state in CORRECTABLE]
    return [*first, *since][-1].id, series


def text_of(mapping: str) -> str:
    """The text of a mapping that comes with Kronika, or that lies in a file. Raises MappingError, UnfitDelivery."""
    path = Path(mapping)
    if not path.is_file():
        return shipped(mapping)
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UnfitDelivery(f"{mapping} is no text in UTF-8.") from None


def files_of(mapping: Mapping, directory: Path, opened: ExitStack) -> list[Delivered]:
    """The mapping's files that lie in the directory. Raises UnfitDelivery."""
    found = []
    for plain in dict.fromkeys(file.path for file in mapping.files.values()):
        for name in (plain, f"{plain}{PACKED}"):
            if (path := directory / name).is_file():
                found.append(measured(name, opened.enter_context(path.open("rb"))))
                break
        else:
            raise UnfitDelivery(f"{directory} has no {plain}, nor {plain}{PACKED}.")
    return found


async def write_results(log: Log, done: Assignment, into: Path) -> list[Path]:
    """Write what came of each row; answers the files, none where there were no rows, as the sources cannot be read."""
    written: list[Path] = []
    try:
        for which in WHICH:
            written.append(into / f"{which}.csv")
            with written[-1].open("wb") as file:  # nobody else is served here
                async for piece in results(log, done.tenant, done.data_import, which):
                    file.write(piece)
    except (MappingError, Unreadable):
        for path in written:
            path.unlink()
        return []
    return written


async def remarks(log: Log, done: Assignment) -> list[tuple[str, int, str]]:
    """Of each kind of failure, and of what was warned of, how many units there were, and what is said of the first."""
    async with log.connection() as connection:
        cursor = await connection.execute(REMARKS, [done.tenant, done.id, done.data_import.dry_run])
        return await cursor.fetchall()


def run(settings: Settings, asked: Asked, into: Path | None, console: Console) -> bool:
    """Import before everybody's eyes; answers whether all rows were taken."""
    if into is not None:
        into.mkdir(parents=True, exist_ok=True)
    with Progress(*COLUMNS, console=console) as bar:
        task = bar.add_task("reading", total=None, failed=0)

        def tell(at: Reached) -> None:
            bar.update(task, description=at.step, completed=at.units, total=at.of_units, failed=at.failed)

        async def work() -> tuple[Assignment, list[tuple[str, int, str]]]:
            async with desk(settings) as opened:
                ended = await persistently(lambda: imported(opened, asked, tell))
                if into is not None:
                    await write_results(opened.log, ended, into)
                return ended, await remarks(opened.log, ended)

        try:
            ended, told = uvloop.run(work())
        except KeyboardInterrupt:
            raise NotAsPromised("Stopped. What is done stays; the same command goes on where it was.") from None
        bar.update(task, description="done", total=bar.tasks[0].completed)
    show(console, ended, told, into)
    return ended.data_import.state == "finished" and not ended.data_import.failed


async def persistently(work: Callable[[], Awaitable[T]]) -> T:
    """Do it, anew when the connection that holds the job was lost."""
    while True:
        try:
            return await work()
        except OperationalError as error:
            log.warning("begins again", message=str(error).partition("\n")[0])
        await asyncio.sleep(1)


def show(console: Console, ended: Assignment, told: Sequence[tuple[str, int, str]], into: Path | None) -> None:
    data_import = ended.data_import
    title = f"{'Dry run of' if data_import.dry_run else 'Import'} {data_import.mapping}: {data_import.state}"
    table = Table("", "", title=title, show_header=False, title_justify="left")
    table.add_row("job", str(ended.id))
    if data_import.why:
        table.add_row("why", data_import.why)
    for name in COUNTS:
        if (count := getattr(data_import, name)) is not None:
            table.add_row(NAMES.get(name, name), f"{count:,}")
    for kind, count, first in told:
        table.add_row(kind, f"{count:,}, first {first}")
    console.print(table)
    if data_import.failed and data_import.dry_run:
        console.print("Nothing is recorded yet. Mend the mapping where it is at fault, or the rows in the files.")
    elif data_import.failed and into is None:
        console.print("Run it again with --results DIR to have the failed rows as a file; mend them in it, then run it")
        console.print("with --corrected DIR/failed.csv: only what they are part of is done.")


class Reverting:
    """One import that is undone while somebody looks on."""

    name = "reverting"

    def __init__(self, caller: Caller, tell: Callable[[int, int], None]) -> None:
        self.caller, self.tell = caller, tell

    async def waiting(self, connection: AsyncConnection[Any], around: Surroundings) -> Sequence[Job]:
        return []

    async def carry_out(self, job: Job, desk: Desk) -> None:
        """Ask for it, unless that was done before, and do what is left of it."""
        context = Context(job.tenant, self.caller.actor, str(uuid7()), uuid7())
        await dispatch(desk.log, Asking(RevertImport(import_id=job.id), self.caller, context))
        await revert_import(desk.log, job.tenant, job.id, tell=self.tell)


def run_revert(settings: Settings, caller: Caller, id: str, console: Console) -> None:
    """Undo an import, and list what stays. Raises SettingsError, NotAsPromised."""
    try:
        job = Job(caller.tenant, UUID(id))
    except ValueError:
        raise SettingsError(f"{id} is no id of an import") from None
    with Progress(*COLUMNS, console=console) as bar:
        task = bar.add_task("undoing", total=None, failed=0)

        def tell(through: int, of: int) -> None:
            bar.update(task, completed=through, total=of)

        async def work() -> tuple[Assignment | None, list[tuple[Any, ...]]]:
            async with desk(settings) as opened:
                try:
                    await persistently(lambda: alone(Reverting(caller, tell), job, opened))
                except Taken:
                    raise NotAsPromised(f"Another process is at this import, {job.id}.") from None
                except (Refusal, NotFound) as refusal:
                    raise NotAsPromised(str(refusal)) from None
                ended = await assignment(opened.log, job.tenant, job.id)
                return ended, await kept_after(opened.log, job.tenant, job.id, 0)

        ended, stays = uvloop.run(work())
    assert ended
    console.print(f"{ended.data_import.undone:,} events undone, {ended.data_import.kept:,} stay.")
    for _, type_, stream, about, _, why, below, _ in stays:  # ids are to be copied: no table that cuts them off
        stand = f" On it stand {', '.join(map(str, below))}." if below else ""
        console.print(f"{type_} of {stream} {about} stays. {why or ''}{stand}", soft_wrap=True)
    if (more := (ended.data_import.kept or 0) - len(stays)) > 0:
        console.print(f"{more:,} more are in GET /v1/imports/{job.id}/results/kept.csv")


def check_tenant(tenant: str) -> None:
    """Raises SettingsError."""
    if not TENANT.fullmatch(tenant):
        raise SettingsError(f"{tenant} is no tenant's name")
