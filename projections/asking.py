"""What is asked of a read model: filters, order, fields and page, as a query string says them and as SQL has them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any
from typing import Literal as OneOf
from uuid import UUID

from psycopg import sql
from psycopg.types.json import Jsonb
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, TypeAdapter, ValidationError

from domain.values import Phone, dated
from projections.resource import COMPARISONS, OPERATORS, Kind, Resource

Total = OneOf["none", "estimate", "exact"]

RESERVED = ("sort", "fields", "cursor", "limit", "total")
"""Parameters of a list that are no filters; a column of such a name is filtered with its operator ("total.eq")."""

MOST_ROWS = 500
SOME_ROWS = 50


class BadQuery(ValueError):
    """What is asked for cannot be asked like this; the message lists what is possible."""


def no_oddities(text: str) -> str:
    if "\x00" in text or (not text.isprintable() and any("\ud800" <= sign <= "\udfff" for sign in text)):
        raise ValueError("holds a NUL or half a character")
    return text


def writable(number: Decimal) -> Decimal:
    if number and not -40 <= number.adjusted() <= 40:
        raise ValueError("is too large or too small a number")
    return number


VALUES: dict[Kind, TypeAdapter[Any]] = {
    "text": TypeAdapter(Annotated[str, AfterValidator(no_oddities)]),
    "id": TypeAdapter(UUID),
    "number": TypeAdapter(Annotated[Decimal, Field(allow_inf_nan=False), AfterValidator(writable)]),
    "integer": TypeAdapter(Annotated[int, Field(ge=-(2**63), lt=2**63)]),
    "date": TypeAdapter(Annotated[date, BeforeValidator(dated)]),
    "moment": TypeAdapter(Annotated[AwareDatetime, BeforeValidator(dated)]),
    "flag": TypeAdapter(bool),
}
LOOKS: dict[Kind, str] = {
    "text": "text",
    "id": "an id like 6b0f2c7e-5d43-5f0a-9c1b-0a5a1e5c0d01",
    "number": "a number like 1200.50",
    "integer": "a whole number",
    "date": "a day like 2026-01-31",
    "moment": "a moment with its zone like 2026-01-31T09:00:00Z",
    "flag": "true or false",
}


def value_of(kind: Kind, text: Any, where: str) -> Any:
    try:
        return VALUES[kind].validate_python(text)
    except (ValidationError, ArithmeticError):
        raise BadQuery(f"{where} is to be {LOOKS[kind]}.") from None


@dataclass(frozen=True)
class Filter:
    """One condition on a column; `value` is of the column's type, a tuple for "in", a bool for "null"."""

    column: str
    operator: str
    value: Any
    merged: tuple[UUID, ...] = field(default=(), repr=False)
    """The customers that the value names, and those merged into them. No part of the question that a cursor belongs to:
    a list goes on though somebody is merged meanwhile."""


@dataclass(frozen=True)
class Ask:
    """What is asked of a resource: which rows, in which order, which of their fields, how many of them."""

    filters: tuple[Filter, ...] = ()
    sort: str | None = None
    """A column, with a leading - for the largest first; rows where it is null come last either way."""
    fields: tuple[str, ...] = ()
    """All when empty."""
    cursor: str | None = None
    limit: int = SOME_ROWS
    total: Total = "none"
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    """The moment that computed columns refer to."""
    as_of: str = ""
    """What else a cursor belongs to: the moments of both clocks, where they are not now."""


def ask_of(resource: Resource, parameters: Iterable[tuple[str, str]]) -> Ask:
    """Read a query string: `sort`, `fields`, `cursor`, `limit` and `total`, everything else being filters:
    `stage=Proposal`, `amount.gte=1000`, `owner.in=li,wang`, `closed_on.null=true`, `tags.has=vip`,
    `consents.has=email:given`. Raises BadQuery."""
    ask, filters = Ask(), []
    for name, text in parameters:
        match name:
            case "sort":
                ask = replace(ask, sort=text)
            case "cursor":
                ask = replace(ask, cursor=text)
            case "fields":
                ask = replace(ask, fields=tuple(part.strip() for part in text.split(",")))
            case "limit":
                ask = replace(ask, limit=value_of("integer", text, "limit"))
            case "total":
                ask = replace(ask, total=total_asked(text))
            case _:
                filters.append(filter_of(resource, name, text))
    return replace(ask, filters=tuple(filters))


def total_asked(text: str) -> Total:
    match text:
        case "none" | "estimate" | "exact":
            return text
    raise BadQuery("total is to be none, estimate or exact; a column of that name is filtered by total.eq.")


def filter_of(resource: Resource, name: str, text: str) -> Filter:
    """A condition as a query string says it: "column" or "column.operator", and the value. Raises BadQuery."""
    column, _, operator = name.partition(".")
    kind = resource.columns.get(column)
    if kind is None:
        known = ", ".join(name for name, kind in resource.columns.items() if OPERATORS[kind])
        raise BadQuery(
            f"{resource.name} cannot be filtered by {column!r}; possible: {known}, and {', '.join(RESERVED)}."
        )
    operator = operator or "eq"
    if operator not in OPERATORS[kind]:
        possible = ", ".join(f"{column}.{one}" for one in OPERATORS[kind]) or "nothing"
        raise BadQuery(f"{column} of {resource.name} does not know {operator!r}; possible: {possible}.")
    match operator:
        case "null":
            return Filter(column, operator, value_of("flag", text, name))
        case "in":
            return Filter(column, operator, tuple(value_of(kind, part.strip(), name) for part in text.split(",")))
        case "has" if kind == "phones":
            return Filter(column, operator, digits_of(value_of("text", text, name), name))
        case "has":
            return Filter(column, operator, value_of("text", text, name))
        case _:
            return Filter(column, operator, value_of(kind, text, name))


def digits_of(number: str, where: str) -> str:
    digits = Phone.parse(number).digits
    if not digits.strip("+"):
        raise BadQuery(f"{where} is to be a telephone number like +86 21 5555 0123 (write + as %2B).")
    return digits


def condition(resource: Resource, asked: Filter) -> sql.Composed:
    column, value = sql.Identifier("t", asked.column), asked.value
    match asked.operator:
        case "eq" | "in" if asked.merged:
            return sql.SQL("{} = ANY ({})").format(column, sql.Literal(list(asked.merged)))
        case "null":
            return column + sql.SQL(" IS NULL" if value else " IS NOT NULL")
        case "in":
            return sql.SQL("{} IN ({})").format(column, sql.SQL(", ").join(map(sql.Literal, value)))
        case "has" if resource.columns[asked.column] == "list":
            return sql.SQL("{} @> {}").format(column, sql.Literal(Jsonb([value])))
        case "has" if resource.columns[asked.column] == "emails":
            return sql.SQL(
                "EXISTS (SELECT FROM jsonb_path_query({}, '$[*]') e WHERE lower(e #>> '{{}}') = lower({}))"
            ).format(column, sql.Literal(value.strip()))
        case "has" if resource.columns[asked.column] == "phones":
            return sql.SQL("{} @> {}").format(column, sql.Literal(Jsonb([{"digits": value}])))
        case "has" if resource.columns[asked.column] == "map" and ":" in value:
            name, _, entry = value.partition(":")
            return sql.SQL("{} @> {}").format(column, sql.Literal(Jsonb({name: entry})))
        case "has":
            return sql.SQL("{} ? {}").format(column, sql.Literal(value))
        case operator:
            return sql.SQL("{} {} {}").format(column, sql.SQL(COMPARISONS[operator]), sql.Literal(value))
