"""Clients who run a small company through HTTP, each by its own dice; what they sent, and what they were answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from tests.survival.wire import Lost, Wire

PATIENCE_S = 45
"""How long a client sends a command again and again before it gives up."""

RECOVERY_S = 30
"""How long a system may take to be itself again, unaided."""

ATTEMPT_S = 4.0
"""How long it waits for one answer before it asks the next API."""

STAGES = ("Qualification", "Proposal", "Negotiation")


@dataclass
class Sent:
    """One command, and all that its sender knows of it. Times are of one clock, the tests' own."""

    key: str
    name: str
    body: dict[str, Any]
    sent_at: float
    if_match: int | None = None
    attempts: int = 0
    answered_at: float | None = None
    status: int | None = None
    answer: dict[str, Any] = field(default_factory=dict)
    only_one_on_its_way: bool = True
    """False when an attempt was given up that may yet be heard."""

    @property
    def acknowledged(self) -> bool:
        return self.status in (200, 201)

    @property
    def refused(self) -> bool:
        return self.status is not None and 400 <= self.status < 500

    @property
    def position(self) -> int:
        return int(self.answer["position"].partition(".")[2])

    @property
    def fresh(self) -> bool:
        """Whether it recorded something."""
        return self.acknowledged and bool(self.answer["types"])


@dataclass
class Book:
    """What all clients of a system have done and seen, together."""

    sent: list[Sent] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    """Reads that showed older than was asked for, in words."""
    internal: list[str] = field(default_factory=list)
    """Answers that called themselves a fault of ours."""
    reads: int = 0
    known: dict[tuple[str, str, str], Any] = field(default_factory=dict)
    """(kind, id, field) to what it must be at the end, of streams whose whole story one client alone has told."""
    tailed: list[int] = field(default_factory=list)
    """The positions that a reader of the feed has seen, in its order."""
    tail: str = ""
    """What the reader of the feed was answered last, and when."""

    @property
    def answered(self) -> int:
        return sum(sent.status is not None for sent in self.sent)

    @property
    def acknowledged(self) -> list[Sent]:
        return [sent for sent in self.sent if sent.acknowledged]

    def expect(self, kind: str, id: str, **values: Any) -> None:
        for name, value in values.items():
            self.known[kind, id, name] = value

    def doubt(self, kind: str, id: str) -> None:
        """Something about it was not answered: nobody can say any more how it must be."""
        for place in [place for place in self.known if place[:2] == (kind, id)]:
            del self.known[place]
        self.known[kind, id, "in doubt"] = None

    def surely(self, kind: str, id: str) -> bool:
        return (kind, id, "in doubt") not in self.known


