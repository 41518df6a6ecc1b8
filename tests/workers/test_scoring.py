"""Scoring runs: what the clerk makes of a request, and who hears that somebody is about to leave."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

import workers.schema
from domain.scoring import ScoringOver, ScoringRun
from domain.ticket import Ticket
from eventlog import feed
from eventlog.envelope import Recorded
from eventlog.log import Log
from projections import scores
from projections.scoring_runs import SCORING_RUNS
from tests.projections.analytics.conftest import Lakehouse, lakehouse
from tests.projections.conftest import Company, company
from workers.clerk import Desk, Job
from workers.lifetime import Surroundings, connected
from workers.policies import open_ticket_when_at_risk
from workers.reactor import Reactor
from workers.scoring import Scoring

__all__ = ["company", "lakehouse"]

pytestmark = pytest.mark.anyio

AS_OF = date(2025, 12, 31)
EUROS = {"currency": "EUR", "rates": [{"currency": "CNY", "rate": "0.125"}]}
BEGAN = datetime(2025, 1, 1, 9, tzinfo=UTC)


class Office:
    """A company with a lakehouse and a clerk."""

    def __init__(self, company: Company, lakehouse: Lakehouse) -> None:
        self.company, self.lakehouse = company, lakehouse
        self.around = Surroundings(lakehouse.url, {}, company.log.codec.keys, lakehouse.path)
        self.desk = Desk(company.log, self.around)
        self.customers: list[UUID] = []

    async def purchase(self, customer, day: int, price: int = 10) -> None:
        moment, lines = BEGAN + timedelta(days=day), [{"sku": "pump", "quantity": 1, "unit_price": price}]
        order = await self.company.order(customer, lines=lines, occurred_at=moment)
        await self.company.does("confirm-order", order_id=order, occurred_at=moment)

    async def opens(self, *, free: bool = False) -> None:
        """Fifty customers come in the first two months of the year; each buys at a pace of its own until it leaves."""
        chance = random.Random(17)
        for number in range(50):
            day, pace = chance.randrange(60), chance.gammavariate(0.8, 1 / 40)
            leaves, usual = day + chance.expovariate(chance.gammavariate(0.8, 1 / 120)), 20 + chance.gammavariate(3, 20)
            days = [day]
            while (day := day + 1 + int(chance.expovariate(pace))) <= min(leaves, 364) and len(days) <= 12:
                days.append(day)
            self.customers.append(customer := await self.company.customer(f"Customer {number}"))
            for bought in days:
                price = round(usual * chance.uniform(0.5, 1.5)) + 1
                await self.purchase(customer, bought, 0 if free else price)

    async def score(self, **fields) -> dict[str, Any]:
        """What is told of a run once the clerk has been at it."""
        run = await self.company.does("score-customers", **{"as_of": AS_OF, **fields})
        return await self.carried_out(run)

    async def carried_out(self, run, *, settle: bool = True) -> dict[str, Any]:
        if settle:
            await self.lakehouse.settles(self.company)
        await Scoring().carry_out(Job(self.company.caller.tenant, run), self.desk)
        await self.company.settles()
        return await self.company.row(SCORING_RUNS, run)

    async def scores(self, run) -> list[dict[str, Any]]:
        return await scores.scores_in(self.company.connection, self.company.caller, run["id"], None, 1_000)

    async def events(self, run) -> list[Recorded]:
        recorded = await feed.stream(
            self.company.connection, self.company.log.codec, self.company.caller.tenant, run["id"]
        )
        return list(recorded)

    async def alerted(self, run) -> set[UUID]:
        """Of whom the run said that they may leave."""
        said = [one.event for one in await self.events(run)]
        return {event.customer_id for event in said if isinstance(event, ScoringRun.CustomerAtRisk)}


@pytest.fixture(scope="module")
async def office(lakehouse, keys) -> AsyncIterator[Office]:
    """One that has been in business for a year."""
    workers.schema.prepare(lakehouse.url)
    async with Log.open(lakehouse.url, keys) as log, connected(lakehouse.url) as connection:
        office = Office(Company(log, connection), lakehouse)
        await office.opens()
        yield office


@pytest.fixture
def empty_office(company, lakehouse) -> Office:
    return Office(company, lakehouse)


async def test_a_run_says_of_what_it_was_made_and_comes_out_the_same_again(office):
    first = await office.score()
    assert first["state"] == "finished", first["why"]
    assert set(first["parameters"]) >= {"r", "alpha", "a", "b"}
    assert (first["scored"], first["as_of"]) == (len(office.customers), AS_OF)
    assert "models 2" in first["code"]
    assert first["likelihood"] < 0
    told = await office.scores(first)
    assert {row["subject"] for row in told} == set(office.customers)
    assert all(0 <= row["numbers"]["alive"] <= 1 for row in told)
    lines = [scores.Score(row["subject"], row["numbers"], row["reasons"], row["at_risk"]) for row in told]
    assert scores.digest(lines) == first["sha256"], "the rows are those that the event vouches for"
    again = await office.score()
    assert again["sha256"] == first["sha256"]
    assert again["shows"] != first["shows"], "it counted later events, which say nothing new"
    history = await scores.scores_of(office.company.connection, office.company.caller, office.customers[0], 10)
    assert [row["run_id"] for row in history[:2]] == [again["id"], first["id"]]
    other = replace(office.company.caller, tenant="another")
    assert await scores.scores_of(office.company.connection, other, office.customers[0], 10) == []


async def test_a_valued_customer_about_to_leave_is_told_of_once_and_opens_a_ticket_where_asked(office):
    run = await office.score(model="mbg-nbd", opens_tickets=True)
    alerts = [one for one in await office.events(run) if isinstance(one.event, ScoringRun.CustomerAtRisk)]
    told = {row["subject"]: row for row in await office.scores(run)}
    assert 0 < run["at_risk"] == len(alerts) < len(office.customers) / 5
    for alert in alerts:
        row = told[alert.event.customer_id]
        assert row["at_risk"]
        assert row["numbers"]["alive"] < 0.5
    spent = [row["numbers"]["spent"] for row in told.values()]
    assert {alert.event.currency for alert in alerts} == {"CNY"}
    assert min(alert.event.spent for alert in alerts) > sorted(spent)[len(spent) // 2]
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
    again = await office.score(model="mbg-nbd")
    assert again["at_risk"] == run["at_risk"]
    assert not [one for one in await office.events(again) if isinstance(one.event, ScoringRun.CustomerAtRisk)]


async def test_a_look_at_an_earlier_day_makes_nobody_newly_at_risk_again(empty_office):
    await empty_office.opens()
    wish = {"model": "mbg-nbd"}
    run = await empty_office.score(**wish)
    assert run["at_risk"] > 0
    assert (await empty_office.score(**wish, as_of=date(2025, 6, 30)))["state"] == "finished"
    again = await empty_office.score(**wish)
    assert again["at_risk"] == run["at_risk"]
    assert await empty_office.alerted(again) == set()


async def test_of_a_customer_that_was_given_up_nobody_is_told_that_it_may_leave(empty_office):
    await empty_office.opens()
    (lost, *_) = await empty_office.alerted(await empty_office.score(model="mbg-nbd"))
    await empty_office.company.does("deactivate-customer", customer_id=lost)
    await empty_office.company.settles()
    run = await empty_office.score(model="bg-nbd", alert_below="0.95", valued_share="0.8")
    assert lost in {row["subject"] for row in await empty_office.scores(run) if row["at_risk"]}
    told = await empty_office.alerted(run)
    assert told
    assert lost not in told


async def test_without_being_asked_for_nobody_opens_a_ticket(office):
    run = await office.score(model="pareto-nbd")
    (alert, *_) = [one for one in await office.events(run) if isinstance(one.event, ScoringRun.CustomerAtRisk)]
    assert open_ticket_when_at_risk.ask(alert.event, alert) is None


async def test_a_model_that_cannot_be_fitted_says_so_and_the_last_good_scores_stay(office):
    good = await office.score()
    early = await office.score(as_of=date(2025, 1, 1))
    assert early["state"] == "failed"
    assert early["why"] == "bg-nbd cannot be fitted: nobody has come back."
    assert early["shows"]
    for what, told in good.items():
        if isinstance(told, list | dict):
            assert type(early[what]) is type(told), what
    assert (early["calibration"], early["without_rate"]) == ([], [])
    history = await scores.scores_of(office.company.connection, office.company.caller, office.customers[0], 10)
    assert history[0]["run_id"] == good["id"]


@pytest.mark.parametrize("model", ["pareto-nbd", "churn"])
async def test_an_empty_log_and_a_single_customer_fail_with_a_reason(empty_office, model):
    assert (await empty_office.score(model=model))["state"] == "failed"
    await empty_office.purchase(await empty_office.company.customer(), 1)
    failed = await empty_office.score(model=model)
    assert (failed["state"], failed["scored"]) == ("failed", None)
    assert "cannot be fitted" in failed["why"]


async def test_where_everybody_is_lost_nobody_is_told_to_be_there(office):
    late = {"as_of": date(2026, 10, 31)}
    run = await office.score(model="mbg-nbd", **late)
    assert run["state"] == "finished", run["why"]
    assert all(row["numbers"]["alive"] < 0.5 for row in await office.scores(run))
    failed = await office.score(model="churn", horizon_days=200, **late)
    assert failed["state"] == "failed"
    assert "it happened to 0 of" in failed["why"]


async def test_who_pays_nothing_is_scored_without_a_value(empty_office):
    await empty_office.opens(free=True)
    run = await empty_office.score(model="mbg-nbd")
    assert run["state"] == "finished", run["why"]
    for row in await empty_office.scores(run):
        assert (row["numbers"]["spent"], row["numbers"]["lifetime_value"]) == (0, None)


async def test_where_a_currency_has_no_rate_the_run_names_it_and_tells_no_value(office):
    run = await office.score(currency="EUR")
    assert (run["state"], run["without_rate"]) == ("finished", ["CNY"])
    for row in await office.scores(run):
        assert row["numbers"]["spent"] is row["numbers"]["lifetime_value"] is None
        assert row["numbers"]["alive"] is not None
    own, rated = [await office.score(**more) for more in ({}, EUROS)]
    assert rated["without_rate"] == []
    assert (own["currency"], own["told_in"], rated["told_in"]) == (None, "CNY", "EUR"), "else that of all purchases"
    assert {row["currency"] for row in await office.scores(own)} == {"CNY"}
    for row, other in zip(await office.scores(own), await office.scores(rated), strict=True):
        assert other["numbers"]["spent"] == pytest.approx(row["numbers"]["spent"] * 0.125)
        assert other["numbers"]["lifetime_value"] == pytest.approx(row["numbers"]["lifetime_value"] * 0.125, rel=1e-4)


async def test_a_run_waits_until_the_lakehouse_has_what_was_recorded_before_it(office):
    run = await office.company.does("score-customers", as_of=AS_OF)
    await office.company.settles()
    assert (await office.carried_out(run, settle=False))["state"] == "asked"
    assert (await office.carried_out(run))["state"] == "finished"


async def test_scores_that_a_killed_process_left_are_shown_to_nobody_and_deleted(office):
    run = await office.company.does("score-customers", as_of=AS_OF)
    tenant, first = office.company.caller.tenant, office.customers[0]
    before = await scores.scores_of(office.company.connection, office.company.caller, first, 100)
    left = uuid4()  # an id that no event names
    await scores.keep(office.company.connection, tenant, run, left, [scores.Score(first, {"alive": 0.1})])
    assert await scores.scores_of(office.company.connection, office.company.caller, first, 100) == before
    finished = await office.carried_out(run)
    shown, *earlier = await scores.scores_of(office.company.connection, office.company.caller, first, 100)
    assert (shown["run_id"], earlier) == (run, before)
    assert await scores.clear_away(office.company.connection) >= 1
    assert len(await office.scores(finished)) == len(office.customers)


async def test_too_few_decided_deals_teach_nothing(office):
    await office.company.opportunity(occurred_at=BEGAN)
    run = await office.company.does("score-opportunities", as_of=AS_OF)
    failed = await office.carried_out(run)
    assert failed["state"] == "failed"
    assert "it happened to 0 of 0" in failed["why"]


async def test_open_opportunities_are_scored_by_what_became_of_earlier_ones(empty_office):
    company, chance = empty_office.company, random.Random(5)
    for number in range(108):
        source, moment = ("fair", "web")[number % 2], BEGAN + timedelta(days=number)
        deal = await company.opportunity(source=source, occurred_at=moment)
        wins = chance.random() < (0.85 if source == "fair" else 0.15)
        end = {"opportunity_id": deal, "occurred_at": moment + timedelta(days=20)}
        await (
            company.does("win-opportunity", **end)
            if wins
            else company.does("lose-opportunity", lost_reason="price", **end)
        )
    open_ones = {
        await company.opportunity(source=source, occurred_at=BEGAN + timedelta(days=130)): source
        for source in ("fair", "web")
    }
    run = await company.does("score-opportunities", as_of=AS_OF)
    told = await empty_office.carried_out(run)
    assert told["state"] == "finished", told["why"]
    wins = {open_ones[row["subject"]]: row["numbers"]["wins"] for row in await empty_office.scores(told)}
    assert wins["fair"] > 0.5 > 0.3 > wins["web"], wins
    measures = {name: float(value) for name, value in told["measures"].items()}
    assert measures["logistic brier"] < measures["stage_average brier"]
    assert sum(part["count"] for part in told["calibration"]) == 56, "tried on the latest third of some 160 looks"
    least, *_, most = told["calibration"]
    assert float(least["happened"]) < 0.5 < float(most["happened"])


async def test_of_a_person_who_was_forgotten_no_score_stays_and_none_is_made(office):
    company = office.company
    gone = await company.customer("Forgotten")
    for day in (5, 40, 80):
        await office.purchase(gone, day)
    run = await office.score()
    assert gone in {row["subject"] for row in await office.scores(run)}
    deal = await company.opportunity(customer_id=gone)
    await company.settles()
    await scores.keep(
        company.connection, company.caller.tenant, run["id"], uuid4(), [scores.Score(deal, {"wins": 0.5})]
    )
    office.around.keys.destroy(company.caller.tenant, gone)
    await Scoring().waiting(company.connection, office.around)
    left = await company.connection.execute(
        "SELECT subject FROM scores.score WHERE tenant = %s", [company.caller.tenant]
    )
    subjects = {subject for (subject,) in await left.fetchall()}
    assert not {gone, deal} & subjects
    assert set(office.customers) <= subjects
    again = await office.score()
    assert gone not in {row["subject"] for row in await office.scores(again)}
    assert again["scored"] == len(office.customers)


def test_a_run_ends_once():
    run = ScoringRun(uuid4(), BEGAN)
    run.state = "finished"
    with pytest.raises(ScoringOver, match="finished already"):
        run.fail(1, "code", "why")
