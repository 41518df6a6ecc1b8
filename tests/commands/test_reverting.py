"""Reverting an import: all it has brought is undone, whatever interrupts, but for what others have built on."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import UTC, datetime
from uuid import UUID, uuid4, uuid5

import psycopg
import pytest

from commands.command import registered
from commands.dispatch import Asked, dispatch
from commands.reverting import revert, undo_all
from domain.customer import Customer
from domain.refusals import WasRetracted
from eventlog import finding
from eventlog.codec import event_types
from eventlog.envelope import Caller, Context, Source
from eventlog.keys import FileKeyStore
from eventlog.log import Log

pytestmark = pytest.mark.anyio

COMMANDS = {registration.name: registration.model for registration in registered()}
LINE = {"sku": "pump", "quantity": 1, "unit_price": 9}


class Import:
    """A file's worth of customers, each with an order, a ticket and a parent, brought into a tenant of its own."""

    def __init__(self, log: Log) -> None:
        self.log, self.job = log, uuid4()
        self.caller = Caller(f"tenant-{uuid4().hex[:8]}", "li")

    def id(self, name: str) -> UUID:
        return uuid5(self.job, name)

    async def does(self, command, *, by_hand=False, **fields):
        source = None if by_hand else Source("shop", 60, "customers.csv:1", self.job)
        context = Context(self.caller.tenant, "li", uuid4().hex, uuid4(), source=source)
        model = COMMANDS[command].model_validate(fields)
        return await dispatch(self.log, Asked(model, self.caller, context))

    async def brings(self, customers: int) -> None:
        for n in range(customers):
            one, order, ticket = (self.id(f"{kind} {n}") for kind in ("customer", "order", "ticket"))
            fields = {"customer_id": one, "kind": "organisation", "name": f"Customer {n}", "emails": [f"c{n}@a.cn"]}
            await self.does("register-customer", **fields)
            await self.does("set-parent", customer_id=one, parent_id=self.id(f"customer {n - 1}") if n else None)
            await self.does("place-order", order_id=order, customer_id=one, currency="CNY", lines=[LINE], number=str(n))
            await self.does("record-payment", order_id=order, method="card", amount=9)
            what = {"kind": "fault", "channel": "mail", "subject": "It leaks", "customer_id": one, "order_id": order}
            await self.does("open-ticket", ticket_id=ticket, **what)

    async def events(self):
        return await finding.of_job(self.log, self.caller.tenant, self.job)

    async def reverted(self):
        """What became of each event, by its type."""
        told = {}
        async for outcomes in revert(self.log, self.caller, await self.events(), self.context()):
            for outcome in outcomes:
                told.setdefault(outcome.status, []).append(outcome)
        return told

    def context(self, key: str = "revert") -> Context:
        return Context(self.caller.tenant, "li", key, uuid4())

    async def told(self):
        """All that the log has of the tenant, but for when and under which ids."""
        async with self.log.connection() as connection:
            cursor = await connection.execute(
                "SELECT stream_type, version, type, data::text, count(*) FROM log.events WHERE tenant = %s"
                " AND type <> 'customer.parent_set' AND version > 1 GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4",
                [self.caller.tenant],
            )
            return await cursor.fetchall()


@pytest.fixture(scope="module")
def keys_path(tmp_path_factory):
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="module")
def keys(keys_path):
    store = FileKeyStore(keys_path)
    yield store
    store.close()


@pytest.fixture
async def log(database_url, keys):
    async with Log.open(database_url, keys) as log:
        yield log


async def test_all_that_an_import_has_brought_was_never_there(log):
    shop = Import(log)
    await shop.brings(3)
    events = await shop.events()
    assert len(events) == 14
    told = await shop.reverted()
    assert {outcome.event for outcome in told["done"]} == set(events)
    assert len(told) == 1
    assert {by.type.partition(".")[2] for outcome in told["done"] for by in outcome.by} == {"retracted", "undone"}
    with pytest.raises(WasRetracted):
        await shop.does("rename-customer", customer_id=shop.id("customer 0"), name="x")
    again = await shop.reverted()
    assert {o.event: o.by for o in again["done"]} == {o.event: o.by for o in told["done"]}
    assert await shop.does("register-customer", kind="person", name="x", emails=["c0@a.cn"])


async def test_what_others_have_built_on_stays_and_is_told(log):
    shop = Import(log)
    await shop.brings(2)
    first, second = shop.id("customer 0"), shop.id("customer 1")
    renamed = await shop.does("rename-customer", by_hand=True, customer_id=second, name="Better")
    told = await shop.reverted()
    assert {outcome.event.id for outcome in told["conflict"]} == {first, second}
    (beginning,) = (o for o in told["conflict"] if o.event.id == second and o.event.version == 1)
    assert [(by.version, by.position) for by in beginning.by] == [(renamed.version, renamed.position)]
    (parent,) = (o for o in told["conflict"] if o.event.id == first and o.event.version == 1)
    assert [by.id for by in parent.by] == [second]
    assert {outcome.event.stream for outcome in told["done"]} == {"order", "ticket"}
    by_hand = await finding.of_stream(log, shop.caller.tenant, second)
    await undo_all(log, shop.caller, [by_hand[-1].event_id], shop.context("by hand"))
    assert "conflict" not in await shop.reverted()


