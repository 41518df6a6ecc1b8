"""What must hold after whatever happened: nine sentences, each a function that raises Broken."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random
from typing import Any
from uuid import UUID

import psutil
import psycopg
from kafka import KafkaConsumer, TopicPartition
from msgspec import structs
from psycopg import AsyncConnection, sql

from deploy.report import lake_of
from domain.customer import Customer
from eventlog import feed
from eventlog.codec import Codec
from eventlog.envelope import Recorded
from eventlog.keys import FileKeyStore, NobodysKeys
from eventlog.writer import LOG_LOCK
from projections import TABLES
from projections.analytics import FACTS
from projections.customer_card import CUSTOMER_CARD
from projections.projection import Projection, Row
from projections.slot import as_json
from tests.survival.company import RECOVERY_S, Book, Sent, same
from tests.survival.failpoints import kind_of
from tests.survival.system import System

MOST = {
    # memory in MB, threads and files of one process, well above what each needs
    "api": (450, 60, 120),
    "relay": (350, 30, 80),
    "projector": (350, 30, 80),
    "historian": (350, 30, 80),
    "analyst": (900, 60, 150),
    "reactor": (400, 40, 100),
}
CONNECTIONS = {"api": 2 * 10 + 1, "relay": 1, "projector": 2, "historian": 2, "analyst": 24, "reactor": 11}
"""To PostgreSQL, at the most: pools and what each worker holds; the lakehouse's client has a pool of its own."""


BLIND = Codec(NobodysKeys())
"""Reads events as the analyst does, who sees nothing personal."""


class Broken(AssertionError):
    """One of the sentences does not hold."""


@dataclass
class Found:
    """The system as it was found after everything had come to rest: its log, and what its clients know."""

    system: System
    book: Book
    events: list[Recorded] = field(default_factory=list)
    commands: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, system: System, book: Book) -> Found:
        found = cls(system, book)
        found.read()
        return found

    def read(self) -> None:
        self.events = asyncio.run(self._events())
        with psycopg.connect(self.system.url) as connection:
            cursor = connection.cursor(row_factory=psycopg.rows.dict_row)
            rows = cursor.execute("SELECT command_id, stream_id, version, position, events FROM log.commands")
            self.commands = {row["command_id"]: row for row in rows}

    async def _events(self) -> list[Recorded]:
        keys = FileKeyStore(self.system.settings.keys_path)
        try:
            async with await AsyncConnection.connect(self.system.url, autocommit=True) as connection:
                return [event async for page in feed.everything(connection, Codec(keys)) for event in page]
        finally:
            keys.close()


def every_acknowledged_command_is_in_the_log_exactly_once_every_refused_one_not_at_all_and_every_other_at_most_once(
    found: Found,
) -> None:
    recorded: dict[str, list[Recorded]] = defaultdict(list)
    for event in found.events:
        recorded[event.command_id].append(event)
    for id, events in recorded.items():
        command = found.commands.get(id)
        if command is None:
            raise Broken(f"the events of the command {id} have no record of it")
        first, last = command["position"] - command["events"] + 1, command["position"]
        if [event.position for event in events] != list(range(first, last + 1)):
            raise Broken(f"the command {id} recorded {command['events']} events, but the log has {len(events)}")
    for sent in found.book.sent:
        command = found.commands.get(sent.key)
        if sent.acknowledged:
            if command is None:
                raise Broken(f"acknowledged, but not in the log: {sent.name} {sent.key}")
            told = (sent.answer["id"], sent.answer["version"], sent.position, sent.answer["types"])
            types = [event.type for event in recorded[sent.key]]
            if told != (str(command["stream_id"]), command["version"], command["position"], types):
                raise Broken(f"answered {told}, recorded {command} {types}: {sent.name} {sent.key}")
        elif sent.refused and sent.only_one_on_its_way and command is not None:
            raise Broken(f"refused with {sent.status}, but in the log: {sent.name} {sent.key}")
    nothing_is_claimed_twice_and_no_parents_stand_in_a_circle(found)
    if found.book.internal:
        raise Broken(f"answered as a fault of ours: {found.book.internal[:3]}")
    shown = {kind: rows_shown(found.system, kind) for kind in sorted({kind for kind, _, _ in found.book.known})}
    for (kind, id, name), value in found.book.known.items():
        if name == "in doubt" or not found.book.surely(kind, id):
            continue
        row = shown[kind].get(id)
        if row is None or not same(row[name], value):
            raise Broken(f"{kind} {id} was given the {name} {value!r}, but shows {row and row[name]!r}")


