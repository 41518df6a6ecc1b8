"""Makes and upgrades the log's tables: numbered steps once each, then functions and grants as this release has them."""

from __future__ import annotations

from importlib.resources import files

import psycopg

SQL = files("eventlog") / "sql"
MIGRATION_LOCK = 0x6B726F6E_00000001
"""Advisory lock: one migration at a time."""


def sql(name: str) -> str:
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")


class DatabaseUnfit(Exception):
    """The database cannot hold the log as it is; the message says what to do."""


def migrate(url: str, partitions: int, access_days: float | None = None) -> list[str]:
    """Bring the database at `url` (as its owner) to this release. Returns the steps taken, none when it was up to date.

    `partitions` is fixed for the log's life by the first migration; later values are ignored. For `access_days` it is
    kept from now on who was shown what, where that is given. Raises DatabaseUnfit.
    """
    with psycopg.connect(url) as connection:
        check_fitness(connection)
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
        connection.execute(
            "CREATE TABLE IF NOT EXISTS public.kronika_migrations"
            " (step text PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())"
        )
        done = {row[0] for row in connection.execute("SELECT step FROM public.kronika_migrations")}
        steps = sorted(p.name.removesuffix(".sql") for p in SQL.iterdir() if p.name[0].isdigit())
        new = [step for step in steps if step not in done]
        for step in new:
            connection.execute(sql(step))
            connection.execute("INSERT INTO public.kronika_migrations (step) VALUES (%s)", [step])
        for name in ("naming", "positions", "append", "coming", "accesses"):
            connection.execute(sql(name))
        try:
            connection.execute(sql("grants"))
        except psycopg.errors.InsufficientPrivilege as error:
            raise DatabaseUnfit(
                "The database's owner may not make the roles that Kronika needs"
                f" ({error.diag.message_primary}); have a superuser run"
                " CREATE ROLE kronika_app NOLOGIN BYPASSRLS, CREATE ROLE kronika_reader NOLOGIN, and grant both to the"
                " owner; then migrate again."
            ) from None
        connection.execute("INSERT INTO log.settings (partitions) VALUES (%s) ON CONFLICT DO NOTHING", [partitions])
        if access_days is not None:
            connection.execute("UPDATE log.settings SET access_days = %s", [access_days])
    return new


def check_fitness(connection: psycopg.Connection) -> None:
    version = connection.info.server_version
    if version < 160000:
        raise DatabaseUnfit(f"PostgreSQL 16 or later is needed; this server is {version // 10000}.")
    row = connection.execute(
        "SELECT pg_encoding_to_char(encoding), datctype FROM pg_database WHERE datname = current_database()"
    ).fetchone()
    assert row is not None
    encoding, ctype = row
    if encoding != "UTF8" or ctype in {"C", "POSIX"}:
        raise DatabaseUnfit(
            f"The database has encoding {encoding} and ctype {ctype}; create it with "
            "ENCODING 'UTF8' LC_CTYPE 'C.UTF-8' TEMPLATE template0, else searching non-Latin names finds nothing."
        )
