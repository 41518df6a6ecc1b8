"""What benchmarks ask: tickets of known customers to append, and a history of customers to read and project."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import orjson
from uuid_utils.compat import uuid7

from domain.aggregate import Aggregate
from domain.customer import Customer
from domain.ticket import Ticket
from eventlog.envelope import Changed, Commit, Context, Stream
from eventlog.keys import FileKeyStore
from eventlog.log import Log
from tests.bench.place import TENANT

ACTOR = "bench"
SUBJECT = "The shelf wobbles"
TEXT = "Two of the four screws of the upper board were missing; please send them."
NAME = "王小明"
AT_ONCE = 64


@asynccontextmanager
async def opened(url: str, keys: Path) -> AsyncIterator[Log]:
    """The real log, over a key store of its own."""
    store = FileKeyStore(keys)
    try:
        async with Log.open(url, store) as log:
            yield log
    finally:
        store.close()


def customer_ids(count: int) -> list[UUID]:
    """The same customers in every process."""
    return [UUID(int=0x5EED << 112 | number) for number in range(count)]


async def know(log: Log, customers: Sequence[UUID]) -> None:
    """Make the keys of these customers, and have them at hand."""
    for at in range(0, len(customers), 1_000):
        subjects = [(TENANT, id) for id in customers[at : at + 1_000]]
        await asyncio.to_thread(log.keys.ensure, subjects)
        for subject in subjects:
            log.keys.find(*subject)


def ticket(customer_id: UUID, now: datetime) -> Ticket:
    """A new ticket of the customer: two personal fields, and a number that is to be nobody else's."""
    one = Ticket(uuid7(), now)
    one.open(
        "fault", SUBJECT, TEXT, channel="email", customer_id=customer_id, product="shelf", category="parts",
        number=str(one.id), source="mailbox",
    )  # fmt: skip
    return one


def person(id: UUID, now: datetime) -> Customer:
    """A new customer: two personal fields that say something, an e-mail that is to be nobody else's, and a new key."""
    one = Customer(id, now)
    one.register("person", NAME, emails=[f"{id}@example.com"], region="east", tier="gold", source="web form")
    return one


def commit(log: Log, aggregate: Aggregate, before: Aggregate | None = None, stream: Stream | None = None) -> Commit:
    """All that the aggregate has recorded, as dispatch would hand it to the log."""
    events = aggregate.collect_events()
    first = events[0].originator_version - 1
    change = Changed(aggregate, first, events, stream or log.stream_for(aggregate))
    body = orjson.dumps({"command": "bench", **{n: v for n, v in vars(events[0]).items() if n != "timestamp"}})
    return Commit(Context(TENANT, ACTOR, str(uuid7()), uuid7()), body, aggregate, [change])


async def register(log: Log, customers: Sequence[UUID]) -> None:
    """Register these customers, many at once."""
    now = datetime.now(UTC)
    await all_at_once(log, (person(id, now) for id in customers))


async def history(log: Log, customers: Sequence[UUID], events: int, seed: int = 1) -> None:
    """Record `events` events of these customers, in no order but each customer's own, as an ordinary year brings them:
    mostly interactions."""
    await know(log, customers)  # while a key is made, a later event of the same stream might overtake an earlier one
    chance = random.Random(seed)
    began = datetime.now(UTC) - timedelta(days=1)
    streams: dict[UUID, Customer] = {}

    def happening() -> Iterator[Customer]:
        for number in range(events):
            now = began + timedelta(milliseconds=number)
            if number < len(customers):
                streams[customers[number]] = one = person(customers[number], now)
            else:
                one = streams[chance.choice(customers)]
                one.now = now
                match chance.random():
                    case part if part < 0.6:
                        one.log_interaction("call", "in", SUBJECT, TEXT)
                    case part if part < 0.8:
                        one.rename(f"{NAME} {number}")
                    case _:
                        one.tag(f"tag {number}")
            yield one

    await all_at_once(log, happening())


async def all_at_once(log: Log, changed: Iterator[Aggregate]) -> None:
    """Append what these have recorded, in this order as far as one stream goes: callers share the commits."""
    running: set[asyncio.Task[object]] = set()
    for aggregate in changed:
        running.add(asyncio.create_task(log.append(commit(log, aggregate))))
        if len(running) == 4 * AT_ONCE:
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
    for task in running:
        await task
