"""Brings a database to this release: the log, the read side, the keys to the API and the fan-out's own tables."""

import asyncio
from collections.abc import Callable

import api.keys
import commands.importing.tables
import eventlog.schema
import workers.schema
from deploy.settings import Settings, SettingsError
from eventlog.codec import Codec
from eventlog.connections import APP_ROLE
from eventlog.keeping import keys_of
from projections import TABLES, export_files, query_runs, scores, tables
from projections.analytics import FACTS, lake
from projections.analytics.rebuild import rebuild_fact
from projections.rebuild import Rebuilt, rebuild

Doing = Callable[[str], None]
"""Told what is being done now."""


def migrate(url: str, settings: Settings, doing: Doing = lambda what: None) -> None:
    """Make and upgrade everything in the database at `url`, as its owner; what is up to date is left alone.

    A read model that an older version of its code built is rebuilt, so that this release never serves the old table.
    Raises DatabaseUnfit and what PostgreSQL says.
    """
    doing("upgrading the log")
    eventlog.schema.migrate(url, settings.partitions, settings.access_days)
    outdated = tables.prepare(url, TABLES)
    api.keys.prepare(url)
    commands.importing.tables.prepare(url)
    export_files.prepare(url)
    scores.prepare(url)
    query_runs.prepare(url)
    workers.schema.prepare(url)
    outdated += lake.prepare(url, settings.lake_path)
    for name in outdated:
        doing(f"rebuilding {name}")
        asyncio.run(rebuilt(url, settings, name))


def names() -> list[str]:
    """Every read model that can be rebuilt: PostgreSQL's tables and the lakehouse's facts."""
    return [projection.name for projection in TABLES] + list(FACTS)


def check_name(name: str) -> None:
    """Raises SettingsError for a name that is none."""
    if name not in names():
        raise SettingsError(f"there is no read model {name}; there are {', '.join(names())}")


async def rebuilt(
    url: str,
    settings: Settings,
    name: str,
    *,
    accept_difference: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Rebuilt:
    """Rebuild one read model by its name (`check_name`), in PostgreSQL or in the lakehouse. Raises Differs,
    AlreadyRebuilding."""
    check_name(name)
    keys = keys_of(url, settings.keys_path)
    codec = Codec(keys)
    try:
        if name in FACTS:
            return await rebuild_fact(
                url,
                settings.lake_path,
                codec,
                FACTS[name],
                accept_difference=accept_difference,
                progress=progress,
                options=APP_ROLE,
            )
        for projection in TABLES:
            if projection.name == name:
                return await rebuild(
                    url, codec, projection, accept_difference=accept_difference, progress=progress, options=APP_ROLE
                )
    finally:
        keys.close()
    raise AssertionError("a checked name is found")
