"""Given, when, then: a test's way to say what happened, what is asked, and what is recorded or refused."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

import pytest

from commands.command import Command, registration_of
from domain.aggregate import Aggregate, Event, field_names
from domain.refusals import Refusal
from domain.undoing import Retractable
from eventlog.codec import kind_of

A = TypeVar("A", bound=Aggregate)


class Scenario:
    """Commands run through their real handlers, over streams that live as long as the test.

    Each command occurs an hour after the one before, unless it names its own moment.
    """

    tenant = "acme"
    actor = "tester"
    imported = False

    def __init__(self) -> None:
        self.streams: dict[UUID, Aggregate] = {}
        self.history: list[Event] = []
        self.trusted: dict[UUID, dict[int, int]] = {}
        """How far the source of each imported event is trusted, by stream and version"""
        self.occurred_at = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
        self.recorded: list[Event] = []
        self.refused: Refusal | None = None

    async def load(self, kind: type[A], id: UUID) -> A:
        found = self.streams[id]
        assert isinstance(found, kind)
        found.now = self.occurred_at
        return found

    async def load_or_new(self, kind: type[A], id: UUID) -> A:
        return await self.load(kind, id) if id in self.streams else self.new(kind, id)

    look_up = load_or_new

    def shows(self, aggregate: Aggregate) -> bool:
        return True

    async def past(self, aggregate: Aggregate) -> list[Event]:
        return [event for event in self.history if event.originator_id == aggregate.id]

    async def trusts(self, id: UUID) -> dict[int, int]:
        return self.trusted.get(id, {})

    async def naming(self, aggregate: Aggregate) -> list[tuple[str, UUID, int]]:
        others = (other for other in self.streams.values() if isinstance(other, Retractable) and other is not aggregate)
        return [(kind_of(other), other.id, 1) for other in others]

    def new(self, kind: type[A], id: UUID | None) -> A:
        blank = kind(id or uuid4(), self.occurred_at)
        self.streams[blank.id] = blank
        return blank

    def given(self, *commands: Command) -> Scenario:
        """These commands went through before."""
        for command in commands:
            self.when(command)
            assert self.refused is None, f"{command!r} was refused: {self.refused}"
        return self

    def when(self, command: Command) -> Scenario:
        """This command is asked now; the next `then` speaks of it alone."""
        self.occurred_at = command.occurred_at or self.occurred_at + timedelta(hours=1)
        self.recorded, self.refused = [], None
        try:
            asyncio.run(registration_of(command).handler(command, self))  # type: ignore[arg-type]  # awaitable is a coroutine
        except Refusal as refusal:
            self.refused = refusal
        finally:
            self.recorded = [event for stream in self.streams.values() for event in stream.collect_events()]
            self.history += self.recorded
        return self

    def then(self, *expected: type[Event] | tuple[type[Event], dict[str, Any]]) -> Scenario:
        """Exactly these events were recorded, in order; a pair also says values that they carry."""
        if self.refused is not None:
            pytest.fail(f"refused: {self.refused}")
        wanted = [e if isinstance(e, tuple) else (e, {}) for e in expected]
        assert [type(event) for event in self.recorded] == [kind for kind, _ in wanted]
        for event, (kind, values) in zip(self.recorded, wanted, strict=True):
            assert {name: getattr(event, name) for name in field_names(kind) if name in values} == values
        return self

    def then_refused(self, refusal: type[Refusal], *, allowed: list[str] | None = None) -> Scenario:
        """The command was refused so, nothing was recorded, and these commands are named as possible."""
        assert isinstance(self.refused, refusal), (
            f"not refused as {refusal.__name__} but {self.refused!r}; {self.recorded}"
        )
        assert self.recorded == []
        if allowed is not None:
            assert self.refused.allowed == allowed
        return self
