"""A life on paper: all that was ever said of one aggregate, and when it was so; what tells whether it remembers well.

It knows nothing of how an aggregate folds. Of each thing it lists every statement; the one about the latest moment
counts, among those about one moment the last one said. A move settles a thing: it strikes out all statements before.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant

from commands.command import Command
from domain.aggregate import Aggregate, Event
from tests.scenario import Scenario

ID = UUID(int=41)
HOUR = timedelta(hours=1)

AGO = st.just(0) | st.integers(1, 12)
"""How many hours ago it was so; an hour passes with every step, so that 1 is the very moment of the step before."""

Thing = str | tuple[str, str]
"""An attribute, or one entry of a map."""
Says = dict[Any, Any]
"""What a fact or a move says of which things; None of an entry says that there is none."""

BOOKKEEPING = {"id", "now", "modified_on", "since", "moved_at", "_pending"}
"""How an aggregate came to know what it knows; the paper has its own ways."""


class AnyLife(RuleBasedStateMachine):
    """One aggregate asked anything, beside the paper; `blank` is all it may know before anybody has said a word."""

    kind: ClassVar[type[Aggregate]]
    id_field: ClassVar[str]
    blank: ClassVar[dict[str, Any]]

    def __init__(self) -> None:
        super().__init__()
        self.crm = Scenario()
        self.now = self.crm.occurred_at
        self.history: list[Event] = []
        self.said: dict[Thing, list[tuple[datetime, int, Any]]] = {}
        self.moved: dict[str, datetime] = {}

    @property
    def allowed(self) -> list[str]:
        """The commands that are possible now."""
        raise NotImplementedError

    def holds(self, thing: Thing) -> Any:
        """What counts of all that was said."""
        if thing in self.said:
            return max(self.said[thing])[-1]
        return self.blank.get(thing) if isinstance(thing, str) else None

    def is_news(self, at: datetime, thing: Thing, value: Any) -> bool:
        return value != self.holds(thing) or (thing in self.said and at < max(self.said[thing])[0])

    def of(self, kind: type[Command], ago: int = 0, /, **values: Any) -> Command:
        """This command, about so many hours ago."""
        self.now += HOUR
        return kind(**{self.id_field: ID}, occurred_at=self.now - ago * HOUR, **values)

    def ask(self, command: Command, *expected: str) -> None:
        """Exactly these events are recorded, in order."""
        self.crm.when(command)
        assert self.crm.refused is None, f"{command!r} was refused: {self.crm.refused}"
        assert [type(event).__name__ for event in self.crm.recorded] == list(expected), command
        self.history += self.crm.recorded

    def is_refused(self, command: Command, refusal: str, allowed: list[str] | None = None) -> None:
        """It is refused so, naming what is allowed instead; that nothing changed is for the invariants to see."""
        self.crm.when(command)
        assert type(self.crm.refused).__name__ == refusal, command
        assert self.crm.refused
        assert self.crm.refused.allowed == (self.allowed if allowed is None else allowed), command
        assert self.crm.recorded == []

    def learns(self, command: Command, *facts: tuple[str, Says]) -> None:
        """Each fact is recorded when it says something else than what holds, or that it held earlier already; from when
        on it counts, the paper finds out for itself."""
        at = command.occurred_at
        assert at
        dated = [(event, says, self.counts_from(at, says)) for event, says in facts]
        news = [(event, says, at) for event, says, at in dated if any(self.is_news(at, *said) for said in says.items())]
        for _, says, since in news:
            for thing, value in says.items():
                self.said.setdefault(thing, []).append((since, len(self.history), value))
        self.ask(command, *(event for event, _, _ in news))

    def counts_from(self, at: datetime, says: Says) -> datetime:
        """A fact of before the first word counts from that on, where that left open what it is about."""
        last = [max(self.said[thing]) for thing in says if thing in self.said]
        left_open = last and all(number == 0 and value in (None, "", ()) for _, number, value in last)
        return max(at, last[0][0]) if left_open and all(self.holds(thing) in (None, "", ()) for thing in says) else at

    def moves(self, command: Command, axis: str, event: str, says: Says) -> bool:
        """The move is recorded, unless it would precede the last one on its axis; and whether it was."""
        at = command.occurred_at
        assert at
        if axis in self.moved and at < self.moved[axis]:
            self.is_refused(command, "MoveOutOfOrder")
            return False
        self.moved[axis] = at
        self.said.update({thing: [(at, len(self.history), value)] for thing, value in says.items()})
        self.ask(command, event)
        return True

    @property
    def alive(self) -> Any:
        return self.crm.streams[ID]

    @invariant()
    def it_knows_what_the_paper_says(self) -> None:
        paper = {name: value.copy() if isinstance(value, dict) else value for name, value in self.blank.items()}
        for thing in self.said:
            value = self.holds(thing)
            if isinstance(thing, str):
                paper[thing] = value
            elif value is not None:
                paper[thing[0]][thing[1]] = value
        paper["version"] = len(self.history)
        assert {name: value for name, value in vars(self.alive).items() if name not in BOOKKEEPING} == paper

    @invariant()
    def it_names_the_commands_that_are_possible(self) -> None:
        assert self.alive.moves == self.allowed

    @invariant()
    def it_is_nothing_but_the_fold(self) -> None:
        live = {name: value for name, value in vars(self.alive).items() if name not in {"now", "_pending"}}
        again = vars(self.kind.fold(ID, self.history))
        assert live == {name: again[name] for name in live}
