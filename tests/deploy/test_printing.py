"""What commands print is whole: in a pipe, in a narrow window, and in a locale that has no letters for a name."""

from __future__ import annotations

import sys
from io import BytesIO, StringIO, TextIOWrapper

from rich.console import Console

from deploy.printing import Table, print_utf8, printer

ID = "5fc2f8e1-fcb9-5f1e-8e4c-ab980afdbe23"


def listed():
    table = Table("id", "what is said of it")
    table.add_row(ID, "many words, " * 20)
    return table


def test_in_a_pipe_a_row_is_one_line(capsys):
    printer().print(listed())
    told = capsys.readouterr().out
    assert [line for line in told.splitlines() if ID in line and line.count("many words") == 20], told


def test_in_a_narrow_window_an_id_goes_on_in_the_next_line():
    console = Console(file=StringIO(), width=40)
    console.print(listed())
    cells = [line.split("│")[1].strip() for line in console.file.getvalue().splitlines() if "│" in line]
    assert "".join(cells) == ID


def test_a_name_is_printed_whatever_the_locale(monkeypatch):
    printed = BytesIO()
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(printed, encoding="latin-1"))
    print_utf8()
    print("李雷", flush=True)
    assert printed.getvalue().decode().strip() == "李雷"
