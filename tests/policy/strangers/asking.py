"""Everything that the API's document says can be asked, asked about what another tenant has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

from tests.api.one_of_each import MAPPING
from tests.api.samples import value_of
from tests.policy.strangers.planting import Planted

FITTING = {
    **{"customers": "customer_id", "opportunities": "opportunity_id", "orders": "order_id", "tickets": "ticket_id"},
    **{"pipelines": "pipeline_id", "targets": "target_id", "receivables": "order_id"},
    **{"channel-costs": "channel_cost_id"},
    **{"imports": "import_id", "exports": "export_id"},
    **{"scoring-runs": "run_id", "saved-queries": "query_id", "users": "user_id", "teams": "team_id"},
    **{"tenants": "tenant_id", "api-keys": "key_id"},
}
"""By the second part of a path: what its {id} names. What is not here is asked with ids of any kind."""
PLACES = ("after", "min_position", "known_at", "from", "to")
PLAIN = {"wait": "0", "as_of": "2026-01-31", "fields": "id", "limit": "5", "total": "exact", "format": "json"}


@dataclass
class Question:
    """One request."""

    route: str
    method: str
    path: str
    params: dict[str, str] = field(default_factory=dict)
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    form: bool = False

    @property
    def text(self) -> str:
        return json.dumps([self.path, self.params, self.body, self.headers])

    def about(self, others: dict[str, str]) -> Question:
        """The same about others."""
        text = self.text
        for one, other in others.items():
            text = text.replace(one, other)
        path, params, body, headers = json.loads(text)
        return Question(self.route, self.method, path, params, body, headers, self.form)

    async def ask(self, client: httpx.AsyncClient) -> httpx.Response:
        if self.form:
            files = [("files", ("theirs-alone.csv", "id,theirs-alone\n1,Li\n"))]
            return await client.post(self.path, data=self.body, files=files, headers=self.headers)
        return await client.request(self.method, self.path, params=self.params, json=self.body, headers=self.headers)


def questions(
    document: dict[str, Any], planted: Planted, random: Random, many: int
) -> tuple[list[Question], list[Question], list[Question]]:
    """To every operation; about `many` things, and with `many` of its parameters: what reads, what changes something,
    and what makes something. Only by the last does the one who asks get anything of these ids."""
    reading: list[Question] = []
    changing: list[Question] = []
    making: list[Question] = []
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method == "get":
                reading += of_reading(path, operation, planted, random, many)
            else:
                found = of_changing(document, path, method, operation, planted, random, many)
                (making if "201" in operation["responses"] else changing).extend(found)
    return reading, changing, making


def paths_of(path: str, planted: Planted, random: Random, many: int) -> list[str]:
    """The path with ids of things in it, the one of its own kind first."""
    if "{" not in path:
        return [path]
    own = planted.ids.get(FITTING.get(path.split("/")[2], ""))
    ids = [str(own)] if own else []
    ids += [str(id) for id in random.sample(list(planted.ids.values()), many - 1 if ids else many)]
    return [path.replace("{id}", id).replace("{code}", "not-found") for id in ids]


def of_reading(path: str, operation: dict[str, Any], planted: Planted, random: Random, many: int) -> Iterator[Question]:
    parameters = [one for one in operation.get("parameters", ()) if one["in"] == "query"]
    needed = {one["name"]: value_for(path, one, planted, random) for one in parameters if one.get("required")}
    for address in paths_of(path, planted, random, many):
        yield Question(path, "GET", address, dict(needed))
    telling = [one for one in parameters if one["name"] == "cursor"]
    for one in telling + random.sample(parameters, min(many, len(parameters))):
        address = paths_of(path, planted, random, 1)[0]
        yield Question(path, "GET", address, needed | {one["name"]: value_for(path, one, planted, random)})


def value_for(path: str, parameter: dict[str, Any], planted: Planted, random: Random) -> str:
    """Something of the other tenant's that the parameter takes."""
    name, schema = parameter["name"], parameter["schema"]
    kinds = [schema, *schema.get("anyOf", ())]
    if name == "cursor":
        return planted.cursors.get(path) or next(filter(None, planted.cursors.values()))
    if any(kind.get("format") == "uuid" for kind in kinds):
        return str(random.choice([*planted.ids.values()]))
    if any(kind.get("type") == "integer" for kind in kinds):
        return "1"
    if name in PLACES:
        return random.choice(planted.positions)
    if name in PLAIN:
        return PLAIN[name]
    for kind in kinds:
        if "enum" in kind:
            return str(random.choice(kind["enum"]))
        if kind.get("type") == "boolean":
            return "true"
        if kind.get("format") in ("date", "date-time"):
            return "2026-01-31" if kind["format"] == "date" else "2026-01-31T09:00:00Z"
    return random.choice(planted.words)


def of_changing(
    document: dict[str, Any],
    path: str,
    method: str,
    operation: dict[str, Any],
    planted: Planted,
    random: Random,
    many: int,
) -> Iterator[Question]:
    content = operation.get("requestBody", {}).get("content", {})
    for address in paths_of(path, planted, random, many):
        if "multipart/form-data" in content:
            for form in ({"mapping": MAPPING}, {"corrects": str(planted.ids["import_id"])}):
                yield Question(path, "POST", address, body=form, form=True)
        elif "application/json" not in content:
            yield Question(path, method.upper(), address)
        else:
            for whole in (True, False):
                body = body_of(document, content["application/json"]["schema"], planted, whole)
                body = worded(body, random.choice(planted.names))
                under = {"idempotency-key": random.choice(planted.keys)} if whole else {}
                yield Question(path, method.upper(), address, body=body, headers=under)


def worded(body: Any, word: str) -> Any:
    """The same body with something of the other tenant's wherever any text or address may stand."""
    text = json.dumps(body).replace("li.wei", word)
    return json.loads(text.replace('"something"', json.dumps(word)))


def body_of(document: dict[str, Any], schema: dict[str, Any], planted: Planted, whole: bool) -> Any:
    """What the document says is taken, naming the other tenant's things, by their ids and by what is theirs alone."""
    known = {"$defs": document["components"]["schemas"] | schema.get("$defs", {})}
    ids = dict(planted.ids) | {"id": planted.ids["customer_id"], "whom_id": planted.ids["user_id"]}
    assert planted.event
    body = value_of(deepcopy(schema), known, "", ids | {"event_ids": planted.event}, whole)
    for part in body if isinstance(body, list) else [body]:
        part.pop("occurred_at", None)
        part.pop("expires_at", None)
        if "sql" in part:
            part["sql"] = "SELECT * FROM events"
        if "resource" in part:
            part |= {"resource": "customers"} | ({"filters": {"name": planted.words[0]}} if whole else {})
    return body
