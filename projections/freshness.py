"""What a reader is told when a read model is not as fresh, or not as whole, as asked for, or cannot be asked."""

from __future__ import annotations


class NotFreshYet(Exception):
    """The read model has not reached the position asked for within the time given."""

    def __init__(self, name: str, asked: int, reflected: int) -> None:
        super().__init__(
            f"{name} reflects position {reflected}, {asked - reflected} behind the one asked for; ask again shortly."
        )
        self.behind = asked - reflected


class ParkedRead(Exception):
    """What is asked for rests on an event that could not be folded, all of it or what was asked for by its position."""

    def __init__(self, name: str, position: int, event_id: object) -> None:
        super().__init__(
            f"In {name} the event {event_id} at position {position} is parked, and what follows it for the same row."
        )
        self.position = position
        self.event_id = event_id


class LakehouseAway(Exception):
    """The lakehouse cannot be asked just now."""


class QueryCancelled(Exception):
    """The query was cancelled before it had ended."""


class TooMuch(Exception):
    """The question takes longer, or more memory, than one may; ask for less."""
