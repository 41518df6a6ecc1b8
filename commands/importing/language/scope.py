"""What can be named at a place of the mapping; names that mean nothing are faults of the mapping, told together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cache
from typing import Protocol
from zoneinfo import ZoneInfo, available_timezones

from phonenumbers import SUPPORTED_REGIONS

from commands.importing.language.document import Join, Language
from commands.importing.language.rows import Cells
from commands.importing.language.template import PLACE, pieces
from eventlog.marked import Path

LIKE = 0.7
"""How alike what is suggested must be; by the library's own 0.6 MOVIL is like EMAIL."""

Reference = tuple[str | None, int]
"""A column: of which join (None: of the row itself), and which one."""


class Files(Protocol):
    """Where rows of other files are looked up."""

    def prepare(self, file: str, columns: tuple[int, ...]) -> None: ...

    def find(self, file: str, columns: tuple[int, ...], values: tuple[str, ...]) -> list[tuple[int, Cells]]: ...

    def find_broken(self, file: str, columns: tuple[int, ...], values: tuple[str, ...]) -> int | None: ...


class NoFiles:
    """While a mapping is only checked, nothing is looked up."""

    def prepare(self, file: str, columns: tuple[int, ...]) -> None:
        pass

    def find(self, file: str, columns: tuple[int, ...], values: tuple[str, ...]) -> list[tuple[int, Cells]]:
        return []

    def find_broken(self, file: str, columns: tuple[int, ...], values: tuple[str, ...]) -> int | None:
        return None


@dataclass(frozen=True)
class Scope:
    """`headers` is None as long as the files are not known: then any column is taken to be there."""

    language: Language
    headers: Mapping[str, tuple[str, ...]] | None = None
    files: Files = field(default_factory=NoFiles)
    file: str | None = None
    """Whose rows are gone through"""
    joins: Mapping[str, Join] = field(default_factory=dict)
    single: frozenset[str] = frozenset()
    """The joins of which there is one row here"""
    path: Path = ()
    faults: list[tuple[Path, str]] = field(default_factory=list)

    def at(self, *more: str | int) -> Scope:
        return replace(self, path=(*self.path, *more))

    def above(self, levels: int) -> Scope:
        return replace(self, path=self.path[:-levels])

    def of(self, file: str | None, joins: Mapping[str, Join] | None = None) -> Scope:
        """Among the rows of this file."""
        single = frozenset(name for name, join in (joins or {}).items() if join.one)
        return replace(self, file=file, joins=joins or {}, single=single)

    def within(self, join: str) -> Scope:
        """Where each row of the join is gone through."""
        single = self.single | {join} if self.at("each").join(join) else frozenset(self.joins)
        return replace(self, single=single)

    def fault(self, message: str) -> None:
        self.faults.append((self.path, message))

    def unknown(self, what: str, name: str, known: Iterable[str], where: str = "") -> None:
        close = get_close_matches(name, [*known], 1, LIKE)
        hints = [f"did you mean {close[0]}?"] * bool(close) + [where] * bool(where)
        self.fault("; ".join([f"unknown {what} {name!r}", *hints]))

    def named(self, file: str) -> None:
        """Here a file is named; one that the mapping has not is a fault, told here alone."""
        if file not in self.language.files:
            self.unknown("file", file, self.language.files)

    def column(self, file: str, name: str) -> int:
        columns = self.headers.get(file) if self.headers else None
        if columns is None:
            return 0
        if name not in columns:
            close = get_close_matches(name, columns, 1, LIKE)
            hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(columns[:30])}"
            if not close and self.language.files[file].has_header:
                hint += " (as its first line says; where that is a row like the others, give the file `columns`)"
            self.fault(f"unknown column {name!r} of file {file}; {hint}")
            return 0
        return columns.index(name)

    def join(self, name: str) -> bool:
        if name not in self.joins:
            self.unknown("join", name, self.joins)
            return False
        return True

    def reference(self, name: str) -> Reference:
        """Which column a template means."""
        join, dot, column = name.partition(".")
        if dot and join in self.joins:
            if join not in self.single:
                self.fault(
                    f"{join} may be many rows; name {name} within `each: {join}`, or say `one: true` of the join"
                )
            return join, self.column(self.joins[join].file, column)
        if dot and self.joins and self.headers and name not in self.headers.get(self.file or "", ()):
            self.unknown("join", join, self.joins, f"joined here: {', '.join(self.joins)}")
            return None, 0
        if self.file is None:
            self.fault(f"there is no row here whose column {name!r} could be meant")
            return None, 0
        return None, self.column(self.file, name)

    def names(self, *templates: str) -> tuple[str, ...]:
        """The columns that these texts name."""
        named = (name for text in templates for is_column, name in pieces(text) if is_column and name != PLACE)
        return tuple(dict.fromkeys(named))

    def zone(self, name: str) -> ZoneInfo:
        if name not in zones():
            self.fault(f"there is no time zone {name!r}; one is called like America/Sao_Paulo")
        return self.local(name)

    def local(self, name: str | None = None) -> ZoneInfo:
        """The mapping's own time zone, or another one; where it is none, that is told at its place."""
        name = name or self.language.time_zone
        return ZoneInfo(name if name in zones() else "UTC")

    def region(self, code: str) -> str:
        if code not in SUPPORTED_REGIONS:
            self.fault(f"{code!r} is no country's ISO code, such as BR")
        return code


@cache
def zones() -> frozenset[str]:
    return frozenset(available_timezones())
