"""The rows of all files of one import, in a throwaway SQLite file: memory stays bounded, joins are indexed look-ups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping as Map
from pathlib import Path
from types import TracebackType
from typing import Self

from commands.importing.mapping import Mapping
from commands.importing.problems import Place


class Staged:
    """Derived data: after a kill it is simply made again. Use it as a context manager, or close it.

    `Staged(mapping, directory)` reads all files of the mapping found in the directory. Raises Unreadable (files) and
    MappingError (columns that the files have not).
    """

    def __init__(self, mapping: Mapping, directory: Path, place: Path | None = None) -> None:
        """`place` is where the throwaway file is made; default: the system's directory for those."""
        raise NotImplementedError

    def columns(self, file: str) -> tuple[str, ...]:
        """What the columns of a file (by its name in the mapping) are called."""
        raise NotImplementedError

    def row(self, file: str, line: int) -> tuple[str, ...] | None:
        """The cells of the row that begins on that line, also of one that could not be read whole."""
        raise NotImplementedError

    def count(self, file: str) -> int:
        """How many rows the file has."""
        raise NotImplementedError

    def correct(self, file: str, rows: Iterable[Map[str, str]]) -> frozenset[Place]:
        """Lay corrected rows over those of the same `kronika_line`; answers which they are, for `units(only=...)`.
        Raises Unreadable when a row names a line that the file has not, or has other columns."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
