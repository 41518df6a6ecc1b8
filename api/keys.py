"""API keys: who may call, for which tenant, as whom; only a keyed digest of each is kept."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import class_row

from eventlog.keys import KeyStore

SCOPES = frozenset({"read", "write"})
TOKEN = re.compile(r"kr_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
TENANT = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
MIGRATION_LOCK = 0x6B726F6E_00000003

ACCESS_SCHEMA = """
CREATE SCHEMA IF NOT EXISTS access AUTHORIZATION kronika_app;
SET LOCAL ROLE kronika_app;

-- `digest` is an HMAC-SHA-256 of the whole token, with a key of the tenant's that is not in this database.
CREATE TABLE IF NOT EXISTS access.keys (
    id         text PRIMARY KEY,
    tenant     text        NOT NULL,
    actor      text        NOT NULL,
    scopes     text[]      NOT NULL,
    digest     bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    revoked_at timestamptz
);
"""


@dataclass(frozen=True)
class Key:
    """A key without its secret."""

    id: str
    tenant: str
    actor: str
    scopes: list[str]
    created_at: datetime
    revoked_at: datetime | None


class UnfitKey(ValueError):
    """Such a key cannot be made; the message says why."""


def prepare(url: str) -> None:
    """Make what is missing of the schema `access`, in a migrated database, as its owner."""
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
        connection.execute(ACCESS_SCHEMA)


def create(url: str, store: KeyStore, tenant: str, actor: str, scopes: Iterable[str] = SCOPES) -> str:
    """Make a key and return its token (`kr_<id>_<secret>`, 256 random bits), which is shown now and never again.

    Raises UnfitKey for a tenant that is not 1 to 40 of a-z 0-9 _ -, an actor that is not 1 to 80 printable characters,
    or scopes other than read and write.
    """
    wanted = frozenset(scopes)
    if not TENANT.fullmatch(tenant):
        raise UnfitKey(f"{tenant!r} is no tenant: use 1 to 40 of a-z, 0-9, _ and -.")
    if not (1 <= len(actor) <= 80 and actor.isprintable()):
        raise UnfitKey("An actor is 1 to 80 printable characters.")
    if not wanted or not wanted <= SCOPES:
        raise UnfitKey(f"Scopes are {' and '.join(sorted(SCOPES))}.")
    id = secrets.token_hex(6)
    token = f"kr_{id}_{secrets.token_urlsafe(32)}"
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO access.keys (id, tenant, actor, scopes, digest) VALUES (%s, %s, %s, %s, %s)",
            [id, tenant, actor, sorted(wanted), digest(store, tenant, token)],
        )
    return token


def listed(url: str, tenant: str | None = None) -> list[Key]:
    """All keys, or those of one tenant, oldest first."""
    with psycopg.connect(url) as connection:
        return (
            connection.cursor(row_factory=class_row(Key))
            .execute(
                "SELECT id, tenant, actor, scopes, created_at, revoked_at FROM access.keys"
                " WHERE %(tenant)s::text IS NULL OR tenant = %(tenant)s ORDER BY created_at, id",
                {"tenant": tenant},
            )
            .fetchall()
        )


def revoke(url: str, id: str) -> bool:
    """End a key by its id; processes notice within seconds. False when no such key was in force."""
    with psycopg.connect(url) as connection:
        return bool(
            connection.execute(
                "UPDATE access.keys SET revoked_at = clock_timestamp() WHERE id = %s AND revoked_at IS NULL", [id]
            ).rowcount
        )


async def find(connection: AsyncConnection[Any], store: KeyStore, token: str) -> Key | None:
    """The key in force that this token opens."""
    match = TOKEN.fullmatch(token)
    if match is None:
        return None
    cursor = await connection.execute(
        "SELECT id, tenant, actor, scopes, created_at, revoked_at, digest FROM access.keys"
        " WHERE id = %s AND revoked_at IS NULL",
        [match[1]],
    )
    row = await cursor.fetchone()
    if row is None or not secrets.compare_digest(row[6], digest(store, row[1], token)):
        return None
    return Key(*row[:6])


def digest(store: KeyStore, tenant: str, token: str) -> bytes:
    return store.digest("api-keys", tenant, token.encode())
