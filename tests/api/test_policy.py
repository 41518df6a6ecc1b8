"""Who sees and does what over HTTP: a small organisation, its records, and what each of its people is answered."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from eventlog.policies import DEFAULT_TEXT
from workers.clerk import Desk, Job
from workers.exports.task import Exporting
from workers.lifetime import Surroundings

from .conftest import client_of
from .test_commands import is_problem

pytestmark = pytest.mark.anyio

PEOPLE = {
    "boss": ("director", None),
    "chief": ("manager", "boss"),
    "head": ("manager", "chief"),
    "li": ("sales_representative", "head"),
    "wu": ("sales_representative", "head"),
    "zhou": ("sales_representative", "boss"),
    "buyer": ("purchasing", None),
    "helper": ("support", None),
    "auditor": ("auditor", None),
    "analyst": ("analyst", None),
    "root": ("administrator", None),
}
"""Everybody's role, and whom each reports to."""

OWNERS = ("li", "wu", "zhou", "head", None)


@dataclass
class Company:
    """The organisation of the tenant acme; `ids` are those of its people, and `of` of what somebody owns, by kind."""

    app: Any
    root: httpx.AsyncClient
    project: Any
    ids: dict[str, str] = field(default_factory=dict)
    clients: dict[str, httpx.AsyncClient] = field(default_factory=dict)
    of: dict[tuple[str, str | None], str] = field(default_factory=dict)
    team: str = ""

    def forget(self) -> None:
        """Have everybody looked up anew, as after five seconds."""
        self.app.state.kronika.callers._known.clear()

    async def asked(self, name: str, /, by: str | None = None, status: int | None = None, **body: Any) -> Any:
        client = self.clients[by] if by else self.root
        answer = await client.post(f"/v1/commands/{name}", json=body)
        assert answer.status_code in ((200, 201) if status is None else (status,)), answer.text
        self.forget()
        return answer.json()

    async def sees(self, who: str, path: str, **asked: Any) -> set[str | None]:
        """Whose of these things somebody is shown."""
        answer = await self.clients[who].get(path, params={"limit": 100, "total": "exact", **asked})
        assert answer.status_code == 200, answer.text
        assert answer.json()["total"] == len(answer.json()["items"])
        return {one["owner"] for one in answer.json()["items"]}

    async def get(self, who: str, path: str, **asked: Any) -> httpx.Response:
        return await self.clients[who].get(path, params=asked)


@pytest.fixture(scope="module")
async def company(app, key, project) -> AsyncIterator[Company]:
    """Each owner has a customer, an opportunity, an order and a ticket; and one of each is nobody's."""
    async with client_of(app, key) as root:
        acme = Company(app, root, project)
        acme.team = (await acme.asked("found-team", name="North"))["id"]
        for name, (role, manager) in PEOPLE.items():
            acme.ids[name] = id = (await acme.asked("register-user", name=name, handle=name))["id"]
            await acme.asked("assign-role", user_id=id, role=role)
            if manager:
                await acme.asked("set-manager", user_id=id, manager_id=acme.ids[manager])
            scopes = ["read", "write", "administer"]
            answer = await root.post("/v1/api-keys", json={"user_id": id, "label": name, "scopes": scopes})
            headers = {"Authorization": f"Bearer {answer.json()['token']}"}
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
            acme.clients[name] = httpx.AsyncClient(transport=transport, base_url="http://kronika", headers=headers)
        for owner in OWNERS:
            own: dict[str, Any] = {"owner": owner} if owner else {}
            born: dict[str, Any] = {"birthday": "1990-01-31", "tax_id": f"T{owner}"}
            customer = (
                await acme.asked(
                    "register-customer",
                    kind="person",
                    name=f"Wang of {owner}",
                    emails=[f"w@{owner}.example.com"],
                    **born,
                    **own,
                )
            )["id"]
            of_it: dict[str, Any] = {"customer_id": customer, **own}
            acme.of["customers", owner] = customer
            acme.of["opportunities", owner] = (
                await acme.asked("open-opportunity", title=f"Pumps of {owner}", amount="100", currency="EUR", **of_it)
            )["id"]
            lines = [{"sku": "P", "quantity": 1, "unit_price": "5"}]
            acme.of["orders", owner] = order = (await acme.asked("place-order", currency="EUR", lines=lines, **of_it))[
                "id"
            ]
            await acme.asked("confirm-order", order_id=order)
            await acme.asked("invoice-order", order_id=order, invoice_number=f"I{owner}", amount="5")
            about: dict[str, Any] = {
                "kind": "question",
                "priority": "normal",
                "channel": "email",
                "subject": f"Help {owner}",
            }
            acme.of["tickets", owner] = (await acme.asked("open-ticket", text="?", **about, **of_it))["id"]
        await project()
        yield acme
        for client in acme.clients.values():
            await client.aclose()


