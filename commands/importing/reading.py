"""Reading a source's file row by row, with bounded memory, whatever is in it."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from commands.importing.language.document import File
from commands.importing.problems import Problem, Unreadable

LONGEST = 1024 * 1024
"""Characters that one row may have."""

ENDLESS = 16 * LONGEST
"""Where a line has not ended after so many characters, the file is no table."""

PACKED = ".gz"
ZIP = b"PK\x03\x04"

MOST_COLUMNS = 1_000
MOST_UNCLOSED = 1_000
"""Each row whose quote is never closed makes up to LONGEST characters be read again."""

MOST_UNPACKED = 20 * 1024**3
"""Bytes that a gzip file may hold."""
SUSPICIOUS, MOST_TIMES = 256 * LONGEST, 200
"""Beyond so many bytes, a file that is so many times smaller when packed is no table, but made to fill the disk."""

UNDECODABLE = "\udcff"
SURROGATES = re.compile(r"[\ud800-\udfff]")

codecs.register_error("kronika.undecodable", lambda error: (UNDECODABLE, getattr(error, "end", 0)))
csv.field_size_limit(2 * LONGEST)  # our own limit is on the row and tells its line


@dataclass(frozen=True, slots=True)
class Row:
    """One row; `line` is that of the file on which it begins, for its cells may hold line breaks."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Broken:
    """A row that cannot be taken as it is: why, and what could be read of it."""

    line: int
    message: str
    cells: tuple[str, ...] = ()


class TooLong(Exception):
    """A row goes on and on."""


class Cut(Exception):
    """A row has a line that is longer than a row may be."""


class Bomb(Exception):
    """A gzip file holds much more than a table would."""


class Unclosed(Exception):
    """A quote is opened and not closed within what a row may have."""


@contextmanager
def opened(directory: Path, file: File, name: str) -> Iterator[Reading]:
    """The file as it lies in the directory, perhaps packed under its name with .gz. Raises Unreadable."""
    path = directory / file.path
    if not path.is_file():
        path = directory / f"{file.path}{PACKED}"
    inside = path.resolve().is_relative_to(directory.resolve())
    if not inside or not path.is_file():
        have = sorted(found.name for found in directory.iterdir() if found.is_file()) if directory.is_dir() else []
        there = f"it has {', '.join(have[:20])}" if have else "it has no files"
        raise Unreadable([Problem(name, 0, "not found", f"there is no {file.path} in the directory; {there}")])
    with path.open("rb") as plain:
        if plain.peek(4)[:4] == ZIP:
            told = "is a ZIP file, as a spreadsheet (.xlsx) is one; save it as CSV, or unpack it"
            raise Unreadable([Problem(name, 0, "validation", told)])
        packed = path.name.lower().endswith(PACKED) or plain.peek(2)[:2] == b"\x1f\x8b"
        stream = io.BufferedReader(Unpacked(plain, path.stat().st_size)) if packed else plain
        yield Reading(name, file, stream)


