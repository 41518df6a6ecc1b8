"""The teams of a tenant, each within another one or at the top."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from domain.aggregate import Aggregate, Changes, Fact, Move
from domain.refusals import AlreadyExists, Refusal


class TeamDissolved(Refusal):
    """A dissolved team takes nobody in, and nothing else; found another one."""

    def __init__(self, team: Team) -> None:
        super().__init__(f"Team {team.id} was dissolved; found another one.", team.moves)


class WithinItself(Refusal):
    """A team cannot be within itself."""

    def __init__(self, team: Team) -> None:
        super().__init__(f"Team {team.id} cannot be within itself.", team.moves)


class Team(Aggregate):
    """People who work together. Who belongs to it is said by each member's own history."""

    class Founded(Move):
        axis = "standing"

        name: str

        def changes(self) -> Changes:
            return {**super().changes(), ("active",): True}

    class Renamed(Fact):
        name: str

    class PutWithin(Move):
        """Into a larger team; at the top without one."""

        axis = "place"

        within_id: UUID | None

    class Dissolved(Move):
        axis = "standing"

        def changes(self) -> Changes:
            return {("active",): False}

    def __init__(self, id: UUID, now: datetime | None = None) -> None:
        super().__init__(id, now)
        self.name = ""
        self.active = True
        self.within_id: UUID | None = None

    @property
    def parent(self) -> UUID | None:
        """The larger team is a parent to the log: it lets no circle of them close."""
        return self.within_id

    @property
    def moves(self) -> list[str]:
        if not self.exists:
            return ["found-team"]
        return ["rename-team", "put-team-within", "dissolve-team"] if self.active else ["rename-team"]

    def found(self, name: str) -> None:
        if self.exists:
            raise AlreadyExists("team", self.id)
        self.record(self.Founded, name=name)

    def rename(self, name: str) -> None:
        self.learn(self.Renamed, name=name)

    def put_within(self, larger: Team | None) -> None:
        self.refuse_when_dissolved()
        if larger is not None:
            if larger.id == self.id:
                raise WithinItself(self)
            larger.refuse_when_dissolved()
        within_id = larger.id if larger else None
        if within_id != self.within_id:
            self.record(self.PutWithin, within_id=within_id)

    def dissolve(self) -> None:
        """Its members stay on record, and belong to nothing by it."""
        if self.active:
            self.record(self.Dissolved)

    def refuse_when_dissolved(self) -> None:
        if not self.active:
            raise TeamDissolved(self)