SEES = {
    "boss": set(OWNERS),
    "chief": {"li", "wu", "head"},
    "head": {"li", "wu", "head"},
    "li": {"li"},
    "zhou": {"zhou"},
    "auditor": set(OWNERS),
    "analyst": set(OWNERS),
    "root": set(OWNERS),
}


@pytest.mark.parametrize("who", SEES)
@pytest.mark.parametrize("kind", ["customers", "opportunities", "orders", "tickets", "receivables"])
async def test_everybody_is_shown_what_their_roles_show(company, who, kind):
    assert await company.sees(who, f"/v1/{kind}") == SEES[who]
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    assert await company.sees(who, f"/v1/{kind}", as_of=now) == SEES[who]
    if kind != "receivables":
        for owner in OWNERS:
            status = 200 if owner in SEES[who] else 404
            for part in ("", "/history", "/blame", "/diff", f"?as_of={now}"):
                answer = await company.get(who, f"/v1/{kind}/{company.of[kind, owner]}{part}")
                assert answer.status_code == status, (owner, part, answer.text)


async def test_what_is_hidden_is_answered_like_what_is_not_there(company):
    hidden, absent = company.of["customers", "wu"], "01890a5d-ac96-774b-bcce-b302099a8057"
    for path in ("{}", "{}/history", "{}/360", "{}/timeline", "{}/replay", "{}/duplicates", "{}/scores", "{}/blame"):
        told = [await company.get("li", f"/v1/customers/{path.format(id)}") for id in (hidden, absent)]
        bodies = [{**is_problem(one, 404, "not-found"), "instance": ""} for one in told]
        assert str(bodies[0]).replace(hidden, "") == str(bodies[1]).replace(absent, ""), path


async def test_a_kind_that_is_none_of_ones_business_is_forbidden_as_a_whole(company):
    for path in ("opportunities", "pipeline", f"opportunities/{company.of['opportunities', 'li']}", "stage-durations"):
        is_problem(await company.get("buyer", f"/v1/{path}"), 403, "forbidden")
    is_problem(await company.get("helper", "/v1/orders"), 403, "forbidden")
    is_problem(await company.get("helper", "/v1/receivables/ageing"), 403, "forbidden")
    whole = (await company.get("buyer", f"/v1/customers/{company.of['customers', 'li']}/360")).json()
    assert (whole["open_opportunities"], whole["opportunity_totals"], whole["tickets"]) == ([], [], [])
    assert len(whole["orders"]) == 1


async def test_each_part_of_a_customer_is_decided_by_itself(company):
    order = (
        await company.asked(
            "place-order",
            customer_id=company.of["customers", "li"],
            currency="EUR",
            lines=[{"sku": "X", "quantity": 1, "unit_price": "7"}],
            owner="wu",
        )
    )["id"]
    await company.project()
    whole = (await company.get("li", f"/v1/customers/{company.of['customers', 'li']}/360")).json()
    assert [one["id"] for one in whole["orders"]] == [company.of["orders", "li"]]
    assert [one["count"] for one in whole["order_totals"]] == [1]
    events = (await company.get("li", f"/v1/customers/{company.of['customers', 'li']}/timeline")).json()["items"]
    assert order not in {one["stream_id"] for one in events}
    assert {one["stream_type"] for one in events} == {"customer", "opportunity", "order", "ticket"}
    steps = (await company.get("li", f"/v1/customers/{company.of['customers', 'li']}/replay")).json()["steps"]
    assert {step["id"] for step in steps} == {company.of[kind, "li"] for kind, owner in company.of if owner == "li"}
    assert (await company.get("wu", f"/v1/orders/{order}")).status_code == 200


