"""One file with rows of a list, or with events, that somebody asked for: finished, failed or cancelled in the end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.aggregate import Aggregate, Changes, Move, Personal
from domain.refusals import AlreadyExists, Refusal


@dataclass(frozen=True)
class Condition:
    """Which rows: a filter as a list takes it ("amount.gte", "1000")."""

    name: str
    value: str


@dataclass(frozen=True)
class Contents:
    """What came of an export: where its file is kept, how large it is, and which position of the log it shows."""

    file: UUID
    rows: int
    parked: int
    """Of the rows, those that stand still at an event that could not be taken in"""
    bytes: int
    sha256: str
    reflects: int
    expires_at: datetime


class ExportOver(Refusal):
    """The export has come to its end."""

    def __init__(self, export: Export) -> None:
        super().__init__(f"The export is {export.state} already.")


class Export(Aggregate):
    """One export. Its file goes after some days; what it was, and the digest of its bytes, stays."""

    class Requested(Move):
        axis = "state"
        class_version = 2

        resource: str
        format: str
        filters: Personal[tuple[Condition, ...]]
        sorted_by: str | None
        columns: tuple[str, ...]
        """All when empty"""
        as_of: datetime | None = None
        """As it was then; now when absent"""
        known_at: datetime | None = None
        """As it was known then, or at the position `known_position`; now when neither is given"""
        known_position: int | None = None

        def changes(self) -> Changes:
            return {**super().changes(), ("state",): "asked"}

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            state["as_of"] = state["known_at"] = state["known_position"] = None  # exports were of now only

    class Finished(Move):
        axis = "state"

        file: UUID
        rows: int
        parked: int
        bytes: int
        sha256: str
        reflects: int
        expires_at: datetime

        def changes(self) -> Changes:
            return {**super().changes(), ("state",): "finished"}

    class Failed(Move):
        """What was asked for does not fit into such a file, or is there no more."""

        axis = "state"

        why: str

        def changes(self) -> Changes:
            return {**super().changes(), ("state",): "failed"}

    class Cancelled(Move):
        axis = "state"

        def changes(self) -> Changes:
            return {("state",): "cancelled"}

    def __init__(self, id: UUID, now: datetime | None = None) -> None:
        super().__init__(id, now)
        self.state = ""
        self.resource = ""
        self.format = ""
        self.filters: tuple[Condition, ...] | None = ()
        self.sorted_by: str | None = None
        self.columns: tuple[str, ...] = ()
        self.as_of: datetime | None = None
        self.known_at: datetime | None = None
        self.known_position: int | None = None
        self.file: UUID | None = None
        self.rows: int | None = None
        self.parked: int | None = None
        self.bytes: int | None = None
        self.sha256: str | None = None
        self.reflects: int | None = None
        self.expires_at: datetime | None = None
        self.why: str | None = None

    def request(
        self,
        resource: str,
        format: str,
        filters: tuple[Condition, ...],
        sorted_by: str | None,
        columns: tuple[str, ...],
        as_of: datetime | None = None,
        known_at: int | datetime | None = None,
    ) -> None:
        if self.exists:
            raise AlreadyExists("export", self.id)
        self.record(
            self.Requested,
            resource=resource,
            format=format,
            filters=filters or None,
            sorted_by=sorted_by,
            columns=columns,
            as_of=as_of,
            known_at=known_at if isinstance(known_at, datetime) else None,
            known_position=known_at if isinstance(known_at, int) else None,
        )

    def finish(self, contents: Contents) -> None:
        self._check_under_way()
        self.record(self.Finished, **vars(contents))

    def fail(self, why: str) -> None:
        self._check_under_way()
        self.record(self.Failed, why=why)

    def cancel(self) -> None:
        self._check_under_way()
        self.record(self.Cancelled)

    def _check_under_way(self) -> None:
        if self.state != "asked":
            raise ExportOver(self)
