"""Rows column by column, each a list in PostgreSQL's binary form: nothing is written out to be read again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from struct import Struct, error
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

import orjson
import psycopg
from psycopg.adapt import Buffer, Dumper
from psycopg.postgres import types
from psycopg.pq import Format


class Column(bytes):
    """The values of one column."""


class ColumnDumper(Dumper):
    """Sends it as it is; the statement says of which type it is."""

    format = Format.BINARY

    def dump(self, obj: Column) -> Buffer:
        return obj


psycopg.adapters.register_dumper(Column, ColumnDumper)


def columns(rows: Sequence[Mapping[str, Any]], kinds: Mapping[str, str]) -> list[Column]:
    """The rows as columns of these names and types. Raises psycopg.DataError when there is a value that cannot be of
    the type: a handler's fault, and the row is refused like any other."""
    try:
        return [column(form_of(kind), [row[name] for row in rows]) for name, kind in kinds.items()]
    except (TypeError, ValueError, AttributeError, ArithmeticError, error) as found:
        raise psycopg.DataError(f"a row cannot be written: {type(found).__name__}") from found


def column(form: Form, values: list[Any]) -> Column:
    sized = form.sized
    if form.repeats:
        known = {value: NULL if value is None else sized(value) for value in set(values)}
        parts = [known[value] for value in values]
    else:
        parts = [NULL if value is None else sized(value) for value in values]
    return Column(ARRAY(1, 1, types[form.sent_as].oid, len(parts), 1) + b"".join(parts))


def encode(value: Any) -> Any:
    """What JSON does not know, within a row."""
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"a row holds a {type(value).__name__}")


# -- values, each its length and its bytes

LENGTH = Struct(">i").pack
BOOLEAN, SMALL, INTEGER, LONG = (Struct(form).pack for form in (">i?", ">ih", ">ii", ">iq"))
ARRAY = Struct(">iiIii").pack  # dimensions, whether any element is NULL, their type, how many, number of the first
NULL, SIXTEEN = LENGTH(-1), LENGTH(16)
EPOCH, MICROSECOND, FIRST_DAY = datetime(2000, 1, 1, tzinfo=UTC), timedelta(microseconds=1), date(2000, 1, 1)


def text(value: str) -> bytes:
    encoded = value.encode()
    return LENGTH(len(encoded)) + encoded


def jsonb(value: Any) -> bytes:
    if not value and (empty := EMPTY.get(type(value))):
        return empty
    encoded = orjson.dumps(value, default=encode)
    return LENGTH(len(encoded) + 1) + b"\x01" + encoded  # the form's only version


EMPTY: dict[type, bytes] = {dict: b"\0\0\0\3\1{}", list: b"\0\0\0\3\1[]"}


def moment(value: datetime) -> bytes:
    return LONG(8, (value - EPOCH) // MICROSECOND)


def day(value: date) -> bytes:
    return INTEGER(4, value.toordinal() - FIRST_DAY.toordinal())


def uuid(value: UUID) -> bytes:
    return SIXTEEN + value.bytes


def integers(value: Iterable[int]) -> bytes:
    return text("{" + ",".join(map(str, value)) + "}")


class Form(NamedTuple):
    """How a value is written, and as what it is sent."""

    sent_as: LiteralString
    sized: Callable[[Any], bytes]
    repeats: bool = False
    """Whether few values fill a column, so that each is written once."""


def form_of(kind: str) -> Form:
    return FORMS.get(kind, AS_TEXT)


AS_TEXT = Form("text", lambda value: text(str(value)))
FORMS = {
    "text": Form("text", text, repeats=True),
    "jsonb": Form("jsonb", jsonb),
    "uuid": Form("uuid", uuid),
    "timestamptz": Form("timestamptz", moment),
    "date": Form("date", day),
    "boolean": Form("bool", lambda value: BOOLEAN(1, value), repeats=True),
    "smallint": Form("int2", lambda value: SMALL(2, value)),
    "integer": Form("int4", lambda value: INTEGER(4, value)),
    "bigint": Form("int8", lambda value: LONG(8, value)),
    "integer[]": Form("text", integers),
    "bigint[]": Form("text", integers),
}
