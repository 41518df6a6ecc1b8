"""Reading whatever is called a table: rows that can be taken are, all others are told with their line."""

from __future__ import annotations

import gzip
import io
import random
from typing import Any
from zipfile import ZipFile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commands.importing import reading
from commands.importing.language.document import File
from commands.importing.problems import Unreadable
from commands.importing.reading import LONGEST, Reading, Row, opened
from tests.importing.planned import written

Told = list[tuple[int, tuple[str, ...] | str]]


def read(content: Any, **written_as: Any) -> tuple[tuple[str, ...], Told]:
    """The columns, and of every row its line with its cells, or with what is wrong."""
    stream = io.BytesIO(content.encode() if isinstance(content, str) else content)
    source = Reading("shop", File(path="shop.csv", **written_as), stream)
    return source.columns, [(row.line, row.cells if isinstance(row, Row) else row.message) for row in source]


def refused(content: Any, **written_as: Any) -> str:
    with pytest.raises(Unreadable) as error:
        read(content, **written_as)
    (problem,) = error.value.problems
    return str(problem)


def test_a_row_is_known_by_the_line_on_which_it_begins():
    told = [(2, ("1", "2")), (3, ("two\nlines", "3")), (6, ("4", "5"))]
    assert read('a,b\n1,2\n"two\nlines",3\n\n4,5\n') == (("a", "b"), told)
    assert read('a,b\r\n1,2\r\n"two\nlines",3\r\n\r\n4,5')[1] == told
    assert read("a\r1\r2")[1] == [(2, ("1",)), (3, ("2",))]


@pytest.mark.parametrize(
    ("content", "written_as"),
    [
        ("a;b\nx, y;é\n", {"delimiter": ";"}),
        ("a\tb\nx, y\té\n", {"format": "tsv"}),
        ('a,b\n"x, y",é\n', {}),
        ("a,b\n'x, y',é\n", {"quote": "'"}),
        ("a,b\nx\\, y,é\n", {"quote": "", "escape": "\\"}),
        ("\ufeffa,b\n" + '"x, y",é\n', {}),
        ("\ufeffa,b\n" + '"x, y",é\n', {"encoding": "utf-8"}),
        ('a,b\n"x, y",é\n'.encode("cp1252"), {"encoding": "cp1252"}),
        ('a,b\n"x, y",é\n'.encode("utf-16"), {"encoding": "utf-16"}),
        ('a,b\n"x, y",é\n'.encode("utf-16-le"), {"encoding": "utf-16-le"}),
        ('"x, y",é\n', {"columns": ["a", "b"]}),
        ('other,other\n"x, y",é\n', {"columns": ["a", "b"], "header": True}),
    ],
)
def test_many_ways_of_writing_are_read(content, written_as):
    columns, [(_, cells)] = read(content, **written_as)
    assert (columns, cells) == (("a", "b"), ("x, y", "é"))


def test_blanks_separate_cells():
    rows = read(" 00004 0001 19970101  2   29.33\n\n x y z 1 2\n", format="blanks", columns=list("abcde"))[1]
    assert rows == [(1, ("00004", "0001", "19970101", "2", "29.33")), (3, ("x", "y", "z", "1", "2"))]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (b"3", "has 1 cells where there are 2 columns"),
        (b"3,4,5", "has 3 cells where there are 2 columns"),
        (b"3,\xff", "holds bytes that are no utf-8; is that the file's `encoding`?"),
        (b"3,\xe4\xf6", "holds bytes that are no utf-8; is that the file's `encoding`?"),
        (b"3,\0", "holds a NUL"),
        (b'3,"4"5', "is not well quoted: ',' expected after '\"'"),
        (b'3,"4', f"opens a quote that is not closed within {LONGEST:,} characters"),
        (b"3," + b"x" * LONGEST, f"is longer than {LONGEST:,} characters"),
        (b'3,"' + b"x" * 2 * LONGEST, f"is longer than {LONGEST:,} characters"),
    ],
)
def test_what_is_wrong_with_a_row_is_told_and_reading_goes_on(bad, message):
    assert read(b"a,b\n1,2\n" + bad + b"\n6,7\n")[1] == [(2, ("1", "2")), (3, message), (4, ("6", "7"))]


def test_a_quote_that_is_never_closed_swallows_no_other_row():
    rest = [(line, (str(line), "x" * 1_000)) for line in range(3, 3_000)]
    content = 'a,b\n1,"2\n' + "".join(f"{one},{other}\n" for _, (one, other) in rest)
    (line, message), *others = read(content)[1]
    assert (line, message) == (2, f"opens a quote that is not closed within {LONGEST:,} characters")
    assert others == rest


def test_a_file_of_quotes_that_are_never_closed_is_given_up(monkeypatch):
    monkeypatch.setattr(reading, "MOST_UNCLOSED", 20)
    line = 'x","' + "y" * 10_000 + "\n"  # read alone it opens a quote; read within one it closes that and opens another
    assert "opens quotes that are never closed" in refused("a,b\n" + line * 130)