async def test_counts_boards_and_searches_are_of_what_is_seen(company):
    board = (await company.get("head", "/v1/pipeline")).json()
    assert sum(stage["count"] for stage in board["stages"]) == 3
    aged = (await company.get("li", "/v1/receivables/ageing")).json()["currencies"]
    assert [one["outstanding"] for one in aged] == ["5.00"]
    found = (await company.get("li", "/v1/customers/search", q="Wang")).json()["items"]
    assert [one["id"] for one in found] == [company.of["customers", "li"]]
    assert len((await company.get("boss", "/v1/customers/search", q="Wang")).json()["items"]) == 5
    of_wu = company.of["customers", "wu"]
    listed = (await company.get("li", "/v1/orders", customer_id=of_wu, total="exact")).json()
    assert (listed["items"], listed["total"]) == ([], 0)


async def test_the_feed_tells_what_happened_to_what_is_seen(company):
    events = (await company.get("li", "/v1/events", limit=1000)).json()["events"]
    own = {id for (_, owner), id in company.of.items() if owner == "li"}
    told = {one["stream_id"] for one in events if one["stream"] in ("customer", "opportunity", "order", "ticket")}
    assert told == own
    everything = (await company.get("auditor", "/v1/events", limit=1000)).json()["events"]
    assert set(company.of.values()) <= {one["stream_id"] for one in everything}


async def test_who_may_not_change_what_it_sees_is_refused(company):
    rename = {"customer_id": company.of["customers", "li"], "name": "Other"}
    is_problem(await company.clients["auditor"].post("/v1/commands/rename-customer", json=rename), 403, "forbidden")
    is_problem(await company.clients["buyer"].post("/v1/commands/rename-customer", json=rename), 403, "forbidden")
    close = {"ticket_id": company.of["tickets", "li"], "priority": "high"}
    is_problem(await company.clients["li"].post("/v1/commands/change-ticket-priority", json=close), 403, "forbidden")
    hidden = await company.clients["wu"].post("/v1/commands/rename-customer", json=rename)
    assert is_problem(hidden, 404, "not-found")["detail"] == f"There is no customer {rename['customer_id']}."
    opened = {"title": "Mine", "customer_id": company.of["customers", "wu"]}
    is_problem(await company.clients["li"].post("/v1/commands/open-opportunity", json=opened), 404, "not-found")


async def test_what_somebody_makes_and_gives_to_nobody_is_its_own_and_may_be_handed_on(company):
    made = (await company.asked("register-customer", by="wu", kind="person", name="New of wu"))["id"]
    await company.project()
    assert (await company.get("wu", f"/v1/customers/{made}")).json()["owner"] == "wu"
    nobodys = (await company.asked("register-customer", by="boss", kind="person", name="Nobody's"))["id"]
    await company.asked("assign-customer", by="wu", customer_id=made, owner="li")
    await company.project()
    assert (await company.get("wu", f"/v1/customers/{made}")).status_code == 404
    assert (await company.get("li", f"/v1/customers/{made}")).status_code == 200
    assert (await company.get("boss", f"/v1/customers/{nobodys}")).json()["owner"] is None
    await company.asked("deactivate-customer", customer_id=made)


