"""It survives: whatever is killed, stopped, cut off, filled up or set back, nothing is lost, doubled or shown wrong."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from random import Random

import httpx
import psycopg
import pytest

from deploy.migrate import rebuilt
from deploy.parked import all_parked, replayed
from eventlog import feed
from tests.survival import old_home
from tests.survival.company import Client, Company, Sent, identity
from tests.survival.failpoints import FAILPOINTS, WITH_CARE, kind_of
from tests.survival.faults import COMPILER, WHY_NOT
from tests.survival.invariants import check
from tests.survival.system import System
from tests.survival.wire import Wire
from workers.lifetime import connected

pytestmark = [pytest.mark.timeout(240), pytest.mark.xdist_group("survival")]

needs_a_compiler = pytest.mark.skipif(COMPILER is None, reason=WHY_NOT)

DOING_THE_WORK = {
    "api": "api-1",
    "relay": "relay-1",
    "projector": "projector-1",
    "analyst": "analyst-1",
    "reactor": "reactor-1",
}

AT_THE_BEGINNING = {"relay.led", "host.claimed", "analyst.claimed", "reactor.claimed"}
"""Steps that a process takes when it starts, or when another is gone."""


@contextmanager
def at_work(system: System, clients: int = 4, pause_s: float = 0.3) -> Iterator[Company]:
    """A company works while this lasts; then the system recovers unaided, and everything must be well."""
    company = Company(system.apis, system.token, time.monotonic_ns(), clients, commands=1_000_000, pause_s=pause_s)
    loop, stop, failed = asyncio.new_event_loop(), asyncio.Event(), list[BaseException]()

    def run() -> None:
        try:
            loop.run_until_complete(company.work(stop))
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        system.wait_until(lambda: company.book.answered > 20 or bool(failed), "the company is at work")
        yield company
        answered = company.book.answered
        system.heal()
        system.wait_until(lambda: company.book.answered > answered + 5 or bool(failed), "the company is still at work")
    finally:
        system.heal()
        loop.call_soon_threadsafe(stop.set)
        thread.join(90)
    assert not failed, failed
    assert not thread.is_alive(), "somebody still waits for an answer"
    check(system, company.book)


def steps_of(kind: str) -> list[str]:
    rare = {"relay.topic_made_before_saved", "host.folds_an_event", *WITH_CARE}
    return [point.name for point in FAILPOINTS.values() if point.processes[0] == kind and point.name not in rare]


@pytest.mark.parametrize("kind", DOING_THE_WORK)
def test_a_process_killed_at_each_of_its_steps_loses_and_doubles_nothing(system, kind):
    names = [name for name in system.names if kind_of(name) == kind]
    with at_work(system):
        for step in steps_of(kind):
            for name in names:  # whichever of them does the work
                system.arm(name, step, "kill")
            if step in AT_THE_BEGINNING:
                for name in names:
                    system.kill(name)
            system.wait_until(lambda step=step: f"kill at {step}" in system.faults_fired, f"killed at {step}")
            system.board.disarm()


def test_an_api_killed_before_the_commit_records_nothing_and_the_retry_is_the_first(system):
    answer, again = killed_on_the_way(system, "writer.before_flush")
    assert answer is None
    assert again["repeated"] is False


def test_an_api_killed_after_the_commit_and_before_the_answer_gives_the_retry_the_first_answer(system):
    answer, again = killed_on_the_way(system, "writer.flushed_before_answer")
    assert answer is None
    assert again["repeated"] is True
    assert again["types"] == ["customer.registered"]


def killed_on_the_way(system: System, step: str) -> tuple[object, dict[str, object]]:
    """What a caller hears whose API is killed at this step, and what when it asks the other one."""
    system.arm("api-1", step, "kill")
    body = {"customer_id": identity(Random()), "kind": "person", "name": "李雷"}

    def send(api: str) -> httpx.Response:
        return system.http.post(f"{api}/v1/commands/register-customer", json=body, headers={"Idempotency-Key": step})

    try:
        answer = send(system.apis[0])
    except httpx.HTTPError:
        answer = None
    again = send(system.apis[1])
    assert again.status_code == 201, again.text
    system.wait_until(system.ready, "both APIs answer")
    return answer, again.json()


def test_an_api_stopped_at_any_of_its_steps_keeps_the_others_for_no_longer_than_two_seconds(system):
    with at_work(system):
        for step in steps_of("api"):
            system.arm("api-1", step, "stop", seconds=2.5)
            system.wait_until(lambda: "api-1" in system.stopped, f"stopped at {step}")
            began = time.monotonic()
            answer = system.http.post(
                f"{system.apis[1]}/v1/commands/register-customer",
                json={"kind": "person", "name": "韩梅梅"},
                headers={"Idempotency-Key": f"{step} {began}"},
            )
            took = time.monotonic() - began
            assert answer.status_code == 201, answer.text
            assert took < 2, f"{took:.1f} s while the other was stopped at {step}"
            system.resume("api-1")


def test_an_api_cut_off_from_postgresql_answers_within_its_patience_and_recovers(system):
    """Its packets are swallowed, both ways: nobody tells it that nobody listens any more."""
    with at_work(system):
        system.way("api-1").swallow()
        began = time.monotonic()
        answer = system.http.post(
            f"{system.apis[0]}/v1/commands/register-customer", json={"kind": "person", "name": "韩梅梅"}, timeout=25
        )
        took = time.monotonic() - began
        system.way("api-1").heal()
    assert answer.status_code == 503, answer.text
    assert took < 20  # silence of 7 s is noticed, 5 s are given to connecting, and 5 s to trying again


@pytest.mark.parametrize("wiped", [False, True], ids=["killed", "wiped"])
def test_kafka_killed_or_wiped_under_load_loses_and_doubles_nothing(system, wiped):
    with at_work(system):
        system.servers.restart_kafka(wiped=wiped)


def test_postgresql_killed_and_restarted_under_load_loses_and_doubles_nothing(system):
    with at_work(system):
        system.servers.restart_postgres()
        time.sleep(1)
        system.servers.crash_postgres()
        time.sleep(1)


def test_a_projector_stopped_past_its_session_is_fenced_when_it_goes_on_beside_its_successor(system):
    with at_work(system) as company:
        system.wait_until(lambda: owns(system, "projector-1") or owns(system, "projector-2"), "one has partitions")
        stopped = next(name for name in ("projector-1", "projector-2") if owns(system, name))
        system.arm(stopped, "host.folded_before_write", "stop", seconds=60)
        system.wait_until(lambda: stopped in system.stopped, "it stops within a batch")
        answered = company.book.answered
        system.wait_until(lambda: company.book.answered > answered + 20, "the company works on")
        head = system.head()
        system.wait_until(lambda: system.reflects("customers", head), "another has taken over")
        assert stopped in system.stopped
        system.resume(stopped)


def owns(system: System, name: str) -> bool:
    """Whether this process holds the locks of partitions."""
    with psycopg.connect(system.url) as connection:
        return bool(
            connection.execute(
                "SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory'"
                " AND a.application_name = %s",
                [name],
            ).rowcount
        )


def test_a_relay_that_wakes_up_beside_its_successor_publishes_nothing_out_of_order(system):
    with at_work(system):
        leader = next(name for name in ("relay-1", "relay-2") if owns(system, name))
        follower = "relay-2" if leader == "relay-1" else "relay-1"
        system.arm(leader, "relay.published_before_saved", "stop", seconds=60)
        system.wait_until(lambda: leader in system.stopped, "it stops before it has saved how far it is")
        system.way(leader).reset()
        system.wait_until(lambda: owns(system, follower), "the other relay leads")
        head = system.head()
        system.wait_until(lambda: system.relayed(head), "the other relay has caught up")
        system.resume(leader)
        time.sleep(1)


def test_an_event_that_cannot_be_folded_parks_its_row_alone_and_is_replayed(system):
    with at_work(system) as company:
        for name in ("projector-1", "projector-2"):
            system.arm(name, "host.folds_an_event", "raise", nth=3)
        # It is folded a second time, with care, before its row is parked: until then the fault lasts.
        system.wait_until(lambda: bool(all_parked(system.settings, None)), "its row is parked")
        system.board.disarm()
        found = all_parked(system.settings, None)[0]
        head = system.head()
        system.wait_until(lambda: system.reflects(found.slot, head), "the others go on")
        assert found.error == "Raised in the handler"
        for step in WITH_CARE:
            for name in ("projector-1", "projector-2"):
                system.arm(name, step, "kill")
            system.wait_until(lambda step=step: f"kill at {step}" in system.faults_fired, f"killed at {step}")
            system.board.disarm()
        for slot in {parked.slot for parked in all_parked(system.settings, None)}:
            done = replayed(system.settings, slot)
            assert done.taken_in >= 1
            assert done.parked_again == 0
        assert all_parked(system.settings, None) == []
        told = [read for read in company.book.stale if ": 424 " in read]  # a reader of that row was told so
        company.book.stale = [read for read in company.book.stale if read not in told]


@needs_a_compiler
@pytest.mark.parametrize("whose", ["postgres", "kafka", "home"])
def test_a_full_disk_costs_time_but_nothing_else(system, whose):
    faults = system.nursery.faults if whose == "home" else system.servers.faults[whose]
    with at_work(system):
        faults.disk_full()
        time.sleep(3)
        faults.disk_full(False)


@needs_a_compiler
def test_clocks_set_back_an_hour_change_nothing(system):
    every_clock = (system.nursery.faults, *system.servers.faults.values())
    with at_work(system):
        for faults in every_clock:
            faults.clock_wrong(-3600)
        time.sleep(4)
        sold = asyncio.run(a_sale(system))
        assert sold.acknowledged
        last = sold.position
        system.wait_until(lambda: system.relayed(last), "it is in Kafka though clocks are wrong", within_s=10)
        for faults in every_clock:
            faults.clock_wrong(0)


@needs_a_compiler
def test_who_waits_for_the_next_event_waits_no_longer_when_the_clock_is_set_back(system):
    assert asyncio.run(waited_with_the_clock_set_back(system)) == ([], system.head()), "and its connection goes on"


async def waited_with_the_clock_set_back(system: System) -> tuple[object, int]:
    clock = system.servers.faults["postgres"]
    async with connected(system.url) as connection:
        waiting = asyncio.create_task(feed.coming(connection, after=system.head(), limit=1, patience_s=1.0))
        await asyncio.sleep(0.5)
        clock.clock_wrong(-3600)
        try:
            async with asyncio.timeout(10):
                nothing = await waiting
        finally:
            clock.clock_wrong(0)
        return nothing, await feed.head(connection)


async def a_sale(system: System) -> Sent:
    """Opened and won in a moment."""
    company = Company(system.apis, system.token, time.monotonic_ns())
    client = Client(company, Wire({"Authorization": f"Bearer {system.token}"}), 0, Random(1))
    while not client.customers:
        await client.wins_a_customer()
    opportunity = identity(client.chance)
    await client.ask(
        "open-opportunity",
        opportunity_id=opportunity,
        customer_id=client.customers[0],
        title="?",
        amount="1",
        currency="EUR",
    )
    return await client.ask("win-opportunity", opportunity_id=opportunity)


def test_a_reader_of_the_feed_sees_every_position_of_sixteen_writers(system):
    with at_work(system, clients=16, pause_s=0.0) as company:
        system.wait_until(lambda: company.book.answered > 200, "they have written a lot")
    last = max(sent.position for sent in company.book.sent if sent.fresh)
    assert len(company.book.tailed) >= last, f"at {datetime.now(UTC)}; {company.book.tail}"


def test_read_models_are_rebuilt_under_load_while_reads_go_on_and_are_equal(system):
    with at_work(system), system.reading("/v1/customers?limit=5") as answers:
        for name in ("customers", "timeline", "stage_moves"):
            done = asyncio.run(rebuilt(system.url, system.settings, name))
            assert done.live == done.rebuilt
    assert len(answers) > 3
    assert {answer.status_code for answer in answers} == {200}, [a.text for a in answers if a.status_code != 200]
    assert all(answer.json()["items"] for answer in answers)


def test_a_home_of_an_earlier_release_is_upgraded_serves_what_it_knew_and_goes_on(servers, nursery):
    known = json.loads(old_home.REST.read_text())
    system = System(servers, nursery, old_home.PROCESSES, restore=old_home.restore)
    try:
        shown = system.http.get(f"{system.apis[0]}/v1/customers/{known['customer']}").json()
        assert (shown["name"], shown["kind"]) == (known["name"], "organisation")
        first = known["first"]
        answer = system.http.post(
            f"{system.apis[0]}/v1/commands/{first['name']}",
            json=first["body"],
            headers={"Idempotency-Key": first["key"]},
        )
        assert answer.json() == first["answer"] | {"repeated": True}
        renamed = system.http.post(
            f"{system.apis[0]}/v1/commands/rename-customer", json={"customer_id": known["customer"], "name": "新公司"}
        )
        assert renamed.json()["version"] == shown["version"] + 1
        company = Company(system.apis, system.token, seed=2, clients=3, commands=40)
        asyncio.run(company.work())
        check(system, company.book)
    finally:
        system.stop()


def test_every_step_has_been_taken_by_somebody(system):
    assert system.board.reached() == set(FAILPOINTS)
