"""Does the harness bite? Bugs as somebody might make them, each planted into a copy of the source and looked for."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.survival.campaign import PLANTED, read, write_report
from tests.survival.nursery import ROOT, Nursery
from tests.survival.schedule import Fault, Schedule, run
from tests.survival.servers import Servers
from tests.survival.system import EVERYTHING

ROOMS = ("domain", "eventlog", "commands", "projections", "api", "workers", "deploy", "tests/survival")
COMMANDS = 300
FEWEST = ("api-1", "api-2", "relay-1", "projector-1", "historian-1", "analyst-1", "reactor-1")


@dataclass(frozen=True)
class Edit:
    """A text that occurs exactly once in a file, and what stands there instead."""

    file: str
    old: str
    new: str

    def text(self, tree: Path) -> str:
        text = (tree / self.file).read_text()
        found = text.count(self.old)
        assert found == 1, f"{self.file} has {found} times: {self.old}"
        return text.replace(self.old, self.new)


@dataclass(frozen=True)
class Bug:
    """A bug, why it is wrong, and what is done to the system while it is looked for."""

    name: str
    why: str
    edits: tuple[Edit, ...]
    faults: tuple[Fault, ...] = ()
    seeds: tuple[int, ...] = (1, 2)


def bug(name: str, why: str, file: str, old: str, new: str, *faults: Fault) -> Bug:
    return Bug(name, why, (Edit(file, old, new),), faults)


def at(after: int, who: str, failpoint: str, act: str = "kill", *, nth: int = 1, seconds: float = 2.0) -> Fault:
    return Fault(after, f"failpoint {act}", who, failpoint, seconds, nth)


def each(*whom: str, at_: str, act: str = "kill", times: int = 3, seconds: float = 2.0) -> tuple[Fault, ...]:
    """Again and again, whichever of them does the work."""
    moments = range(30, COMMANDS, COMMANDS // times)
    return tuple(at(moment, who, at_, act, seconds=seconds) for moment in moments for who in whom)


APIS, RELAYS, PROJECTORS = ("api-1", "api-2"), ("relay-1", "relay-2"), ("projector-1", "projector-2")
CUT = tuple(Fault(moment, "connections reset", who) for moment, who in ((60, "api-1"), (120, "api-2"), (180, "api-1")))
UNHEARD = tuple(
    Fault(moment, "replies swallowed", who, seconds=1.0)
    for moment, who in ((50, "api-1"), (120, "api-2"), (200, "api-1"))
)
KILLED_BEFORE_THE_ANSWER = each(*APIS, at_="writer.flushed_before_answer")
KILLED_IN_A_BATCH = each(*PROJECTORS, at_="host.folded_before_write")
KILLED_AFTER_A_BATCH = each(*PROJECTORS, at_="host.committed")
STOPPED_PAST_THE_SESSION = (
    # each of the two has its share by then; one is thought dead by their group, and the other, which is further, takes
    # over what it has left undone; then it goes on
    at(20, "projector-2", "host.committed", "sleep", seconds=0.1),
    at(150, "projector-1", "host.before_batch", "stop", seconds=20.0),
    Fault(150, "a while", seconds=32.0),
)
CLOCK_BACK = (Fault(60, "clock back", seconds=4.0), Fault(180, "clock back", seconds=4.0))
KAFKA_CUT = tuple(Fault(moment, "Kafka's connections reset") for moment in (40, 80, 120, 160, 200, 240))
TOPIC_GONE = (Fault(80, "topic deleted"), Fault(200, "topic deleted"))

APPEND, WRITER, ROWS = "eventlog/sql/append.sql", "eventlog/writer.py", "eventlog/rows.py"
MEMORY = "eventlog/memory.py"
DISPATCH, KEYS = "commands/dispatch.py", "eventlog/keys.py"
HOST, SLOT = "projections/host.py", "projections/slot.py"
RELAY, REACTOR, INBOX = "workers/relay.py", "workers/reactor.py", "workers/inbox.py"
MIGRATIONS = {APPEND, "projections/tables.py"}
BEFORE_THE_ROWS = "                await self._write_all(folds, reached)\n"
WITH_THE_ROWS = "[self._steps(reached), *values, len(reached)],"
WITHOUT_CHECKPOINTS = '["[]", *values, 0],'
INTAKE, TIDE, FEED = "projections/analytics/intake.py", "api/tide.py", "projections/shown_events.py"

BUGS = (
    # -- the log
    Bug(
        "answered before the commit",
        "an acknowledged command is lost with the process that acknowledged it",
        (
            Edit(
                WRITER,
                "        (_, *head), *refused = await self._line.say(lists)\n",
                "        line, later = self._line, asyncio.get_running_loop().call_later\n"
                '        line._pgconn.exec_(b"COMMIT; BEGIN")\n'
                "        (_, *head), *refused = await line.say(lists)\n"
                '        later(0.2, lambda: line._answer or line._pgconn.exec_(b"COMMIT"))\n',
            ),
        ),
        tuple(Fault(moment, "kill -9", who) for moment in (60, 120, 180) for who in APIS),
    ),
    bug(
        "a command sent twice is recorded twice",
        "the record of a command is not looked for before it is carried out again",
        APPEND,
        "c.tenant = a.tenant AND c.command_id = a.command_id",
        "false",
        *KILLED_BEFORE_THE_ANSWER,
    ),
    bug(
        "a lost answer comes back as a conflict",
        "whether the stream has moved on is asked before whether the command itself moved it",
        APPEND,
        "ORDER BY r.outcome = 'conflict'",
        "ORDER BY r.outcome <> 'conflict'",
        *KILLED_BEFORE_THE_ANSWER,
        *UNHEARD,
    ),
    bug(
        "the same key with another body gets the first answer",
        "a caller who reuses a key by mistake believes that the second command was recorded",
        APPEND,
        "CASE WHEN c.body = a.body THEN",
        "CASE WHEN true THEN",
    ),
    bug(
        "nobody takes the log's lock",
        "two processes give out the same positions",
        APPEND,
        "    PERFORM pg_advisory_xact_lock(lock);\n",
        "",
    ),
    bug(
        "the version is not checked",
        "a decision on an old state is recorded",
        APPEND,
        "WHERE s.current <> s.version",
        "WHERE false",
    ),
    bug(
        "positions have gaps",
        "a reader that waits for the next position waits for ever",
        APPEND,
        "SELECT head + row_number() OVER",
        "SELECT head + 1 + row_number() OVER",
    ),
    bug(
        "recorded_at is whatever the clock says",
        "when the clock is set back, time runs against the position",
        APPEND,
        "SELECT e.position, greatest(e.recorded_at, clock_timestamp()) INTO",
        "SELECT e.position, clock_timestamp() INTO",
        *CLOCK_BACK,
    ),
    bug(
        "claims are not looked up",
        "two customers get the same e-mail address",
        APPEND,
        "WHERE c.stream_id <> q.stream_id\n",
        "WHERE false\n",
    ),
    Bug(
        "circles of parents are not looked for",
        "a group contains itself",
        (Edit(APPEND, "WHERE p.parent_id IS NOT NULL AND p.child_id IN (", "WHERE false AND p.child_id IN ("),),
        seeds=(1, 2, 3, 4, 5),
    ),
    bug(
        "answers are mixed up within a batch",
        "a caller is told of somebody else's command",
        WRITER,
        "outcomes(rows, Outcome(*head), {item: Outcome(*rest) for item, *rest in refused})",
        "outcomes(rows, Outcome(*head), {item: Outcome(*rest) for item, *rest in refused})[::-1]",
    ),
    bug(
        "the command record names the wrong position",
        "whoever asks again is told of somebody else's event",
        APPEND,
        "head + sum(a.events) OVER (ORDER BY a.ordinality), a.events",
        "head + 1 + sum(a.events) OVER (ORDER BY a.ordinality), a.events",
    ),
    bug(
        "a stream's partition is drawn by lot",
        "its events no longer arrive in order",
        ROWS,
        "small(stream.partition)",
        "small(hash(context.command_id) % 8)",
    ),
    bug(
        "keys are not committed",
        "the key of a person is lost with the process, and all that it has sealed",
        KEYS,
        '                database.execute("COMMIT")\n',
        "",
        *each(*APIS, at_="writer.flushed_before_answer"),
    ),
    Bug(
        "each process makes its own key for a person",
        "what was sealed with the one before opens no more",
        (
            Edit(KEYS, "new = [s for s in wanted if self.known(*s) is None]", "new = list(wanted)"),
            Edit(KEYS, '"INSERT OR IGNORE INTO data_keys', '"INSERT OR REPLACE INTO data_keys'),
        ),
    ),
    bug(
        "the log's lock is taken for the session",
        "nobody else ever appends again",
        APPEND,
        "    PERFORM pg_advisory_xact_lock(lock);\n",
        "    PERFORM pg_advisory_lock(lock);\n",
    ),
    bug(
        "an aggregate is lent from memory itself, not a copy",
        "what was decided and refused stays decided",
        MEMORY,
        "return aggregate.copied(now), stream",
        "return aggregate, stream",
    ),
    bug(
        "memory is believed after a conflict",
        "the same decision is tried again on the same old state",
        MEMORY,
        "            self._known.pop((tenant, id.int), None)",
        "            pass",
    ),
    # -- the door
    bug(
        "a refusal is not checked against the record",
        "a retry after a lost answer is told that the thing exists already, by itself",
        DISPATCH,
        "earlier = await log.answer_of(asked.caller.tenant, asked.context.command_id, body)",
        "earlier = None",
        *KILLED_BEFORE_THE_ANSWER,
    ),
    bug(
        "If-Match is not looked at",
        "a caller overwrites what it has not seen",
        DISPATCH,
        "if first.version != self._asked.if_match:",
        "if False:",
    ),
    bug(
        "a policy may not follow an event of the future",
        "a win is never followed by its order when the clock was set back in between",
        REACTOR,
        ", follows=recorded.occurred_at)",
        ")",
        *CLOCK_BACK,
    ),
    bug(
        "now is what the clock says",
        "a name given after the clock was set back never takes effect",
        DISPATCH,
        "aggregate.now = max([self.occurred_at, *aggregate.moved_at.values(), *known])",
        "aggregate.now = self.occurred_at",
        *CLOCK_BACK,
    ),
    bug(
        "the pool lends dead connections",
        "after a reset the API waits for connections that never come",
        "eventlog/connections.py",
        "        await connection.close()",
        "        pass",
        *CUT,
    ),
    # -- relay and Kafka
    bug(
        "the relay remembers first and publishes then",
        "what it was about to publish when it was killed never reaches Kafka",
        RELAY,
        "        done = await self.to.publish(self.at.topic, batch)\n",
        "        await self.save(replace(self.at, position=batch[-1].position))\n"
        "        done = await self.to.publish(self.at.topic, batch)\n",
        *each(*RELAYS, at_="relay.before_publish", times=4),
    ),
    bug(
        "the relay believes that all was acknowledged",
        "what Kafka never got is missing in it",
        RELAY,
        "        done = await self.to.publish(self.at.topic, batch)\n",
        "        await self.to.publish(self.at.topic, batch)\n        done = len(batch)\n",
        *KAFKA_CUT,
        Fault(100, "Kafka swallowed", seconds=2.5),
        *TOPIC_GONE,
    ),
    bug(
        "previous is not kept up",
        "a consumer cannot notice a hole",
        RELAY,
        "        previous[partition] = position\n",
        "        pass\n",
    ),
    bug(
        "a new leader begins at the head",
        "what its predecessor had not yet published never reaches Kafka",
        RELAY,
        "        at = await lead(connection)\n",
        "        at = replace(await lead(connection), position=await feed.head(connection))\n",
        *each(*RELAYS, at_="relay.before_publish", times=4),
    ),
    bug(
        "records go to the partition that is next in turn",
        "the events of one stream no longer arrive in order",
        RELAY,
        "made.append(Record(partition, position,",
        "made.append(Record(position % 4, position,",
    ),
    bug(
        "a lost topic is not made anew",
        "the relay publishes into nowhere for ever",
        RELAY,
        "        if self.at.topic and self.at.cluster == cluster and await self.still_has(self.at.topic):",
        "        if self.at.topic:",
        *TOPIC_GONE,
    ),
    Bug(
        "Kafka is believed to have everything",
        "what it has lost, or had before a consumer came, is never seen",
        (
            Edit(
                INBOX,
                "            if record.previous > done:\n                self._filling.add(record.partition)\n"
                "                del reached[record.partition]\n                continue\n",
                "",
            ),
            Edit(INBOX, "        self._filling = set(partitions)\n", "        self._filling.clear()\n"),
            Edit(INBOX, "                self._filling |= free\n", ""),
            Edit(
                INBOX,
                "        return dict(await cursor.fetchall())\n\n    async def _tend_subscription",
                "        return {}\n\n    async def _tend_subscription",
            ),
        ),
        (*TOPIC_GONE, *each(*PROJECTORS, at_="host.committed")),
    ),
    # -- projections
    Bug(
        "checkpoints are committed first",
        "rows that were to follow are lost with the process",
        (
            Edit(HOST, BEFORE_THE_ROWS, "                await self._advance(reached)\n" + BEFORE_THE_ROWS),
            Edit(HOST, WITH_THE_ROWS, WITHOUT_CHECKPOINTS),
        ),
        KILLED_IN_A_BATCH,
    ),
    bug(
        "checkpoints are committed last, on their own",
        "a batch is folded twice when the process is killed in between",
        HOST,
        WITH_THE_ROWS,
        WITHOUT_CHECKPOINTS,
        *KILLED_AFTER_A_BATCH,
    ),
    bug(
        "a paused owner is not fenced",
        "it goes on beside its successor, and both fold the same events",
        SLOT,
        " WHERE c.slot = n.slot AND c.partition = n.partition AND c.owner = n.owner AND c.position = n.before",
        " WHERE c.slot = n.slot AND c.partition = n.partition AND n.owner + n.before >= 0",
        *STOPPED_PAST_THE_SESSION,
    ),
    bug(
        "all partitions share a checkpoint",
        "a quick partition carries the slow ones past events that they have not seen",
        HOST,
        "return min((position for (_, p), position in self.checkpoints.items() if p == partition), default=0)",
        "return max(self.checkpoints.values(), default=0)",
        *STOPPED_PAST_THE_SESSION,
    ),
    Bug(
        "a record that comes twice counts twice",
        "whatever is published again is folded again",
        (
            Edit(
                HOST,
                "position > self.checkpoints[slot.name, partition] and (",
                "(",
            ),
            Edit(INBOX, "            if done is None or record.position <= done:\n", "            if done is None:\n"),
        ),
        each(*RELAYS, at_="relay.published_before_saved", times=12),
    ),
    Bug(
        "errors of the store park rows",
        "a full disk makes read models wrong instead of late",
        (
            Edit(
                HOST,
                "                await self._write(fold)\n"
                "        except psycopg.OperationalError:\n            raise\n",
                "                await self._write(fold)\n"
                "        except psycopg.errors.UniqueViolation:\n            raise\n",
            ),
            Edit(HOST, " and not isinstance(error, psycopg.OperationalError)", ""),
        ),
        tuple(Fault(moment, "disk full", "postgres", seconds=3.0) for moment in (40, 120, 200)),
    ),
    Bug(
        "rows are remembered for ever",
        "what another has written meanwhile is overwritten with what is remembered",
        (
            Edit(HOST, "        self._rows.clear()  # others may have changed them since\n", ""),
            Edit(
                HOST,
                "            self._rows.clear()  # they were folded in place, and are not what the tables hold\n",
                "",
            ),
        ),
        STOPPED_PAST_THE_SESSION,
    ),
    bug(
        "payments count twice",
        "the books are wrong",
        "projections/orders.py",
        'add(row, "paid", event.amount)',
        'add(row, "paid", event.amount * 2)',
    ),
    bug(
        "late news displaces what is known of a later day",
        "a name from yesterday's letter replaces today's",
        "domain/aggregate.py",
        "if tuple(since.get(name, ())) <= order:",
        "if path:",
    ),
    bug(
        "a stage without its rank",
        "the board shows a sale where it was, not where it is",
        "projections/stream_rows.py",
        "        set_paths(row, changes)\n",
        '        set_paths(row, {path: value for path, value in changes.items() if path != ("stage_rank",)})\n',
    ),
    bug(
        "a read model says that it has seen all",
        "whoever asks for at least a position is shown less",
        "eventlog/sql/positions.sql",
        "(SELECT e.position - 1 FROM log.events e\n"
        "                              WHERE e.partition = c.partition AND e.position > c.position ORDER BY e.position"
        " LIMIT 1),",
        "NULL::bigint,",
        *each(*PROJECTORS, at_="host.before_batch", act="sleep", times=8, seconds=1.5),
    ),
    bug(
        "min_position is not waited for",
        "a caller does not see what it has just written",
        TIDE,
        "        if now >= position:\n            return now\n        if wait_s > 0",
        "        if now >= 0:\n            return now\n        if wait_s > 0",
        *each(*PROJECTORS, at_="host.before_batch", act="sleep", times=8, seconds=1.5),
    ),
    bug(
        "the feed goes on from the head",
        "a reader of pages misses what did not fit into one",
        FEED,
        "return found, found[-1].position if len(found) == limit else up_to",
        "return found, up_to",
    ),
    # -- the lakehouse
    bug(
        "facts without a transaction",
        "what was inserted before a kill is inserted again after it",
        INTAKE,
        "            with transaction(self.lake.connection):\n                self._advance(steps)\n"
        "                for name, table in tables.items():\n                    self.lake.insert(name, table)\n",
        "            for name, table in tables.items():\n                self.lake.insert(name, table)\n"
        "            with transaction(self.lake.connection):\n                self._advance(steps)\n",
        *each("analyst-1", at_="analyst.inserted_before_commit", times=4),
    ),
    bug(
        "the lakehouse does not fence",
        "an analyst that was paused writes beside its successor",
        INTAKE,
        ' WHERE c.partition = s.partition AND c.owner = s.owner AND c.position = s.before"',
        ' WHERE c.partition = s.partition"',
        at(40, "analyst-1", "analyst.before_commit", "stop", seconds=14.0),
        at(40, "analyst-2", "analyst.before_commit", "stop", nth=40, seconds=1.0),
        Fault(40, "a while", seconds=24.0),
    ),
    bug(
        "an order's lines lose their tax",
        "the lakehouse's revenue is not the books'",
        "projections/analytics/facts.py",
        'return [{**vars(line), "line": line.number} for line in event.lines]',
        'return [{**vars(line), "line": line.number, "net": line.net / 2} for line in event.lines]',
    ),
    # -- the reactor
    bug(
        "the reactor's checkpoint comes first",
        "a win that was to be followed when the process was killed never places its order",
        REACTOR,
        "        for recorded in batch:\n            for policy in self.policies:",
        "        await self._advance({recorded.partition: recorded.position for recorded in batch})\n"
        "        for recorded in batch:\n            for policy in self.policies:",
        *each("reactor-1", at_="reactor.before_dispatch", times=6),
    ),
    bug(
        "the reactor follows the first event of a batch",
        "the other wins of the batch never place their orders",
        REACTOR,
        "        for recorded in batch:\n            for policy in self.policies:",
        "        for recorded in batch[:1]:\n            for policy in self.policies:",
    ),
    Bug(
        "a policy's order has another id each time",
        "asked again after a kill, it places a second one",
        (
            Edit("workers/policies.py", 'order_id=uuid5(IDS, f"order|{recorded.event_id}"),', "order_id=uuid4(),"),
            Edit("workers/policies.py", "from uuid import UUID, uuid5", "from uuid import UUID, uuid4, uuid5"),
            Edit(REACTOR, 'command_id=f"{policy.name}:{recorded.event_id}",', 'command_id=f"{policy.name}:{uuid4()}",'),
            Edit(REACTOR, "from typing import Any\n", "from typing import Any\nfrom uuid import uuid4\n"),
        ),
        each("reactor-1", at_="reactor.dispatched_before_checkpoint", times=8),
    ),
    bug(
        "a policy's order has another cause",
        "nobody can tell which win an order comes from",
        REACTOR,
        "causation_id=recorded.event_id,",
        "causation_id=recorded.correlation_id,",
    ),
    # -- the process
    Bug(
        "sessions leak",
        "PostgreSQL runs out of connections",
        (
            Edit(
                WRITER,
                "        if self._line is None:\n            self._line = await Line.open",
                "        LEAKED.append(self._line)\n"
                "        self._line = self._line if len(LEAKED) % 4 else None\n"
                "        if self._line is None:\n            self._line = await Line.open",
            ),
            Edit(WRITER, "Answered = list[", "LEAKED: list[Line | None] = []\nAnswered = list["),
        ),
    ),
)

CONTROL = Bug(
    "nothing", "a control: many of these faults, and no bug", (), (*CUT, *KILLED_IN_A_BATCH, *CLOCK_BACK, *KAFKA_CUT)
)


def planted(bug: Bug, scratch: Path, number: int) -> Path:
    """A copy of the source with the bug in it."""
    tree = scratch / f"planted-{number}"
    for room in ROOMS:
        shutil.copytree(ROOT / room, tree / room, ignore=shutil.ignore_patterns("__pycache__"))
    for room in ("tests",):
        shutil.copy(ROOT / room / "__init__.py", tree / room / "__init__.py")
    for edit in bug.edits:
        (tree / edit.file).write_text(edit.text(tree))
    return tree


def run_planted(only: str | None) -> int:
    """Look for each bug that has not been looked for yet, or for `only` one; answers how many were not caught."""
    console = Console(highlight=False, markup=False)
    PLANTED.parent.mkdir(parents=True, exist_ok=True)
    done = {found["name"] for found in read(PLANTED)}
    wanted = [bug for bug in (CONTROL, *BUGS) if (bug.name == only if only else bug.name not in done)]
    directory = Path(tempfile.mkdtemp(prefix="kronika-survival-"))
    servers = Servers(directory)
    try:
        for number, bug in enumerate(wanted):
            caught = look_for(bug, servers, directory, number)
            console.print(f"{bug.name}: {caught or 'NOT CAUGHT'}"[:300])
            remember({"name": bug.name, "why": bug.why, "caught_by": caught})
            write_report()
    finally:
        servers.stop()
        shutil.rmtree(directory, ignore_errors=True)
    return sum((found["caught_by"] is None) != (found["name"] == CONTROL.name) for found in read(PLANTED))


def look_for(bug: Bug, servers: Servers, directory: Path, number: int) -> str | None:
    """The sentence that does not hold with this bug; None when all of them do."""
    tree = planted(bug, directory, number)
    own_tables = any(edit.file in MIGRATIONS for edit in bug.edits)
    nursery = Nursery(directory, tree, f"template_{number}" if own_tables else "template_survival")
    processes = tuple(
        sorted({*FEWEST, *(fault.who for fault in bug.faults if fault.who in {*EVERYTHING, "analyst-2"})})
    )
    try:
        for seed in bug.seeds:
            # clients that take their time are still at work when who was stopped past its session goes on
            pause_s = 1.2 if any(fault.kind == "a while" for fault in bug.faults) else 0.0
            schedule = Schedule(
                seed, processes, 8, COMMANDS, tuple(sorted(bug.faults, key=lambda fault: fault.after)), pause_s
            )
            if broken := run(schedule, servers, nursery).broken:
                return broken
    finally:
        nursery.stop()
        shutil.rmtree(tree)
    return None


def remember(found: dict[str, Any]) -> None:
    """Keep it, in place of what was found before."""
    others = [before for before in read(PLANTED) if before["name"] != found["name"]]
    order = [bug.name for bug in (*BUGS, CONTROL)]
    kept = sorted([*others, found], key=lambda one: order.index(one["name"]) if one["name"] in order else -1)
    PLANTED.write_text("".join(json.dumps(one) + "\n" for one in kept))