async def test_a_record_is_shared_with_people_and_teams_until_it_is_not(company):
    record = {"stream": "opportunity", "id": company.of["opportunities", "zhou"]}
    path = f"/v1/opportunities/{record['id']}"
    await company.asked("add-to-team", user_id=company.ids["wu"], team_id=company.team)
    await company.asked("share", by="zhou", **record, whom="user", whom_id=company.ids["li"])
    await company.asked("share", by="zhou", **record, whom="team", whom_id=company.team, access="write")
    await company.project()
    assert await company.sees("li", "/v1/opportunities") == {"li", "zhou"}
    assert (await company.get("wu", path)).status_code == 200
    await company.asked("rename-opportunity", by="li", status=403, opportunity_id=record["id"], title="Mine")
    await company.asked("rename-opportunity", by="wu", opportunity_id=record["id"], title="Ours")
    assert (await company.get("head", path)).status_code == 404
    types = [one["type"] for one in (await company.get("li", f"{path}/history")).json()["entries"]]
    assert types.count("opportunity.shared") == 2
    for whom, id in (("user", company.ids["li"]), ("team", company.team)):
        await company.asked("unshare", by="zhou", **record, whom=whom, whom_id=id)
    await company.project()
    assert await company.sees("li", "/v1/opportunities") == {"li"}
    assert (await company.get("wu", path)).status_code == 404


async def test_an_analyst_reads_figures_and_nobodys_name(company):
    id = company.of["customers", "li"]
    answers = [
        await company.get("analyst", path)
        for path in (
            *("/v1/customers", f"/v1/customers/{id}", f"/v1/customers/{id}/history", f"/v1/customers/{id}/blame"),
            *(f"/v1/customers/{id}/timeline", f"/v1/customers/{id}/360", f"/v1/customers/{id}/replay"),
            *("/v1/events?limit=1000", f"/v1/customers/{id}/diff"),
            f"/v1/customers/{id}?as_of={datetime.now(UTC).isoformat().replace('+00:00', 'Z')}",
        )
    ]
    for answer in answers:
        assert answer.status_code == 200, answer.text
        assert "Wang" not in answer.text
        assert "example.com" not in answer.text
        assert "1990-01-31" not in answer.text
        assert "Help" not in answer.text
    assert "name" not in answers[1].json()
    for asked in ({"name": "Wang of li"}, {"sort": "birthday"}, {"fields": "id,emails"}):
        is_problem(await company.get("analyst", "/v1/customers", **asked), 403, "forbidden")
    is_problem(await company.get("analyst", "/v1/customers/search", q="Wang"), 403, "forbidden")
    is_problem(await company.get("analyst", "/v1/duplicates"), 403, "forbidden")


async def test_what_is_forbidden_is_said_before_anything_is_waited_for(company):
    id = company.of["customers", "li"]
    newer = (await company.asked("register-customer", kind="person", name="Han"))["position"]
    assert (await company.get("analyst", "/v1/customers", min_position=newer)).status_code == 503
    for who, path in (
        ("analyst", "/v1/customers?sort=birthday"),
        ("analyst", "/v1/customers?name=Han"),
        ("analyst", f"/v1/customers/{id}?fields=id,emails"),
        ("analyst", "/v1/customers/search?q=Han"),
        ("buyer", f"/v1/opportunities/{id}/scores"),
        ("buyer", f"/v1/scoring-runs/{id}/scores"),
        ("buyer", f"/v1/scoring-runs/{id}/calibration.svg"),
    ):
        is_problem(
            await company.clients[who].get(f"{path}{'&' if '?' in path else '?'}min_position={newer}"), 403, "forbidden"
        )
    for path in ("/v1/duplicates", f"/v1/customers/{id}/duplicates"):
        is_problem(await company.get("analyst", path, min_position=newer), 403, "forbidden")
    for asked in ({"sort": "birthday"}, {"fields": "id,emails"}):
        is_problem(await company.get("analyst", "/v1/customers", known_at=newer, **asked), 403, "forbidden")
    await company.project()


