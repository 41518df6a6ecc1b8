"""`make conformance`: so many requests to every operation, round by round with other seeds, over one of everything."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from api import keys
from api.kronika import Kronika
from deploy.settings import Settings
from eventlog.keys import FileKeyStore
from tests.api.conformance import ask, operations, served
from tests.api.one_of_each import one_of_each
from tests.following import Step, following
from tests.fresh import fresh_system

KEPT = Path(__file__).parents[2] / ".kronika" / "conformance.jsonl"
DRAWN = 10
"""A picture takes ten times as long as any other answer, so only a tenth as many are asked for."""


async def campaign(at: Settings, token: str, wanted: argparse.Namespace) -> Counter[str]:
    """Go on until so many requests have been made to the API as it is described now; answers what is wrong."""
    wrong: Counter[str] = Counter()
    with served(at) as (url, document):
        found = operations(url, document)
        digest = sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:16]
        kept = [one for one in read(wanted.out) if one["document"] == digest and not one["wrong"]]
        done, seed = sum(sum(one["answers"].values()) for one in kept), wanted.seed
        print(f"{done:,} requests were made before, nothing was wrong with them", flush=True)
        async with filled(at, url, token) as (taken_in, ids):
            while done < wanted.requests:
                if seed not in {one["seed"] for one in kept}:
                    answers, faults = await one_round(found, token, wanted.examples, seed, ids, taken_in)
                    done, wrong = done + answers.total(), wrong + faults
                    keep(wanted.out, {"seed": seed, "document": digest, "answers": answers, "wrong": faults})
                    print(f"seed {seed}: {done:,} requests in all, {dict(answers)}, {faults.total()} wrong", flush=True)
                seed += 1
    return wrong


async def one_round(
    found: list[Any], token: str, examples: int, seed: int, ids: Mapping[str, UUID], taken_in: Step
) -> tuple[Counter[str], Counter[str]]:
    """So many requests to each operation: how they were answered, and what was wrong."""
    answers: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for operation in found:
        drawn = "/chart." in operation.path
        try:
            ask(operation, token, max(1, examples // DRAWN) if drawn else examples, seed, answers, ids)
        except BaseExceptionGroup as errors:
            for error in errors.exceptions:
                wrong[f"{operation.method.upper()} {operation.path}: {type(error).__name__}"] += 1
                print(f"seed {seed}, {operation.method.upper()} {operation.path}: {error}", flush=True)
        await taken_in()
    return answers, wrong


@asynccontextmanager
async def filled(at: Settings, url: str, token: str) -> AsyncIterator[tuple[Step, dict[str, UUID]]]:
    """One of everything, by the field that names it in commands, and what takes in all that is recorded."""
    async with AsyncExitStack() as stack:
        store = FileKeyStore(at.keys_path)
        stack.callback(store.close)
        project, analyse = await stack.enter_async_context(following(at, store))

        async def taken_in() -> None:
            await project()
            await analyse()

        headers = {"Authorization": f"Bearer {token}"}
        async with (
            Kronika.open(at) as house,
            httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as client,
        ):
            ids = await one_of_each(client, taken_in, house, store)
        yield taken_in, ids


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def keep(path: Path, outcome: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(outcome) + "\n")


@contextmanager
def fresh() -> Iterator[tuple[Settings, str]]:
    """A system of its own, and a key that allows everything."""
    with fresh_system("conformance") as at:
        store = FileKeyStore(at.keys_path)
        token = keys.create(str(at.database_url), store, "acme", "tester", keys.SCOPES)
        store.close()
        yield at, token


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.api.conformance_campaign", description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000, help="how many, those of earlier runs included")
    parser.add_argument("--seed", type=int, default=1, help="the first round's; one that found nothing is not repeated")
    parser.add_argument("--examples", type=int, default=20, help="requests to each operation in a round")
    parser.add_argument("--out", type=Path, default=KEPT, help="where the rounds are kept")
    with fresh() as (at, token):
        wrong = asyncio.run(campaign(at, token, parser.parse_args()))
    for what, times in wrong.most_common():
        print(f"{times} times {what}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