class Reading:
    """One file: first its columns, then its rows. Raises Unreadable where it cannot go on; what is wrong with one row
    is given back as Broken, and reading goes on."""

    def __init__(self, name: str, file: File, stream: BinaryIO) -> None:
        self.name = name
        self.file = file
        self.lines = Lines(stream, file.encoding)
        self.records = self.split() if file.format == "blanks" else self.parsed()
        self.columns = self.named()

    def __iter__(self) -> Iterator[Row | Broken]:
        width = len(self.columns)
        while (record := self.next()) is not None:
            if isinstance(record, Row) and len(record.cells) != width:
                told = f"has {len(record.cells)} cells where there are {width} columns"
                yield Broken(record.line, told, record.cells)
            else:
                yield record

    def named(self) -> tuple[str, ...]:
        """What the columns are called. Raises Unreadable when that cannot be known."""
        if not self.file.has_header:
            return self.file.columns
        header = self.next()
        if header is None:
            raise self.unreadable(0, "is empty")
        if isinstance(header, Broken):
            raise self.unreadable(header.line, f"the header {header.message}{self.lines.hint}")
        names = tuple(cell.strip() for cell in header.cells)
        if len(names) > MOST_COLUMNS:
            raise self.unreadable(header.line, f"has more than {MOST_COLUMNS} columns")
        if self.file.columns:
            if len(names) != len(self.file.columns):
                told = f"has {len(names)} columns, `columns` names {len(self.file.columns)}"
                raise self.unreadable(header.line, told)
            return self.file.columns
        twice = sorted({name for name in names if name and names.count(name) > 1})
        if twice:
            places = ", ".join(str(place) for place, name in enumerate(names, 1) if name == twice[0])
            told = f"two columns ({places}) are called {twice[0]!r}; name all: `header: true` and `columns: [...]`"
            raise self.unreadable(header.line, told)
        other = next((sign for sign in ";\t|," if len(names) == 1 and sign in names[0]), None)
        if other:
            raise self.unreadable(header.line, f"is one column {names[0]!r}; say `delimiter: {other!r}`")
        return names

    def next(self) -> Row | Broken | None:
        """The next row, None at the end; what stops the reading is told with the line."""
        try:
            return next(self.records, None)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise self.unreadable(self.lines.number, f"the gzip file is broken{self.after}: {error}") from None
        except Bomb as bomb:
            told = f"the gzip file {bomb}; if it is sound, unpack it and send it plain"
            raise self.unreadable(self.lines.number, told) from None
        except UnicodeError as error:
            told = f"cannot be read as {self.file.encoding}{self.after}: {error}; say its `encoding`"
            raise self.unreadable(self.lines.number, told) from None
        except OSError as error:
            raise self.unreadable(self.lines.number, f"cannot be read{self.after}: {error.strerror}") from None
        except TooLong:
            told = f"does not end within {ENDLESS:,} characters; this is no table of rows"
            raise self.unreadable(self.lines.number, told) from None

    @property
    def after(self) -> str:
        return " after this line" if self.lines.number else ""

    def unreadable(self, line: int, message: str) -> Unreadable:
        return Unreadable([Problem(self.name, line, "validation", message)])

    def split(self) -> Iterator[Row | Broken]:
        """Cells between blanks; without quotes, so a row is a line."""
        while (line := self.lines.next()) is not None:
            if cells := line.split():
                yield self.taken(self.lines.number, line, cells)

    def parsed(self) -> Iterator[Row | Broken]:
        """Cells between delimiters, in quotes where they hold one."""
        feed, unclosed = Feed(self.lines), 0
        reader = csv.reader(
            feed,
            delimiter=self.file.separator,
            quotechar=self.file.quote or None,
            quoting=csv.QUOTE_MINIMAL if self.file.quote else csv.QUOTE_NONE,
            escapechar=self.file.escape,
            strict=True,
        )
        while True:
            feed.begin()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except Cut:
                yield self.too_long(feed.start)
            except (csv.Error, Unclosed) as error:
                if isinstance(error, csv.Error) and "unexpected end" not in str(error):
                    yield Broken(feed.start, f"is not well quoted: {error}")
                    continue
                unclosed += 1
                if unclosed > MOST_UNCLOSED:
                    raise self.unreadable(feed.start, "opens quotes that are never closed; say its `quote`") from None
                feed.give_back()
                yield Broken(feed.start, f"opens a quote that is not closed within {LONGEST:,} characters")
            else:
                if len(cells) > 1 or (cells and cells[0].strip()):
                    yield self.taken(feed.start, feed.text, cells)

    def too_long(self, line: int) -> Broken:
        return Broken(line, f"is longer than {LONGEST:,} characters")

    def taken(self, line: int, text: str, cells: list[str]) -> Row | Broken:
        if self.lines.cut:
            return self.too_long(line)
        if "\0" in text:
            return Broken(line, "holds a NUL", tuple(cell.replace("\0", "") for cell in cells))
        if not text.isascii() and SURROGATES.search(text):
            encoding = self.file.encoding.removesuffix("-sig")
            legible = tuple(SURROGATES.sub("\ufffd", cell) for cell in cells)
            return Broken(line, f"holds bytes that are no {encoding}; is that the file's `encoding`?", legible)
        return Row(line, tuple(cells))


class Unpacked(io.RawIOBase):
    """What a gzip file holds, as long as it can be a table. Raises Bomb."""

    def __init__(self, packed: BinaryIO, size: int) -> None:
        self._stream = gzip.GzipFile(fileobj=packed)
        self._size, self._given = size, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part = self._stream.read(len(buffer))
        buffer[: len(part)] = part
        self._given += len(part)
        if self._given > MOST_UNPACKED:
            raise Bomb(f"holds more than {MOST_UNPACKED:,} bytes")
        if self._given > max(SUSPICIOUS, MOST_TIMES * self._size):
            raise Bomb(f"holds more than {MOST_TIMES} times its own size")
        return len(part)


class Lines:
    """The lines of a stream, as text, none longer than a row may be."""

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self.number = 0
        self.cut = False
        """Whether the line given last was longer, and its rest is left out"""
        self.hint = ""
        self._text = io.TextIOWrapper(stream, encoding, errors="kronika.undecodable", newline="")
        self._back: deque[tuple[int, str]] = deque()
        self._read = 0

    def next(self) -> str | None:
        """The next line with its end, None where there is none."""
        self.cut = False
        if self._back:
            self.number, line = self._back.popleft()
            return line
        line = self._text.readline(LONGEST)
        if not line:
            return None
        self._read += 1
        self.number = self._read
        if self.number == 1:
            self.hint = "" if "\0" not in line else "; perhaps its `encoding` is utf-16"
            line = line.removeprefix("\ufeff")
        if len(line) >= LONGEST and not line.endswith(("\n", "\r")):
            self.skip_the_rest()
            return line[:100] + "\n"
        return line

    def skip_the_rest(self) -> None:
        self.cut, skipped = True, 0
        while rest := self._text.readline(LONGEST):
            skipped += len(rest)
            if rest.endswith(("\n", "\r")):
                return
            if skipped >= ENDLESS:
                raise TooLong

    def give_back(self, lines: list[tuple[int, str]]) -> None:
        """Have these lines once more, before any other."""
        self._back.extendleft(reversed(lines))


class Feed:
    """The lines of one row at a time, for a parser that takes as many as the row has."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.begin()

    def begin(self) -> None:
        self.given: list[tuple[int, str]] = []
        self.size = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self.lines.next()
        if line is None:
            raise StopIteration
        self.given.append((self.lines.number, line))
        self.size += len(line)
        if self.lines.cut:
            raise Cut
        if self.size > LONGEST:
            raise Unclosed
        return line

    @property
    def start(self) -> int:
        return self.given[0][0] if self.given else self.lines.number

    @property
    def text(self) -> str:
        return self.given[0][1] if len(self.given) == 1 else "".join(line for _, line in self.given)

    def give_back(self) -> None:
        """All lines but the first: a quote that was opened by mistake swallows no other row."""
        self.lines.give_back(self.given[1:])
