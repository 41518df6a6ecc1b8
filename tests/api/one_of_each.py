"""One of everything that a tenant can have, marked, and every path on which it can be read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

import httpx
import pyarrow as pa
from pyarrow import parquet

from api.kronika import Kronika
from commands.command import registered
from commands.dispatch import Asked, dispatch
from commands.scoring import FinishScoring
from domain.tenant import TENANT_ID
from eventlog.envelope import Caller, Context
from eventlog.keys import FileKeyStore
from eventlog.log import Log
from projections.query_runs import Run
from projections.query_runs import keep as keep_run
from projections.scores import Score, digest, keep
from workers.clerk import Desk, Job
from workers.exports.task import Exporting
from workers.lifetime import Surroundings

from .samples import sample

MARK = "theirs-alone"
MAPPING = f"""\
kronika: import/1
source: shop
files: {{customers: {MARK}.csv}}
steps:
  - name: customers
    rows: customers
    key: "{{id}}"
    commands: [{{command: register-customer, with: {{kind: person, name: "{{{MARK}}}"}}}}]
"""

PLURAL = {
    "customers": "customer_id",
    "opportunities": "opportunity_id",
    "orders": "order_id",
    "tickets": "ticket_id",
    "pipelines": "pipeline_id",
    "targets": "target_id",
    "channel-costs": "channel_cost_id",
    "receivables": "order_id",
    "imports": "import_id",
    "exports": "export_id",
    "scoring-runs": "run_id",
    "saved-queries": "query_id",
    "users": "user_id",
    "teams": "team_id",
    "tenants": "tenant_id",
    "api-keys": "key_id",
}
"""Of paths, by which field commands name what is meant."""


async def one_of_each(
    client: httpx.AsyncClient, project: Callable[[], Awaitable[None]], house: Kronika, store: FileKeyStore
) -> dict[str, UUID]:
    """What the tenant acme has from now on: one of each kind, marked; by the field that names it in commands."""
    ids: dict[str, UUID] = {}

    async def asked(name: str, /, **body: Any) -> UUID:
        answer = await client.post(f"/v1/commands/{name}", json=body)
        assert answer.is_success, answer.text
        return UUID(answer.json()["id"])

    ids["customer_id"] = await asked("register-customer", kind="organisation", name=MARK, emails=["a@theirs-alone.cn"])
    ids["contact_id"] = ids["parent_id"] = await asked("register-customer", kind="organisation", name=MARK)
    ids["survivor_id"], ids["merged_id"] = ids["customer_id"], ids["contact_id"]
    customer = str(ids["customer_id"])
    ids["opportunity_id"] = await asked("open-opportunity", title=MARK, customer_id=customer)
    line = {"sku": MARK, "quantity": 1, "unit_price": "5"}
    ids["order_id"] = await asked("place-order", customer_id=customer, currency="EUR", lines=[line], number=MARK)
    about = {"kind": "question", "priority": "normal", "channel": "email", "customer_id": customer}
    ticket = next(r for r in registered() if r.name == "open-ticket")
    ids["ticket_id"] = await asked("open-ticket", **sample(ticket, ids, all_fields=False) | about | {"subject": MARK})
    ids["into_id"] = await asked("open-ticket", **sample(ticket, ids, all_fields=False) | about | {"subject": MARK})
    stages = [
        {"label": MARK, "probability": "0.5"},
        {"label": "Won", "type": "won", "probability": "1"},
        {"label": "Lost", "type": "lost", "probability": "0"},
    ]
    ids["pipeline_id"] = await asked("publish-pipeline", name=MARK, stages=stages)
    ids["target_id"] = await asked("set-target", owner=MARK, period="2026", amount="5", currency="EUR")
    ids["channel_cost_id"] = await asked(
        "record-channel-cost", channel=MARK, month="2026-01", amount="5", currency="EUR"
    )
    ids["team_id"] = ids["within_id"] = await asked("found-team", name=MARK)
    ids["user_id"] = ids["manager_id"] = await asked("register-user", name=MARK)
    await client.post("/v1/commands/name-tenant", json={"name": MARK})
    ids["tenant_id"] = TENANT_ID
    answer = await client.post("/v1/api-keys", json={"user_id": str(ids["user_id"]), "label": MARK, "scopes": ["read"]})
    ids["key_id"] = UUID(answer.json()["id"])
    order = {"order_id": str(ids["order_id"])}
    assert (await client.post("/v1/commands/confirm-order", json=order)).status_code == 200
    invoice = order | {"invoice_number": MARK, "amount": "5"}
    answer = await client.post("/v1/commands/invoice-order", json=invoice)
    assert answer.status_code == 200, answer.text
    delivery = [("files", (f"{MARK}.csv", f"id,{MARK}\n1,Li\n"))]
    answer = await client.post("/v1/imports", data={"mapping": MAPPING}, files=delivery)
    assert answer.status_code == 202, answer.text
    ids["import_id"] = UUID(answer.json()["id"])
    ids["run_id"] = await asked("score-customers")
    ids["query_id"] = await asked("save-query", name=MARK, sql=f"SELECT '{MARK}' AS mark")
    await project()
    wanted = {"resource": "customers", "format": "jsonl", "filters": {"name": MARK}}
    answer = await client.post("/v1/exports", json=wanted)
    assert answer.status_code == 202, answer.text
    ids["export_id"] = UUID(answer.json()["id"])
    await project()
    around = Surroundings(str(house.settings.database_url), {}, store, house.settings.lake_path)
    await Exporting().carry_out(Job("acme", ids["export_id"]), Desk(house.log, around))
    await scored(house.log, ids)
    await answered(house.log, ids["query_id"])
    await project()
    return ids


async def scored(log: Log, ids: dict[str, UUID]) -> None:
    """A run that was finished, and what it has said of the customer and the opportunity."""
    results = uuid4()
    async with log.connection() as connection:
        said = [Score(ids[name], {"alive": 0.5}) for name in ("customer_id", "opportunity_id")]
        await keep(connection, "acme", ids["run_id"], results, said)
    finish = FinishScoring(
        run_id=ids["run_id"],
        results=results,
        reflects=1,
        code=MARK,
        parameters={},
        likelihood=None,
        measures={},
        scored=2,
        at_risk=0,
        without_rate=(),
        sha256=digest(said),
        risks=(),
    )
    clerk = Caller("acme", "clerk")
    await dispatch(log, Asked(finish, clerk, Context(clerk.tenant, clerk.actor, uuid4().hex, uuid4())))


async def answered(log: Log, query: UUID) -> None:
    """What a saved query was answered."""
    sink = BytesIO()
    parquet.write_table(pa.table({"mark": [MARK]}), sink)
    due = datetime(2026, 1, 5, tzinfo=UTC)
    run = Run(due, "finished", None, 1, 1, MARK, due, 1, False, sha256(sink.getvalue()).hexdigest())
    async with log.connection() as connection:
        await keep_run(connection, "acme", query, run, sink.getvalue(), 30)


def paths_to_read(document: dict[str, Any], ids: dict[str, UUID]) -> list[str]:
    """Every path that is read, with ids of the other tenant in it."""
    found = []
    for path, operations in document["paths"].items():
        # The lakehouse has a test of its own (test_analytics.py): there is none here.
        if "get" in operations and path.startswith("/v1/") and not path.startswith("/v1/analytics/"):
            found.append(path.replace("{id}", str(ids.get(PLURAL.get(path.split("/")[2], ""), ""))))
    return found
