"""An export asked for on the command line, made here or by a clerk, and fetched."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import get_args
from uuid import UUID, uuid4

from psycopg import AsyncConnection

from api.answers import POSITION, moment_of
from api.errors import BadRequest
from commands.dispatch import Asked, dispatch
from commands.exports import Filter, Format, RequestExport
from deploy.errors import NotAsPromised
from deploy.settings import Settings, SettingsError
from domain.export import Export
from eventlog import feed
from eventlog.connections import APP_ROLE
from eventlog.envelope import Caller, Context
from eventlog.errors import BadPosition, PositionAbandoned
from eventlog.keeping import keys_of
from eventlog.log import Log
from eventlog.positions import Epochs
from projections.asking import BadQuery
from projections.cut import NOW, Cut
from projections.export_files import part_of
from projections.exportable import check
from workers.clerk import Desk, Job, Taken, alone
from workers.exports.task import EXPORTS
from workers.lifetime import Surroundings

PAUSE_S = 0.2


def format_of(out: Path) -> Format:
    """The format that a file's ending says."""
    return next((format for format in get_args(Format) if out.suffix.lower() == f".{format}"), "csv")


def command(
    resource: str, format: Format, filters: list[str], sort: str | None, fields: str | None, cut: Cut = NOW
) -> RequestExport:
    """Filters are NAME=VALUE, fields have commas between. Raises SettingsError."""
    pairs = []
    for one in filters:
        name, equals, value = one.partition("=")
        if not equals:
            raise SettingsError(f"--filter {one}: is to be NAME=VALUE, as tier=gold or amount.gte=1000")
        pairs.append((name, value))
    columns = tuple(part.strip() for part in fields.split(",")) if fields else ()
    name = resource.replace("-", "_")
    try:
        check(name, pairs, sort, columns)
    except BadQuery as error:
        raise SettingsError(str(error)) from None
    return RequestExport(
        resource=name,
        format=format,
        filters=tuple(Filter(name=name, value=value) for name, value in pairs),
        sorted_by=sort,
        columns=columns,
        as_of=cut.as_of,
        known_at=cut.known_at,
    )


async def cut_of(settings: Settings, as_of: str | None, known_at: str | None) -> Cut:
    """The moments of both clocks, said as to a list. Raises SettingsError."""
    try:
        was = None if as_of is None else moment_of(as_of, "--as-of")
        if known_at is None or not POSITION.fullmatch(known_at):
            return Cut(was, None if known_at is None else moment_of(known_at, "--known-at"))
        assert settings.database_url
        async with await AsyncConnection.connect(settings.database_url, autocommit=True, options=APP_ROLE) as own:
            position = (await Epochs.read(own)).position(known_at)
            if position > (head := await feed.head(own)):
                raise SettingsError(f"--known-at {known_at} lies beyond the log's head, {head}.")
    except (BadRequest, BadPosition, PositionAbandoned) as error:
        raise SettingsError(str(error)) from None
    return Cut(was, position)


async def export(settings: Settings, caller: Caller, wanted: RequestExport, out: Path) -> Export:
    """Ask for it, see that it is made, and write it to `out`. Raises NotAsPromised when it fails."""
    assert settings.database_url
    keys = keys_of(settings.database_url, settings.keys_path)
    try:
        async with Log.open(settings.database_url, keys) as log:
            context = Context(caller.tenant, caller.actor, uuid4().hex, uuid4())
            id = (await dispatch(log, Asked(wanted, caller, context))).stream_id
            around = Surroundings(settings.database_url, {}, keys, settings.lake_path, export_days=settings.export_days)
            done = await made(Desk(log, around), caller, id)
            await fetch(log, caller, done, out)
            return done
    finally:
        keys.close()


async def made(desk: Desk, caller: Caller, id: UUID) -> Export:
    """The export, once it is finished: by us, or by a clerk who was quicker."""
    while True:
        desk.log.forget(caller.tenant, [id])
        done, _ = await desk.log.load(Export, caller.tenant, id, datetime.now(UTC))
        if done.state == "finished":
            return done
        if done.state != "asked":
            raise NotAsPromised(f"the export is {done.state}{f': {done.why}' if done.why else ''}")
        try:
            await alone(EXPORTS, Job(caller.tenant, id), desk)
        except Taken:
            await asyncio.sleep(PAUSE_S)
        await asyncio.sleep(PAUSE_S)


async def fetch(log: Log, caller: Caller, done: Export, out: Path) -> None:
    """Write it beside `out` first, so that what has that name is whole."""
    partial = out.with_name(f".{out.name}.{uuid4().hex[:8]}")
    assert done.file
    digest, number = sha256(), 0
    try:
        with partial.open("xb") as to:
            async with log.connection() as connection:
                while part := await part_of(connection, caller.tenant, done.id, done.file, number):
                    to.write(part)
                    digest.update(part)
                    number += 1
        if digest.hexdigest() != done.sha256:
            raise NotAsPromised("what is kept of the file is not what was written; ask for a new export")
        partial.rename(out)
    finally:
        partial.unlink(missing_ok=True)
