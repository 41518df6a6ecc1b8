"""A system of its own, for a campaign that needs no Kafka: a home and a PostgreSQL, both gone when it ends."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.migrate import migrate
from deploy.postgres import LocalPostgres
from deploy.serving import log_as_lines
from deploy.settings import Settings


@contextmanager
def fresh_system(name: str) -> Iterator[Settings]:
    """Migrated, telling nothing but errors, and without limits to how much is asked."""
    with tempfile.TemporaryDirectory(prefix=f"kronika-{name}-") as directory:
        home = Path(directory)
        home.chmod(0o755)
        postgres = LocalPostgres(home)
        url = postgres.start()
        try:
            at = Settings(home=home, database_url=url, log_level="error", key_rate=1e9, tenant_rate=1e9)
            log_as_lines("error")
            migrate(url, at)
            yield at
        finally:
            postgres.stop()
