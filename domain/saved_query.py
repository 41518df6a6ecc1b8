"""An analyst's own SQL, kept under a name, for its owner or for everybody, and asked at set times if wanted."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from domain.aggregate import Aggregate, Changes, Fact, Move
from domain.refusals import AlreadyExists, Refusal


class QueryDeleted(Refusal):
    """A query that was deleted is asked no more; save another one."""

    def __init__(self, query: SavedQuery) -> None:
        super().__init__(f"The saved query {query.id} was deleted; save another one.", ["save-query"])


class NotTheOwner(Refusal):
    """Only who has saved a query changes it; save one of your own."""

    def __init__(self, query: SavedQuery) -> None:
        super().__init__(f"The saved query {query.id} is {query.owner}'s; save one of your own.", ["save-query"])


class SavedQuery(Aggregate):
    """One query. It is asked with what its owner may see at that time; the answers are kept beside the read models."""

    class Saved(Move):
        axis = "standing"

        owner: str
        name: str
        sql: str
        shared: bool

        def changes(self) -> Changes:
            return {**super().changes(), ("state",): "saved"}

    class Changed(Fact):
        name: str
        sql: str
        shared: bool

    class Scheduled(Move):
        """From now on it is asked at these times; times before now are not made up for."""

        axis = "schedule"

        cron: str
        zone: str
        """By whose clocks, by its name in the time zone database"""
        keep: int
        """Of so many runs the answers are kept"""

    class Unscheduled(Move):
        axis = "schedule"

        def changes(self) -> Changes:
            return {("cron",): None, ("zone",): None, ("keep",): None}

    class Deleted(Move):
        """With all answers that were kept."""

        axis = "standing"

        def changes(self) -> Changes:
            return {("state",): "deleted", ("cron",): None}

    def __init__(self, id: UUID, now: datetime | None = None) -> None:
        super().__init__(id, now)
        self.state = ""
        self.owner = ""
        self.name = ""
        self.sql = ""
        self.shared = False
        self.cron: str | None = None
        self.zone: str | None = None
        self.keep: int | None = None

    @property
    def moves(self) -> list[str]:
        if not self.exists:
            return ["save-query"]
        if self.state == "deleted":
            return []
        return ["change-query", "schedule-query", "delete-query", *(["unschedule-query"] if self.cron else [])]

    def save(self, owner: str, name: str, sql: str, shared: bool) -> None:
        if self.exists:
            raise AlreadyExists("saved query", self.id)
        self.record(self.Saved, owner=owner, name=name, sql=sql, shared=shared)

    def change(self, actor: str, name: str | None, sql: str | None, shared: bool | None) -> None:
        """What is None stays as it is."""
        self._check(actor)
        self.learn(
            self.Changed,
            name=self.name if name is None else name,
            sql=self.sql if sql is None else sql,
            shared=self.shared if shared is None else shared,
        )

    def schedule(self, actor: str, cron: str, zone: str, keep: int) -> None:
        self._check(actor)
        if (cron, zone, keep) != (self.cron, self.zone, self.keep):
            self.record(self.Scheduled, cron=cron, zone=zone, keep=keep)

    def unschedule(self, actor: str) -> None:
        self._check(actor)
        if self.cron is not None:
            self.record(self.Unscheduled)

    def delete(self, actor: str) -> None:
        self._check(actor)
        self.record(self.Deleted)

    def _check(self, actor: str) -> None:
        if self.state == "deleted":
            raise QueryDeleted(self)
        if actor != self.owner:
            raise NotTheOwner(self)
