"""The business's ways of saying no, each with the moves that are allowed instead."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID


class Refusal(Exception):
    """A rule of the business forbids what was asked; nothing is recorded.

    `code` is the stable kebab-case name of the refusal; `allowed` names the commands that are possible now.
    """

    def __init__(self, message: str, allowed: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.allowed = list(allowed)

    @property
    def code(self) -> str:
        return re.sub(r"(?<!^)(?=[A-Z])", "-", type(self).__name__).lower()


class MoveOutOfOrder(Refusal):
    """A move may not precede the last one on the same axis, nor a merge or its undoing what is known of either side."""

    def __init__(self, what: str, asked: datetime, last: datetime, allowed: Iterable[str]) -> None:
        super().__init__(
            f"occurred_at {asked.isoformat()} precedes {what}, at {last.isoformat()}; give a moment that does not.",
            allowed,
        )
        self.last = last


class AlreadyExists(Refusal):
    """Something with this id has been recorded before; choose a new id."""

    def __init__(self, kind: str, id: object) -> None:
        super().__init__(f"There is already a {kind} {id}.")


class Irrevocable(Refusal):
    """There is no way back from what happened; the message says what to do instead."""


class WasRetracted(Refusal):
    """What was entered in error takes no commands; only its retraction can be undone."""

    def __init__(self, kind: str, id: UUID) -> None:
        super().__init__(
            f"The {kind} {id} was entered in error and retracted; undo the retraction first.", ["undo-events"]
        )
        self.id = id
