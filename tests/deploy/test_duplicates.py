"""The report of duplicates as the terminal shows it, and as JSON lines."""

from __future__ import annotations

import json
from io import StringIO
from uuid import UUID

from rich.console import Console

from deploy.duplicates import as_json, show
from projections.duplicates.blocks import KINDS
from projections.duplicates.likeness import Likeness
from projections.duplicates.report import Found, Pair

ONE, OTHER = ({"id": UUID(int=n), "name": f"[John {n}]"} for n in (7, 8))
REPORT = Found([Pair(ONE, OTHER, Likeness(0.984, ["same birthday", "name 0.93"]))], large={KINDS.index("name")})


def test_a_pair_is_one_line_of_json():
    (line,) = as_json(REPORT)
    assert json.loads(line) == {
        "score": 0.984,
        "reasons": ["same birthday", "name 0.93"],
        "customers": [{"id": str(one["id"]), "name": one["name"]} for one in (ONE, OTHER)],
    }


def test_the_table_says_who_why_and_what_was_not_compared():
    console = Console(file=StringIO(), width=160)
    show(console, REPORT)
    told = console.file.getvalue()
    for said in (
        "0.98",
        "[John 7]",
        "[John 8]",
        "same birthday, name 0.93",
        "1 pairs",
        "Not compared by name: 1 groups",
    ):
        assert said in told


def test_no_id_is_cut_off_where_the_terminal_is_narrow():
    console = Console(file=StringIO(), width=60)
    show(console, REPORT)
    assert "…" not in console.file.getvalue()
