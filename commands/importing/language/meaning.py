"""What a value of a mapping means: a function of a row, made once. Nothing of a mapping is ever run as code."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch
from typing import Any

from commands.importing.language.rows import Cleaned, Fault, Row
from commands.importing.language.scope import Scope
from commands.importing.language.template import PLACE, pieces

Making = Callable[[Row], Any]
"""A value of a row; None and "" are nothing, and left out."""

Text = Callable[[Row], str]


@singledispatch
def value(given: Any, scope: Scope) -> Making:
    """The meaning of a value at its place in the mapping; each form's own is registered beside it. What cannot be
    meant is a fault of the scope. A number, true or false is itself."""
    return lambda row: given


@value.register
def template(given: str, scope: Scope) -> Text:
    """Text with columns; where all of these are empty, all of it is."""
    text = raw(given, scope)
    return (lambda row: text(row).strip()) if has_columns(given) else text


def raw(given: str, scope: Scope) -> Text:
    """The same, with the blanks that the source has around it."""
    if not has_columns(given):
        constant = "".join(text for _, text in pieces(given))
        return lambda row: constant
    parts = [(is_column, column(name, scope) if is_column else name) for is_column, name in pieces(given)]
    if len(parts) == 1 and callable(only := parts[0][1]):
        return only

    def text(row: Row) -> str:
        found = [part(row) if callable(part) else part for _, part in parts]
        said = any(one.strip() for one, (is_column, _) in zip(found, parts, strict=True) if is_column)
        return "".join(found) if said else ""

    return text


def has_columns(given: str) -> bool:
    return any(is_column for is_column, _ in pieces(given))


def column(name: str, scope: Scope) -> Text:
    if name == PLACE:
        return lambda row: str(row.number)
    join, index = scope.reference(name)
    if join is None:
        return lambda row: row.cells[index]

    def of_join(row: Row) -> str:
        found = row.joined(join)
        return found[0].cells[index] if found else ""

    return of_join


def sound(text: str, make: Callable[..., Any], *given: Any) -> Any:
    """What is made of a cell; what is wrong with it is told with its column."""
    try:
        return make(*given)
    except ValueError as error:
        raise Fault(f"{text}: {error}") from None


def bare(found: Any) -> Any:
    return found.value if isinstance(found, Cleaned) else found


def is_empty(found: Any) -> bool:
    if isinstance(found, str):
        return not found
    found = bare(found)
    return found is None or found == "" or (isinstance(found, list | dict) and not found)
