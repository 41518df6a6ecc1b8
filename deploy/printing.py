"""How commands print: everything, however narrow the window is and whatever the locale says."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import Any

import rich.table
from rich.console import Console

ENDLESS = 100_000


def printer() -> Console:
    """Where a command prints. In a pipe or a file no line is broken or cut off: nobody looks at its width."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else ENDLESS)


class Table(rich.table.Table):
    """Folds what its columns are too narrow for, as ids and keys are there to be copied."""

    def __init__(self, *columns: str, **look: Any) -> None:
        super().__init__(*(rich.table.Column(name, overflow="fold") for name in columns), **look)


def print_utf8() -> None:
    """Names are of all the world, and JSON is UTF-8 by definition."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8")
