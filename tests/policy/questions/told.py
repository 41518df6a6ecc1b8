"""What of an answer is compared with what was expected."""

from __future__ import annotations

from typing import Any

import httpx

from tests.policy.questions.case import DECIDED, Case, without_passing
from tests.policy.questions.files import FILE, told_by
from tests.policy.questions.itself import EXPLAIN
from tests.policy.world import World, read

PAGING = ("cursor", "next", "left_out")
BY_THE_BUSINESS = {409, 412}
"""With what the business says no: nothing of what was asked here is to its liking."""


def told(world: World, case: Case, answer: httpx.Response) -> tuple[int, Any]:
    status, body = read(answer)
    if case.path.startswith("/v1/commands"):
        return of_commands(status, body)
    if status == 503 and not world.lakehouse and body["type"] == "/problems/lakehouse-away":
        return 200, None  # would be answered, if there was one
    if status != 200:
        return status, None
    if case.route == FILE:
        return 200, told_by(answer)
    if case.route == "/v1/pipeline":
        columns = {one["stage"]: one for one in body["stages"] if one["count"]}
        kept = ("count", "worth", "opportunities")
        return 200, {stage: {name: one[name] for name in kept} for stage, one in columns.items()}
    if case.route == "/v1/saved-queries":
        return 200, sorted(one["id"] for one in body["items"])
    if case.route == EXPLAIN:
        return 200, {name: (body["record"] or {})[name] for name in ("visible", "actions") if body["record"]}
    if case.route == "/v1/analytics/query":
        return 200, body["rows"]
    if not isinstance(body, dict):
        return 200, body
    return 200, without_passing({name: value for name, value in body.items() if name not in PAGING})


def of_commands(status: int, body: Any) -> tuple[int, Any]:
    if status in BY_THE_BUSINESS:
        return 200, DECIDED
    if status == 200 and isinstance(body, list):
        return 200, [DECIDED if one["status"] in BY_THE_BUSINESS else one["status"] for one in body]
    return status, None