class Company:
    """Clients that share some customers, and each have their own."""

    def __init__(
        self, apis: list[str], token: str, seed: int, clients: int = 6, commands: int = 600, *, pause_s: float = 0.0
    ) -> None:
        """`pause_s`: how long each client rests between two stories."""
        self.apis, self.token, self.seed, self.clients, self.commands = apis, token, seed, clients, commands
        self.pause_s = pause_s
        self.book = Book()
        chance = Random(seed)
        self.shared = [identity(chance) for _ in range(4)]

    async def work(self, stop: asyncio.Event | None = None) -> None:
        """All clients, until each has sent its share or `stop` is set."""
        wire = Wire({"Authorization": f"Bearer {self.token}"})
        chance = Random(self.seed)
        first = Client(self, wire, 0, Random(chance.random()))
        for customer in self.shared:
            await first.ask("register-customer", customer_id=customer, kind="organisation", name="共享")
        tail = asyncio.create_task(self.tail(wire))
        clients = [Client(self, wire, n, Random(chance.random())) for n in range(self.clients)]
        try:
            await asyncio.gather(*(client.live(self.commands // self.clients, stop) for client in clients))
            await self.all_tailed()
        finally:
            tail.cancel()
            wire.close()

    async def all_tailed(self) -> None:
        """The feed's reader sees the last command; unless something keeps it from that for longer than it may."""
        last = max((sent.position for sent in self.book.sent if sent.fresh), default=0)
        deadline = time.monotonic() + RECOVERY_S
        while (not self.book.tailed or self.book.tailed[-1] < last) and time.monotonic() < deadline:
            await asyncio.sleep(0.02)

    async def tail(self, wire: Wire) -> None:
        """Read the feed from its beginning, wherever it can be read, for as long as there are clients."""
        after, turn = "", 0
        while True:
            turn += 1
            try:
                parameters = {"limit": "20", "wait": "1"} | ({"after": after} if after else {})
                answer = await wire.get(f"{self.apis[turn % len(self.apis)]}/v1/events", parameters, ATTEMPT_S)
                self.book.tail = f"{answer.status} after {after!r} at {datetime.now(UTC)}: {answer.body[-300:]!r}"
                if answer.status == 200:
                    told = answer.json()
                    self.book.tailed += [number(event["position"]) for event in told["events"]]
                    after = told["next"]
                    continue
            except Lost as error:
                self.book.tail = f"nothing after {after!r} at {datetime.now(UTC)}: {error}"
            await asyncio.sleep(0.1)


class Client:
    """One of them."""

    def __init__(self, company: Company, wire: Wire, number: int, chance: Random) -> None:
        self.company, self.wire, self.number, self.chance = company, wire, number, chance
        self.book = company.book
        self.customers: list[str] = []
        self.count = 0
        self.api = number
        self.stories: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (3, self.wins_a_customer),
            (6, self.cares_for_a_customer),
            (3, self.cares_for_a_shared_customer),
            (4, self.sells),
            (4, self.takes_an_order),
            (3, self.helps),
            (2, self.sends_many_at_once),
            (1, self.sends_twice_at_once),
            (3, self.asks_for_nonsense),
            (1, self.asks_and_goes),
        ]

    async def live(self, share: int, stop: asyncio.Event | None) -> None:
        weights = [weight for weight, _ in self.stories]
        await self.wins_a_customer()
        while self.count < share and not (stop and stop.is_set()):
            ((_, story),) = self.chance.choices(self.stories, weights)
            await story()
            if self.company.pause_s:
                await asyncio.sleep(self.company.pause_s)

    # -- stories

    async def wins_a_customer(self) -> None:
        customer = identity(self.chance)
        email = f"{customer}@example.com" if self.chance.random() < 0.7 else f"{self.chance.randrange(30)}@example.com"
        sent = await self.ask(
            "register-customer",
            customer_id=customer,
            kind=self.chance.choice(("person", "organisation")),
            name=self.name(),
            emails=[email],
            owner=self.chance.choice(("li", "wang", None)),
        )
        if sent.acknowledged:
            self.customers.append(customer)
            self.book.expect("customers", customer, name=sent.body["name"], tags=set())

    async def cares_for_a_customer(self) -> None:
        customer = self.own_customer()
        tag = self.chance.choice(("vip", "late", "版"))
        done: Sent
        match self.chance.randrange(7):
            case 0 | 1:
                done = await self.ask("rename-customer", customer_id=customer, name=self.name())
                self.learned("customers", customer, done, name=done.body["name"])
            case 2:
                done = await self.ask("tag-customer", customer_id=customer, tag=tag)
                self.learned("customers", customer, done, tags=self.tags(customer) | {tag})
            case 3:
                done = await self.ask("untag-customer", customer_id=customer, tag=tag)
                self.learned("customers", customer, done, tags=self.tags(customer) - {tag})
            case 4:
                yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()  # known late, it displaces nothing
                done = await self.ask("rename-customer", customer_id=customer, name=self.name(), occurred_at=yesterday)
                self.learned("customers", customer, done)
            case 5:
                done = await self.ask(
                    "log-interaction", customer_id=customer, channel="call", direction="in", subject="?", note="私"
                )
                self.learned("customers", customer, done)
            case _:
                done = await self.ask(
                    "classify-customer", customer_id=customer, tier=self.chance.choice(("gold", "silver"))
                )
                self.learned("customers", customer, done, tier=done.body["tier"])
        await self.look("customers", customer, done)

    async def cares_for_a_shared_customer(self) -> None:
        customer, other = self.chance.sample(self.company.shared, 2)
        match self.chance.randrange(6):
            case 0:
                done = await self.ask("tag-customer", customer_id=customer, tag=f"t{self.chance.randrange(8)}")
            case 1:
                done = await self.ask("rename-customer", customer_id=customer, name=self.name())
            case 2 | 3 | 4:
                done = await self.ask("set-parent", customer_id=customer, parent_id=other)
            case _:
                done = await self.ask(
                    "log-interaction", customer_id=customer, channel="mail", direction="out", subject="!"
                )
        await self.look("customers", customer, done)

    async def sells(self) -> None:
        opportunity, customer = identity(self.chance), self.own_customer()
        amount = str(self.chance.randrange(1, 10_000))
        done = await self.ask(
            "open-opportunity",
            opportunity_id=opportunity,
            customer_id=customer,
            title="A sale",
            contact="小王",
            amount=amount,
            currency="EUR",
        )
        if not done.acknowledged:
            return
        self.book.expect("opportunities", opportunity, amount=Decimal(amount))
        for _ in range(self.chance.randrange(3)):
            done = await self.ask("move-opportunity", opportunity_id=opportunity, stage=self.chance.choice(STAGES))
            self.learned("opportunities", opportunity, done)
        match self.chance.randrange(4):
            case 0 | 1:
                done = await self.ask("win-opportunity", opportunity_id=opportunity)
                self.learned("opportunities", opportunity, done, stage_type="won")
            case 2:
                done = await self.ask("lose-opportunity", opportunity_id=opportunity, lost_reason="price")
                self.learned("opportunities", opportunity, done, stage_type="lost")
            case _:
                amount = str(self.chance.randrange(1, 10_000))
                done = await self.ask("change-amount", opportunity_id=opportunity, amount=amount, currency="EUR")
                self.learned("opportunities", opportunity, done, amount=Decimal(amount))
        await self.look("opportunities", opportunity, done)

    async def takes_an_order(self) -> None:
        order, customer = identity(self.chance), self.own_customer()
        priced = [
            (self.chance.randrange(1, 20), self.chance.randrange(1, 99) + Decimal("0.50"))
            for _ in range(self.chance.randrange(1, 4))
        ]
        total = sum((quantity * price for quantity, price in priced), Decimal(0))
        lines = [
            {"sku": f"s{n}", "quantity": quantity, "unit_price": str(price)}
            for n, (quantity, price) in enumerate(priced)
        ]
        done = await self.ask("place-order", order_id=order, customer_id=customer, currency="EUR", lines=lines)
        if not done.acknowledged:
            return
        self.book.expect("orders", order, total=total, state="draft", paid=Decimal(0))
        steps = ["confirm-order", "ship-order", "deliver-order", "invoice-order", "record-payment", "request-return"]
        paid = Decimal(0)
        for step in steps[: self.chance.randrange(len(steps) + 1)]:
            said: dict[str, Any] = {"order_id": order}
            if step == "invoice-order":
                said |= {"invoice_number": f"i-{order}", "due_on": "2030-01-01"}
            if step == "record-payment":
                said |= {"method": "card", "amount": str(total)}
            done = await self.ask(step, **said)
            if done.acknowledged and step == "record-payment":
                paid = total
            self.learned("orders", order, done, state="confirmed", paid=paid)
        await self.look("orders", order, done)

    async def helps(self) -> None:
        ticket = identity(self.chance)
        done = await self.ask(
            "open-ticket",
            ticket_id=ticket,
            customer_id=self.own_customer(),
            kind="question",
            channel="mail",
            subject="?",
            text="如何?",
        )
        if not done.acknowledged:
            return
        self.book.expect("tickets", ticket, priority="normal")
        for _ in range(self.chance.randrange(3)):
            done = await self.ask("reply-to-ticket", ticket_id=ticket, text="!")
            self.learned("tickets", ticket, done)
        if self.chance.random() < 0.3:
            done = await self.ask("change-ticket-priority", ticket_id=ticket, priority="high")
            self.learned("tickets", ticket, done, priority="high")
        if self.chance.random() < 0.5:
            done = await self.ask("resolve-ticket", ticket_id=ticket, resolution="so")
            self.learned("tickets", ticket, done)
        await self.look("tickets", ticket, done)

    async def sends_many_at_once(self) -> None:
        commands = []
        for _ in range(self.chance.randrange(4, 12)):
            customer = identity(self.chance)
            name, body = "register-customer", {"customer_id": customer, "kind": "person", "name": self.name()}
            commands.append(self.wrote(name, body))
            if self.chance.random() < 0.5:
                commands.append(self.wrote("tag-customer", {"customer_id": customer, "tag": "batch"}))
        await self.send(commands, lambda api, left, wait: self.post_many(api, left, wait))
        for sent in commands:
            kind, id = "customers", sent.body["customer_id"]
            if not sent.acknowledged:
                self.book.doubt(kind, id)
            elif sent.name == "register-customer":
                self.customers.append(id)
                self.book.expect(kind, id, name=sent.body["name"], tags=set())
            elif self.book.surely(kind, id):
                self.book.expect(kind, id, tags={"batch"})

    async def sends_twice_at_once(self) -> None:
        """The same command under one key, to two APIs at the same moment: one answer."""
        body = {"customer_id": self.own_customer(), "channel": "chat", "direction": "in", "subject": "twice"}
        one = self.wrote("log-interaction", body)
        other = Sent(one.key, one.name, one.body, one.sent_at)
        self.book.sent.append(other)
        one.only_one_on_its_way = other.only_one_on_its_way = False
        await asyncio.gather(self.send([one], self.post), self.send([other], self.post, turn=1))
        self.learned("customers", body["customer_id"], one if one.status is not None else other)

    async def asks_for_nonsense(self) -> None:
        match self.chance.randrange(3):
            case 0:
                await self.ask("rename-customer", customer_id=identity(self.chance), name="nobody")
            case 1:
                customer = self.own_customer()
                again = await self.ask("register-customer", customer_id=customer, kind="person", name="again")
                if again.acknowledged:
                    self.book.stale.append(f"{customer} was registered twice")
            case _:
                customer = self.own_customer()
                done = await self.ask("tag-customer", if_match=999, customer_id=customer, tag="late")
                if done.acknowledged:
                    self.book.stale.append(f"{customer} was changed in spite of If-Match")

    async def asks_and_goes(self) -> None:
        """A caller who does not wait for the answer and never asks again."""
        customer = self.own_customer()
        sent = self.wrote("tag-customer", {"customer_id": customer, "tag": "gone"})
        sent.attempts, sent.only_one_on_its_way = 1, False
        self.book.doubt("customers", customer)
        with suppress(Lost):
            await self.post(self.next_api(), [sent], self.chance.choice((0.001, 0.01, 0.05)))

    # -- words

    def name(self) -> str:
        return f"{self.chance.choice('李王张刘陈')}{self.chance.randrange(10_000)}"

    def own_customer(self) -> str:
        return self.chance.choice(self.customers) if self.customers else self.company.shared[0]

    def tags(self, customer: str) -> set[str]:
        return set(self.book.known.get(("customers", customer, "tags"), ()))

    def learned(self, kind: str, id: str, sent: Sent, **values: Any) -> None:
        """An acknowledged command decides how the thing is; one that was not leaves it in doubt. Shared customers are
        in doubt from the beginning."""
        if sent.status is None:
            self.book.doubt(kind, id)
        elif sent.acknowledged and self.book.surely(kind, id) and id not in self.company.shared:
            self.book.expect(kind, id, **values)

    # -- asking

    async def ask(self, name: str, /, *, if_match: int | None = None, **body: Any) -> Sent:
        sent = self.wrote(name, body, if_match)
        await self.send([sent], self.post)
        return sent

    def wrote(self, name: str, body: dict[str, Any], if_match: int | None = None) -> Sent:
        self.count += 1
        sent = Sent(f"{self.number}-{self.chance.getrandbits(64):x}", name, body, time.monotonic(), if_match)
        self.book.sent.append(sent)
        return sent

    async def send(
        self, commands: list[Sent], post: Callable[[str, list[Sent], float], Awaitable[None]], *, turn: int = 0
    ) -> None:
        """Send them, and those without an answer again, now here, now there, until each has one."""
        deadline = time.monotonic() + PATIENCE_S
        api = self.next_api(turn)
        while left := [sent for sent in commands if sent.status is None]:
            for sent in left:
                sent.attempts += 1
            try:
                await post(api, left, ATTEMPT_S)
            except Lost:
                for sent in left:
                    sent.only_one_on_its_way = False
            if all(sent.status is not None for sent in left) or time.monotonic() > deadline:
                return
            await asyncio.sleep(0.1)
            api = self.next_api()

    def next_api(self, turn: int = 0) -> str:
        if turn or self.chance.random() < 0.3:
            self.api += 1
        return self.company.apis[self.api % len(self.company.apis)]

    async def post(self, api: str, commands: list[Sent], wait_s: float) -> None:
        (sent,) = commands
        headers = {"Idempotency-Key": sent.key} | ({"If-Match": f'"{sent.if_match}"'} if sent.if_match else {})
        answer = await self.wire.post(f"{api}/v1/commands/{sent.name}", sent.body, wait_s, headers)
        self.heard(sent, answer.status, answer.json())

    async def post_many(self, api: str, commands: list[Sent], wait_s: float) -> None:
        batch = [{"command": sent.name, "key": sent.key, "body": sent.body} for sent in commands]
        answer = await self.wire.post(f"{api}/v1/commands", batch, wait_s)
        if answer.status != 200:
            for sent in commands:
                self.heard(sent, answer.status, answer.json())
            return
        for sent, told in zip(commands, answer.json(), strict=True):
            self.heard(sent, told["status"], told.get("answer") or told["problem"])

    def heard(self, sent: Sent, status: int, told: dict[str, Any]) -> None:
        if status == 500:
            self.book.internal.append(f"{sent.name} {sent.key}: {told}")
        if status >= 500:  # to be sent again
            sent.only_one_on_its_way = False
            return
        sent.status, sent.answer, sent.answered_at = status, told, time.monotonic()

    async def look(self, kind: str, id: str, after: Sent) -> None:
        """Sometimes read what was just written, as fresh as it was answered."""
        if not after.acknowledged or self.chance.random() > 0.4:
            return
        asked = {"min_position": after.answer["position"], "wait": "5"}
        sure = {
            name: value
            for (kind_, id_, name), value in self.book.known.items()
            if (kind_, id_) == (kind, id) and name != "in doubt"
        }
        try:
            answer = await self.wire.get(f"{self.next_api()}/v1/{kind}/{id}", asked, 8)
        except Lost:
            return
        self.book.reads += 1
        if answer.status == 503:
            return
        if answer.status != 200:
            self.book.stale.append(f"{kind} {id} at {asked['min_position']}: {answer.status} {answer.body!r}")
            return
        row = answer.json()
        if row["version"] < after.answer["version"] or number(answer.headers["x-position"]) < after.position:
            self.book.stale.append(
                f"{kind} {id} at {asked['min_position']}: version {row['version']} of {after.answer['version']},"
                f" position {answer.headers['x-position']}"
            )
        if self.book.surely(kind, id) and row["version"] == after.answer["version"]:
            self.book.stale += [
                f"{kind} {id}: {name} is {row[name]!r}, not {value!r}"
                for name, value in sure.items()
                if not same(row[name], value)
            ]


def same(shown: Any, known: Any) -> bool:
    """What a read shows and what its writer knows, whatever the form."""
    match known:
        case Decimal():
            return Decimal(shown) == known
        case set():
            return set(shown or ()) == known
        case _:
            return bool(shown == known)


def number(token: str) -> int:
    return int(token.partition(".")[2])


def identity(chance: Random) -> str:
    return str(UUID(int=chance.getrandbits(128), version=4))