async def test_a_tenants_own_policy_holds_from_when_it_is_set_and_the_log_has_its_text(company):
    own = DEFAULT_TEXT.replace("    ticket: {read: own}\n", "    ticket: {read: all, mask: [subject, text]}\n", 1)
    await company.asked("set-policy", by="root", policy=own)
    try:
        assert await company.sees("li", "/v1/tickets") == set(OWNERS)
        ticket = (await company.get("li", f"/v1/tickets/{company.of['tickets', 'wu']}")).json()
        assert (ticket["subject"], ticket["text"], ticket["kind"]) == ("***", "***", "question")
        history = (await company.get("li", f"/v1/tickets/{company.of['tickets', 'wu']}/history")).json()["entries"]
        assert history[0]["fields"]["subject"] == "***"
    finally:
        await company.asked("set-policy", by="root", policy=None)
    assert await company.sees("li", "/v1/tickets") == {"li"}
    await company.project()
    entries = (await company.get("auditor", "/v1/tenants")).json()["items"]
    history = await company.get("auditor", f"/v1/tenants/{entries[0]['id']}/history")
    said = [one["fields"] for one in history.json()["entries"] if one["type"] == "tenant.policy_set"]
    assert said[-2:] == [{"policy": own}, {"policy": None}]
    await company.asked("set-policy", by="li", status=403, policy=own)
    refused = await company.asked("set-policy", by="root", status=422, policy=own.replace("read: own", "red: own", 1))
    assert "policy:6:" in refused["errors"][0]["msg"]


async def test_every_route_of_records_asks_the_policy(company):
    """Whoever has no role is forbidden everything, whatever route is added."""
    stranger = (await company.asked("register-user", name="Nobody"))["id"]
    answer = await company.root.post("/v1/api-keys", json={"user_id": stranger, "label": "x", "scopes": ["read"]})
    async with client_of(company.app, answer.json()["token"]) as client:
        for path, operations in company.app.openapi()["paths"].items():
            if "get" in operations and path.startswith("/v1/") and path != "/v1/me":
                answer = await client.get(path.replace("{id}", company.of["customers", "li"]))
                assert answer.status_code in (400, 403), path


async def test_who_could_see_what_on_a_day_and_by_which_rule_is_explained(company):
    record, head = company.of["customers", "li"], company.ids["head"]

    async def explained(who: str, object: str = record, by: str = "auditor", **when: str) -> Any:
        answer = await company.get(by, "/v1/access/explain", actor=company.ids[who], object=object, **when)
        assert answer.status_code == 200, answer.text
        return answer.json()

    above = (await explained("chief"))["record"]
    assert (above["visible"], above["actions"]) == (True, ["read", "write"])
    assert {reason["how"] for reason in above["reasons"]} == {"below"}
    assert [said["type"] for said in above["reasons"][0]["said"]] == [
        "customer.registered",
        "user.manager_set",
        "user.manager_set",
    ]
    own = (await explained("li"))["record"]["reasons"][0]
    assert (own["role"], own["scope"], own["how"]) == ("sales_representative", "own", "own")
    assert [said["type"] for said in own["said"]] == ["customer.registered", "user.handle_given"]
    other = (await explained("wu"))["record"]
    assert (other["visible"], other["actions"], other["reasons"]) == (False, [], [])
    moved = await company.asked("set-manager", user_id=company.ids["li"], manager_id=company.ids["boss"])
    before = f"{moved['position'].partition('.')[0]}.{int(moved['position'].partition('.')[2]) - 1}"
    try:
        assert not (await explained("head"))["record"]["visible"]
        assert (await explained("head", known_at=before))["record"]["visible"]
        assert await company.sees("head", "/v1/customers") == {"wu", "head"}
    finally:
        await company.asked("set-manager", user_id=company.ids["li"], manager_id=head)
    set_by = await company.asked("set-policy", by="root", policy=DEFAULT_TEXT)
    try:
        assert (await explained("li"))["policy"]["position"] == set_by["position"]
        assert (await explained("li", known_at=before))["policy"] is None
    finally:
        await company.asked("set-policy", by="root", policy=None)
    hidden = {"actor": company.ids["li"], "object": record}
    is_problem(await company.get("wu", "/v1/access/explain", **hidden), 404, "not-found")


