"""What callers send, as Python values: JSON read strictly and within limits, before any of it is believed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from starlette.types import Receive

from api.errors import BadBody, Invalid, TooLarge, WrongMediaType

MAX_DEPTH = 32
MAX_EXPONENT = 40
"""Powers of ten; no amount or count is anywhere near, and written out 1e999999999 would fill the memory."""
MAX_INT = 2**63 - 1
OUT_OF_RANGE = f"a number is out of range: whole ones go to {MAX_INT}, others to 1e{MAX_EXPONENT}"

JSON = frozenset({b"application/json"})
LINES = frozenset({b"application/x-ndjson", b"application/ndjson", b"application/jsonl"})


async def read(headers: Mapping[bytes, bytes], receive: Receive, most: int) -> bytes:
    """The whole body, of at most so many bytes. Raises TooLarge as soon as it is known to be."""
    announced = headers.get(b"content-length", b"0")
    if announced.isdigit() and int(announced) > most:
        raise TooLarge(f"A body has at most {most:,} bytes.")
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BadBody("The body ended before its end.")
        part: bytes = message.get("body", b"")
        body += part
        if len(body) > most:
            raise TooLarge(f"A body has at most {most:,} bytes.")
        if not message.get("more_body"):
            return body


def media_type(headers: Mapping[bytes, bytes], taken: frozenset[bytes]) -> bytes:
    """The body's type, without parameters. Raises WrongMediaType."""
    if headers.get(b"content-encoding", b"identity").strip().lower() != b"identity":
        raise WrongMediaType("Send the body as it is, without a Content-Encoding.")
    given = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if given not in taken:
        raise WrongMediaType(f"Send {' or '.join(sorted(kind.decode() for kind in taken))} as the Content-Type.")
    return given


def parsed(raw: bytes) -> Any:
    """The JSON value. Numbers with a fraction are exact Decimals.

    Raises BadBody for what is no JSON, says one thing twice or is nested too deep, and Invalid for what is JSON but
    cannot be kept: NUL, halves of characters, numbers out of all proportion.
    """
    try:
        value = DECODER.decode(raw.decode())
    except Refused as refused:
        raise Invalid.at((), str(refused), "value_error") from None
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        raise BadBody(reason(error)) from None
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and depth(value) > MAX_DEPTH:
        raise BadBody(f"The JSON is nested deeper than {MAX_DEPTH}.")
    if b"\\u" in raw and (where := unkeepable(value, ())) is not None:
        raise Invalid.at(where, "text holds a NUL or half a character", "value_error")
    return value


def reason(error: Exception) -> str:
    match error:
        case json.JSONDecodeError() if not error.doc.strip():
            return "The body is empty; send JSON."
        case json.JSONDecodeError():
            return f"The body is no JSON at character {error.pos}: {error.msg}."
        case UnicodeDecodeError():
            return f"The body is no UTF-8 at byte {error.start}; send JSON in UTF-8."
        case RecursionError():
            return f"The JSON is nested deeper than {MAX_DEPTH}."
        case _:
            return str(error)


class Refused(Exception):
    """A value that is JSON but that nobody can mean."""


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"The JSON names one member of an object twice: {twice[:80]}.")
    return values


def fraction(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise Refused(OUT_OF_RANGE) from None
    if abs(value.adjusted()) > MAX_EXPONENT:
        raise Refused(OUT_OF_RANGE)
    return value


def integer(text: str) -> int:
    if len(text) > 20 or abs(value := int(text)) > MAX_INT:
        raise Refused(OUT_OF_RANGE)
    return value


def constant(text: str) -> Any:
    raise ValueError(f"The body is no JSON: {text} is no number.")


DECODER = json.JSONDecoder(object_pairs_hook=once, parse_float=fraction, parse_int=integer, parse_constant=constant)


def depth(value: Any) -> int:
    """How deep lists and objects are nested, counted no further than one beyond what is allowed."""
    deepest, level = 0, [value]
    while deepest <= MAX_DEPTH and (nested := [part for part in level if isinstance(part, (dict, list))]):
        level = [part for whole in nested for part in (whole.values() if isinstance(whole, dict) else whole)]
        deepest += 1
    return deepest


def unkeepable(value: Any, where: tuple[str | int, ...]) -> tuple[str | int, ...] | None:
    """Where a text stands that PostgreSQL or UTF-8 cannot hold."""
    if isinstance(value, str):
        return where if "\0" in value or not encodable(value) else None
    if isinstance(value, dict):
        for name, member in value.items():
            if "\0" in name or not encodable(name):
                return where
            if (found := unkeepable(member, (*where, name))) is not None:
                return found
    if isinstance(value, list):
        for index, member in enumerate(value):
            if (found := unkeepable(member, (*where, index))) is not None:
                return found
    return None


def encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
