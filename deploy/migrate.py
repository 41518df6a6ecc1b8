"""Brings a database to this release: the log, the read side, the keys to the API and the fan-out's own tables."""

import asyncio
from collections.abc import Callable

import api.keys
import eventlog.schema
import workers.schema
from deploy.settings import Settings
from eventlog.codec import Codec
from eventlog.keys import FileKeyStore
from eventlog.log import APP_ROLE
from projections import PROJECTIONS, tables
from projections.projection import Projection
from projections.rebuild import Rebuilt, rebuild

Doing = Callable[[str], None]
"""Told what is being done now."""


def migrate(url: str, settings: Settings, doing: Doing = lambda what: None) -> None:
    """Make and upgrade everything in the database at `url`, as its owner; what is up to date is left alone.

    A read model that an older version of its code built is rebuilt, so that this release never serves the old table.
    Raises DatabaseUnfit and what PostgreSQL says.
    """
    doing("upgrading the log")
    eventlog.schema.migrate(url, settings.partitions)
    outdated = tables.prepare(url, PROJECTIONS)
    api.keys.prepare(url)
    workers.schema.prepare(url)
    for projection in PROJECTIONS:
        if projection.name in outdated:
            doing(f"rebuilding {projection.name}")
            asyncio.run(rebuilt(url, settings, projection))


async def rebuilt(
    url: str,
    settings: Settings,
    projection: Projection,
    *,
    accept_difference: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Rebuilt:
    """Rebuild one PostgreSQL read model; see projections.rebuild."""
    keys = FileKeyStore(settings.keys_path)
    try:
        return await rebuild(
            url, Codec(keys), projection, accept_difference=accept_difference, progress=progress, options=APP_ROLE
        )
    finally:
        keys.close()