async def test_an_export_holds_what_its_asker_sees_when_it_runs_and_is_its_own(company, house, store):
    answer = await company.clients["li"].post("/v1/exports", json={"resource": "customers", "format": "jsonl"})
    assert answer.status_code == 202, answer.text
    id = answer.json()["id"]
    events = (await company.clients["li"].post("/v1/exports", json={"resource": "events", "format": "jsonl"})).json()
    await company.project()
    around = Surroundings(house.settings.database_url, {}, store, house.settings.lake_path)
    for export in (id, events["id"]):
        await Exporting().carry_out(Job("acme", UUID(export)), Desk(house.log, around))
    await company.project()
    rows = (await company.get("li", f"/v1/exports/{id}/file")).text.splitlines()
    assert {json.loads(row)["owner"] for row in rows} == {"li"}
    told = (await company.get("li", f"/v1/exports/{events['id']}/file")).text
    assert company.of["orders", "li"] in told
    assert company.of["orders", "wu"] not in told
    for path in (f"/v1/exports/{id}/file", f"/v1/exports/{id}", f"/v1/exports/{id}/history"):
        is_problem(await company.get("wu", path), 404, "not-found")
    assert [one["id"] for one in (await company.get("wu", "/v1/exports")).json()["items"]] == []
    is_problem(await company.clients["wu"].post("/v1/commands/cancel-export", json={"export_id": id}), 404, "not-found")
    for asked in ({"resource": "opportunities"}, {"resource": "customers", "filters": {"birthday": "1990-01-31"}}):
        answer = await company.clients["buyer"].post("/v1/exports", json={"format": "csv", **asked})
        is_problem(answer, 403, "forbidden")


async def test_only_what_one_may_change_can_be_undone(company):
    async def last(kind: str, owner: str) -> str:
        entries = (await company.get("boss", f"/v1/{kind}/{company.of[kind, owner]}/history")).json()["entries"]
        return str(entries[-1]["event_id"])

    renamed = {"customer_id": company.of["customers", "li"], "name": "Wang of li, renamed"}
    await company.asked("rename-customer", by="li", **renamed)
    event = {"event_ids": [await last("customers", "li")]}
    hidden = is_problem(await company.clients["wu"].post("/v1/undo", json=event), 404, "not-found")
    assert hidden["detail"] == f"There is no event {event['event_ids'][0]}."
    seen = {"event_ids": [await last("tickets", "li")]}
    is_problem(await company.clients["li"].post("/v1/undo", json=seen), 403, "forbidden")
    undone = await company.clients["head"].post("/v1/undo", json=event)
    assert [one["status"] for one in undone.json()["events"]] == ["done"]
    await company.project()


async def test_the_key_that_somebody_else_has_used_tells_nobody_what_is_hidden(company):
    hidden = company.of["customers", "wu"]
    rename = {"customer_id": hidden, "name": "Wu's own"}
    register = {"kind": "person", "name": "Wu's new one"}

    async def sent(who, name, body, key):
        return await company.clients[who].post(f"/v1/commands/{name}", json=body, headers={"Idempotency-Key": key})

    first = [await sent("wu", "rename-customer", rename, "wus"), await sent("wu", "register-customer", register, "new")]
    assert [answer.status_code for answer in first] == [200, 201]
    again = [await sent("wu", "rename-customer", rename, "wus"), await sent("wu", "register-customer", register, "new")]
    assert [answer.json()["repeated"] for answer in again] == [True, True]
    is_problem(await sent("li", "rename-customer", rename, "wus"), 404, "not-found")
    told = is_problem(await sent("li", "register-customer", register, "new"), 422, "idempotency-key-reused")
    assert first[1].json()["id"] not in str(told)
    assert (await sent("boss", "register-customer", register, "new")).json()["repeated"], "who sees it may hear of it"


async def test_whoever_sees_everything_is_told_no_event_twice_while_read_models_are_behind(company):
    here = (await company.asked("rename-customer", customer_id=company.of["customers", "li"], name="Wang"))["position"]
    assert (await company.get("root", "/v1/events", after=here)).json() == {"events": [], "next": here}
    await company.project()


