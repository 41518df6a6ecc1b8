"""Asks every operation of the API what its document allows; at length `tests.api.conformance_campaign` does."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from schemathesis.checks import CHECKS, load_all_checks

from api.app import create_app
from deploy.settings import Settings

from .one_of_each import PLURAL

APART = {
    "positive_data_acceptance",  # rules that no schema can say (a circle, a cursor, a moment to come) refuse much of it
    "negative_data_rejection",  # path and query are text: what is no number as JSON may well be one there
}
"""Checks that suppose that the document says everything."""


@contextmanager
def served(at: Settings) -> Iterator[tuple[str, dict[str, Any]]]:
    """The API on a port of its own, in a thread, and its document."""
    app = create_app(at)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, loop="uvloop", ws="none", log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the API did not start"
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", app.openapi()
    finally:
        server.should_exit = True
        thread.join()


def checks() -> list[Any]:
    load_all_checks()
    return [check for check in CHECKS.get_all() if check.__name__ not in APART]


def operations(url: str, document: dict[str, Any]) -> list[Any]:
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=url)
    found: list[Any] = [result.ok() for result in schema.get_all_operations()]  # type: ignore[union-attr]  # or it raises
    return [operation for operation in found if operation.path != "/metrics"]


def waits(answer: Any) -> bool:
    """Whether it only says that what was asked is not there yet: documented, and to the checks a fault all the same."""
    return bool(answer.status_code == 503 and answer.json()["type"] == "/problems/not-fresh-yet")


def named(case: Any, ids: Mapping[str, UUID], turn: int) -> None:
    """Have every other request be about what there is: an id that is made up is never found."""
    if turn % 2 or not ids:
        return
    id = ids.get(PLURAL.get(case.path.removeprefix("/v1/").partition("/")[0], ""))
    if case.path_parameters and "id" in case.path_parameters and id is not None:
        case.path_parameters["id"] = str(id)
    if isinstance(case.body, dict):
        case.body |= {name: str(ids[name]) for name, value in case.body.items() if name in ids and type(value) is str}


def ask(
    operation: Any, token: str, examples: int, seed: int, asked: Counter[str], ids: Mapping[str, UUID] | None = None
) -> None:
    """Some requests to one operation, and every check on every answer. Raises what is wrong."""
    all_checks, how = checks(), {"Authorization": f"Bearer {token}"}

    @seeded(seed)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )
    @given(case=operation.as_strategy())
    def each(case: Any) -> None:
        named(case, ids or {}, asked.total())
        answer = case.call(headers=how, timeout=60)
        if waits(answer):
            asked["not fresh yet"] += 1
            return
        asked[f"{answer.status_code // 100}xx"] += 1
        case.validate_response(answer, checks=all_checks, headers=how)

    each()
