"""Opens the key store of a log, and no other: with other keys everybody in it would look forgotten."""

from __future__ import annotations

import time
from pathlib import Path

import psycopg

from eventlog.keys import MASTER, FileKeyStore, KeyStoreError, Subject

LOOKED_AT = 10_000
"""Events among which one is looked for that says anything personal: the last ones."""

AGAIN_S = 1.0


class WrongKeys(KeyStoreError):
    """The key store is not that of the log: its directory is not there yet, or is another one's."""

    def __init__(self, directory: Path) -> None:
        super().__init__(
            f"{directory} has not the keys that this log was written with. Bring them back, or name their directory in"
            " KRONIKA_KEYS_PATH; nothing was started, and no key was made."
        )


def keys_of(url: str, directory: Path, *, patience_s: float = 0) -> FileKeyStore:
    """The key store of the log at `url`, made where nothing personal is recorded yet. Raises WrongKeys, KeyStoreError,
    and psycopg.OperationalError when the log does not answer for so long."""
    subject = someone_in(url, time.monotonic() + patience_s)
    if subject and not (directory / MASTER).exists():
        raise WrongKeys(directory)
    keys = FileKeyStore(directory)
    if subject and not keys.knows(*subject):
        keys.close()
        raise WrongKeys(directory)
    return keys


def someone_in(url: str, until: float) -> Subject | None:
    """Whom a late event says something personal about, if any does."""
    while True:
        try:
            with psycopg.connect(url, connect_timeout=5) as connection:
                return connection.execute(
                    "SELECT tenant, subject_id FROM (SELECT tenant, subject_id, personal FROM log.events"
                    " ORDER BY position DESC LIMIT %s) e WHERE personal IS NOT NULL LIMIT 1",
                    [LOOKED_AT],
                ).fetchone()
        except psycopg.errors.UndefinedTable:  # not migrated yet
            return None
        except psycopg.OperationalError:
            if time.monotonic() >= until:
                raise
        time.sleep(AGAIN_S)
