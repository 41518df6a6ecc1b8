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
    """What must be one customer's alone in the tenant belongs to another already."""

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"Another customer has this {kind.replace('_', ' ')} already; merge the two, or correct one of them first."
        )


class ParentCircle(Refusal):
    """The parent named stands below the child already: a group cannot contain itself."""

    def __init__(self) -> None:
        super().__init__("This parent stands below the customer already; a group cannot contain itself.")


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
