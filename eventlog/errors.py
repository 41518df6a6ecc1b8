"""What the log can answer instead of recording: each says what the caller may do about it."""

from __future__ import annotations

from uuid import UUID

from domain.refusals import Refusal


class Conflict(Exception):
    """Somebody else changed the stream since it was loaded; load it again and decide anew."""

    def __init__(self, stream_id: UUID, version: int) -> None:
        super().__init__(f"The stream {stream_id} is at version {version} now.")
        self.stream_id = stream_id
        self.version = version


class ClaimTaken(Refusal):
    """What must be one customer's or user's alone in the tenant belongs to another already."""

    def __init__(self, kind: str, holder: UUID | None = None) -> None:
        """`kind` is what was claimed; `holder` who has it, where the caller may know."""
        who = "Another one" if holder is None else f"Another one ({holder})"
        super().__init__(
            f"{who} has this {kind.replace('-', ' ')} already; correct one of the two first, or merge them where both"
            " are one customer."
        )
        self.kind = kind
        self.holder = holder


class ParentCircle(Refusal):
    """The one to stand above stands below already: a group cannot contain itself, nor anybody report to themselves."""

    def __init__(self) -> None:
        super().__init__("The one that is named as standing above stands below already; no circle may close.")


class CommandReused(Exception):
    """The command id was used before with another body; send the new command under an id of its own."""


class LogUnavailable(Exception):
    """The store does not answer. Whether the command was recorded is open: send it again under the same id."""


class PositionAbandoned(Exception):
    """The position belongs to a future that a restore has abandoned; resume from `resume`."""

    def __init__(self, token: str, resume: str) -> None:
        super().__init__(f"The position {token} was lost in a restore of the log; resume from {resume}.")
        self.resume = resume


class BadPosition(ValueError):
    """Not a position that this log could have given out."""
