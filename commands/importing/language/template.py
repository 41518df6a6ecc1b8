"""Text with columns in braces, taken apart: "{street} {number}"."""

from __future__ import annotations

import re
from functools import cache

PIECE = re.compile(r"\{\{|\}\}|\{[^{}]*\}|[{}]|[^{}]+")

PLACE = "#"
"""In braces, the number of the row within its unit."""


@cache
def pieces(text: str) -> tuple[tuple[bool, str], ...]:
    """What the text consists of, as (is a column, constant or column's name). Raises ValueError at a lonely brace."""
    found: list[tuple[bool, str]] = []
    for piece in PIECE.findall(text):
        if piece in ("{{", "}}"):
            found.append((False, piece[0]))
        elif piece in ("{", "}"):
            raise ValueError(f"a lonely {piece} in {text!r}; write {piece * 2} for the sign itself")
        elif piece.startswith("{"):
            if not piece[1:-1].strip():
                raise ValueError(f"braces without a column in {text!r}")
            found.append((True, piece[1:-1].strip()))
        else:
            found.append((False, piece))
    return tuple(found)


def well_formed(text: str) -> str:
    pieces(text)
    return text