async def test_that_an_address_is_taken_is_told_and_by_whom_only_to_who_sees_that_one(company, recorded):
    taken = {"kind": "person", "name": "Wang", "emails": ["w@wu.example.com"]}
    refused = await company.clients["li"].post("/v1/commands/register-customer", json=taken)
    told = is_problem(refused, 409, "claim-taken")
    assert company.of["customers", "wu"] not in str(told)
    refused = await company.clients["wu"].post("/v1/commands/register-customer", json=taken)
    known = is_problem(refused, 409, "claim-taken")
    (access,) = recorded(refused)
    assert (access["outcome"], access["objects"]) == ("shown", [UUID(known["holder"])])
    assert known["holder"] == company.of["customers", "wu"], "who sees it is told which one it is"
    assert known["holder"] in known["detail"]
    again = {"user_id": company.ids["li"], "handle": "wu"}
    told = is_problem(await company.root.post("/v1/commands/give-handle", json=again), 409, "claim-taken")
    assert told["holder"] == company.ids["wu"]


async def test_who_has_an_address_is_not_told_to_whom_addresses_are_hidden_from(company):
    rule = "    customer, opportunity, order: {read: own, write: own}\n"
    hiding = rule.replace("customer, ", "") + "    customer: {read: own, write: own, hide: [emails]}\n"
    await company.asked("set-policy", by="root", policy=DEFAULT_TEXT.replace(rule, hiding, 1))
    try:
        taken = {"kind": "person", "name": "Wang", "emails": ["w@wu.example.com"]}
        told = await company.asked("register-customer", by="wu", status=409, **taken)
        assert company.of["customers", "wu"] not in str(told)
    finally:
        await company.asked("set-policy", by="root", policy=None)


async def test_whoever_has_a_larger_team_sees_what_is_the_teams(company):
    own = DEFAULT_TEXT.replace("order: {read: own, write: own}", "order: {read: team, write: own}", 1)
    smaller = (await company.asked("found-team", name="North-East", within_id=company.team))["id"]
    await company.asked("add-to-team", user_id=company.ids["zhou"], team_id=smaller)
    teams = {"customer_id": company.of["customers", None], "owner": None, "team": "North"}
    await company.asked("assign-customer", **teams)
    await company.asked("set-policy", by="root", policy=own)
    await company.project()
    assert await company.sees("zhou", "/v1/customers") == {"zhou", None}
    await company.asked("dissolve-team", team_id=smaller)
    assert await company.sees("zhou", "/v1/customers") == {"zhou"}
    await company.asked("set-policy", by="root", policy=None)
    await company.asked("assign-customer", **{**teams, "team": None})
    await company.project()


async def test_an_opportunity_goes_through_a_pipeline_that_its_owner_need_not_see(company):
    stages = [
        {"label": "First", "probability": "0.2"},
        {"label": "Second", "probability": "0.5"},
        {"label": "Won", "type": "won", "probability": "1"},
        {"label": "Lost", "type": "lost", "probability": "0"},
    ]
    pipeline = (await company.asked("publish-pipeline", name="Ours", stages=stages))["id"]
    through = {"title": "pumps", "owner": "li", "pipeline_id": pipeline}
    sale = (await company.asked("open-opportunity", **through))["id"]
    unseen = DEFAULT_TEXT.replace("pipeline, target, team, tenant: {read: all}", "team, tenant: {read: all}", 1)
    await company.asked("set-policy", by="root", policy=unseen)
    try:
        await company.asked("move-opportunity", by="li", opportunity_id=sale, stage="Second")
        await company.asked("lose-opportunity", by="li", opportunity_id=sale, lost_reason="price")
        await company.asked("open-opportunity", by="li", status=404, **through)
    finally:
        await company.asked("set-policy", by="root", policy=None)


async def test_an_export_of_events_holds_none_that_are_later_than_it_says(company, house, store):
    wanted = {"resource": "events", "format": "jsonl"}
    id = (await company.clients["li"].post("/v1/exports", json=wanted)).json()["id"]
    await company.project()
    later = await company.asked("tag-customer", customer_id=company.of["customers", "li"], tag="later")
    around = Surroundings(house.settings.database_url, {}, store, house.settings.lake_path)
    await Exporting().carry_out(Job("acme", UUID(id)), Desk(house.log, around))
    await company.project()
    file = (await company.get("li", f"/v1/exports/{id}/file")).text
    assert "customer.registered" in file
    assert f'"position":"{later["position"]}"' not in file
