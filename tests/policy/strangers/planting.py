"""Fills a tenant with words that occur nowhere else: one in each field that takes any text, address, number or sum."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import httpx
from pydantic import ValidationError

from commands.command import Registration, registered
from domain.pipeline import DEFAULT_PIPELINE_ID
from domain.tenant import TENANT_ID
from tests.api.one_of_each import MARK
from tests.api.samples import sample
from tests.policy.unknown import ID

WORD = re.compile(rf"zx\d{{5}}q|1395\d{{7}}|7\d{{5}}\.25|{MARK}")
APART = re.compile(rf"{ID.pattern}|\d{{4}}-\d\d-\d\d")
COMMON = {str(DEFAULT_PIPELINE_ID), str(TENANT_ID)}
"""Ids that every tenant has."""
ENDS = {
    *("merge-customers", "unmerge-customers", "merge-ticket", "undo-events", "revert-import", "cancel-import"),
    *("start-import", "deactivate-customer", "deactivate-user", "dissolve-team", "delete-query", "revoke-key"),
}
"""Commands after which there would be less to see."""


@dataclass
class Planted:
    """What there is to be leaked."""

    ids: dict[str, UUID]
    """One of each kind, by the field that names it in commands"""
    every_id: set[str] = field(default_factory=set)
    words: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    """Under which commands were given"""
    cursors: dict[str, str | None] = field(default_factory=dict)
    """By the path of the list"""
    positions: list[str] = field(default_factory=list)
    event: UUID | None = None
    others: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Words that stand alone"""
        return [word for word in self.words if word.startswith("zx")]

    def of_nobody(self, word: str) -> str:
        """Another word of the same form, always the same one: what somebody makes under it stays."""
        if word not in self.others:
            other = word.replace("zx", "zy").replace("1395", "1396").replace(".25", ".26").replace(MARK, "mine-alone!!")
            self.others[word] = str(uuid4()) if ID.fullmatch(word) else other
        return self.others[word]


async def plant(client: httpx.AsyncClient, ids: dict[str, UUID]) -> Planted:
    """Every command is given once, about what is there; those that make something first."""
    found, numbers = Planted(dict(ids)), count(1)
    for registration in sorted(registered(), key=lambda one: (not one.creates, one.name)):
        if registration.name in ENDS:
            continue
        own = f"{registration.kind}_id" if registration.creates else None
        body = filled(registration, {name: id for name, id in found.ids.items() if name != own}, numbers)
        if "stream" in body:
            body |= {"id": str(found.ids["customer_id"]), "whom_id": str(found.ids["user_id"])}
        answer = await given(client, registration, body)
        if answer is None:
            continue
        found.words += WORD.findall(answer.request.content.decode())
        found.keys.append(answer.headers["idempotency-key"])
        if own in found.ids:
            found.ids[own] = UUID(answer.json()["id"])
    return found


async def given(client: httpx.AsyncClient, registration: Registration, body: dict[str, Any]) -> httpx.Response | None:
    """What became of a command, given with all that it takes, or else without one thing or another."""
    optional = [name for name, info in registration.model.model_fields.items() if not info.is_required()]
    for left_out in (None, *optional):
        wanted = {name: value for name, value in body.items() if name != left_out}
        answer = await client.post(f"/v1/commands/{registration.name}", json=wanted)
        assert answer.status_code < 500, answer.text
        if answer.status_code < 300:
            return answer
    return None


def filled(registration: Registration, ids: dict[str, UUID], numbers: Iterator[int]) -> dict[str, Any]:
    """A body with a word of its own wherever the command takes one."""
    body = sample(registration, ids)
    for path in list(leaves(body)):
        for word in words_for(next(numbers)):
            tried = deepcopy(body)
            where: Any = tried
            for step in path[:-1]:
                where = where[step]
            where[path[-1]] = word
            try:
                registration.model.model_validate(tried)
            except ValidationError:
                continue
            body = tried
            break
    return body


def leaves(value: Any, *path: Any) -> Iterator[tuple[Any, ...]]:
    """Where texts and numbers are; ids, days and the like stay as they are."""
    if isinstance(value, dict | list):
        for step, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(part, *path, step)
    elif isinstance(value, int | str) and not isinstance(value, bool) and not APART.match(str(value)):
        yield path


def words_for(number: int) -> tuple[str, ...]:
    word = f"zx{number:05d}q"
    return word, f"{word}@example.com", f"https://{word}.example.com", f"+861395{number:07d}", f"{700_000 + number}.25"


async def look(client: httpx.AsyncClient, planted: Planted, paths: list[str]) -> set[str]:
    """Take down all ids and places of the tenant, as its operator sees them; answers which words are told it."""
    told: set[str] = set()
    for path in (path for path in paths if "calibration" not in path):  # which is a picture of what is told elsewhere
        answer = await client.get(path)
        told |= set(WORD.findall(answer.text))
        planted.every_id |= set(ID.findall(answer.text)) - COMMON
        if '"cursor"' in answer.text:
            planted.cursors[path] = (await client.get(path, params={"limit": "1"})).json().get("cursor")
    page = (await client.get("/v1/events", params={"limit": "1000"})).json()
    planted.positions = [event["position"] for event in page["events"][::10]]
    planted.event = UUID(page["events"][0]["id"])
    for event in page["events"]:
        planted.every_id |= {event["id"], event["stream_id"]} - COMMON
    told |= set(WORD.findall(str(page)))
    planted.every_id |= {str(id) for id in planted.ids.values()} - COMMON
    return told
