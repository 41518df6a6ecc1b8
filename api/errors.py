"""Refusals to status codes: one table, and the RFC 9457 problem that each becomes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import orjson
from fastapi.exceptions import RequestValidationError
from psycopg import OperationalError
from psycopg.errors import QueryCanceled
from psycopg_pool import PoolTimeout
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from commands.dispatch import Contended, FutureMoment, NotFound, StaleVersion
from commands.importing.files import DeliveryDamaged
from commands.importing.language.mapping import MappingError
from commands.importing.problems import Unreadable
from commands.importing.requesting import UnfitDelivery
from domain.policy import Forbidden
from domain.refusals import Refusal
from eventlog.accesses import Unrecorded
from eventlog.errors import BadPosition, CommandReused, LogUnavailable, PositionAbandoned
from eventlog.keys import KeyDestroyed, KeyStoreError
from projections.analytics.painting import Undrawable
from projections.asking import LOOKS, BadQuery
from projections.export_files import Expired, NotReady
from projections.freshness import LakehouseAway, NotFreshYet, ParkedRead, QueryCancelled, TooMuch
from projections.retracted import Retracted

MEDIA_TYPE = b"application/problem+json"
SHOWN, TOLD = 20, 3
"""Of the faults of one body, how many are listed, and how many told in a sentence."""


class Unauthenticated(Exception):
    """A key or token that is in force is needed."""


class IssuerAway(Exception):
    """Whoever issued the token cannot be asked for its keys at the moment."""


class TooManyRequests(Exception):
    """More was asked than is taken in such a time."""


class BadBody(ValueError):
    """The body is not the JSON that this takes."""


class BadRequest(ValueError):
    """A header or a parameter cannot be read."""


class WrongMediaType(Exception):
    """The body is of a type that this does not take."""


class TooLarge(Exception):
    """The request says more than is taken at once."""


class UnknownCommand(Exception):
    """There is no command of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no command {name[:80]!r}; /docs lists those there are.")


class Invalid(ValueError):
    """What was sent can be read, but is not what this takes; `errors` names each fault and where it is."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(f"The body is not what this takes: {in_words(errors)}.")
        self.errors = errors

    @classmethod
    def at(cls, where: Sequence[str | int], what: str, kind: str) -> Invalid:
        return cls([{"loc": list(where), "msg": what, "type": kind}])


class BadParameters(BadQuery):
    """Parameters are not what this takes; `errors` names each fault and where it is."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(f"A parameter is not what this takes: {in_words(errors)}.")
        self.errors = errors


@dataclass(frozen=True)
class Rule:
    """What one kind of exception becomes. Without `code` it is the refusal's own; `says` and `title` replace words that
    are for the log, or a library's, not for the caller."""

    status: int
    code: str | None = None
    says: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    title: str | None = None


AGAIN = {"Retry-After": "1"}
AWAY = Rule(
    503,
    "unavailable",
    "The store does not answer. Whether a command was recorded is open: send it again under the same key.",
    AGAIN,
    "The store does not answer.",
)
SLOW = Rule(
    503,
    "too-slow",
    "The store took longer than it is given. Ask for less at once: narrower filters, fewer rows, no exact total. A"
    " command may be sent again under the same key.",
    title="The store took longer than it is given.",
)

