"""Ten of one tenant ask of all that another has: nothing of it is told, and it is answered as if it had never been."""

from __future__ import annotations

import base64
import json
import re
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from random import Random
from uuid import uuid4

import httpx
from fastapi import FastAPI

from api import keys
from eventlog.keys import FileKeyStore
from tests.api.conftest import client_of
from tests.api.one_of_each import MARK, one_of_each, paths_to_read
from tests.policy.strangers.asking import Question, questions
from tests.policy.strangers.planting import COMMON, WORD, Planted, look, plant
from tests.policy.unknown import ID, difference_of
from tests.policy.world import Place

ROLES = (
    *("sales_representative", "manager", "director", "purchasing", "support", "auditor", "analyst", "administrator"),
    "service",
)
"""One who asks has each of these; the tenth is an operator, who sees all of its tenant."""
ITS_OWN = ("/v1/access/log", "/metrics", "/health", "/v1/me")
"""What tells of those who ask, and differs from one time to the next."""
ITS_TENANT = tuple(
    f"/v1/commands/{name}" for name in ("set-policy", "name-tenant", "set-target", "record-channel-cost")
)
"""What is about the tenant of those who ask: a second time it changes nothing, whatever is named."""


@dataclass
class Found:
    """What was asked, and what was wrong with any answer."""

    asked: int = 0
    operations: set[str] = field(default_factory=set)
    actors: int = 0
    words: int = 0
    leaks: list[str] = field(default_factory=list)


async def strangers_in(
    stack: AsyncExitStack, app: FastAPI, url: str, store: FileKeyStore, tenant: str
) -> list[httpx.AsyncClient]:
    operator = await stack.enter_async_context(client_of(app, keys.create(url, store, tenant, "spy", keys.SCOPES)))
    found = [operator]
    for role in ROLES:
        user = str(uuid4())
        for name, body in (("register-user", {"name": role}), ("assign-role", {"role": role})):
            answer = await operator.post(f"/v1/commands/{name}", json={"user_id": user} | body)
            assert answer.status_code < 300, answer.text
        wanted = {"user_id": user, "label": "key", "scopes": ["read", "write", "administer"]}
        token = (await operator.post("/v1/api-keys", json=wanted)).json()["token"]
        found.append(await stack.enter_async_context(client_of(app, token)))
    return found


async def strangers(place: Place, seed: int, many: int | None = None) -> Found:
    """All operations, asked by all ten about `many` things each; left out, by any of them about one thing."""
    app, house, store, project = place.app, place.house, place.store, place.project
    url, random, found = str(house.settings.database_url), Random(seed), Found()
    async with AsyncExitStack() as stack:
        owner = await stack.enter_async_context(client_of(app, keys.create(url, store, "acme", "tester", keys.SCOPES)))
        planted = await plant(owner, await one_of_each(owner, project, house, store))
        await project()
        if place.analyse:
            await place.analyse()
        told = await look(owner, planted, paths_to_read(app.openapi(), planted.ids))
        planted.words = [word for word in planted.words if word in told]
        found.words = len(set(planted.words))
        actors = await strangers_in(stack, app, url, store, f"rival-{seed}")
        found.actors = len(actors)
        before = await owner.get("/v1/events", params={"limit": "1000"})
        asked = [questions(app.openapi(), planted, random, many or 1) for _ in (actors if many else [None])]
        for step in zip(*asked, strict=True):  # all read before anybody makes anything
            for actor, some in zip(actors, step, strict=False):
                for question in some:
                    found.asked += 1
                    found.operations.add(f"{question.method} {question.route}")
                    if leak := await leak_of(actor if many else random.choice(actors), question, planted):
                        found.leaks.append(f"{question.text}: {leak}")
        after = await owner.get("/v1/events", params={"limit": "1000"})
        if before.json()["events"] != after.json()["events"]:
            found.leaks.append("something of the other tenant's was changed")
    return found


async def leak_of(client: httpx.AsyncClient, question: Question, planted: Planted) -> str | None:
    """What an answer tells of another tenant, or in what it differs from one about what never was."""
    answer = await question.ask(client)
    if answer.status_code == 429 or (answer.status_code >= 500 and answer.status_code != 503):
        return f"answered {answer.status_code}"
    text = unpacked(answer)
    theirs = set(WORD.findall(text)) & {MARK, *planted.words}
    if question.route != "/v1/access/log":  # which tells what those who ask have asked about
        theirs |= set(ID.findall(text)) & planted.every_id
    if leaked := [word for word in theirs if word not in question.text]:
        return f"told of {leaked}"
    if question.route.startswith(ITS_OWN) or "cursor" in question.params or question.form:
        return None
    named = {*ID.findall(question.text), *WORD.findall(question.text), *question.headers.values()} - COMMON
    others = {word: planted.of_nobody(word) for word in named}
    if not others:
        return None
    unknown = await question.about(others).ask(client)  # asked of its own tenant, too: a key that was used is used up
    if question.route in ITS_TENANT:
        return None
    return difference_of(answer, unknown, others, made=question.method == "POST")


def unpacked(answer: httpx.Response) -> str:
    """All that an answer tells, a cursor unpacked."""
    text = answer.text + json.dumps(dict(answer.headers))
    for cursor in re.findall(r'"(?:cursor|next)":"([^".]+)"', text):
        text += base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("utf-8", "replace")
    return text