def nothing_is_claimed_twice_and_no_parents_stand_in_a_circle(found: Found) -> None:
    """What spans streams is decided with the command, or not at all."""
    rows = fold(CUSTOMER_CARD, found.events).values()
    owner: dict[str, Any] = {}
    for row in rows:
        for email in row["emails"] or ():
            if owner.setdefault(email.casefold(), row["id"]) != row["id"]:
                raise Broken(f"two customers have the address {email}")
    above: dict[UUID, UUID | None] = {}
    for event in found.events:
        if isinstance(event.event, Customer.ParentSet):
            above[event.stream_id] = event.event.parent_id
            passed, up = {event.stream_id}, event.event.parent_id
            while up is not None:
                if up in passed:
                    raise Broken(f"since position {event.position} the parents of {event.stream_id} stand in a circle")
                passed.add(up)
                up = above.get(up)


def rows_shown(system: System, kind: str) -> dict[str, dict[str, Any]]:
    """Every row that the API lists, by id."""
    rows: dict[str, dict[str, Any]] = {}
    cursor: dict[str, str] = {}
    while True:
        deadline = time.monotonic() + RECOVERY_S
        while True:  # a busy machine may leave the store behind for a moment, and then a caller asks again
            answer = system.http.get(f"{system.apis[0]}/v1/{kind}", params={"limit": "200", **cursor})
            if answer.status_code != 503 or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        if answer.status_code != 200:
            raise Broken(f"{kind} cannot be listed: {answer.status_code} {answer.text}")
        page = answer.json()
        rows |= {row["id"]: row for row in page["items"]}
        if not page["cursor"]:
            return rows
        cursor = {"cursor": page["cursor"]}


def a_retry_with_the_same_key_gets_the_first_answer(found: Found) -> None:
    """Also what was never answered gets an answer now, and the same for ever."""
    chance = Random(len(found.book.sent))
    acknowledged = found.book.acknowledged
    asked_again = chance.sample(acknowledged, min(60, len(acknowledged)))
    asked_again += [sent for sent in found.book.sent if sent.status is None][:30]
    asked_again += [sent for sent in found.book.sent if sent.refused and sent.key in found.commands][:30]
    if not asked_again:
        return
    head = len(found.events)
    for turn in range(2):
        for sent, told in zip(asked_again, answers(found.system, asked_again, turn), strict=True):
            if sent.acknowledged:
                first = {name: value for name, value in sent.answer.items() if name != "repeated"}
                if told.get("answer") != first | {"repeated": True}:
                    raise Broken(f"first answered {first}, then {told}: {sent.name} {sent.key}")
            elif sent.refused:
                if told["status"] >= 300:
                    raise Broken(f"it is in the log, and yet answered {told}: {sent.name} {sent.key}")
            else:
                if told["status"] >= 500:
                    raise Broken(f"still no answer: {told}")
                sent.status, sent.answer = told["status"], told.get("answer") or told["problem"]
    other = [Sent(sent.key, sent.name, {**sent.body, "reason": "another body"}, 0) for sent in asked_again[:20]]
    for sent, told in zip(asked_again, answers(found.system, other, 0), strict=False):
        if sent.acknowledged and told["status"] != 422:
            raise Broken(f"another body under the same key was answered {told}: {sent.name} {sent.key}")
    found.system.recover()
    found.read()
    never_answered = sum(sent.fresh and sent.answered_at is None for sent in asked_again)
    if len(found.events) > head and not never_answered:
        raise Broken("asking again has recorded something")


def answers(system: System, commands: list[Sent], turn: int) -> list[dict[str, Any]]:
    batch = [{"command": sent.name, "key": sent.key, "body": sent.body, "if_match": sent.if_match} for sent in commands]
    answer = system.http.post(f"{system.apis[turn % len(system.apis)]}/v1/commands", json=batch)
    if answer.status_code != 200:
        raise Broken(f"sending again was answered {answer.status_code} {answer.text}")
    told: list[dict[str, Any]] = answer.json()
    return told


