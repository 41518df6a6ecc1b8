"""Scores over HTTP: a run is asked for and looked in on, and what was said of a customer is read."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

import pytest

from projections.scores import Score, digest, keep
from tests.api.conftest import client_of

pytestmark = pytest.mark.anyio


async def asked(client, **body):
    answer = await client.post("/v1/commands/score-customers", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def test_a_run_is_asked_for_once_and_looked_in_on(client, project):
    run = str(uuid4())
    body = {"run_id": run, "model": "mbg-nbd", "as_of": "2026-01-31", "rates": [{"currency": "USD", "rate": "0.9"}]}
    for _ in range(2):
        answer = await client.post("/v1/commands/score-customers", json=body, headers={"Idempotency-Key": run})
        assert answer.status_code == 201, answer.text
    await project()
    told = (await client.get(f"/v1/scoring-runs/{run}")).json()
    assert (told["state"], told["model"], told["as_of"], told["shows"]) == ("asked", "mbg-nbd", "2026-01-31", None)
    assert told["rates"] == {"USD": "0.9"}
    listed = (await client.get("/v1/scoring-runs?state=asked&model=mbg-nbd")).json()
    assert [one["id"] for one in listed["items"]] == [run]
    scores = (await client.get(f"/v1/scoring-runs/{run}/scores")).json()
    assert scores == {"items": [], "next": None}


async def test_what_is_asked_for_wrongly_is_refused_with_a_reason(client):
    tomorrow = (date.today() + timedelta(days=2)).isoformat()
    for body, status in (
        ({"as_of": tomorrow}, 409),
        ({"model": "crystal-ball"}, 422),
        ({"margin": "1.5"}, 422),
        ({"rates": [{"currency": "USD", "rate": "0"}]}, 422),
        ({"horizon_days": 0}, 422),
        ({"as_of": "0001-03-01"}, 422),
    ):
        answer = await client.post("/v1/commands/score-customers", json=body)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
    assert (await client.post("/v1/commands/finish-scoring", json={})).status_code == 404


async def test_the_scores_of_a_customer_and_of_a_run_are_those_of_finished_runs(client, project, house, app):
    customer = (await client.post("/v1/commands/register-customer", json={"kind": "organisation", "name": "Li"})).json()
    id = customer["id"]
    await project()
    assert (await client.get(f"/v1/customers/{id}/scores")).json() == {"items": []}
    run, results = await asked(client), uuid4()
    said = Score(id, {"alive": 0.25, "spent": None}, [{"feature": "weeks silent", "adds": -1.5}], True)
    async with house.log.connection() as connection:
        await keep(connection, "acme", run, results, [said])
    await project()
    assert (await client.get(f"/v1/customers/{id}/scores")).json() == {"items": []}, "the run is not finished"
    await finished(house, run, results, digest([said]))
    await project()
    (told,) = (await client.get(f"/v1/customers/{id}/scores")).json()["items"]
    assert (told["run_id"], told["numbers"], told["at_risk"]) == (run, {"alive": 0.25, "spent": None}, True)
    assert told["reasons"] == [{"feature": "weeks silent", "adds": -1.5}]
    assert told["position"] == house.token(1)
    listed = await client.get(f"/v1/scoring-runs/{run}/scores?limit=1")
    page = listed.json()
    assert (page["items"], page["next"]) == ([told], id)
    assert (await client.get(f"/v1/scoring-runs/{run}/scores?after={id}")).json()["items"] == []
    history = (await client.get(f"/v1/scoring-runs/{run}/history")).json()["entries"]
    assert [entry["type"] for entry in history] == ["scoring_run.requested", "scoring_run.finished"]
    picture = await client.get(f"/v1/scoring-runs/{run}/calibration.svg")
    assert (picture.status_code, picture.headers["x-position"]) == (200, listed.headers["x-position"])
    assert picture.text.startswith("<svg")
    assert "happened" in picture.text
    assert (await client.get(f"/v1/scoring-runs/{uuid4()}/calibration.html")).status_code == 404
    for path in (f"customers/{uuid4()}/scores", f"opportunities/{id}/scores", f"scoring-runs/{uuid4()}/scores"):
        assert (await client.get(f"/v1/{path}")).status_code == 404
    async with client_of(app, None) as stranger:
        assert (await stranger.get(f"/v1/customers/{id}/scores")).status_code == 401


async def test_the_document_says_what_the_figures_of_runs_and_scores_mean(app):
    document = app.openapi()
    told = document["components"]["schemas"]["ScoringRun"]["properties"]
    for name in ("horizon_days", "margin", "discount", "parameters", "measures", "calibration", "told_in", "shows"):
        assert told[name]["description"]
    numbers = document["components"]["schemas"]["Score"]["properties"]["numbers"]["description"]
    for name in ("alive", "purchases", "spent", "value", "lifetime_value", "returns", "churns", "wins"):
        assert f"`{name}`" in numbers
    asked = document["components"]["schemas"]["ScoreCustomers"]["properties"]
    assert all(asked[name]["description"] for name in ("horizon_days", "currency", "rates", "margin", "discount"))


async def finished(house, run, results, sha256):
    from commands.dispatch import Asked, dispatch
    from commands.scoring import FinishScoring
    from eventlog.envelope import Caller, Context

    command = FinishScoring(
        run_id=run,
        results=results,
        reflects=1,
        code="models 1",
        parameters={"r": "0.243"},
        likelihood="-9582.4",
        measures={},
        calibration=[{"count": 9, "foretold": foretold, "happened": "0.5"} for foretold in ("0.2", "0.8")],
        scored=1,
        at_risk=0,
        without_rate=(),
        sha256=sha256,
        risks=(),
    )
    await dispatch(house.log, Asked(command, Caller("acme", "clerk"), Context("acme", "clerk", uuid4().hex, uuid4())))
