"""What is personal or secret is in no log, metric or error; browsers are told to be careful."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from pydantic import BaseModel

from api import keys
from commands.command import registered
from deploy.settings import SettingsError, load_settings

from .conftest import client_of
from .samples import sample

pytestmark = pytest.mark.anyio

CANARY = "canary-4f1c"


async def test_every_answer_tells_browsers_to_be_careful(app, client):
    for path in ("/", "/v1/me", "/v1/customers", "/v1/nothing", "/docs", "/openapi.json", "/health/live", "/metrics"):
        headers = (await client.get(path, headers={"Origin": "https://evil.example"})).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert len(headers.get_list("content-security-policy")) == 1
        assert "default-src 'none'" in headers["content-security-policy"]
        assert not [name for name in headers if name.startswith("access-control-")]
    answer = await client.options("/v1/customers", headers={"Origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_the_page_of_the_documentation_runs_nothing_but_its_own_script(client):
    policy = (await client.get("/docs")).headers["content-security-policy"]
    scripts = re.search(r"script-src ([^;]*);", policy)
    assert scripts
    assert re.fullmatch(r"'self' 'sha256-[A-Za-z0-9+/=]{44}'", scripts[1])


def models(kind: type[BaseModel]) -> set[type[BaseModel]]:
    return {kind}.union(*(models(child) for child in kind.__subclasses__()))


def test_no_command_takes_what_it_does_not_know():
    for registration in registered():
        body = sample(registration)
        open_ended = [where for where in parts(registration.model.model_json_schema()) if where]
        assert not open_ended, f"{registration.name}: {open_ended} {body.keys()}"


def parts(schema: dict[str, Any]) -> list[str]:
    """Objects with named members that would take others besides."""
    objects = [schema, *schema.get("$defs", {}).values()]
    return [o.get("title", "?") for o in objects if o.get("properties") and o.get("additionalProperties") is not False]


def marked(value: Any) -> Any:
    """The same with the canary in every text that says something free."""
    if isinstance(value, dict):
        return {name: marked(member) for name, member in value.items()}
    if isinstance(value, list):
        return [marked(member) for member in value]
    return (
        CANARY
        if value == "something"
        else f"{CANARY}@example.com"
        if isinstance(value, str) and "@" in value
        else value
    )


async def test_a_canary_in_every_field_is_in_no_log_metric_or_error(app, client, key, capfd):
    sent = 0
    async with client_of(app, f"kr_000000000000_{CANARY}{'x' * 32}") as stranger:
        refused = await stranger.get("/v1/me")
        assert CANARY not in refused.text
    for registration in registered():
        for all_fields in (True, False):
            body = marked(sample(registration, all_fields=all_fields))
            sent += CANARY in json.dumps(body)
            for given in (body, body | {"reason": CANARY, "occurred_at": CANARY}, [CANARY], CANARY):
                answer = await client.post(f"/v1/commands/{registration.name}", json=given)
                if answer.status_code >= 400:
                    errors = "".join(answer.text.split(f'"instance":"urn:uuid:{CANARY}'))
                    assert CANARY not in errors or answer.json()["type"] in SAYS_A_LABEL, (registration.name, errors)
    assert sent > 40
    document = app.openapi()["paths"]
    for path in (path for path, item in document.items() if "get" in item):
        asked = {p["name"]: CANARY for p in document[path]["get"].get("parameters", []) if p["in"] == "query"}
        address = path.replace("{id}", CANARY).replace("{which}", CANARY)
        for given in ({}, asked, {"q": CANARY}):
            await client.get(address, params={name: value for name, value in given.items() if name != "wait"})
    metrics = (await client.get("/metrics")).text
    told = capfd.readouterr()
    logs = told.out + told.err
    assert "/v1/commands/register-customer" in logs
    for where in (logs, metrics):
        assert CANARY not in where
        assert key.split("_", 2)[2] not in where  # a secret may have such signs in it, too


SAYS_A_LABEL = {"/problems/unknown-stage", "/problems/not-found"}
"""Refusals that repeat a word of the business's own vocabulary, which is no person's."""


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DATABASE_URL", "postgresql://kronika:postgres@db/kronika", "everybody knows"),
        ("DATABASE_URL", "postgresql://kronika:Changeme@db/kronika", "everybody knows"),
        ("ISSUERS", '[{"url": "http://login.example.com", "audience": "a", "tenants": ["acme"]}]', "https"),
        ("ISSUERS", '[{"url": "https://login.example.com", "audience": "a", "tenants": ["a", "b"]}]', "tenant_claim"),
        ("ISSUERS", '[{"url": "https://l", "audience": "a", "tenants": ["a"], "algorithms": ["HS256"]}]', "ISSUERS"),
        ("ISSUERS", "no JSON", "ISSUERS"),
    ],
)
def test_nothing_starts_with_settings_that_are_not_safe(monkeypatch, name, value, said):
    monkeypatch.setenv(f"KRONIKA_{name}", value)
    with pytest.raises(SettingsError, match=said) as refused:
        load_settings()
    assert "\n" not in str(refused.value)
    assert "Changeme" not in str(refused.value)


def test_a_local_issuer_is_not_taken_behind_an_open_port(monkeypatch):
    local = '[{"url": "http://127.0.0.1:9", "audience": "a", "tenants": ["acme"]}]'
    monkeypatch.setenv("KRONIKA_ISSUERS", local)
    assert load_settings().issuers[0].tenants == ("acme",)
    monkeypatch.setenv("KRONIKA_API_HOST", "0.0.0.0")
    with pytest.raises(SettingsError, match="on this machine"):
        load_settings()


def test_a_key_file_that_others_can_read_is_refused(monkeypatch, tmp_path):
    path = tmp_path / "key.pem"
    path.write_text("x")
    path.chmod(0o644)
    monkeypatch.setenv("KRONIKA_SSL_KEYFILE", str(path))
    with pytest.raises(SettingsError, match="chmod 600"):
        load_settings()
    path.chmod(0o600)
    assert load_settings().ssl_keyfile == path


def test_the_local_issuer_does_not_start_where_the_servers_are_others(monkeypatch, tmp_path):
    from deploy.issuer import LocalIssuer, refuse_elsewhere

    state = tmp_path / "issuer" / "state.json"
    LocalIssuer(tmp_path)
    assert state.stat().st_mode & 0o077 == 0
    refuse_elsewhere()
    monkeypatch.setenv("KRONIKA_DATABASE_URL", "postgresql://db/kronika")
    with pytest.raises(SettingsError, match="for trying out"):
        refuse_elsewhere()


def test_operators_keys_can_be_told_from_users(settings, store):
    keys.create(settings.database_url, store, "told", "x")
    assert [key.key_id for key in keys.listed(settings.database_url, "told")] == [None]
