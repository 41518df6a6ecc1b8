"""What a request becomes in the access log: who asked for what, what the answer shows, or that it was refused."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs
from uuid import UUID

from starlette.types import Scope

from api.errors import BadRequest
from eventlog.accesses import Access

if TYPE_CHECKING:
    from api.door import Visit

SHOWN = "shown"
REFUSED = {403: "forbidden", 404: "hidden", 410: "gone"}
"""hidden: there is no such thing, or the caller may not know of it; to it that is the same."""
OUTCOMES = (SHOWN, *REFUSED.values())

PURPOSE = b"x-purpose"
LONGEST_PURPOSE = 200

EVENTS_OWN = frozenset({"event_id", "correlation_id", "causation_id", "command_id"})
"""Ids of events, and of what they came from: they name nobody. Nor does `id` beside a `stream_id`."""
SAID = "fields"
"""The column of what an event says."""
ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


def accesses_of(scope: Scope, came: Visit, status: int, headers: Iterable[tuple[bytes, bytes]]) -> list[Access]:
    """What is recorded of a request, whichever route it was: that it was answered, and what in it was refused."""
    caller = came.caller
    assert caller is not None
    shows = status == 200 and not came.changes  # what is merely taken on shows nothing
    refused = [one for one in REFUSED if one in came.refused]
    if not (shows or refused or came.named):
        return []
    asked_about, position = named_in(scope), position_in(headers)

    def access(outcome: str, objects: Iterable[UUID]) -> Access:
        return Access(
            caller.tenant,
            caller.actor,
            f"{scope['method']} {getattr(scope.get('route'), 'path', scope['path'])}",
            outcome,
            list(dict.fromkeys((*asked_about, *objects))),
            came.correlation_id,
            caller.key,
            fields_in(scope) if shows else None,
            came.purpose,
            position,
            came.trace,
        )

    found = [access(REFUSED[one], came.refused[one]) for one in refused]
    shown = [*(came.shown if shows else ()), *came.named]
    return [access(SHOWN, shown), *found] if shows or came.named else found


def position_in(headers: Iterable[tuple[bytes, bytes]]) -> int | None:
    """The position that an answer tells."""
    told = next((text for name, text in headers if name.lower() == b"x-position"), None)
    return None if told is None else int(told.rpartition(b".")[2])


def named_in(scope: Scope) -> list[UUID]:
    """The ids in the address."""
    found = []
    for text in scope.get("path_params", {}).values():
        with suppress(ValueError, AttributeError):
            found.append(UUID(text))
    return found


def fields_in(scope: Scope) -> str | None:
    """Which fields were asked for; their names are ours, and those of nobody."""
    if b"fields=" not in scope["query_string"]:
        return None
    return ",".join(parse_qs(scope["query_string"].decode()).get("fields", ())) or None


class Rows(list[dict[str, Any]]):
    """Rows of a read model as they are told, and the ids in them: looked for in the columns that hold ids (and in what
    events say), as looking everywhere costs ten times as much."""

    def __init__(self, rows: Iterable[dict[str, Any]], columns: Iterable[str]) -> None:
        super().__init__(rows)
        holding = [column for column in columns if column not in EVENTS_OWN]
        self.shown: dict[UUID, None] = {id: None for column in holding for row in self if (id := row.get(column))}
        if self and SAID in self[0]:
            for row in self:
                collect(row[SAID], self.shown)


def shown_in(value: Any) -> list[UUID]:
    """Every id in an answer, but those of events: what it shows something of."""
    found: dict[UUID, None] = {}
    collect(value, found)
    return list(found)


def collect(value: Any, found: dict[UUID, None]) -> None:
    kind = type(value)
    if kind is dict:
        for name, part in value.items():
            if type(part) is UUID:
                if name not in EVENTS_OWN and not (name == "id" and "stream_id" in value):
                    found[part] = None
            elif type(part) is str:
                if len(part) == 36 and name.endswith("_id") and name not in EVENTS_OWN and ID.fullmatch(part):
                    found[UUID(part)] = None
            elif type(part) not in VALUES:
                collect(part, found)
    elif kind is Rows:
        found.update(value.shown)
    elif kind is list:
        # A list is of things or of values, never of both.
        if value and type(value[0]) is not str and type(value[0]) not in VALUES:
            for part in value:
                collect(part, found)
    elif is_dataclass(kind):
        collect({part.name: getattr(value, part.name) for part in fields(value)}, found)  # some have no __dict__


VALUES = frozenset({int, float, bool, type(None), UUID, Decimal, date, datetime})


def purpose(headers: Mapping[bytes, bytes]) -> str | None:
    """What the caller says that it asks for. Raises BadRequest."""
    given = headers.get(PURPOSE)
    if given is None:
        return None
    try:
        said = given.decode().strip()
    except UnicodeDecodeError:
        said = ""
    if not (said.isprintable() and 1 <= len(said) <= LONGEST_PURPOSE):
        raise BadRequest(f"X-Purpose says in 1 to {LONGEST_PURPOSE} printable characters (UTF-8) what it is asked for.")
    return said
