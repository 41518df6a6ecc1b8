"""What was delivered: files kept beside the log, sealed with a key of their own, until they are read."""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID, uuid5

from psycopg import AsyncConnection

from domain.data_import import ImportedFile
from eventlog.keys import KeyDestroyed, Sealed, SubjectKey
from eventlog.log import Log

IDS = UUID("6b726f6e-696b-4a1b-8c00-000000000013")
"""Namespace of the ids of deliveries, derived from what they hold: the same files are kept once."""

PART = 1_000_000
"""Bytes of one part, before it is packed."""


# An import under way may still need its own, and a correction those of the imports before it: all of its tenant's stay.
TOO_OLD = """
DELETE FROM imports.file f
 WHERE delivered_at < now() - %s
   AND NOT EXISTS (SELECT FROM read.imports i
                    WHERE i.tenant = f.tenant AND i.state IN ('asked', 'started'))
"""


class DeliveryDamaged(Exception):
    """The files that lie here are not those that were delivered; deliver them again."""


@dataclass(frozen=True)
class Delivered:
    """A file that lies on this machine, measured."""

    file: ImportedFile
    content: BinaryIO


def measured(name: str, content: BinaryIO) -> Delivered:
    """The file with its size and digest. Reads all of it."""
    content.seek(0)
    size, digest = 0, hashlib.sha256()
    for part in parts(content):
        size += len(part)
        digest.update(part)
    return Delivered(ImportedFile(name, size, digest.hexdigest()), content)


def delivery_of(tenant: str, files: Sequence[ImportedFile]) -> UUID:
    """The id of the delivery that these files make."""
    held = sorted(f"{file.sha256} {file.name}" for file in files)
    return uuid5(IDS, "\n".join([tenant, *held]))


async def keep(log: Log, tenant: str, delivered: Sequence[Delivered]) -> None:
    """Have the files lie ready for whoever carries out the import. What lies there already is left, and is as good as
    delivered now. Raises LogUnavailable."""
    delivery = delivery_of(tenant, [one.file for one in delivered])
    key = await key_of(log, tenant, delivery)
    for one in delivered:
        one.content.seek(0)
        number = 0
        while part := await asyncio.to_thread(one.content.read, PART):
            sealed = key.seal(zlib.compress(part, 1), place(one.file.name, number))
            async with log.connection() as connection:
                await connection.execute(
                    "INSERT INTO imports.file (tenant, delivery, name, part, sealed) VALUES (%s, %s, %s, %s, %b)"
                    " ON CONFLICT (tenant, delivery, name, part) DO UPDATE SET delivered_at = now()",
                    [tenant, delivery, one.file.name, number, sealed],
                )
            number += 1


async def fetch(log: Log, tenant: str, files: Sequence[ImportedFile], into: Path) -> None:
    """Write the files of a delivery into a directory. Raises DeliveryDamaged, LogUnavailable."""
    delivery = delivery_of(tenant, files)
    key = log.keys.find(tenant, delivery)
    if key is None:
        raise DeliveryDamaged("The files of this import have been forgotten; deliver them again.")
    for file in files:
        digest, number = hashlib.sha256(), 0
        path = into / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as content:
            while (sealed := await part_of(log, tenant, delivery, file.name, number)) is not None:
                part = zlib.decompress(key.open(sealed, place(file.name, number)))
                digest.update(part)
                await asyncio.to_thread(content.write, part)
                number += 1
        if not number and file.size:
            raise DeliveryDamaged(f"{file.name} is not kept any more; import the files anew.")
        if digest.hexdigest() != file.sha256:
            raise DeliveryDamaged(f"{file.name} is not what was delivered; deliver it again.")


async def clear_away(connection: AsyncConnection[Any], after: timedelta) -> int:
    """Delete files that were delivered so long ago, unless their tenant has an import under way. Which they were, with
    their digests, stays in the log. Answers how many parts."""
    return (await connection.execute(TOO_OLD, [after])).rowcount


async def part_of(log: Log, tenant: str, delivery: UUID, name: str, number: int) -> Sealed | None:
    async with log.connection() as connection:
        cursor = await connection.cursor(binary=True).execute(
            "SELECT sealed FROM imports.file WHERE tenant = %s AND delivery = %s AND name = %s AND part = %s",
            [tenant, delivery, name, number],
        )
        row = await cursor.fetchone()
    return Sealed(row[0]) if row else None


async def key_of(log: Log, tenant: str, delivery: UUID) -> SubjectKey:
    await asyncio.to_thread(log.keys.ensure, [(tenant, delivery)])
    key = log.keys.find(tenant, delivery)
    if key is None:
        raise KeyDestroyed(tenant, delivery)
    return key


def place(name: str, part: int) -> bytes:
    """Where a sealed part belongs."""
    return f"{part}|{name}".encode()


def parts(content: BinaryIO) -> Iterator[bytes]:
    while part := content.read(PART):
        yield part