async def test_what_refers_to_each_other_is_retracted_all_the_same(log):
    shop = Import(log)
    acme, li = shop.id("acme"), shop.id("li")
    await shop.does("register-customer", customer_id=acme, kind="organisation", name="Acme")
    await shop.does("register-customer", customer_id=li, kind="person", name="李雷")
    await shop.does("set-parent", customer_id=li, parent_id=acme)
    await shop.does("link-contact", customer_id=acme, contact_id=li, role="buyer")
    told = await shop.reverted()
    assert [len(outcomes) for outcomes in told.values()] == [4]
    assert (await shop.reverted())["done"]
    retractions = [e for id in (acme, li) for e in await finding.of_stream(log, shop.caller.tenant, id)]
    ids = [event.event_id for event in retractions if event.type == "customer.retracted"]
    again = await undo_all(log, shop.caller, ids, shop.context("it was the right file"))
    assert {outcome.status for outcome in again} == {"done"}


async def test_what_others_rest_on_is_reinstated_before_them(log):
    shop = Import(log)
    await shop.brings(2)
    await shop.reverted()
    streams = [shop.id(f"{kind} {n}") for n in range(2) for kind in ("ticket", "order", "customer")]
    events = [event for id in streams for event in await finding.of_stream(log, shop.caller.tenant, id)]
    ids = [event.event_id for event in events if event.type.endswith(".retracted")]
    (alone,) = await undo_all(log, shop.caller, ids[:1], shop.context("alone"))
    assert (alone.status, {by.type for by in alone.by}) == ("conflict", {"customer.undone"})
    told = await undo_all(log, shop.caller, ids, shop.context("all"))
    assert {outcome.status for outcome in told} == {"done"}
    await shop.does("rename-customer", customer_id=streams[2], name="x")


async def test_events_are_found_by_the_commands_that_recorded_them(log):
    shop = Import(log)
    context = Context(shop.caller.tenant, "li", "the-command", uuid4())
    command = COMMANDS["register-customer"](kind="person", name="李雷")
    answer = await dispatch(log, Asked(command, shop.caller, context))
    (event,) = await finding.of_commands(log, shop.caller.tenant, ["the-command", "another"])
    assert (event.id, event.position) == (answer.stream_id, answer.position)
    assert await finding.of_commands(log, "another-tenant", ["the-command"]) == []


async def test_a_revert_that_is_killed_and_begun_again_leaves_the_log_of_one_that_was_not(log, database_url, keys_path):
    calm, troubled = Import(log), Import(log)
    for shop in (calm, troubled):
        await shop.brings(4)
    await calm.reverted()
    program = [sys.executable, "-m", "tests.commands.reverting_process", database_url, str(keys_path)]
    program += [troubled.caller.tenant, str(troubled.job)]
    for lines in (3, 5, None):
        with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            told = [line for line, _ in zip(process.stdout, range(lines or 100), strict=False)]
            if lines:
                process.kill()
            else:
                assert process.wait() == 0
        assert all("'done'" in line for line in told)
    assert len(told) == 12
    assert await troubled.told() == await calm.told()


async def test_of_an_undoing_and_a_new_dealing_at_the_same_time_exactly_one_wins(log, database_url, keys):
    shop = Import(log)
    async with Log.open(database_url, keys) as elsewhere:
        for n in range(12):
            customer = (await shop.does("register-customer", kind="person", name=f"c{n}")).stream_id
            (event,) = await finding.of_stream(log, shop.caller.tenant, customer)
            await elsewhere.load(Customer, shop.caller.tenant, customer, datetime.now(UTC))  # it remembers it as it was
            dealings = Import(elsewhere)
            dealings.caller = shop.caller
            await asyncio.sleep(0.001 * (n % 3))
            placing = dealings.does("place-order", customer_id=customer, currency="CNY", lines=[LINE])
            undoing = undo_all(log, shop.caller, [event.event_id], shop.context(f"undo {n}"))
            (told,), placed = await asyncio.gather(undoing, placing, return_exceptions=True)
            if told.status == "done":
                assert isinstance(placed, WasRetracted)
            else:
                assert {by.id for by in told.by} == {placed.stream_id}


async def test_a_dealing_recorded_after_it_was_looked_for_is_seen_all_the_same(log, monkeypatch):
    shop = Import(log)
    customer = (await shop.does("register-customer", kind="person", name="李雷")).stream_id
    (event,) = await finding.of_stream(log, shop.caller.tenant, customer)
    look, placed = log.naming, []

    async def looks_too_early(tenant, id):
        found = await look(tenant, id)
        if not placed:
            placed.append(await shop.does("place-order", customer_id=customer, currency="CNY", lines=[LINE]))
        return found

    monkeypatch.setattr(log, "naming", looks_too_early)
    (told,) = await undo_all(log, shop.caller, [event.event_id], shop.context())
    assert told.status == "conflict"
    assert [by.position for by in told.by] == [placed[0].position]


async def test_every_event_that_names_another_thing_is_found_when_that_is_to_be_retracted(log, database_url):
    """In the log's own list, which its indexes repeat."""
    naming = {"customer_id", "parent_id", "contact_id", "opportunity_id", "order_id", "into_id"}
    free = {
        "opportunity.won",
        "customer.interaction_logged",
        "customer.contact_unlinked",
        "order.confirmed",  # the one that order.placed names, too
        "scoring_run.customer_at_risk",  # an opinion of that day, which nothing stands on
    }
    expected = {name for name, known in event_types().items() if naming & known.hints.keys()} - free
    with psycopg.connect(database_url) as connection:
        (body,) = connection.execute("SELECT prosrc FROM pg_proc WHERE proname = 'naming'").fetchone()
        connection.execute("SET enable_seqscan = off")
        plan = connection.execute("EXPLAIN SELECT * FROM log.naming('acme', %s)", [uuid4()]).fetchall()
    for named in ("subject", "opportunity_named", "order_named", "other_named"):
        assert any(f"events_by_{named}" in line for (line,) in plan), plan
    assert {name for name in event_types() if f"'{name}'" in body} == expected
