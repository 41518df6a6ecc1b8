"""Asks every operation of the API what its document allows; at length with `python -m tests.api.conformance`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from schemathesis.checks import CHECKS, load_all_checks

from api import keys
from api.app import create_app
from deploy.migrate import migrate
from deploy.postgres import LocalPostgres
from deploy.serving import log_as_lines
from deploy.settings import Settings
from eventlog.keys import FileKeyStore

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


def ask(operation: Any, token: str, examples: int, seed: int, asked: Counter[str]) -> None:
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
        answer = case.call(headers=how, timeout=60)
        asked[f"{answer.status_code // 100}xx"] += 1
        if not waits(answer):
            case.validate_response(answer, checks=all_checks, headers=how)

    each()


def main() -> int:
    """So many requests, round by round with other seeds; what is wrong is told, and the exit code says so."""
    parser = argparse.ArgumentParser(prog="python -m tests.api.conformance", description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000, help="how many, at the least")
    parser.add_argument("--seed", type=int, default=1, help="the first round's")
    parser.add_argument("--examples", type=int, default=20, help="requests to each operation in a round")
    wanted = parser.parse_args()
    asked: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="kronika-conformance-") as directory:
        home = Path(directory)
        home.chmod(0o755)
        postgres = LocalPostgres(home)
        url = postgres.start()
        try:
            at = Settings(home=home, database_url=url, log_level="error")
            log_as_lines("error")
            migrate(url, at)
            token = keys.create(url, FileKeyStore(at.keys_path), "acme", "tester", keys.SCOPES)
            with served(at) as served_at:
                found, seed = operations(*served_at), wanted.seed
                while asked.total() < wanted.requests:
                    for operation in found:
                        try:
                            ask(operation, token, wanted.examples, seed, asked)
                        except BaseExceptionGroup as errors:
                            for error in errors.exceptions:
                                wrong[f"{operation.method.upper()} {operation.path}: {type(error).__name__}"] += 1
                                print(f"seed {seed}, {operation.method.upper()} {operation.path}: {error}", flush=True)
                    print(f"{asked.total():,} requests, {dict(asked)}, {wrong.total()} wrong", flush=True)
                    seed += 1
        finally:
            postgres.stop()
    for what, times in wrong.most_common():
        print(f"{times} times {what}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