TABLE: dict[type[Exception], Rule] = {
    # what the business forbids, each under its own name: a state of affairs that other moves can change
    Refusal: Rule(409),
    FutureMoment: Rule(422),
    Contended: Rule(503, headers=AGAIN),
    # what the caller got wrong: 400 in address, header or question, 422 in a body that can be read
    BadBody: Rule(400, "bad-body"),
    BadRequest: Rule(400, "bad-request"),
    BadQuery: Rule(400, "bad-query", title="What is asked for cannot be asked like this."),
    Undrawable: Rule(400, "undrawable", "This cannot be drawn here: ask for the rows, or for the page (chart.html)."),
    BadPosition: Rule(400, "bad-position"),
    Unauthenticated: Rule(401, "unauthenticated", headers={"WWW-Authenticate": "Bearer"}),
    Forbidden: Rule(403, "forbidden"),
    NotFound: Rule(404, "not-found"),
    UnknownCommand: Rule(404, "unknown-command"),
    StaleVersion: Rule(412, "stale-version"),
    TooLarge: Rule(413, "too-large"),
    WrongMediaType: Rule(415, "wrong-media-type"),
    TooManyRequests: Rule(429, "too-many-requests"),
    Invalid: Rule(422, "invalid"),
    MappingError: Rule(422, "bad-mapping"),
    UnfitDelivery: Rule(422, "unfit-delivery"),
    Unreadable: Rule(422, "unreadable-files"),
    DeliveryDamaged: Rule(410, "delivery-damaged"),
    CommandReused: Rule(422, "idempotency-key-reused", "This key named another command before; choose a new one."),
    NotReady: Rule(409, "file-not-ready"),
    QueryCancelled: Rule(409, "query-cancelled"),
    # what is gone
    Retracted: Rule(410, "retracted"),
    Expired: Rule(410, "file-expired"),
    KeyDestroyed: Rule(410, "person-forgotten"),
    PositionAbandoned: Rule(410, "position-abandoned"),
    # what cannot be answered yet; a parked event needs somebody's hand, so there asking again does not help
    ParkedRead: Rule(424, "parked"),
    NotFreshYet: Rule(503, "not-fresh-yet", headers=AGAIN),
    IssuerAway: Rule(503, "issuer-away", headers=AGAIN),
    TooMuch: Rule(503, "too-much"),
    LakehouseAway: Rule(503, "lakehouse-away", headers=AGAIN),
    Unrecorded: Rule(503, "unrecorded", headers=AGAIN),
    LogUnavailable: AWAY,
    QueryCanceled: SLOW,
    OperationalError: AWAY,
    PoolTimeout: AWAY,
    KeyStoreError: AWAY,
}  # fmt: skip

MEMBERS = ("allowed", "holder", "conflicts", "behind", "resume", "event_id", "errors", "faults")
"""What a problem tells besides, where the exception knows it."""

INTERNAL = Rule(
    500,
    "internal",
    "This is a fault of ours; the correlation id finds it in our logs.",
    title="Something went wrong here.",
)
ROUTING = {
    404: Rule(404, "no-such-route", "There is no such address; /docs lists all there are.", title="No such address."),
    405: Rule(405, "method-not-allowed", "`Allow` names the methods that this address takes.", title="Another method."),
}


