"""What tests on data of others share: where it lies, reading its tables, and sending it as commands over HTTP."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

DATA = Path(__file__).parents[2] / "../shared/data"

Item = dict[str, Any]
"""One command of a batch: {"command", "key", "body"}."""


def needs(folder: str) -> pytest.MarkDecorator:
    """Skips a module when the data is not there."""
    return pytest.mark.skipif(
        not (DATA / folder).is_dir(), reason=f"real data: there is no ../shared/data/{folder} beside the checkout"
    )


def table(file: str) -> list[dict[str, str]]:
    """The rows of a CSV file of the data, by column."""
    with (DATA / file).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def item(command: str, key: str, **body: Any) -> Item:
    """A command with what is known of it: what is empty in the data is left out."""
    return {"command": command, "key": key, "body": {name: value for name, value in body.items() if value}}


async def send(client: httpx.AsyncClient, items: Iterable[Item], batch: int = 1_000) -> None:
    """Send all, in order, batch by batch. Every one must be taken."""
    waiting = iter(items)
    while lines := [orjson.dumps(one, default=exact) for one in islice(waiting, batch)]:
        answer = await client.post(
            "/v1/commands", content=b"\n".join(lines), headers={"content-type": "application/x-ndjson"}
        )
        assert answer.status_code == 200, answer.text
        answers = [orjson.loads(line) for line in answer.content.splitlines()]
        assert len(answers) == len(lines)
        assert [told for told in answers if told["status"] not in (200, 201)] == []


async def count(client: httpx.AsyncClient, path: str, **filters: str) -> int:
    """How many rows a list has in all."""
    parameters = {name.replace("__", "."): value for name, value in filters.items()}
    answer = await client.get(path, params={**parameters, "limit": "1", "total": "exact"})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["total"])


def exact(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value)
