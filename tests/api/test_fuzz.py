"""Whatever is sent is answered in order: no fault of ours, no half-written command, always a problem that says what."""

from __future__ import annotations

import asyncio
import json
from copy import deepcopy
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.app import create_app
from commands.command import registered
from deploy.settings import Settings

from .samples import sample

pytestmark = pytest.mark.anyio

COMMANDS = list(registered())
OFTEN = settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

NASTY: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(
            "",
            " ",
            "\0",
            "a\0b",
            "\ud800",
            "x" * 600,
            "x" * 30_000,
            "null",
            "١٢٣",
            "🤷",
            "%",
            "\u202e",
            "'; --",
            "{}",
            "NaN",
            "Infinity",
        ),
        *(
            "1e400",
            "-1",
            "0",
            "1e-400",
            "9" * 400,
            "0e999999999",
            "1e999999999",
            "true",
            "2026-02-30",
            "0001-01-01",
            "9999-12-31",
        ),
        *(
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59.999999-14:00",
            "2026-01-01T00:00:00",
            "1e9",
            "P1D",
            "EUR",
            "li@example.com",
        ),
        *(0, -1, 1, 2**31, 2**53, 2**63 - 1, 2**63, 10**30, -(2**63), 0.1, -0.0, 1e308, 5e-324, True, None),
        *([], {}, [[]], [{}], {"a": 1}, [None], "00000000-0000-0000-0000-000000000000"),
    ]
)
VALUES = st.one_of(
    NASTY,
    st.recursive(
        NASTY,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=8,
    ),
)
TEXTS = NASTY.filter(lambda value: isinstance(value, str | int | float) and "\ud800" not in str(value)).map(str)


@st.composite
def asked(draw: Any) -> tuple[str, Any]:
    """A command, and a good body with up to three values replaced, somewhere within, or something else altogether."""
    registration = draw(st.sampled_from(COMMANDS))
    if draw(st.integers(0, 9)) == 0:
        return registration.name, draw(VALUES)
    body = deepcopy(sample(registration, all_fields=draw(st.booleans())))
    for _ in range(draw(st.integers(0, 3))):
        where: Any = body
        name = draw(st.sampled_from([*body, "occurred_at", "reason", "surprise"]))
        while isinstance(where.get(name), list | dict) and draw(st.booleans()):
            inner = where[name][0] if isinstance(where[name], list) and where[name] else where[name]
            if not isinstance(inner, dict) or not inner:
                break
            where, name = inner, draw(st.sampled_from([*inner]))
        where[name] = deepcopy(
            draw(VALUES)
        )  # what is drawn is shared between examples, and the next turn may write in it
    return registration.name, body


@cache
def questions() -> dict[str, list[str]]:
    """Every path that is read, with its parameters."""
    paths = create_app(Settings()).openapi()["paths"]
    return {
        path: [p["name"] for p in item["get"].get("parameters", []) if p["in"] == "query"]
        for path, item in sorted(paths.items())
        if "get" in item and path != "/metrics"
    }


@st.composite
def question(draw: Any) -> tuple[str, list[tuple[str, str]]]:
    path = draw(st.sampled_from([*questions()]))
    names = st.sampled_from([*questions()[path], "surprise", "name.has", "x.y.z"])
    given = draw(st.lists(st.tuples(names, TEXTS), max_size=3))
    id = draw(st.sampled_from(["6b0f2c7e-5d43-5f0a-9c1b-0a5a1e5c0d01", "x", "%00", "..", "0"]))
    address = path.replace("{id}", id).replace("{code}", id)
    return address, [(name, "0" if name == "wait" else text[:2_000]) for name, text in given]


def in_order(answer: Any) -> None:
    assert answer.status_code < 500 or answer.status_code == 503, answer.text
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        problem = json.loads(answer.content)
        assert problem["type"].startswith("/problems/")
        assert "Traceback" not in answer.text
    elif answer.headers["content-type"] == "application/x-ndjson":
        assert all(json.loads(line)["status"] < 500 for line in answer.text.splitlines())
    elif answer.headers["content-type"] == "application/json":
        json.loads(answer.content)


@OFTEN
@given(asked=asked())
async def test_any_body_is_answered(client, asked):
    name, body = asked
    headers = {"Content-Type": "application/json"}
    answer = await client.post(f"/v1/commands/{name}", content=json.dumps(body).encode(), headers=headers)
    in_order(answer)
    batch = json.dumps([{"command": name, "body": body}, body]).encode()
    answer = await client.post("/v1/commands", content=batch, headers=headers)
    in_order(answer)
    if answer.status_code == 200:
        assert all(one["status"] < 500 for one in answer.json())


@OFTEN
@given(
    raw=st.one_of(st.binary(max_size=60), st.text('{}[]",:\\u0dn9e+-. ', max_size=40).map(str.encode)),
    kind=st.sampled_from(["application/json", "application/x-ndjson"]),
    path=st.sampled_from(["/v1/commands", "/v1/commands/register-customer"]),
)
async def test_any_bytes_are_answered(client, raw, kind, path):
    in_order(await client.post(path, content=raw, headers={"Content-Type": kind}))


@OFTEN
@given(question=question())
async def test_any_question_is_answered(client, question):
    address, parameters = question
    in_order(await client.get(address, params=parameters))


@OFTEN
@given(
    headers=st.dictionaries(
        st.sampled_from(
            [
                "idempotency-key",
                "if-match",
                "traceparent",
                "x-correlation-id",
                "content-type",
                "authorization",
                "content-length",
            ]
        ),
        st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=300).map(
            lambda text: text.encode("latin-1")
        ),
        max_size=3,
    )
)
async def test_any_headers_are_answered(client, headers):
    sent = [(name.encode(), value) for name, value in headers.items()]
    answer = await client.post(
        "/v1/commands/register-customer", content=b'{"kind": "person", "name": "x"}', headers=sent
    )
    in_order(answer)


async def test_many_at_once_are_each_answered(client):
    answers = await asyncio.gather(
        *(client.post(f"/v1/commands/{r.name}", json=sample(r)) for r in COMMANDS for _ in range(5))
    )
    for answer in answers:
        in_order(answer)