@dataclass(frozen=True)
class Problem:
    """An error as it is answered: RFC 9457 members, and the headers that belong to it."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]

    @property
    def code(self) -> str:
        return str(self.body["type"]).rpartition("/")[2]


def problem(error: Exception, correlation_id: UUID | str | None = None) -> Problem:
    """The answer to an exception; one that no rule knows is `internal`, without a word of its own."""
    if isinstance(error, HTTPException):
        rule = ROUTING.get(error.status_code) or Rule(
            error.status_code, "bad-request", error.detail, title=error.detail
        )
        rule = replace(rule, headers=dict(error.headers or {}))
    else:
        if isinstance(error, RequestValidationError):  # of the address: bodies are read by our own hands
            error = BadParameters(faults(error.errors(), within=1))
        rule = rule_for(type(error)) or INTERNAL
    title = rule.title or title_of(type(error))
    code = rule.code or (error.code if isinstance(error, Refusal) else kebab(type(error).__name__))
    body = {"type": f"/problems/{code}", "title": title, "status": rule.status, "detail": rule.says or str(error)}
    if rule is not INTERNAL:
        body |= {name: value for name in MEMBERS if (value := getattr(error, name, None)) is not None}
    if correlation_id is not None:
        body["instance"] = f"urn:uuid:{correlation_id}"
    return Problem(rule.status, body, rule.headers)


def as_json(value: Any) -> bytes:
    return orjson.dumps(value, default=str)


def rule_for(kind: type[BaseException]) -> Rule | None:
    return next((TABLE[ancestor] for ancestor in kind.__mro__ if ancestor in TABLE), None)


def problems() -> Iterator[tuple[str, int, str]]:
    """Every problem that can be answered, as (code, status, title): the table, and each refusal of the business."""
    for kind in [*TABLE, *every(Refusal)]:
        rule = rule_for(kind)
        if rule and kind is not Refusal and (rule.code or issubclass(kind, Refusal)):
            yield rule.code or kebab(kind.__name__), rule.status, rule.title or title_of(kind)
    for rule in (*ROUTING.values(), INTERNAL):
        yield rule.code or "", rule.status, rule.title or ""


def every(kind: type[Any]) -> Iterator[type[Any]]:
    for child in kind.__subclasses__():
        yield child
        yield from every(child)


def invalid(error: ValidationError) -> Invalid:
    return Invalid(faults(error.errors(include_url=False, include_input=False)))


def bad_parameters(error: ValidationError) -> BadParameters:
    return BadParameters(faults(error.errors(include_url=False, include_input=False)))


STEPS = ("function-", "constrained-", "list[", "tuple[", "literal[", "nullable[")
"""How pydantic names steps of checking a value."""
FORMS = {"str", "ReadPhone"}
"""How it names the forms in which a value may be given."""
NUMBER, LIST, OBJECT = "a number is expected", "a list is expected", "an object is expected"
DAY, MOMENT = f"{LOOKS['date']} is expected", f"{LOOKS['moment']} is expected"
WORDS = {
    "missing": "needed, and missing",
    "extra_forbidden": "not known here, leave it out",
    "literal_error": "{expected} is expected",
    "string_type": "text is expected",
    "string_too_short": "its length is to be at least {min_length}",
    "string_too_long": "its length is to be at most {max_length}",
    "string_pattern_mismatch": "text of the form {pattern} is expected",
    "too_short": "its length is to be at least {min_length}",
    "too_long": "its length is to be at most {max_length}",
    **dict.fromkeys(("bool_type", "bool_parsing"), f"{LOOKS['flag']} is expected"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), f"{LOOKS['integer']} is expected"),
    **dict.fromkeys(("float_type", "float_parsing", "decimal_type", "decimal_parsing", "finite_number"), NUMBER),
    "greater_than": "more than {gt} is expected",
    "greater_than_equal": "at least {ge} is expected",
    "less_than": "less than {lt} is expected",
    "less_than_equal": "at most {le} is taken",
    "decimal_max_digits": "at most {max_digits} digits are taken",
    "decimal_max_places": "at most {decimal_places} decimal places are taken",
    "decimal_whole_digits": "at most {whole_digits} digits before the point are taken",
    **dict.fromkeys(("uuid_type", "uuid_parsing"), f"{LOOKS['id']} is expected"),
    **dict.fromkeys(("date_type", "date_parsing", "date_from_datetime_parsing", "date_from_datetime_inexact"), DAY),
    **dict.fromkeys(
        ("datetime_type", "datetime_parsing", "datetime_from_date_parsing", "datetime_object_invalid"), MOMENT
    ),
    "timezone_aware": MOMENT,
    **dict.fromkeys(("list_type", "tuple_type", "set_type", "frozen_set_type"), LIST),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), OBJECT),
    "value_error": "{error}",
}
"""What pydantic finds, as we say it: nobody who calls over HTTP knows its words."""


def faults(errors: Sequence[Any], within: int = 0) -> list[dict[str, Any]]:
    """Where and what, without the values: they may be personal. `within`: so many steps lead to what was sent."""
    return [
        {
            "loc": [short(part) for part in e["loc"][within:] if not inner(part)],
            "msg": WORDS[e["type"]].format_map(e.get("ctx", {})) if e["type"] in WORDS else e["msg"],
            "type": e["type"],
        }
        for e in errors[:SHOWN]
    ]


def in_words(errors: Sequence[dict[str, Any]]) -> str:
    """The first faults, for people."""
    told = [": ".join(filter(None, (".".join(map(str, e["loc"])), e["msg"]))) for e in errors[:TOLD]]
    return "; ".join([*told, *(["more in `errors`"] if len(errors) > TOLD else [])])


def inner(part: str | int) -> bool:
    """Whether it names a step of checking a value, rather than a place of what was sent."""
    return part in FORMS or (isinstance(part, str) and part.endswith("]") and part.startswith(STEPS))


def short(part: str | int) -> str | int:
    return part if isinstance(part, int) else part[:80]


def title_of(kind: type[Any]) -> str:
    return (inspect.getdoc(kind) or kind.__name__).partition("\n")[0]


def kebab(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()