def versions_are_dense_positions_gapless_and_recorded_at_never_runs_back(found: Found) -> None:
    for expected, event in enumerate(found.events, 1):
        if event.position != expected:
            raise Broken(f"position {event.position} stands where {expected} should")
    versions: dict[tuple[str, UUID], int] = defaultdict(int)
    for event in found.events:
        versions[event.tenant, event.stream_id] += 1
        if event.version != versions[event.tenant, event.stream_id]:
            raise Broken(f"stream {event.stream_id} has version {event.version} at position {event.position}")
    partitions: dict[tuple[str, UUID], int] = {}
    for event in found.events:
        if partitions.setdefault((event.tenant, event.stream_id), event.partition) != event.partition:
            raise Broken(f"stream {event.stream_id} changes its partition at position {event.position}")
    for before, after in pairwise(found.events):
        if after.recorded_at < before.recorded_at:
            raise Broken(f"recorded_at runs back at position {after.position}")
    tailed = found.book.tailed
    if tailed != list(range(1, len(tailed) + 1)):
        strange = next((n, seen) for n, seen in enumerate(tailed, 1) if n != seen)
        raise Broken(f"the reader of the feed saw position {strange[1]} where {strange[0]} should be")


def a_command_acknowledged_before_another_was_sent_has_the_lower_position(found: Found) -> None:
    finished = sorted(
        (sent.answered_at, sent.position) for sent in found.book.sent if sent.fresh and sent.answered_at is not None
    )
    later = sorted((sent.sent_at, sent.position, sent.key) for sent in found.book.sent if sent.fresh)
    highest, turn = 0, 0
    for sent_at, position, key in later:
        while turn < len(finished) and finished[turn][0] < sent_at:
            highest = max(highest, finished[turn][1])
            turn += 1
        if position <= highest:
            raise Broken(f"{key} was sent after position {highest} was acknowledged, and got {position}")


def every_read_model_in_postgresql_and_in_the_lakehouse_equals_the_pure_fold_of_the_log(found: Found) -> None:
    with psycopg.connect(found.system.url) as connection:
        parked = connection.execute("SELECT slot, position, error FROM read.parked").fetchall()
        if parked:
            raise Broken(f"parked: {parked[:5]}")
        for projection in TABLES:
            compare_table(connection, projection, found.events)
    bare = [without_personal(event) for event in found.events]
    with lake_of(found.system.settings) as lake:
        if lake.parked():
            raise Broken(f"parked in the lakehouse: {lake.parked()[:5]}")
        for name, fact in FACTS.items():
            made = [row for event in bare for row in fact.rows(event)]
            expected = fact.table(made).to_pylist() if made else []
            columns = ", ".join(fact.columns)
            kept = lake.connection.execute(f"SELECT {columns} FROM lake.{name}").to_arrow_table().to_pylist()
            differing(f"the fact {name}", map(plain, expected), map(plain, kept))
    each_win_has_placed_one_order(found)


def plain(row: dict[str, Any]) -> str:
    return str({column: str(value) if isinstance(value, UUID) else value for column, value in row.items()})


def compare_table(connection: psycopg.Connection[Any], projection: Projection, events: Iterable[Recorded]) -> None:
    """The table's rows and those folded here, both as PostgreSQL writes them."""
    table = sql.Identifier("read", projection.name)
    kept = connection.execute(sql.SQL("SELECT t::text FROM {} t").format(table)).fetchall()
    folded = connection.execute(
        sql.SQL("SELECT t::text FROM json_populate_recordset(NULL::{}, %s::json) t").format(table),
        [as_json([row for folded in fold(projection, events).values() for row in projection.written(folded)])],
    ).fetchall()
    differing(projection.name, (row[0] for row in folded), (row[0] for row in kept))


def fold(projection: Projection, events: Iterable[Recorded]) -> dict[tuple[Any, ...], Row]:
    """What the projection's own words make of the log, in memory and in one go."""
    rows: dict[tuple[Any, ...], Row] = {}
    for event in events:
        if event.event_class in projection.handlers:
            key = projection.key(event)
            row = rows.get(key)
            rows[key] = projection.new_row(event) if row is None else row
            projection.handle(rows[key], event)
    return rows


