"""Goes from page to page as a caller does, until there is no next one."""

from __future__ import annotations

import json
from typing import Any

import httpx

from tests.policy.questions.case import Case, without_passing

MOST = 400
"""Pages; nothing here has as many."""
PARTS = {"items": "cursor", "entries": "after", "steps": "after", "events": "after"}
"""By what the rows of a page are called: the parameter that goes on."""


async def walked(client: httpx.AsyncClient, case: Case, first: httpx.Response) -> dict[str, Any]:
    """What all pages together tell."""
    page = json.loads(first.content)
    part = next(name for name in PARTS if name in page)
    rows, whole = page[part], {name: value for name, value in page.items() if name == "total"}
    for _ in range(MOST):
        going_on = page.get("cursor", page.get("next"))
        if going_on is None or (part == "events" and going_on == case.params.get("after")):
            break
        params = case.params | {"limit": str(case.pages), PARTS[part]: str(going_on)}
        params.pop("total", None)
        before, answer = going_on, await client.get(case.path, params=params)
        assert answer.status_code == 200, answer.text
        page = json.loads(answer.content)
        assert len(page[part]) <= (case.pages or 0)
        rows += page[part]
        if part == "events" and page["next"] == before:
            break
    else:
        raise AssertionError(f"{case.path} never ends")
    found: dict[str, Any] = without_passing({part: rows} | whole)
    return found
