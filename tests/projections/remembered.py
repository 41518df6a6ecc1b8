"""A small demo company with a past, and what its log tells as of any moment of two clocks."""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random

from psycopg import AsyncConnection

from commands.api_keys import IssueKey
from commands.exports import RequestExport
from commands.imports import BeginImport, RequestImport
from deploy.demo.filling import fill
from deploy.demo.history import company as history_of_a_company
from domain.customer import CustomerInactive
from eventlog import feed
from eventlog.connections import APP_ROLE
from eventlog.envelope import Caller
from eventlog.log import Log
from projections import RESOURCES
from projections.as_of import listed
from projections.asking import Ask
from projections.cut import Cut, folded
from projections.query import shown
from projections.receivables import RECEIVABLES
from projections.stream_rows import StreamRows
from tests.log_helpers import ask
from tests.projections.conftest import Company

DEMO = Caller("demo", "li")
FIRST = "customer.registered"
KEPT = [resource for resource in RESOURCES if isinstance(resource.projection, StreamRows)]


@asynccontextmanager
async def filled_company(database_url, keys):
    """A connection, and the streams of a company whose past has been taken in."""
    async with (
        Log.open(database_url, keys) as log,
        await AsyncConnection.connect(database_url, autocommit=True, options=f"{APP_ROLE} -c TimeZone=UTC") as own,
    ):
        await fill(log, DEMO, list(history_of_a_company(7, date(2026, 6, 30), 0.015)))
        chance = Random(3)
        company = Company(log, own)
        company.caller = DEMO
        for number in range(3):
            at = datetime(2025, 1 + number, 1, tzinfo=UTC)
            pipeline = await company.does("publish-pipeline", name="Renewals", stages=stages(number), occurred_at=at)
            await company.does("amend-pipeline", pipeline_id=pipeline, name="Again", stages=stages(number + 1))
            await in_and_out(company)
            await organised(company, f"Branch {number}")
        customers = [r.stream_id async for page in feed.everything(own, log.codec) for r in page if r.type == FIRST]
        for id in customers:  # what is learned late, of which the made-up history has too little
            at = datetime(2024, 7, 1, tzinfo=UTC) + timedelta(days=chance.randrange(700))
            with suppress(CustomerInactive):
                await company.does("classify-customer", customer_id=id, tier=chance.choice("abc"), occurred_at=at)
                await company.does("rename-customer", customer_id=id, name=chance.choice("李王"), occurred_at=at)
        await company.settles()
        streams = {}
        async for page in feed.everything(own, log.codec):
            for recorded in page:
                if recorded.tenant == DEMO.tenant:
                    streams.setdefault(recorded.stream_id, []).append(recorded)
        yield own, streams


async def in_and_out(company):
    """An import that is under way, an export that was given up, and scores that are asked for."""
    text = "kronika: import/1"
    asked = RequestImport(mapping="shop", mapping_text=text, source="shop", files=())
    job = (await ask(company.log, asked, caller=company.caller)).stream_id
    await ask(company.log, BeginImport(import_id=job), caller=company.caller)
    wanted = RequestExport(resource="customers", format="csv")
    export = (await ask(company.log, wanted, caller=company.caller)).stream_id
    await company.does("cancel-export", export_id=export)
    await company.does("score-customers", rates=[{"currency": "USD", "rate": "0.9"}])


async def organised(company, name):
    """The organisation, called after its newest branch; of that a team, somebody who works there, and their key."""
    await company.does("name-tenant", name=name)
    team = await company.does("found-team", name=name)
    await company.does("rename-team", team_id=team, name=f"{name} of old")
    user = await company.does("register-user", name="Wu", email=f"{name[-1]}@example.com")
    await company.does("rename-user", user_id=user, name="Wu Wei")
    wanted = IssueKey(user_id=user, label=name, scopes=("read",), secret_id="0" * 12)
    key = (await ask(company.log, wanted, caller=company.caller)).stream_id
    await company.does("revoke-key", key_id=key)


def stages(number):
    open_ones = [{"label": f"Step {n}", "probability": "0.5"} for n in range(number + 1)]
    ends = [{"label": "Won", "type": "won", "probability": 1}, {"label": "Lost", "type": "lost", "probability": 0}]
    return open_ones + ends


def cuts_of(streams, seed, count):
    """Random moments of both clocks, one or both of them given, the known one as a position or a moment."""
    chance = Random(seed)
    events = [recorded for stream in streams.values() for recorded in stream]
    for number in range(count):
        as_of, known_at = chance.choice(events).occurred_at, chance.choice(events)
        yield (
            Cut(as_of),
            Cut(None, known_at.position),
            Cut(as_of, known_at.position),
            Cut(None, known_at.recorded_at),
        )[number % 4]


def told_by_the_log(resource, cut, streams):
    """By id, the rows that the log tells as of the cut, as a list shows them."""
    found = {}
    for id, events in streams.items():
        if events[0].stream_type == resource.stream:
            row, parked = folded(resource.projection, cut.of(events))
            assert parked is None
            if row is not None and not (resource is RECEIVABLES and not row["invoiced"]):
                found[id] = {name: shown(kind, row[name]) for name, kind in resource.columns.items()}
    return found


async def all_of(own, resource, cut, *filters, sort=None, caller=DEMO):
    """Every page of a list."""
    ask = Ask(filters, sort=sort, fields=tuple(resource.columns), limit=17)
    rows = []
    while True:
        page = await listed(own, caller, resource, ask, cut)
        rows += page.rows
        if page.cursor is None:
            return rows
        ask = replace(ask, cursor=page.cursor)
