"""One delivery of data from another system: asked for, tried or done, and undone when it was a mistake."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.aggregate import Aggregate, Changes, Move
from domain.refusals import AlreadyExists, Refusal

UNDER_WAY = ("asked", "started")
OVER = ("finished", "failed", "cancelled", "reverted")
COUNTS = ("done", "failed", "warnings", "commands", "events", "known")


@dataclass(frozen=True)
class ImportedFile:
    """One file as it was delivered."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Counts:
    """What came of an import. A unit is what one row, with the rows that belong to it, becomes; `warnings` is how much
    is warned of, of those that failed, too; `known` are commands that an earlier import had recorded already."""

    done: int
    failed: int
    warnings: int
    commands: int
    events: int
    known: int


class ImportRefusal(Refusal):
    """An import's way of saying no."""

    def __init__(self, data_import: Import, message: str) -> None:
        super().__init__(message, data_import.moves)


class ImportOver(ImportRefusal):
    """The import has come to its end."""

    def __init__(self, data_import: Import) -> None:
        super().__init__(data_import, f"The import is {data_import.state} already.")


class ImportUnderWay(ImportRefusal):
    """The import has not come to its end yet."""

    def __init__(self, data_import: Import) -> None:
        super().__init__(data_import, "The import is under way; wait for its end, or cancel it.")


class NoDryRun(ImportRefusal):
    """Only what was tried in a dry run can be started after it."""

    def __init__(self, data_import: Import) -> None:
        super().__init__(data_import, "This import is no finished dry run; request a new one.")


class NothingToRevert(ImportRefusal):
    """The import has written nothing that could be undone."""

    def __init__(self, data_import: Import) -> None:
        super().__init__(data_import, "The import was a dry run and has written nothing.")


class Import(Aggregate):
    """One import of some files by one mapping. It is asked, started, and then finished, failed (it could not go on) or
    cancelled; reverting and reverted when it is to be undone. A finished dry run can be started for real.

    How far it has come is no event: see commands/importing/.
    """

    class Requested(Move):
        axis = "state"

        mapping: str
        mapping_text: str
        source: str
        """The system that the data came from"""
        files: tuple[ImportedFile, ...]
        dry_run: bool
        corrects: UUID | None
        """The import whose failed rows these files hold, corrected"""
        attended: bool
        """Whether who asked carries it out himself; else the clerk does"""

        def changes(self) -> Changes:
            return {**super().changes(), ("state",): "asked"}

    class Approved(Move):
        """What a dry run has tried is to be done."""

        axis = "state"

        def changes(self) -> Changes:
            return {("state",): "asked", ("dry_run",): False, **dict.fromkeys([(name,) for name in COUNTS])}

    class Started(Move):
        axis = "state"

        def changes(self) -> Changes:
            return {("state",): "started"}

    class Finished(Move):
        axis = "state"

        done: int
        failed: int
        warnings: int
        commands: int
        events: int
        known: int

        def changes(self) -> Changes:
            return {**super().changes(), ("state",): "finished"}

    class Failed(Move):
        """It cannot go on: the files are not what the mapping says."""

        axis = "state"

        why: str

        def changes(self) -> Changes:
            return {**super().changes(), ("state",): "failed"}

    class Cancelled(Move):
        axis = "state"

        def changes(self) -> Changes:
            return {("state",): "cancelled"}

    class RevertAsked(Move):
        axis = "state"

        def changes(self) -> Changes:
            return {("state",): "reverting"}

    class Reverted(Move):
        """`kept` are the events that later ones stand on: they could not be undone."""

        axis = "state"

        undone: int
        kept: int

        def changes(self) -> Changes:
            return {**super().changes(), ("state",): "reverted"}

    def __init__(self, id: UUID, now: datetime | None = None) -> None:
        super().__init__(id, now)
        self.state = ""
        self.mapping = ""
        self.mapping_text = ""
        self.source = ""
        self.files: tuple[ImportedFile, ...] = ()
        self.dry_run = False
        self.corrects: UUID | None = None
        self.attended = False
        self.done: int | None = None
        self.failed: int | None = None
        self.warnings: int | None = None
        self.commands: int | None = None
        self.events: int | None = None
        self.known: int | None = None
        self.why: str | None = None
        self.undone: int | None = None
        self.kept: int | None = None

    @property
    def moves(self) -> list[str]:
        if self.state in UNDER_WAY:
            return ["cancel-import"]
        if self.dry_run:
            return ["start-import"] if self.state == "finished" else []
        return ["revert-import"] if self.state in OVER else []

    def request(
        self,
        mapping: str,
        mapping_text: str,
        source: str,
        files: Sequence[ImportedFile],
        *,
        dry_run: bool,
        corrects: Import | None,
        attended: bool,
    ) -> None:
        if self.exists:
            raise AlreadyExists("import", self.id)
        if corrects is not None and corrects.state in UNDER_WAY:
            raise ImportUnderWay(corrects)
        self.record(
            self.Requested,
            mapping=mapping,
            mapping_text=mapping_text,
            source=source,
            files=tuple(files),
            dry_run=dry_run,
            corrects=corrects.id if corrects else None,
            attended=attended,
        )

    def approve(self) -> None:
        """Do for real what was tried."""
        if not (self.dry_run and self.state == "finished"):
            raise NoDryRun(self)
        self.record(self.Approved)

    def start(self) -> None:
        self._check_under_way()
        if self.state == "asked":
            self.record(self.Started)

    def finish(self, counts: Counts) -> None:
        self._check_under_way()
        self.record(self.Finished, **vars(counts))

    def fail(self, why: str) -> None:
        self._check_under_way()
        self.record(self.Failed, why=why)

    def cancel(self) -> None:
        """What is recorded by then stays; `revert` undoes it."""
        self._check_under_way()
        self.record(self.Cancelled)

    def ask_to_revert(self) -> None:
        if self.state in UNDER_WAY:
            raise ImportUnderWay(self)
        if self.dry_run:
            raise NothingToRevert(self)
        if self.state != "reverting":
            self.record(self.RevertAsked)

    def reverted(self, undone: int, kept: int) -> None:
        if self.state != "reverting":
            raise ImportOver(self)
        self.record(self.Reverted, undone=undone, kept=kept)

    def _check_under_way(self) -> None:
        if self.state not in UNDER_WAY:
            raise ImportOver(self)