def differing(what: str, folded: Iterable[str], kept: Iterable[str]) -> None:
    expected, actual = sorted(folded), sorted(kept)
    if expected != actual:
        missing = [row for row in expected if row not in set(actual)]
        strange = [row for row in actual if row not in set(expected)]
        raise Broken(
            f"{what} has {len(actual)} rows, the fold of the log {len(expected)};"
            f" missing {missing[:2]}, strange {strange[:2]}"
        )


def without_personal(event: Recorded) -> Recorded:
    """As the analyst sees it: whatever is personal reads None."""
    known = BLIND.types.get(event.type)
    if event.event is None or known is None:
        return event
    bare = copy(event.event)
    vars(bare).update(dict.fromkeys(known.personal))
    return structs.replace(event, event=bare)


def each_win_has_placed_one_order(found: Found) -> None:
    caused: dict[UUID | None, int] = defaultdict(int)
    for event in found.events:
        if event.type == "order.placed":
            caused[event.causation_id] += 1
    for event in found.events:
        if event.type == "opportunity.won" and caused[event.event_id] != 1:
            raise Broken(f"the win at position {event.position} has placed {caused[event.event_id]} orders")


def in_kafka_every_position_is_present_or_resendable_in_order_per_stream(found: Found) -> None:
    with psycopg.connect(found.system.url) as connection:
        row = connection.execute("SELECT log_name, generation, position FROM fanout.relay").fetchone()
    assert row is not None
    name, generation, relayed = row
    if relayed != len(found.events):
        raise Broken(f"the relay stands at {relayed}, the log at {len(found.events)}")
    if not generation:
        return
    records = kept_by_kafka(found.system, f"kronika.events.{name}.g{generation}")
    by_position = {event.position: event for event in found.events}
    before: dict[int, int] = {}
    last_of: dict[int, int] = {}
    for event in found.events:
        before[event.position] = last_of.get(event.partition, 0)
        last_of[event.partition] = event.position
    for partition in range(4):
        done: int | None = None
        for position, previous, body in records[partition]:
            meant = by_position.get(position)
            if meant is None or meant.partition != partition or f'"{meant.event_id}"'.encode() not in body:
                raise Broken(f"Kafka has something else at position {position} of partition {partition}")
            if previous != before[position]:
                raise Broken(f"in Kafka {position} follows {previous}, in the log it follows {before[position]}")
            if done is None:
                done = previous  # the topic began here; what is older is resendable from the log
            if position > done:
                if previous > done:
                    raise Broken(f"in Kafka {position} follows {done} in partition {partition}, {previous} is missing")
                done = position
        last = last_of.get(partition, 0)
        if done is not None and done != last:
            raise Broken(f"Kafka ends at {done} in partition {partition}, the log at {last}")


def kept_by_kafka(system: System, topic: str) -> dict[int, list[tuple[int, int, bytes]]]:
    """(position, previous, body) of every record in the topic, by partition in their order."""
    records: dict[int, list[tuple[int, int, bytes]]] = defaultdict(list)
    consumer = KafkaConsumer(
        bootstrap_servers=system.servers.kafka_bootstrap, enable_auto_commit=False, fetch_max_wait_ms=50
    )
    try:
        partitions = [TopicPartition(topic, n) for n in range(4)]
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions)
        consumer.seek_to_beginning(*partitions)
        deadline = time.monotonic() + 15
        while any(consumer.position(p) < ends[p] for p in partitions) and time.monotonic() < deadline:
            for partition, messages in consumer.poll(200).items():
                for message in messages:
                    told = dict(message.headers)
                    records[partition.partition].append((int(told["position"]), int(told["previous"]), message.value))
    finally:
        consumer.close(autocommit=False)
    return records


def a_read_with_min_position_never_shows_older(found: Found) -> None:
    if found.book.stale:
        raise Broken("; ".join(found.book.stale[:3]))


