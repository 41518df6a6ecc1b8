"""API keys: secrets are made here and shown once; only a keyed digest of each is kept, beside the key's own history."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import class_row

from commands.api_keys import IssueKey, RotateKey
from commands.dispatch import Asked, derived, dispatch, permit
from domain.api_key import ApiKey
from domain.roles import ACTIONS
from domain.tenant import NAME as TENANT
from eventlog.envelope import Answer, Caller, Context
from eventlog.keys import KeyStore
from eventlog.log import Log

SCOPES = ACTIONS
USUAL = frozenset({"read", "write"})
TOKEN = re.compile(r"kr_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
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
-- The stream of the key that this is a secret of, which says as whom it opens what; without one the row itself does.
ALTER TABLE access.keys ADD COLUMN IF NOT EXISTS key_id uuid;
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
    key_id: UUID | None
    """The stream of a user's key; an operator's key has none"""


class UnfitKey(ValueError):
    """Such a key cannot be made; the message says why."""


def prepare(url: str) -> None:
    """Make what is missing of the schema `access`, in a migrated database, as its owner."""
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
        connection.execute(ACCESS_SCHEMA)


def create(url: str, store: KeyStore, tenant: str, actor: str, scopes: Iterable[str] = USUAL) -> str:
    """Make an operator's key, which is no user's, and return its token (`kr_<id>_<secret>`, 256 random bits), which is
    shown now and never again.

    Raises UnfitKey for a tenant that is not 1 to 40 of a-z 0-9 _ -, an actor that is not 1 to 80 printable characters,
    or unknown scopes.
    """
    wanted = frozenset(scopes)
    if not TENANT.fullmatch(tenant):
        raise UnfitKey(f"{tenant!r} is no tenant: use 1 to 40 of a-z, 0-9, _ and -.")
    if not (1 <= len(actor) <= 80 and actor.isprintable()):
        raise UnfitKey("An actor is 1 to 80 printable characters.")
    if not wanted or not wanted <= SCOPES:
        raise UnfitKey(f"Scopes are some of {', '.join(sorted(SCOPES))}.")
    id, token = fresh()
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO access.keys (id, tenant, actor, scopes, digest) VALUES (%s, %s, %s, %s, %s)",
            [id, tenant, actor, sorted(wanted), digest(store, tenant, token)],
        )
    return token


def listed(url: str, tenant: str | None = None) -> list[Key]:
    """All keys of operators, or those for one tenant, oldest first."""
    with psycopg.connect(url) as connection:
        return (
            connection.cursor(row_factory=class_row(Key))
            .execute(
                "SELECT id, tenant, actor, scopes, created_at, revoked_at, key_id FROM access.keys"
                " WHERE key_id IS NULL AND %(tenant)s::text IS NULL OR tenant = %(tenant)s ORDER BY created_at, id",
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
        "SELECT id, tenant, actor, scopes, created_at, revoked_at, key_id, digest FROM access.keys"
        " WHERE id = %s AND revoked_at IS NULL",
        [match[1]],
    )
    row = await cursor.fetchone()
    if row is None or not secrets.compare_digest(row[7], digest(store, row[1], token)):
        return None
    return Key(*row[:7])


def digest(store: KeyStore, tenant: str, token: str) -> bytes:
    return store.digest("api-keys", tenant, token.encode())


def fresh() -> tuple[str, str]:
    """The public id of a new secret, and the token with the secret in it."""
    id = secrets.token_hex(6)
    return id, f"kr_{id}_{secrets.token_urlsafe(32)}"


@dataclass(frozen=True)
class Shown:
    """What became of a command that makes a secret; the token is shown this once, and not when it was sent before."""

    answer: Answer
    token: str | None


async def issue(log: Log, caller: Caller, context: Context, wanted: Mapping[str, Any]) -> Shown:
    """Issue a key to a user. Raises ValidationError, and what `dispatch` raises."""
    id, token = fresh()
    command = IssueKey.model_validate({**wanted, "secret_id": id})
    key_id = command.key_id or derived(context.tenant, context.command_id, ApiKey)
    return await with_secret(log, Asked(command, caller, context), key_id, id, token)


async def rotate(log: Log, caller: Caller, context: Context, wanted: Mapping[str, Any]) -> Shown:
    """Give a key a new secret. Raises as `issue`."""
    id, token = fresh()
    command = RotateKey.model_validate({**wanted, "secret_id": id})
    return await with_secret(log, Asked(command, caller, context), command.key_id, id, token)


async def with_secret(log: Log, asked: Asked, key_id: UUID, id: str, token: str) -> Shown:
    """The digest is kept first, and opens nothing before the log has said that this is a secret of the key."""
    permit(asked.caller, "administer")
    context = asked.context
    kept = [id, context.tenant, context.actor, digest(log.keys, context.tenant, token), key_id]
    async with log.connection() as connection:
        await connection.execute(
            "INSERT INTO access.keys (id, tenant, actor, scopes, digest, key_id) VALUES (%s, %s, %s, '{}', %s, %s)",
            kept,
        )
    answer = await dispatch(log, asked)
    return Shown(answer, None if answer.repeated else token)


async def folded(log: Log, tenant: str, key_id: UUID) -> ApiKey:
    """A user's key as the log has it now."""
    return ApiKey.fold(key_id, await log.past(ApiKey, tenant, key_id))
