"""The `eventsourcing` library as it comes: Application.save() with threads, and ProjectionRunner with our own table."""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from eventsourcing.application import Application
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

from domain.aggregate import Event
from domain.customer import Customer
from eventlog.codec import event_types, kind_of
from eventlog.envelope import Recorded
from projections.customer_card import CUSTOMER_CARD
from projections.slot import Slot, as_json, rows_by_key, upsert
from tests.bench.measure import Reading, Side
from tests.bench.place import TENANT, Place
from tests.bench.workload import ACTOR, NAME, SUBJECT, TEXT, customer_ids, person, ticket

EVENTS = 2_000
CUSTOMERS = 200
TYPES = {known.event_class: name for name, known in event_types().items()}


def environment(url: str, connections: int) -> dict[str, str]:
    """Its own defaults, but for a pool as large as there are threads and patience as long as they need."""
    at = conninfo_to_dict(url)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": str(at["dbname"]),
        "POSTGRES_HOST": str(at["host"]),
        "POSTGRES_PORT": str(at["port"]),
        "POSTGRES_USER": str(at["user"]),
        "POSTGRES_PASSWORD": str(at["password"]),
        "POSTGRES_POOL_SIZE": str(connections),
        "POSTGRES_MAX_OVERFLOW": "0",
        "POSTGRES_LOCK_TIMEOUT": "0",
        "POSTGRES_POOL_TIMEOUT": "60",
    }


# -- save


def save_side(place: Place, threads: int) -> Side:
    def take() -> Reading:
        with place.bare_database() as url:
            return place.child(__name__, "save", threads, place.seconds, url)

    return Side(f"stock_save_{threads}", take)


def save(threads: int, seconds: float, url: str) -> Reading:
    """Threads that save new tickets, the very events that our own log is given."""
    app = Application[UUID](env=environment(url, threads))
    customers, latencies = customer_ids(10_000), list[float]()
    began = time.perf_counter()

    def call(number: int) -> None:
        mine = list[float]()
        while (asked := time.perf_counter()) < began + seconds:
            app.save(ticket(customers[len(mine) % len(customers)], datetime.now(UTC)))
            mine.append(time.perf_counter() - asked)
        latencies.extend(mine)

    calling = [threading.Thread(target=call, args=(number,)) for number in range(threads)]
    for thread in calling:
        thread.start()
    for thread in calling:
        thread.join()
    return Reading.of(len(latencies), time.perf_counter() - began, latencies)


# -- a read model


def project_side(place: Place) -> Side:
    def take() -> Reading:
        with place.database() as url:  # for its table read.customers
            return place.child(__name__, "project", url)

    return Side("stock_projection", take)


class Customers(Application[UUID]):
    """The application whose events are projected."""


class View(PostgresTrackingRecorder):
    """Our table of customers, written as the library has it: rows and tracking in one transaction an event."""

    slot = Slot(CUSTOMER_CARD)

    def take(self, recorded: Recorded, tracking: Tracking) -> None:
        key = CUSTOMER_CARD.key(recorded)
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.row_factory = dict_row
            row = cursor.execute(rows_by_key(self.slot), [[part] for part in key], prepare=True).fetchone()
            draft = CUSTOMER_CARD.draft(row) if row else CUSTOMER_CARD.new_row(recorded)
            CUSTOMER_CARD.handle(draft, recorded)
            cursor.execute(upsert(self.slot, by_column=False), [as_json([draft])], prepare=True)


class Cards(Projection[View]):
    """Hands each event to the table, folded by our own code."""

    name = "cards"

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        event: Event = domain_event
        self.view.take(
            Recorded(
                position=tracking.notification_id, tenant=TENANT, stream_type=kind_of(Customer),
                stream_id=event.originator_id, version=event.originator_version, partition=0,
                subject_id=event.originator_id, event_id=event.originator_id, type=TYPES[type(event)],
                schema_version=1, recorded_at=event.timestamp, occurred_at=event.timestamp, actor=ACTOR,
                on_behalf_of=None, reason=None, correlation_id=event.originator_id, causation_id=None,
                command_id="", trace=None, event=event,
            ),
            tracking,
        )  # fmt: skip


def project(url: str) -> Reading:
    """Everything that is in the library's log, into the table; the clock begins with the first event's row."""
    env = environment(url, 4)
    app = Customers(env=env)
    fill(app)
    last = app.recorder.max_notification_id()
    assert last is not None
    with (
        psycopg.connect(url, autocommit=True) as watching,
        ProjectionRunner(application_class=Customers, projection_class=Cards, view_class=View, env=env) as runner,
    ):
        first, began = reached(watching, 1), time.perf_counter()
        done = reached(watching, last)
        took = time.perf_counter() - began
        if error := runner._thread_error:
            raise error
        row = watching.execute("SELECT count(*) FROM read.customers").fetchone()
        assert row == (CUSTOMERS,), row
    return Reading.of(done - first, took, note=f"{EVENTS:,} events")


def fill(app: Customers) -> None:
    chance, customers = random.Random(1), list[Customer]()
    now = datetime.now(UTC) - timedelta(days=1)
    for number in range(EVENTS):
        now += timedelta(milliseconds=1)
        if number < CUSTOMERS:
            customers.append(one := person(UUID(int=number), now))
        else:
            one = chance.choice(customers)
            one.now = now
            match chance.random():
                case part if part < 0.6:
                    one.log_interaction("call", "in", SUBJECT, TEXT)
                case part if part < 0.8:
                    one.rename(f"{NAME} {number}")
                case _:
                    one.tag(f"tag {number}")
        app.save(one)


def reached(connection: psycopg.Connection[Any], position: int) -> int:
    """Wait until the library's tracking has come so far; answers how far it is."""
    while True:
        row = connection.execute("SELECT coalesce(max(notification_id), 0) FROM cards_tracking").fetchone()
        assert row is not None
        if row[0] >= position:
            return int(row[0])
        time.sleep(0.01)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["save", threads, seconds, url]:
            save(int(threads), float(seconds), url).tell()
        case ["project", url]:
            project(url).tell()
    sys.stdout.flush()
    os._exit(0)  # the library's threads outlive its runner
