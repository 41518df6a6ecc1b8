"""The order of units under way: those that concern the same thing one after another, all others together."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from functools import cache
from typing import Any

from msgspec import Struct

from commands.command import Command, streams
from commands.importing.planning import Unit

CLAIMED = ("emails", "tax_id", "external_ids", "external_id", "number")
"""What a command may ask to be one customer's alone: of two units that want it the first gets it, whenever they run."""


class Concern(Struct, frozen=True):
    """What a unit changes, and what it merely looks at."""

    changed: frozenset[Hashable]
    seen: frozenset[Hashable]


def concern_of(unit: Unit) -> Concern:
    changed: set[Hashable] = set()
    seen: set[Hashable] = set()
    for wanted in unit.wanted:
        own, others = streams(wanted.asked)
        changed.add(own)
        seen.update(others)
        changed.update(claims(wanted.asked))
    return Concern(frozenset(changed), frozenset(seen - changed))


def claims(command: Command) -> set[Hashable]:
    values: dict[str, Any] = vars(command)
    found: set[Hashable] = set()
    for name in claiming(type(command)):
        if value := values[name]:
            found.update((name, one.casefold() if isinstance(one, str) else one) for one in as_tuple(value))
    return found


@cache
def claiming(model: type[Command]) -> tuple[str, ...]:
    return tuple(name for name in CLAIMED if name in model.model_fields)


def as_tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


class Queue:
    """The units under way, by what they concern."""

    def __init__(self) -> None:
        self._changing: dict[Hashable, asyncio.Task[None]] = {}
        self._seeing: dict[Hashable, set[asyncio.Task[None]]] = {}

    def before(self, concern: Concern) -> set[asyncio.Task[None]]:
        """Those that such a unit waits for."""
        changing, seeing = self._changing, self._seeing
        found = {changing[one] for one in concern.changed | concern.seen if one in changing}
        for one in concern.changed:
            found.update(seeing.get(one, ()))
        return found

    def join(self, concern: Concern, task: asyncio.Task[None]) -> None:
        for one in concern.changed:
            self._changing[one] = task
        for one in concern.seen:
            self._seeing.setdefault(one, set()).add(task)

    def leave(self, concern: Concern, task: asyncio.Task[None] | None) -> None:
        for one in concern.changed:
            if self._changing.get(one) is task:
                del self._changing[one]
        for one in concern.seen:
            seeing = self._seeing.get(one)
            if seeing is not None and task is not None:
                seeing.discard(task)
                if not seeing:
                    del self._seeing[one]
