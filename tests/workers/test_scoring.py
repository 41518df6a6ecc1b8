"""Scoring runs: what the clerk makes of a request, and who hears that somebody is about to leave."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

import workers.schema
from domain.scoring import ScoringOver, ScoringRun
from domain.ticket import Ticket
from eventlog import feed
from projections import scores
from projections.scoring_runs import SCORING_RUNS
from tests.projections.analytics.conftest import Lakehouse, lakehouse
from tests.projections.conftest import Company, company
from workers.clerk import Desk, Job
from workers.lifetime import Surroundings
from workers.policies import open_ticket_when_at_risk
from workers.reactor import Reactor
from workers.scoring import Scoring

__all__ = ["company", "lakehouse"]

pytestmark = pytest.mark.anyio

AS_OF = date(2025, 12, 31)
BEGAN = datetime(2025, 1, 1, 9, tzinfo=UTC)


class Office:
    """A company with a lakehouse and a clerk."""

    def __init__(self, company: Company, lakehouse: Lakehouse) -> None:
        self.company, self.lakehouse = company, lakehouse
        self.around = Surroundings(lakehouse.url, {}, company.log.codec.keys, lakehouse.path)
        self.desk = Desk(company.log, self.around)

    async def purchase(self, customer, day: int, price: int = 10) -> None:
        moment, lines = BEGAN + timedelta(days=day), [{"sku": "pump", "quantity": 1, "unit_price": price}]
        order = await self.company.order(customer, lines=lines, occurred_at=moment)
        await self.company.does("confirm-order", order_id=order, occurred_at=moment)

    async def customers(self) -> list:
        """Forty, of whom some come back; the last one often and for much, until the middle of the year."""
        customers = []
        for number in range(40):
            customers.append(customer := await self.company.customer(f"Customer {number}"))
            days = {number + 5 * times * (1 + number % 4) for times in range(number % 6)} | {number}
            for day in sorted(days):
                await self.purchase(customer, day, 10 + number % 7)
        for times in range(12):
            await self.purchase(customers[-1], 50 + 9 * times, 500)
        return customers

    async def score(self, **fields) -> dict:
        """What is told of a run once the clerk has been at it."""
        run = await self.company.does("score-customers", **{"as_of": AS_OF, **fields})
        return await self.carried_out(run)

    async def carried_out(self, run, *, settle: bool = True) -> dict:
        if settle:
            await self.lakehouse.settles(self.company)
        await Scoring().carry_out(Job(self.company.caller.tenant, run), self.desk)
        await self.company.settles()
        return await self.company.row(SCORING_RUNS, run)

    async def scores(self, run) -> list[dict]:
        return await scores.scores_in(self.company.connection, self.company.caller, run["id"], None, 1_000)

    async def events(self, run) -> list:
        recorded = await feed.stream(
            self.company.connection, self.company.log.codec, self.company.caller.tenant, run["id"]
        )
        return list(recorded)


@pytest.fixture
async def office(company, lakehouse) -> Office:
    workers.schema.prepare(lakehouse.url)
    return Office(company, lakehouse)


async def test_a_run_says_of_what_it_was_made_and_comes_out_the_same_again(office):
    customers = await office.customers()
    first = await office.score()
    assert first["state"] == "finished", first["why"]
    assert set(first["parameters"]) >= {"r", "alpha", "a", "b"}
    assert (first["scored"], first["as_of"]) == (len(customers), AS_OF)
    assert "models 1" in first["code"]
    assert first["likelihood"] < 0
    told = await office.scores(first)
    assert {row["subject"] for row in told} == set(customers)
    assert all(0 <= row["numbers"]["alive"] <= 1 for row in told)
    lines = [scores.Score(row["subject"], row["numbers"], row["reasons"], row["at_risk"]) for row in told]
    assert scores.digest(lines) == first["sha256"], "the rows are those that the event vouches for"
    again = await office.score()
    assert again["sha256"] == first["sha256"]
    assert again["reflects"] > first["reflects"]
    history = await scores.scores_of(office.company.connection, office.company.caller, customers[0], 10)
    assert [row["run_id"] for row in history] == [again["id"], first["id"]]
    other = replace(office.company.caller, tenant="another")
    assert await scores.scores_of(office.company.connection, other, customers[0], 10) == []


async def test_a_valued_customer_about_to_leave_is_told_of_once_and_opens_a_ticket_where_asked(office):
    customers = await office.customers()
    run = await office.score(opens_tickets=True, valued_share="0.1")
    alerts = [one for one in await office.events(run) if isinstance(one.event, ScoringRun.CustomerAtRisk)]
    assert customers[-1] in [one.event.customer_id for one in alerts]
    assert run["at_risk"] == len(alerts)
    reactor = Reactor(office.company.connection, office.company.log, [open_ticket_when_at_risk])
    for _ in range(2):  # a crash before the checkpoint has it asked again
        for one in alerts:
            await reactor._follow(open_ticket_when_at_risk, one)
    tickets = await office.company.connection.execute(
        "SELECT stream_id FROM log.events WHERE tenant = %s AND type = 'ticket.opened'", [office.company.caller.tenant]
    )
    found = [id for (id,) in await tickets.fetchall()]
    assert len(found) == len(alerts)
    ticket, _ = await office.company.log.load(Ticket, office.company.caller.tenant, found[0], datetime.now(UTC))
    assert ticket.subject.startswith("May leave us")
    again = await office.score(valued_share="0.1")
    assert again["at_risk"] == run["at_risk"]
    assert not [one for one in await office.events(again) if isinstance(one.event, ScoringRun.CustomerAtRisk)]


async def test_without_being_asked_for_nobody_opens_a_ticket(office):
    await office.customers()
    run = await office.score(valued_share="0.1")
    (alert, *_) = [one for one in await office.events(run) if isinstance(one.event, ScoringRun.CustomerAtRisk)]
    assert open_ticket_when_at_risk.ask(alert.event, alert) is None


async def test_a_model_that_cannot_be_fitted_says_so_and_the_last_good_scores_stay(office):
    customers = await office.customers()
    good = await office.score()
    early = await office.score(as_of=date(2025, 1, 1))
    assert early["state"] == "failed"
    assert early["why"] == "bg-nbd cannot be fitted: nobody has come back."
    assert early["reflects"] > good["reflects"]
    history = await scores.scores_of(office.company.connection, office.company.caller, customers[0], 10)
    assert [row["run_id"] for row in history] == [good["id"]]


@pytest.mark.parametrize("model", ["bg-nbd", "mbg-nbd", "pareto-nbd", "churn"])
async def test_an_empty_log_and_a_single_customer_fail_with_a_reason(office, model):
    assert (await office.score(model=model))["state"] == "failed"
    await office.purchase(await office.company.customer(), 1)
    failed = await office.score(model=model)
    assert (failed["state"], failed["scored"]) == ("failed", None)
    assert "cannot be fitted" in failed["why"]


async def test_where_a_currency_has_no_rate_the_run_names_it_and_tells_no_value(office):
    customers = await office.customers()
    lines = [{"sku": "pump", "quantity": 1, "unit_price": 10}]
    order = await office.company.order(customers[3], lines=lines, currency="USD", occurred_at=BEGAN)
    await office.company.does("confirm-order", order_id=order, occurred_at=BEGAN)
    run = await office.score(currency="CNY")
    assert (run["state"], run["without_rate"]) == ("finished", ["USD"])
    told = {row["subject"]: row["numbers"] for row in await office.scores(run)}
    assert told[customers[3]]["spent"] is told[customers[3]]["lifetime_value"] is None
    assert told[customers[3]]["alive"] is not None
    assert told[customers[4]]["spent"] is not None
    rated = await office.score(currency="CNY", rates=[{"currency": "USD", "rate": "7.1"}])
    assert rated["without_rate"] == []


async def test_a_run_waits_until_the_lakehouse_has_what_was_recorded_before_it(office):
    await office.customers()
    run = await office.company.does("score-customers", as_of=AS_OF)
    await office.company.settles()
    assert (await office.carried_out(run, settle=False))["state"] == "asked"
    assert (await office.carried_out(run))["state"] == "finished"


async def test_scores_that_a_killed_process_left_are_shown_to_nobody_and_deleted(office):
    customers = await office.customers()
    run = await office.company.does("score-customers", as_of=AS_OF)
    left = [scores.Score(customers[0], {"alive": 0.1})]
    tenant = office.company.caller.tenant
    await scores.keep(office.company.connection, tenant, run, customers[0], left)  # under an id that no event names
    assert await scores.scores_of(office.company.connection, office.company.caller, customers[0], 10) == []
    finished = await office.carried_out(run)
    (shown,) = await scores.scores_of(office.company.connection, office.company.caller, customers[0], 10)
    assert shown["numbers"]["alive"] != 0.1
    assert await scores.clear_away(office.company.connection) >= 1
    assert len(await office.scores(finished)) == len(customers)


async def test_too_few_decided_deals_teach_nothing(office):
    await office.company.opportunity(occurred_at=BEGAN)
    run = await office.company.does("score-opportunities", as_of=AS_OF)
    failed = await office.carried_out(run)
    assert failed["state"] == "failed"
    assert "it happened to 0 of 0" in failed["why"]


def test_a_run_ends_once():
    run = ScoringRun(uuid4(), BEGAN)
    run.state = "finished"
    with pytest.raises(ScoringOver, match="finished already"):
        run.fail(1, "code", "why")
