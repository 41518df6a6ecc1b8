"""The views for a DuckDB that has nothing of Kronika, as a script that makes each a macro of its name, which takes the
tenant, the view's own parameters and both clocks; `kronika.views` lists them all with what they mean."""

from __future__ import annotations

import re
from decimal import Decimal
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from projections.analytics import FACTS, VIEWS
from projections.analytics.lake import literal
from projections.analytics.views import View
from projections.analytics.views.view import Scope, within

CLOCKS = ("as_of", "known_at")

SEEN = """tenant = $tenant AND ($until IS NULL OR occurred_at <= $until)
    AND ($known_position IS NULL OR position <= $known_position)
    AND ($known_moment IS NULL OR recorded_at <= $known_moment)"""

UNTIL = """CASE length(as_of::VARCHAR)
    WHEN 10 THEN as_of::VARCHAR::DATE::TIMESTAMPTZ + INTERVAL 1 DAY - INTERVAL 1 MICROSECOND
    ELSE as_of::VARCHAR::TIMESTAMPTZ END"""
MOMENT = f"least(coalesce({UNTIL}, now()), now())"
POSITION = "TRY_CAST(known_at::VARCHAR AS BIGINT)"

MADE = {
    "tenant": """CASE WHEN current_setting('TimeZone') = 'UTC' THEN tenant
    ELSE error('All days are days in UTC: say SET TimeZone = ''UTC'' and ask again.') END""",
    "until": UNTIL,
    "known_position": POSITION,
    "known_moment": f"CASE WHEN {POSITION} IS NULL THEN known_at::VARCHAR::TIMESTAMPTZ END",
    "moment": MOMENT,
    "day": f"({MOMENT})::DATE",
    "rates": """[{'currency': trim(split_part(pair, ':', 1)), 'rate': split_part(pair, ':', 2)::DOUBLE}
    for pair in string_split(concat(rates || ',', ':1'), ',')]""",
}
"""What a view's SQL names that is made of what the macro is given."""

BEGINNING = """\
-- The views of Kronika as macros, for a DuckDB that has attached its lakehouse, read-only, as lake.
SET TimeZone = 'UTC';
CREATE SCHEMA IF NOT EXISTS kronika;
CREATE SCHEMA IF NOT EXISTS kronika_within"""

LISTED = ("name", "summary", "definition", "call", "columns")


def script() -> str:
    """The statements that make them, in a DuckDB that has attached the lakehouse as `lake`; said again they replace
    those of an earlier release."""
    rows = ",\n".join(f"({', '.join(map(written, listed(view)))})" for view in VIEWS.values())
    return "".join(
        f"{statement};\n"
        for statement in (
            BEGINNING,
            *(macro for view in VIEWS.values() for macro in macros(view)),
            f"CREATE OR REPLACE VIEW kronika.views AS FROM (VALUES {rows}) AS listed({', '.join(LISTED)})",
        )
    )


def listed(view: type[View]) -> tuple[str, ...]:
    """What the list says of a view."""
    summary = (view.__doc__ or "").strip().partition("\n")[0]
    call = f"FROM kronika.{view.name}('your tenant', {', '.join(optional(view))})"
    columns = "\n".join(f"{name}: {', '.join(filter(None, column))}" for name, column in view.columns.items())
    return view.name, summary, view.definition(), call, columns


def macros(view: type[View]) -> list[str]:
    """Whatever a macro's body calls by the name of one of its parameters is the parameter, be it meant as a column. So
    the query lies in a macro (of `kronika_within`) whose parameters are named as no column is, and the one that is
    called passes them on. That is made while the other is empty: DuckDB looks at both together."""
    query = within(Scope(SEEN, {}), view.sql(), FACTS)
    names = list(dict.fromkeys(re.findall(r"\$(\w+)", query)))
    inner, query = ", ".join(f'"${name}"' for name in names), re.sub(r"\$(\w+)", r'"$\1"', query)
    outer, passed = ", ".join(["tenant", *optional(view)]), ", ".join(value_of(view, name) for name in names)
    return [
        f"CREATE OR REPLACE MACRO kronika_within.{view.name}({inner}) AS TABLE SELECT 1",
        f"CREATE OR REPLACE MACRO kronika.{view.name}({outer}) AS TABLE FROM kronika_within.{view.name}({passed})",
        f"CREATE OR REPLACE MACRO kronika_within.{view.name}({inner}) AS TABLE {query}",
    ]


def optional(view: type[View]) -> list[str]:
    """What may be left out, and what it is then."""
    own = {name: field.default or None for name, field in view.model_fields.items() if name not in CLOCKS}
    return [f"{name} := {written(default)}" for name, default in (own | dict.fromkeys(CLOCKS)).items()]


def value_of(view: type[View], name: str) -> str:
    """What the view's SQL calls so, in terms of what the macro is given."""
    if name in MADE:
        return MADE[name]
    if name not in view.model_fields:
        return written(view().parameters()[name])
    field = view.model_fields[name]
    value = name if isinstance(field.default, int | Decimal) else f'"{name}"::VARCHAR'
    choices = choices_of(field.annotation)
    if not choices:
        return value
    fits = f"{value} IN ({', '.join(map(written, choices))})"
    none = f" OR {value} IS NULL" if NoneType in get_args(field.annotation) else ""
    wrong = written(f"{name} is one of {', '.join(choices)}.")
    return f"CASE WHEN {fits}{none} THEN {value} ELSE error({wrong}) END"


def choices_of(kind: Any) -> list[str]:
    """What a parameter may be, where it may not be anything."""
    if get_origin(kind) is Literal:
        return list(get_args(kind))
    return [choice for part in get_args(kind) for choice in choices_of(part)]


def written(value: Any) -> str:
    """As SQL has it."""
    match value:
        case list():
            return f"[{', '.join(map(written, value))}]"
        case dict():
            return f"{{{', '.join(f'{written(key)}: {written(its)}' for key, its in value.items())}}}"
        case int() | Decimal():
            return str(value)
        case None:
            return "NULL"
    return f"'{literal(str(value))}'"