def money_is_the_same_in_the_orders_lines_in_the_read_models_and_in_the_lakehouse(found: Found) -> None:
    """Counted thrice over, by three engines, none of them by the product's own fold."""
    with psycopg.connect(found.system.url) as connection:
        one = connection.execute(
            "SELECT coalesce(sum((l ->> 'quantity')::numeric * (l ->> 'unit_price')::numeric), 0)"
            " FROM (SELECT DISTINCT ON (stream_id) data FROM log.events"
            " WHERE type IN ('order.placed', 'order.amended') ORDER BY stream_id, version DESC) e,"
            " json_array_elements(e.data -> 'lines') l"
        ).fetchone()
        paid = connection.execute(
            "SELECT coalesce(sum((data ->> 'amount')::numeric), 0) FROM log.events"
            " WHERE type = 'order.payment_recorded'"
        ).fetchone()
        tables = connection.execute(
            "SELECT o.*, r.* FROM (SELECT coalesce(sum(total), 0), coalesce(sum(paid), 0) FROM read.orders) o,"
            " (SELECT coalesce(sum(total), 0), coalesce(sum(paid), 0) FROM read.receivables) r"
        ).fetchone()
    with lake_of(found.system.settings) as lake:
        (lines,) = lake.connection.execute(
            "SELECT coalesce(sum(net + tax), 0) FROM lake.order_lines WHERE what IN ('placed', 'amended')"
        ).fetchall()
        (payments,) = lake.connection.execute(
            "SELECT coalesce(sum(amount), 0) FROM lake.payments WHERE what = 'payment_recorded'"
        ).fetchall()
    assert one is not None
    assert paid is not None
    assert tables is not None
    if len({one[0], tables[0], tables[2], lines[0]}) != 1:
        raise Broken(f"ordered: lines {one[0]}, orders {tables[0]}, receivables {tables[2]}, lakehouse {lines[0]}")
    if len({paid[0], tables[1], tables[3], payments[0]}) != 1:
        raise Broken(f"paid: log {paid[0]}, orders {tables[1]}, receivables {tables[3]}, lakehouse {payments[0]}")


def no_lock_is_stuck_no_connection_thread_or_file_leaked_and_memory_is_bounded(found: Found) -> None:
    system = found.system
    deadline = time.monotonic() + 8  # a session of a process that was killed may still be ending
    while wrong := stuck(system):
        if time.monotonic() > deadline:
            raise Broken("; ".join(wrong))
        time.sleep(0.1)
    for name, pid in list(system.pids.items()):
        try:
            process = psutil.Process(pid)
            memory, threads, files = process.memory_info().rss >> 20, process.num_threads(), process.num_fds()
        except psutil.NoSuchProcess:
            continue
        if any(is_ > most for is_, most in zip((memory, threads, files), MOST[kind_of(name)], strict=True)):
            raise Broken(f"{name} has {memory} MB, {threads} threads, {files} files")


def stuck(system: System) -> list[str]:
    """What of the database's sessions should not be."""
    with psycopg.connect(system.url) as connection:
        locks = connection.execute(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = 0 AND objid = %s AND granted",
            [LOG_LOCK],
        ).fetchall()
        sessions = connection.execute(
            "SELECT application_name, state, extract(epoch FROM clock_timestamp() - xact_start) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name <> ''"
        ).fetchall()
    wrong = ["the log's lock is held"] if locks else []
    count: dict[str, int] = defaultdict(int)
    for name, state, age in sessions:
        count[name] += 1
        if state == "idle in transaction (aborted)" or (age or 0) > 3:
            wrong.append(f"{name} has been in a transaction for {age} s")
    for name, number in count.items():
        if kind_of(name) in CONNECTIONS and number > CONNECTIONS[kind_of(name)]:
            wrong.append(f"{name} has {number} connections")
    return wrong


INVARIANTS: tuple[Callable[[Found], None], ...] = (
    a_retry_with_the_same_key_gets_the_first_answer,  # first, as what it records is to be checked, too
    every_acknowledged_command_is_in_the_log_exactly_once_every_refused_one_not_at_all_and_every_other_at_most_once,
    versions_are_dense_positions_gapless_and_recorded_at_never_runs_back,
    a_command_acknowledged_before_another_was_sent_has_the_lower_position,
    every_read_model_in_postgresql_and_in_the_lakehouse_equals_the_pure_fold_of_the_log,
    in_kafka_every_position_is_present_or_resendable_in_order_per_stream,
    a_read_with_min_position_never_shows_older,
    money_is_the_same_in_the_orders_lines_in_the_read_models_and_in_the_lakehouse,
    no_lock_is_stuck_no_connection_thread_or_file_leaked_and_memory_is_bounded,
)


def check(system: System, book: Book) -> float:
    """All nine, on a system that has recovered; answers how long recovering took."""
    took = system.recover()
    found = Found.of(system, book)
    for invariant in INVARIANTS:
        invariant(found)
    return took
