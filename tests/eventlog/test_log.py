"""What the log promises: all or nothing, one order without gaps, the same answer for the same command."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest

from commands.customer_merges import MergeCustomers, UnmergeCustomers
from commands.customers import ChangeEmails, ChangeTaxId, RegisterCustomer, RenameCustomer, SetParent, TagCustomer
from commands.dispatch import Asked, NotFound, StaleVersion, dispatch
from domain.customer import Customer, CustomerMerged
from domain.refusals import AlreadyExists, Refusal
from eventlog import feed
from eventlog.envelope import Answer, Context, Source
from eventlog.errors import ClaimTaken, CommandReused, ParentCircle
from eventlog.log import Log
from tests.log_helpers import ACME, UMBRELLA, ask, registering

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def log(database_url, keys):
    async with Log.open(database_url, keys) as opened:
        yield opened


async def test_a_command_is_answered_with_stream_version_position_and_event_types(log):
    customer = uuid4()
    answer = await ask(log, registering(customer))
    assert (answer.stream_type, answer.stream_id, answer.version) == ("customer", customer, 1)
    assert answer.types == ["customer.registered"]
    later = await ask(log, RenameCustomer(customer_id=customer, name="韩梅梅"))
    assert later.version == 2
    assert later.position == answer.position + 1


async def test_the_same_command_gets_the_first_answer_and_the_log_holds_it_once(log):
    customer, key = uuid4(), uuid4().hex
    first = await ask(log, registering(customer), key)
    again = await ask(log, registering(customer), key)
    assert again.repeated
    assert (again.stream_id, again.version, again.position, again.types) == (
        first.stream_id,
        first.version,
        first.position,
        first.types,
    )


async def test_a_command_without_an_id_names_the_same_stream_each_time_it_is_sent(log):
    key = uuid4().hex
    command = RegisterCustomer.model_validate({"kind": "person", "name": "Ana"})
    first, again = await ask(log, command, key), await ask(log, command, key)
    assert again.repeated
    assert first.stream_id == again.stream_id


async def test_a_command_that_changes_nothing_is_answered_and_remembered_all_the_same(log):
    customer, key = uuid4(), uuid4().hex
    await ask(log, registering(customer, name="Bo"))
    nothing = await ask(log, RenameCustomer(customer_id=customer, name="Bo"), key)
    assert nothing.types == []
    await ask(log, RenameCustomer(customer_id=customer, name="Bob"))
    again = await ask(log, RenameCustomer(customer_id=customer, name="Bo"), key)
    assert (again.repeated, again.types, again.version) == (True, [], nothing.version)


async def test_the_same_id_with_another_body_is_refused(log):
    key = uuid4().hex
    await ask(log, registering(), key)
    with pytest.raises(CommandReused):
        await ask(log, registering(), key)


async def test_an_id_that_exists_is_not_registered_twice(log):
    customer = uuid4()
    await ask(log, registering(customer))
    with pytest.raises(AlreadyExists):
        await ask(log, registering(customer))


async def test_an_email_belongs_to_one_customer_until_it_is_given_up(log):
    one, other, email = uuid4(), uuid4(), f"{uuid4().hex}@example.com"
    await ask(log, registering(one, emails=[email]))
    await ask(log, registering(other))
    with pytest.raises(ClaimTaken):
        await ask(log, ChangeEmails(customer_id=other, emails=[email.upper()]))
    await ask(log, ChangeEmails(customer_id=one, emails=[]))
    await ask(log, ChangeEmails(customer_id=other, emails=[email]))


async def test_one_command_may_hand_what_is_claimed_from_one_of_its_streams_to_another(log):
    one, other, third, email = uuid4(), uuid4(), uuid4(), f"{uuid4().hex}@example.com"
    await ask(log, registering(one))
    await ask(log, registering(other, emails=[email], tax_id=(tax_id := uuid4().hex)))
    await ask(log, registering(third))
    await ask(log, MergeCustomers(survivor_id=one, merged_id=other))
    for taking in (ChangeEmails(customer_id=third, emails=[email]), ChangeTaxId(customer_id=third, tax_id=tax_id)):
        with pytest.raises(ClaimTaken):
            await ask(log, taking)
    await ask(log, ChangeEmails(customer_id=one, emails=[]))
    await ask(log, ChangeEmails(customer_id=third, emails=[email]))
    with pytest.raises(ClaimTaken):  # nothing of it is recorded: the two stay merged, the tax id where it is
        await ask(log, UnmergeCustomers(survivor_id=one, merged_id=other))
    await ask(log, ChangeEmails(customer_id=third, emails=[]))
    await ask(log, UnmergeCustomers(survivor_id=one, merged_id=other))
    for claimed in (ChangeEmails(customer_id=one, emails=[email]), ChangeTaxId(customer_id=one, tax_id=tax_id)):
        with pytest.raises(ClaimTaken):
            await ask(log, claimed)


async def test_a_merge_believes_what_a_person_said_more_than_a_later_import(log):
    one, other = uuid4(), uuid4()
    await ask(log, registering(one, name="Li Wei"))
    context = Context("acme", "li", uuid4().hex, uuid4(), source=Source("shop", 40, "customers.csv:2"))
    await dispatch(log, Asked(registering(other, name="LI WEI", tier="gold"), ACME, context))
    await ask(log, MergeCustomers(survivor_id=one, merged_id=other))
    survivor, _ = await log.load(Customer, "acme", one, datetime.now(UTC))
    assert (survivor.name, survivor.tier) == ("Li Wei", "gold")


async def test_of_two_opposite_merges_at_once_a_hundred_times_never_both_pass(log):
    pairs = [(uuid4(), uuid4()) for _ in range(100)]
    await asyncio.gather(*(ask(log, registering(id)) for pair in pairs for id in pair))

    async def both(a, b):
        merges = (ask(log, MergeCustomers(survivor_id=x, merged_id=y)) for x, y in ((a, b), (b, a)))
        return Counter(type(answer) for answer in await asyncio.gather(*merges, return_exceptions=True))

    assert await asyncio.gather(*(both(a, b) for a, b in pairs)) == [{Answer: 1, CustomerMerged: 1}] * len(pairs)


async def test_no_circle_of_parents_closes_through_a_merge(log):
    merged, survivor, child = (uuid4() for _ in range(3))
    for id in (merged, survivor, child):
        await ask(log, registering(id, kind="organisation"))
    await ask(log, SetParent(customer_id=child, parent_id=merged))
    await ask(log, MergeCustomers(survivor_id=survivor, merged_id=merged))
    with pytest.raises(ParentCircle):  # the child stands below the survivor now
        await ask(log, SetParent(customer_id=survivor, parent_id=child))
    await ask(log, UnmergeCustomers(survivor_id=survivor, merged_id=merged))
    await ask(log, SetParent(customer_id=survivor, parent_id=child))


async def test_another_tenant_may_use_the_same_email_and_the_same_ids(log):
    customer, email = uuid4(), f"{uuid4().hex}@example.com"
    await ask(log, registering(customer, emails=[email]))
    await ask(log, registering(customer, emails=[email]), caller=UMBRELLA)


async def test_another_tenants_stream_is_not_found(log):
    customer = uuid4()
    await ask(log, registering(customer))
    with pytest.raises(NotFound):
        await ask(log, RenameCustomer(customer_id=customer, name="mine"), caller=UMBRELLA)


@pytest.mark.long
async def test_of_two_parents_named_at_once_a_thousand_times_never_both_pass(log):
    pairs = [(uuid4(), uuid4()) for _ in range(1_000)]
    await asyncio.gather(*(ask(log, registering(id, kind="organisation")) for pair in pairs for id in pair))

    async def both(a, b):
        under = ask(log, SetParent(customer_id=a, parent_id=b)), ask(log, SetParent(customer_id=b, parent_id=a))
        return Counter(type(answer) for answer in await asyncio.gather(*under, return_exceptions=True))

    outcomes = await asyncio.gather(*(both(a, b) for a, b in pairs))
    assert outcomes == [{Answer: 1, ParentCircle: 1}] * len(pairs)


async def test_a_stale_if_match_is_refused_and_a_current_one_accepted(log):
    customer = uuid4()
    await ask(log, registering(customer))
    await ask(log, RenameCustomer(customer_id=customer, name="first"), if_match=1)
    with pytest.raises(StaleVersion):
        await ask(log, RenameCustomer(customer_id=customer, name="second"), if_match=1)


async def test_many_writers_of_one_stream_all_get_through_with_dense_versions(log):
    customer = uuid4()
    await ask(log, registering(customer))
    answers = await asyncio.gather(
        *(ask(log, TagCustomer(customer_id=customer, tag=f"t{n}")) for n in range(40)), return_exceptions=True
    )
    done = [answer for answer in answers if isinstance(answer, Answer)]
    assert all(isinstance(answer, Answer | Refusal) for answer in answers)
    async with log.connection() as connection:
        events = await feed.stream(connection, log.codec, "acme", customer)
    assert [event.version for event in events] == list(range(1, len(done) + 2))


async def test_commands_that_are_written_together_are_each_told_where_their_own_events_stand(log):
    """Also those beside others that are refused, or were recorded before, or record nothing or several events."""
    first, merged, email, key = uuid4(), uuid4(), f"{uuid4().hex}@example.com", uuid4().hex
    await ask(log, registering(first, name="Bo", emails=[email]), key)
    await ask(log, registering(merged))
    asked = []
    for _ in range(5):
        asked += [
            ask(log, registering()),
            ask(log, registering(emails=[email])),
            ask(log, registering(tags=["vip", "press"], tax_id=uuid4().hex)),
            ask(log, registering(first, name="Bo", emails=[email]), key),
        ]
    asked.append(ask(log, MergeCustomers(survivor_id=first, merged_id=merged)))
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert Counter(type(answer) for answer in answers) == {Answer: 16, ClaimTaken: 5}
    assert sum(answer.repeated for answer in answers if isinstance(answer, Answer)) == 5
    async with log.connection() as connection:
        cursor = await connection.execute(
            "SELECT c.stream_id, c.version, max(e.position), max(e.recorded_at)"
            " FROM log.commands c JOIN log.events e USING (tenant, command_id) GROUP BY c.tenant, c.command_id"
        )
        stand = {(stream, version): where for stream, version, *where in await cursor.fetchall()}
    for answer in answers:
        if isinstance(answer, Answer):
            assert [answer.position, answer.recorded_at] == stand[answer.stream_id, answer.version]


async def test_a_connection_lost_during_the_commit_is_answered_as_if_nothing_had_happened(log, database_url):
    stop = asyncio.Event()

    async def cut_connections():
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
            while not stop.is_set():
                await connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND query LIKE 'BEGIN; SELECT pg_adv%'"
                )
                await asyncio.sleep(0.03)

    cutter = asyncio.create_task(cut_connections())
    customers = [uuid4() for _ in range(300)]

    async def one(customer):
        return await ask(log, registering(customer))

    answers = [
        answer
        for start in range(0, 300, 20)
        for answer in await asyncio.gather(*map(one, customers[start : start + 20]))
    ]
    stop.set()
    await cutter
    assert [answer.stream_id for answer in answers] == customers
    async with log.connection() as connection:
        for answer in answers:
            (event,) = await feed.stream(connection, log.codec, "acme", answer.stream_id)
            assert event.position == answer.position


async def test_sixteen_writers_and_a_tailing_reader_that_misses_nothing(database_url, keys):
    async with Log.open(database_url, keys) as a, Log.open(database_url, keys) as b:
        async with a.connection() as connection:
            start = await feed.head(connection)
        seen: list[int] = []
        moments: list[datetime] = []
        done = asyncio.Event()

        async def tail():
            async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
                after = start
                while True:
                    finished = done.is_set()
                    page = await feed.page(connection, a.codec, after=after, limit=100)
                    seen.extend(event.position for event in page)
                    moments.extend(event.recorded_at for event in page)
                    after = seen[-1] if seen else start
                    if finished and not page:
                        return
                    await asyncio.sleep(0.001)

        async def write(log: Log):
            last = 0
            for _ in range(50):
                answer = await ask(log, registering())
                assert answer.position > last  # acknowledged before the next was sent: the lower position
                last = answer.position

        reader = asyncio.create_task(tail())
        await asyncio.gather(*(write(log) for log in (a, b) for _ in range(8)))
        done.set()
        await reader
        assert seen == list(range(start + 1, start + 801))
        assert moments == sorted(moments)


async def test_who_waits_for_what_comes_hears_of_it_and_does_not_wait_for_ever(log):
    async with log.connection() as connection:
        head = await feed.head(connection)
        assert await feed.coming(connection, after=head, limit=10, patience_s=0.05) == []
        coming = asyncio.create_task(feed.coming(connection, after=head, limit=10, patience_s=60))
        answer = await ask(log, registering())
        async with asyncio.timeout(5):
            found = await coming
        assert [position for position, *_ in found] == [answer.position]
        assert found == await feed.messages(connection, after=head, limit=10)


async def test_stream_by_stream_each_is_whole_and_in_its_order_however_long_it_is(log):
    registered = [await ask(log, registering()) for _ in range(4)]
    for number in range(7):
        for answer in registered[: 1 if number > 2 else 3]:  # one has more events than a page
            await ask(log, RenameCustomer(customer_id=answer.stream_id, name=f"name {number}"))
    last = await ask(log, registering())
    await ask(log, registering())
    kept = ["customer.registered", "customer.renamed"]
    async with log.connection() as connection:
        everything = await feed.page(connection, log.codec, after=0, up_to=last.position, types=kept, limit=100_000)
        found = [page async for page in feed.by_stream(connection, log.codec, up_to=last.position, types=kept, limit=5)]
    together = [event for page in found for event in page]
    assert together == sorted(everything, key=lambda e: (e.tenant, e.stream_id, e.version))
    streams = [{(event.tenant, event.stream_id) for event in page} for page in found]
    assert sum(map(len, streams)) == len(set.union(*streams)), "none is in two pages"


async def test_nothing_personal_is_in_the_database_and_a_forgotten_person_reads_as_nobody(log, keys, database_url):
    customer, name, email = uuid4(), f"Zaphod {uuid4().hex}", f"{uuid4().hex}@example.com"
    await ask(log, registering(customer, name=name, emails=[email]))
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        cursor = await connection.execute("SELECT e::text FROM log.events e UNION ALL SELECT c::text FROM log.claims c")
        everything = "\n".join([row[0] async for row in cursor])
    assert name not in everything
    assert email not in everything
    known, _ = await log.load(Customer, "acme", customer, datetime.now(UTC))
    assert known.name == name
    keys.destroy("acme", customer)
    forgotten, _ = await log.load(Customer, "acme", customer, datetime.now(UTC))
    assert forgotten.name is None
    assert forgotten.version == 1


async def test_the_application_may_add_to_the_log_and_change_nothing(log):
    await ask(log, registering())
    for statement in (
        "UPDATE log.events SET actor = 'me'",
        "DELETE FROM log.events",
        "TRUNCATE log.events",
        "DELETE FROM log.commands",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with log.pool.connection() as connection:
                await connection.execute(statement)


async def test_what_has_not_happened_yet_is_refused_and_a_backdated_fact_does_not_displace_a_later_one(log):
    customer, now = uuid4(), datetime.now(UTC)
    await ask(log, registering(customer, occurred_at=now - timedelta(days=100)))
    with pytest.raises(Refusal):
        await ask(log, RenameCustomer(customer_id=customer, name="tomorrow", occurred_at=now + timedelta(days=1)))
    await ask(log, RenameCustomer(customer_id=customer, name="recent", occurred_at=now - timedelta(days=1)))
    await ask(log, RenameCustomer(customer_id=customer, name="older", occurred_at=now - timedelta(days=50)))
    loaded, _ = await log.load(Customer, "acme", customer, now)
    assert loaded.name == "recent"
