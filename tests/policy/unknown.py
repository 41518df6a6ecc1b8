"""What is hidden is answered in the words for what was never there: the same to the byte, but for the ids in them."""

from __future__ import annotations

import json
import re
from uuid import uuid4

import httpx

from tests.policy.questions.case import Case

ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
GIVEN = re.compile(rf"{ID.pattern}|\d+\.\d+(?=\")|kr_[0-9a-f]{{12}}_[\w-]+" r'|"version":\d+|"etag": "\\"\d+\\""')
"""What is given to whoever makes or changes something of its own: ids, positions, keys, versions."""
OF_ITS_OWN = ("x-correlation-id", "idempotency-key", "ratelimit", "content-length")
"""Headers that no two answers share."""


async def asked_for_nothing(client: httpx.AsyncClient, case: Case, answer: httpx.Response) -> str | None:
    """How an answer differs from what is said of ids that were made up just now."""
    asked = json.dumps([case.path, case.params, case.body])
    named = list(dict.fromkeys(ID.findall(asked)))
    said = str(answer.json().get("detail"))
    others = {id: str(uuid4()) for id in ([id for id in named if id in said] or named)}
    for id, other in others.items():
        asked = asked.replace(id, other)
    path, params, body = json.loads(asked)
    return difference_of(answer, await client.request(case.method, path, params=params, json=body), others)


def difference_of(
    answer: httpx.Response, unknown: httpx.Response, others: dict[str, str], *, made: bool = False
) -> str | None:
    """In what two answers differ, if in more than what they are about; where something was `made`, in more than the
    ids and places that it has been given."""
    for what in (told, headers):
        one, other = what(answer), what(unknown)
        for id, its in others.items():
            other = other.replace(its, id)
        if made:
            one, other = (GIVEN.sub("", text) for text in (one, other))
        if one != other:
            return f"{one} is not what is said of what was never there: {other}"
    return None


def told(answer: httpx.Response) -> str:
    instance = re.compile(r'"instance":"urn:uuid:[^"]+"')
    return f"{answer.status_code} {instance.sub('', answer.text)}"


def headers(answer: httpx.Response) -> str:
    """Without the length: the bodies are compared, and a version may be a digit longer than the one before."""
    return json.dumps({name: text for name, text in answer.headers.items() if not name.startswith(OF_ITS_OWN)})
