"""The OpenAPI document tells everything: each route, what it is for, what it takes and what can go wrong."""

from __future__ import annotations

import json
import re
from uuid import uuid4

import pytest
import schemathesis
from fastapi.openapi.utils import get_openapi

from api.document import TYPES
from api.errors import every, problems
from commands.command import registered
from domain.refusals import Refusal

from .one_of_each import one_of_each, paths_to_read
from .samples import sample

pytestmark = pytest.mark.anyio

FULL = {"register-customer": {}, "open-opportunity": {"stage": "Proposal", "pipeline_id": None}, "place-order": {}}
"""Commands that are asked with all that they take, and what they take else than the samples have."""


async def test_every_route_says_what_it_is_for(app):
    operations = [o for item in app.openapi()["paths"].values() for o in item.values()]
    assert len(operations) > 80
    assert all(operation["summary"].endswith(".") for operation in operations)
    ids = [operation["operationId"] for operation in operations]
    assert len(set(ids)) == len(ids)


async def test_no_parameter_of_a_route_is_told_twice(app):
    operations = [(path, told) for path, item in app.openapi()["paths"].items() for told in item.values()]
    for path, operation in operations:
        names = [(told.get("in"), told.get("name"), told.get("$ref")) for told in operation.get("parameters", [])]
        assert len(names) == len(set(names)), path
    (orders,) = [told for path, told in operations if path == "/v1/orders"]
    assert {"total", "total.eq", "total.gt", "number"} <= {told.get("name") for told in orders["parameters"]}


async def test_every_route_says_what_can_go_wrong(app):
    for path, item in app.openapi()["paths"].items():
        for operation in item.values():
            assert any(status >= "400" for status in operation["responses"]) or path == "/health/live"
            if path.startswith("/v1/"):
                assert {"401", "503"} <= operation["responses"].keys()
                assert operation["security"] == [{"HTTPBearer": []}]


async def test_the_document_is_one_of_openapi(app):
    schemathesis.openapi.from_dict(app.openapi()).validate()


async def test_every_reference_leads_somewhere(app):
    document = app.openapi()
    text = json.dumps(document)
    for part in text.split('"$ref": "#/')[1:]:
        found = document
        for name in part.partition('"')[0].split("/"):
            found = found[name]


async def test_every_answer_of_a_read_has_a_type_that_generated_clients_can_name(app):
    document = app.openapi()
    for path, item in document["paths"].items():
        told = item.get("get", {}).get("responses", {}).get("200", {}).get("content", {}).get("application/json")
        if told and path.startswith("/v1/"):
            forms = told["schema"].get("anyOf", [told["schema"]])
            assert all("$ref" in form for form in forms), path
    schemas = document["components"]["schemas"]
    assert [name for name in schemas if "__" in name or not name.isidentifier()] == []
    assert schemas["CustomerPage"]["properties"]["items"]["items"] == {"$ref": "#/components/schemas/Customer"}
    assert schemas["Order"]["properties"]["outstanding"]["description"] == "In `currency`."
    assert "#/components/schemas/Address" in json.dumps(schemas["Customer"]["properties"]["addresses"])
    assert schemas["Address"]["properties"].keys() >= {"street", "city", "postcode"}
    assert schemas["Ticket"]["properties"]["first_response_s"]["description"] == "In seconds."


async def test_what_there_is_is_told_as_its_type_says(app, client, project, house, store):
    ids = await one_of_each(client, project, house, store)
    for registration in registered():
        if registration.name in FULL:
            given = sample(registration, ids) | {f"{registration.kind}_id": str(uuid4())} | FULL[registration.name]
            answer = await client.post(f"/v1/commands/{registration.name}", json=given)
            assert answer.status_code == 201, answer.text
    await project()
    document = app.openapi()
    schema = schemathesis.openapi.from_dict(document)
    told = 0
    for path, item in document["paths"].items():
        for address in paths_to_read({"paths": {path: item}}, ids):
            answer = await client.get(address)
            if answer.status_code == 200:
                schema[path]["GET"].validate_response(answer)
                told += 1
    assert told > 60


async def test_no_type_has_the_name_of_another(app):
    own = get_openapi(title=app.title, version=app.version, routes=app.routes)["components"]["schemas"]
    assert own.keys().isdisjoint(TYPES)


def test_every_problem_has_one_name_one_status_and_a_sentence():
    known = list(problems())
    names = [code for code, _, _ in known]
    assert len({(code, status) for code, status, _ in known}) == len(set(names))
    assert all(title and 400 <= status <= 503 for _, status, title in known)
    assert {kind for kind in every(Refusal) if kind.__doc__ is None} == set()


async def test_the_page_of_the_documentation_needs_nothing_from_the_internet(client):
    page = (await client.get("/docs")).text
    named = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(named) == 3
    for path in named:
        assert path.startswith("/")
        assert (await client.get(path)).status_code == 200
    assert "https://" not in page
