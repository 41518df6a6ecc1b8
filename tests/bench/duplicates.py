"""`python -m tests.bench.duplicates`: how long it takes to find the duplicates among 100,000 made-up persons."""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from rich.console import Console

from eventlog.connections import APP_ROLE
from eventlog.envelope import Caller
from projections.duplicates.blocks import keys_of
from projections.duplicates.likeness import Profile
from projections.duplicates.report import duplicates_of, everything, page
from projections.stream_rows import STREAM_COLUMNS
from tests.bench.place import TENANT, Place

TWICE = 0.1
"""So many of the persons are there already, with a slip in the name and without e-mail and telephone."""

CALLER = Caller(TENANT, "bench")
KNOWN = ("kind", "name", "emails", "phones", "addresses", "birthday", "sex", "tax_id", "external_ids")


class Town:
    """Made-up persons; names and towns as unevenly spread as real ones are."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.given, self.surnames = self.words(800, 3), self.words(8_000, 4)
        self.towns, self.streets = self.words(1_000, 3), self.words(5_000, 4)

    def words(self, count: int, syllables: int) -> list[str]:
        return ["".join(map(self.chance.choice, ["bcdfghklmnprst", "aeiou"] * syllables)) for _ in range(count)]

    def often(self, words: list[str]) -> str:
        """One of them, the first ones far more often than the last ones."""
        return words[int(len(words) ** self.chance.random()) - 1]

    def persons(self, count: int) -> Iterator[dict[str, Any]]:
        made: list[dict[str, Any]] = []
        while len(made) < count:
            if made and self.chance.random() < TWICE:
                twin = self.chance.choice(made)
                person = twin | {"name": self.slipped(twin["name"]), "emails": [], "phones": []}
            else:
                person = self.person()
            made.append(person)
            yield person | {"id": UUID(int=self.chance.getrandbits(128))}

    def person(self) -> dict[str, Any]:
        name, town = f"{self.often(self.given)} {self.often(self.surnames)}", self.often(self.towns)
        number = str(self.chance.randrange(10**9, 10**10))
        street = f"{self.chance.randrange(1, 200)} {self.chance.choice(self.streets)} street"
        postcode = str(10_000 + 3 * self.towns.index(town) + self.chance.randrange(3))
        return {
            "kind": "person",
            "name": name,
            "emails": [f"{name.replace(' ', '.')}{self.chance.randrange(99)}@example.com"],
            "phones": [{"raw": number, "digits": number}],
            "addresses": [{"street": street, "city": town, "postcode": postcode}],
            "birthday": date(1935, 1, 1) + timedelta(days=self.chance.randrange(75 * 365)),
            "sex": self.chance.choice(["female", "male"]),
            "tax_id": None,
            "external_ids": {},
        }

    def slipped(self, name: str) -> str:
        at = self.chance.randrange(len(name))
        return name[:at] + self.chance.choice("abcdefgh") + name[at + 1 :]


async def measure(url: str, count: int, console: Console) -> None:
    async with await AsyncConnection.connect(url, autocommit=True, options=APP_ROLE) as connection:
        some = await fill(connection, count)
        began, used = time.perf_counter(), time.process_time()
        found = await everything(connection, CALLER)
        took, worked = time.perf_counter() - began, time.process_time() - used
        console.print(f"all pairs of {count:,}: {took:.0f} s ({worked:.0f} s of them ours), {len(found.pairs):,} found")
        console.print(f"left out: {found.left_out}")
        began = time.perf_counter()
        await page(connection, CALLER)
        console.print(f"a page of 50: {time.perf_counter() - began:.3f} s")
        began = time.perf_counter()
        for id in some:
            await duplicates_of(connection, CALLER, id)
        console.print(f"of one customer: {(time.perf_counter() - began) / len(some) * 1000:.1f} ms")


async def fill(connection: AsyncConnection[Any], count: int) -> list[UUID]:
    """Their rows, as the projection would have them; answers the ids of some."""
    now, ids = datetime.now(UTC), []
    stream = {"version": 1, "position": 1, "created_by": "bench", "updated_by": "bench", "since": Jsonb({})}
    moments = dict.fromkeys((name for name in STREAM_COLUMNS if name.endswith("_at")), now)
    columns = ["tenant", "id", "subject_id", *stream, *moments, *KNOWN, "keys"]
    copy = f"COPY read.duplicate_keys ({', '.join(columns)}) FROM STDIN"
    async with connection.cursor() as cursor, cursor.copy(copy) as rows:
        for person in Town(1).persons(count):
            known = [Jsonb(v) if isinstance(v, list | dict) else v for v in (person[name] for name in KNOWN)]
            keys = keys_of(TENANT, Profile.of(person))
            await rows.write_row(
                (TENANT, person["id"], person["id"], *stream.values(), *moments.values(), *known, keys)
            )
            ids.append(person["id"])
    await connection.execute("ANALYZE read.duplicate_keys")
    return ids[:: max(1, count // 100)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.duplicates", description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000)
    asked, console = parser.parse_args(), Console(highlight=False)
    with Place(0, lambda doing: console.print(f"[dim]{doing}[/]")) as place:
        asyncio.run(measure(place.migrated(), asked.customers, console))


if __name__ == "__main__":
    main()