@pytest.mark.parametrize(
    ("content", "written_as", "message"),
    [
        ("", {}, "shop: is empty"),
        ("\ufeff", {}, "shop: is empty"),
        ("\n\n", {}, "shop: is empty"),
        ("a,b,a\n", {}, "shop:1: two columns (1, 3) are called 'a'; name all: `header: true` and `columns: [...]`"),
        ("a;b\n1;2\n", {}, "shop:1: is one column 'a;b'; say `delimiter: ';'`"),
        ("a,b,c\n", {"columns": ["x"], "header": True}, "shop:1: has 3 columns, `columns` names 1"),
        ("a,b\n".encode("utf-16-le"), {}, "shop:1: the header holds a NUL; perhaps its `encoding` is utf-16"),
        ("ä,b\n".encode("latin-1"), {}, "shop:1: the header holds bytes that are no utf-8"),
        ("a,b\n", {"encoding": "utf-16"}, "shop: cannot be read as utf-16: UTF-16 stream does"),
        (",".join(map(str, range(1_001))), {}, "shop:1: has more than 1000 columns"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_told(content, written_as, message):
    assert refused(content, **written_as).startswith(message)


def test_a_header_alone_is_a_file_without_rows():
    assert read("a,b\n") == (("a", "b"), [])


class Endless(io.RawIOBase):
    """Ten gigabytes of one line, of which is made what is asked for."""

    def __init__(self, beginning: bytes) -> None:
        self.beginning = beginning
        self.given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        made = (self.beginning[self.given : self.given + len(buffer)] or b"x" * len(buffer))[
            : 10 * 1024**3 - self.given
        ]
        buffer[: len(made)] = made
        self.given += len(made)
        return len(made)


@pytest.mark.parametrize("beginning", [b"", b"a,b\n1,2\n", b'a,b\n1,"2'])
def test_ten_gigabytes_of_one_line_are_given_up_early(beginning):
    stream = Endless(beginning)
    with pytest.raises(Unreadable, match="does not end within 16,777,216 characters; this is no table of rows"):
        list(Reading("shop", File(path="shop.csv"), io.BufferedReader(stream)))
    assert stream.given < 32 * 1024**2


class TestGzip:
    """A gzip file, sound and broken."""

    rows = "a,b\n" + "".join(f"{n},{random.Random(n).random()}\n" for n in range(20_000))

    def read(self, directory, packed, path="shop.csv.gz"):
        with opened(written(directory, {path: packed}), File(path=path), "shop") as source:
            return list(source)

    def test_is_read_whatever_it_is_called(self, tmp_path):
        packed = gzip.compress(self.rows.encode())
        assert len(self.read(tmp_path, packed)) == len(self.read(tmp_path, packed, "shop.csv")) == 20_000

    @pytest.mark.parametrize("damage", ["cut", "flipped", "checksum", "none at all"])
    def test_broken_is_told_with_the_line_it_was_read_to(self, tmp_path, damage):
        packed = bytearray(gzip.compress(self.rows.encode()))
        match damage:
            case "cut":
                del packed[len(packed) // 2 :]
            case "flipped":
                packed[len(packed) // 2] ^= 0xFF
                packed[len(packed) // 2 + 1 : len(packed) // 2 + 200] = bytes(199)
            case "checksum":
                packed[-5] ^= 0xFF
            case "none at all":
                packed = bytearray(self.rows.encode())
        with pytest.raises(Unreadable) as error:
            self.read(tmp_path, bytes(packed))
        (problem,) = error.value.problems
        assert problem.message.startswith(f"the gzip file is broken{' after this line' * bool(problem.line)}: ")
        assert (problem.line > 1_000) == (damage != "none at all")

    def test_holding_far_more_than_a_table_would_is_given_up(self, tmp_path, monkeypatch):
        packed = gzip.compress(b"a,b\n" + b"1,2\n" * 300_000)
        assert len(self.read(tmp_path, packed)) == 300_000
        monkeypatch.setattr(reading, "SUSPICIOUS", 1_000_000)
        with pytest.raises(Unreadable, match="the gzip file holds more than 200 times its own size; if it is sound"):
            self.read(tmp_path, packed)
        monkeypatch.setattr(reading, "MOST_UNPACKED", 500_000)
        with pytest.raises(Unreadable, match="the gzip file holds more than 500,000 bytes"):
            self.read(tmp_path, packed)


def test_a_file_that_is_not_there_is_told_with_those_that_are(tmp_path):
    written(tmp_path, {"orders.csv": "a\n", "items.csv": "a\n"})
    with (
        pytest.raises(Unreadable, match=r"there is no order.csv in the directory; it has items.csv, orders.csv"),
        opened(tmp_path, File(path="order.csv"), "orders"),
    ):
        pass


def test_a_spreadsheet_is_told_to_be_none(tmp_path):
    with ZipFile(written(tmp_path, {}) / "shop.csv", "w") as book:
        book.writestr("xl/workbook.xml", "<workbook/>")
    with (
        pytest.raises(Unreadable, match=r"shop: is a ZIP file, as a spreadsheet \(.xlsx\) is one; save it as CSV"),
        opened(tmp_path, File(path="shop.csv"), "shop"),
    ):
        pass


def test_a_link_out_of_the_directory_is_not_followed(tmp_path):
    (tmp_path / "secret.csv").write_text("a\n1\n")
    (written(tmp_path / "in", {}) / "shop.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(Unreadable), opened(tmp_path / "in", File(path="shop.csv"), "shop"):
        pass


@settings(deadline=None)
@given(st.binary(max_size=2_000), st.sampled_from(["utf-8-sig", "cp1252", "utf-16", "utf-32", "gb18030", "shift_jis"]))
def test_any_bytes_are_rows_or_told(content, encoding):
    try:
        columns, told = read(content, encoding=encoding)
    except Unreadable:
        return
    lines = [line for line, _ in told]
    assert lines == sorted(set(lines))
    assert all(isinstance(row, str) or len(row) == len(columns) for _, row in told)


CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@settings(deadline=None)
@given(st.lists(st.tuples(CELL, CELL), max_size=20))
def test_what_a_spreadsheet_writes_is_read_back(rows):
    import csv

    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *rows])
    assert [row for _, row in read(out.getvalue())[1]] == rows
