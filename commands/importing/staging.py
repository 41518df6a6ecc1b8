"""The rows of all files of one import, in a throwaway SQLite file: memory stays bounded, joins are indexed look-ups."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as Map
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from commands.importing.language.mapping import Mapping
from commands.importing.language.rows import MOST_TOGETHER
from commands.importing.problems import Place, Problem, Unreadable
from commands.importing.reading import Broken, Reading, opened

LINE = "kronika_line"
"""The column of given back rows that names the line which they were read from."""

Cells = tuple[str, ...]
Found = tuple[int, Cells]
"""A row: its line and its cells."""

BATCH = 1_000
REMEMBERED = 8_192
IN_MEMORY = 50_000
"""Natural keys of a step, some 10 MB; asking the file for one takes twenty times as long."""


@dataclass(frozen=True)
class Corrected:
    """The rows that were given back, and which of them say something else than before."""

    given: frozenset[Place] = frozenset()
    changed: frozenset[Place] = frozenset()

    def __or__(self, other: Corrected) -> Corrected:
        return Corrected(self.given | other.given, self.changed | other.changed)

    def concern(self, lines: Sequence[Place]) -> bool:
        """Whether a unit is asked again that is made of these rows, its own first: its first one was given back, or any
        was changed."""
        return bool(lines) and (lines[0] in self.given or not self.changed.isdisjoint(lines))


class Staged:
    """Derived data: after a kill it is simply made again. Use it as a context manager, or close it.

    `Staged(mapping, directory)` reads all files of the mapping found in the directory. Raises Unreadable (files) and
    MappingError (columns that the files have not).
    """

    def __init__(self, mapping: Mapping, directory: Path, place: Path | None = None) -> None:
        """`place` is where the throwaway file is made; default: the system's directory for those."""
        self.mapping = mapping
        self._home = Path(tempfile.mkdtemp(prefix="kronika-import-", dir=place))
        self._database = sqlite3.connect(self._home / "rows.sqlite", isolation_level=None, check_same_thread=False)
        self._tables = {file: f"file_{number}" for number, file in enumerate(mapping.files)}
        self._columns: dict[str, tuple[str, ...]] = {}
        self._broken = dict.fromkeys(mapping.files, 0)
        self._made = 0
        self._found = lru_cache(REMEMBERED)(self._find)
        try:
            self._run("PRAGMA journal_mode = OFF")
            self._run("PRAGMA synchronous = OFF")
            self._run("PRAGMA locking_mode = EXCLUSIVE")  # nobody else looks: no lock is asked of the system each time
            self._run("CREATE TABLE broken (file, line, message, cells, PRIMARY KEY (file, line))")
            self._read_all(directory)
            mapping.check(self._columns)
        except sqlite3.Error as error:
            self.close()
            raise Unreadable(
                [Problem(next(iter(mapping.files)), 0, "validation", f"cannot be staged: {error}")]
            ) from error
        except BaseException:
            self.close()
            raise

    def columns(self, file: str) -> tuple[str, ...]:
        """What the columns of a file (by its name in the mapping) are called."""
        return self._columns[file]

    def count(self, file: str) -> int:
        """How many rows the file has, those that cannot be taken included."""
        whole = self._run(f"SELECT count(*) FROM {self._tables[file]}").fetchone()[0]  # noqa: S608  # our own name
        return int(whole + self._run("SELECT count(*) FROM broken WHERE file = ?", file).fetchone()[0])

    def row(self, file: str, line: int) -> Cells | None:
        """The cells of the row that begins on that line; of one that cannot be taken, what could be read of it."""
        found = self._run(f"SELECT * FROM {self._tables[file]} WHERE line = ?", line).fetchone()  # noqa: S608  # our own name
        if found is not None:
            return tuple(found[1:])
        broken = self._run("SELECT cells FROM broken WHERE file = ? AND line = ?", file, line).fetchone()
        if broken is None:
            return None
        cells, width = json.loads(broken[0]), len(self._columns[file])
        return tuple(cells[:width] + [""] * (width - len(cells)))

    def correct(self, file: str, rows: Iterable[tuple[int, Map[str, str]]]) -> Corrected:
        """Lay corrected rows (each with its number among them) over those of the same `kronika_line`; answers which
        they are, for `units(only=...)`. A row of which there are copies, as a row that others are joined to has, is
        what the changed ones say. Raises Unreadable when a row names a line that the file has not, or lacks a column,
        and when two copies were changed each otherwise."""
        if file not in self._columns:
            known = ", ".join(self._columns)
            raise Unreadable([Problem(file, 0, "not found", f"the mapping has no file {file!r}; it has {known}")])
        columns, problems = self._columns[file], []
        given: set[int] = set()
        changed: dict[int, tuple[int, Cells]] = {}
        for number, row in rows:
            named = str(row.get(LINE) or "").strip()
            line = int(named) if named.isdecimal() and len(named) < 19 else 0
            missing = [column for column in columns if row.get(column) is None]
            if (before := self.row(file, line)) is None:
                told = f"corrected row {number}: {LINE} {named!r} is no line on which a row of the file begins"
                problems.append(Problem(file, 0, "not found", told))
                continue
            if missing:
                told = f"corrected row {number} has no {', '.join(missing)}"
                problems.append(Problem(file, line, "validation", told))
                continue
            given.add(line)
            cells = self._said(file, tuple(row[column] for column in columns))
            if cells != before and changed.setdefault(line, (number, cells))[1] != cells:
                told = (
                    f"corrected rows {changed[line][0]} and {number} both stand for it and say different things;"
                    " let one of them stay"
                )
                problems.append(Problem(file, line, "validation", told))
        if problems:
            raise Unreadable(problems)
        said = {line: cells for line, (_, cells) in changed.items()}
        for (line,) in self._run("SELECT line FROM broken WHERE file = ?", file).fetchall():
            if line in given:  # as it was given back it can be taken
                said.setdefault(line, self.row(file, line) or ())
                self._run("DELETE FROM broken WHERE file = ? AND line = ?", file, line)
                self._broken[file] -= 1
        self._insert(file, ((line, *cells) for line, cells in said.items()))
        self._found.cache_clear()
        return Corrected(frozenset((file, line) for line in given), frozenset((file, line) for line in said))

    def rows(self, file: str) -> Iterator[Found]:
        """All rows, in the file's order."""
        for line, *cells in self._run(f"SELECT * FROM {self._tables[file]} ORDER BY line"):  # noqa: S608  # our own name
            yield line, tuple(cells)

    def broken(self, file: str) -> Iterator[Problem]:
        """What is wrong with the rows that cannot be taken."""
        for line, message in self._run("SELECT line, message FROM broken WHERE file = ? ORDER BY line", file):
            yield Problem(file, line, "validation", f"the row {message}")

    def prepare(self, file: str, columns: tuple[int, ...]) -> None:
        """Make looking up by these columns quick."""
        table, by = self._tables[file], ", ".join(f"trim(c{column})" for column in columns)
        name = f"{table}_by_{'_'.join(map(str, columns))}"
        self._run(f"CREATE INDEX IF NOT EXISTS {name} ON {table} ({by})")
        legible = ", ".join(legible_cell(column) for column in columns)
        self._run(f"CREATE INDEX IF NOT EXISTS broken_by_{name} ON broken (file, {legible})")

    def find(self, file: str, columns: tuple[int, ...], values: tuple[str, ...]) -> list[Found]:
        """The rows whose columns have these values, in the file's order; one more than MOST_TOGETHER where there are
        more."""
        return self._found(file, columns, values)

    def _find(self, file: str, columns: tuple[int, ...], values: tuple[str, ...]) -> list[Found]:
        wanted = " AND ".join(f"trim(c{column}) = ?" for column in columns)
        query = f"SELECT * FROM {self._tables[file]} WHERE {wanted} ORDER BY line LIMIT {MOST_TOGETHER + 1}"  # noqa: S608  # our own name
        return [(line, tuple(cells)) for line, *cells in self._run(query, *values)]

    def find_broken(self, file: str, columns: tuple[int, ...], values: tuple[str, ...]) -> int | None:
        """The line of the first row that cannot be taken, but says so much that it would be one of these."""
        if not self._broken[file]:
            return None
        wanted = " AND ".join(f"{legible_cell(column)} = ?" for column in columns)
        query = f"SELECT min(line) FROM broken WHERE file = ? AND {wanted}"  # noqa: S608  # our own name
        found = self._run(query, file, *values).fetchone()[0]
        return None if found is None else int(found)

    def broken_rows(self, file: str) -> Iterator[Found]:
        """The rows that cannot be taken, with as many cells as there are columns, as far as these could be read."""
        width = len(self._columns[file])
        for line, cells in self._run("SELECT line, cells FROM broken WHERE file = ? ORDER BY line", file):
            legible = json.loads(cells)
            if legible:
                yield line, tuple(legible[:width] + [""] * (width - len(legible)))

    @contextmanager
    def groups(self, file: str, keyed: Iterable[tuple[int, str, Any]]) -> Iterator[Iterator[tuple[str, list[Found]]]]:
        """Rows with the same key together, in order of the third value; groups in the order of their first lines.
        `keyed` tells (line, key, order) of each row."""
        self._made += 1
        table = f"grouped_{self._made}"
        self._run(f"CREATE TABLE {table} (line INTEGER PRIMARY KEY, key, sorted)")
        try:
            self._many(f"INSERT INTO {table} VALUES (?, ?, ?)", keyed)  # noqa: S608  # our own name
            self._run(f"CREATE INDEX {table}_by_key ON {table} (key, line)")
            yield self._each_group(table, self._tables[file])
        finally:
            self._run(f"DROP TABLE {table}")

    def _each_group(self, table: str, rows: str) -> Iterator[tuple[str, list[Found]]]:
        query = f"SELECT key FROM {table} GROUP BY key ORDER BY min(line)"  # noqa: S608  # our own name
        of_key = (
            f"SELECT f.* FROM {table} g JOIN {rows} f ON f.line = g.line WHERE g.key = ? "  # noqa: S608  # our own name
            f"ORDER BY g.sorted, g.line LIMIT {MOST_TOGETHER + 1}"
        )
        for (key,) in self._run(query):
            yield key, [(line, tuple(cells)) for line, *cells in self._run(of_key, key)]

    @contextmanager
    def keys(self) -> Iterator[Keys]:
        """A memory of natural keys, as long as the context."""
        keys = Keys()
        try:
            yield keys
        finally:
            keys.close()

    def close(self) -> None:
        self._database.close()
        shutil.rmtree(self._home, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read_all(self, directory: Path) -> None:
        """Every file is tried, so that all that is wrong is told at once."""
        problems = []
        for name, file in self.mapping.files.items():
            try:
                with opened(directory, file, name) as source:
                    self._columns[name] = source.columns
                    self._take(name, source)
            except Unreadable as error:
                problems += error.problems
        if problems:
            raise Unreadable(problems)

    def _take(self, name: str, source: Reading) -> None:
        cells = ", ".join(f"c{number} TEXT" for number in range(len(source.columns)))
        self._run(f"CREATE TABLE {self._tables[name]} (line INTEGER PRIMARY KEY, {cells})")

        def whole() -> Iterator[tuple[Any, ...]]:
            for row in source:
                if isinstance(row, Broken):
                    kept = json.dumps(row.cells)
                    self._broken[name] += 1
                    self._run("INSERT INTO broken VALUES (?, ?, ?, ?)", name, row.line, row.message, kept)
                else:
                    yield row.line, *self._said(name, row.cells)

        self._insert(name, whole())

    def _said(self, file: str, cells: Cells) -> Cells:
        """The cells, without those that stand for nothing."""
        nothing = self.mapping.files[file].empty
        return tuple("" if cell.strip() in nothing else cell for cell in cells) if nothing else cells

    def _insert(self, file: str, rows: Iterable[tuple[Any, ...]]) -> None:
        marks = ", ".join("?" * (len(self._columns[file]) + 1))
        self._many(f"INSERT OR REPLACE INTO {self._tables[file]} VALUES ({marks})", rows)  # noqa: S608  # our own name

    def _many(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        waiting = iter(rows)
        while batch := list(islice(waiting, BATCH)):
            self._run("BEGIN")
            self._database.executemany(statement, batch)
            self._run("COMMIT")

    def _run(self, statement: str, *values: Any) -> sqlite3.Cursor:
        return self._database.execute(statement, values)


def legible_cell(column: int) -> str:
    """A cell of a row that cannot be taken, in SQL."""
    return f"trim(json_extract(cells, '$[{column}]'))"


class Keys:
    """Which natural keys there were, and on which line: the first in memory, all others in a throwaway file of their
    own, in one transaction."""

    def __init__(self) -> None:
        self._first: dict[str, int] = {}
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.execute("CREATE TABLE keys (key PRIMARY KEY, line) WITHOUT ROWID")
        self._database.execute("BEGIN")
        self.close = self._database.close

    def line_of(self, key: str) -> int | None:
        """The line where this key was first."""
        if (line := self._first.get(key)) is not None:
            return line
        found = self._database.execute("SELECT line FROM keys WHERE key = ?", (key,)).fetchone()
        return None if found is None else int(found[0])

    def earlier(self, key: str, line: int) -> int | None:
        """The line where this key was before, if it was; else it is now."""
        if len(self._first) < IN_MEMORY:
            first = self._first.setdefault(key, line)
            return None if first == line else first
        if (before := self._first.get(key)) is not None:
            return before
        if self._database.execute("INSERT OR IGNORE INTO keys VALUES (?, ?)", (key, line)).rowcount:
            return None
        return self.line_of(key)
