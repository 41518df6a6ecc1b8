"""Commands over HTTP: a route for each that is registered, and one for a thousand at once."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import Header
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field, ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send
from uuid_utils import uuid7  # of no UUID but its text is wanted

from api import body
from api.door import Visit, respond, visit
from api.errors import WORDS, BadBody, BadRequest, Invalid, TooLarge, UnknownCommand, invalid
from api.kronika import Kronika, kronika
from api.reads import route_name
from commands.command import Command, Registration, registered, streams
from commands.dispatch import Asked, dispatch, permit
from eventlog.envelope import Answer, Caller, Context
from projections import RESOURCES

MOST = 1_000
"""Commands in one request."""
LONGEST_SERIES = 250
"""An Idempotency-Key of a batch, to which each place is added."""
AT_ONCE = 256
"""Commands of one request that are decided at the same time; they share the log's next commits."""

KEY = re.compile(r"[\x20-\x7e]{1,255}")
VERSION = re.compile(r'(")?([0-9]{1,9})(?(1)")')
JSON_TYPE = (b"content-type", b"application/json")
PATHS = {resource.stream: f"/v1/{route_name(resource)}" for resource in reversed(RESOURCES) if resource.key == ("id",)}
"""Where the things of a kind are read; the resource that is named first is theirs."""


class CommandAnswer(BaseModel):
    """What became of a command; the same for ever, however often it is sent under the same Idempotency-Key."""

    stream: str = Field(description="What the command was about.", examples=["customer"])
    id: UUID
    version: int = Field(description="The stream's version after it; send it as If-Match to decide on what you saw.")
    position: str = Field(
        description="Opaque; as min_position it makes any read reflect this command.", examples=["1.42"]
    )
    types: list[str] = Field(
        description="The events recorded, in order; none when nothing was new.", examples=[["customer.registered"]]
    )
    repeated: bool = Field(description="True when this is the answer to an earlier sending.")
    kept: list[str] | None = Field(
        None, description="Of customers that were unmerged: the fields that were changed since, and stay."
    )


class BatchItem(BaseModel):
    """One command of a batch."""

    command: str = Field(examples=["register-customer"])
    key: str | None = Field(None, description="As the Idempotency-Key header; made when absent.")
    if_match: int | None = Field(None, description="As the If-Match header.")
    body: dict[str, Any] = Field(examples=[{"kind": "person", "name": "李伟"}])


class BatchAnswer(BaseModel):
    """What became of one command of a batch: its answer, or the problem."""

    status: int = Field(description="As if it had been sent alone.", examples=[201])
    key: str | None
    answer: CommandAnswer | None = None
    problem: dict[str, Any] | None = None


class DirectRoute(APIRoute):
    """A route that is documented like any other, but answered by a plain ASGI application: an empty FastAPI route with
    the same body takes 1.6 times as long as this whole layer does (measured in CPU time, without the log)."""

    direct: ASGIApp

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self.direct if scope["method"] == "POST" else super().handle)(scope, receive, send)


def routes() -> list[APIRoute]:
    return [batch_route(), *(command_route(registration) for registration in registered()), unknown_route()]


def command_route(registration: Registration) -> DirectRoute:
    async def documented(
        body: Any,
        idempotency_key: Annotated[
            str | None,
            Header(max_length=255, description="Send it again, get the first answer; made and returned when absent."),
        ] = None,
        if_match: Annotated[
            str | None, Header(description="The version that the stream must have.", examples=['"7"'])
        ] = None,
    ) -> None: ...

    documented.__annotations__ |= {"body": registration.model}
    summary, _, description = registration.summary.partition("\n")
    route = DirectRoute(
        f"/v1/commands/{registration.name}",
        documented,
        methods=["POST"],
        name=registration.name,
        operation_id=registration.name,
        summary=summary.partition(";")[0].rstrip(".") + ".",
        description=f"{summary}\n{description}".strip(),
        status_code=201 if registration.creates else 200,
        response_model=CommandAnswer,
        tags=["commands"],
    )

    async def direct(scope: Scope, receive: Receive, send: Send) -> None:
        await one(registration, scope, receive, send)

    route.direct = direct
    return route


def unknown_route() -> APIRoute:
    async def unknown(name: str) -> None:
        raise UnknownCommand(name)

    return APIRoute("/v1/commands/{name}", unknown, methods=["POST"], include_in_schema=False)


async def one(registration: Registration, scope: Scope, receive: Receive, send: Send) -> None:
    """A request that is one command."""
    house, came = kronika(scope), visit(scope)
    came.changes = True
    headers = came.headers
    caller = await house.callers.calling(scope)
    body.media_type(headers, body.JSON)
    key = key_of(headers.get(b"idempotency-key"))
    came.told.append((b"idempotency-key", key.encode()))
    version = version_of(headers.get(b"if-match"))
    command = validated(registration, body.parsed(await body.read(headers, receive, house.settings.body_max_bytes)))
    async with house.commanding.of(caller.tenant):
        answer = await dispatch(house.log, asked(command, caller, came, key, version))
    told = [
        JSON_TYPE,
        (b"etag", b'"%d"' % answer.version),
        (b"x-position", house.token(answer.position).encode()),
    ]
    if answer.repeated:
        told.append((b"idempotent-replayed", b"true"))
    if registration.creates and (path := PATHS.get(answer.stream_type)):
        told.append((b"location", f"{path}/{answer.stream_id}".encode()))
    await respond(send, 201 if registration.creates else 200, orjson.dumps(as_answer(answer, house.token)), told)


def asked(command: Command, caller: Caller, came: Visit, key: str, version: int | None) -> Asked:
    context = Context(caller.tenant, caller.actor, key, came.correlation_id, reason=command.reason, trace=came.trace)
    return Asked(command, caller, context, version)


def as_answer(answer: Answer, token: Callable[[int], str]) -> dict[str, Any]:
    """A CommandAnswer; `token` is how a position is told."""
    return {
        "stream": answer.stream_type,
        "id": answer.stream_id,
        "version": answer.version,
        "position": token(answer.position),
        "types": answer.types,
        "repeated": answer.repeated,
        **answer.said,
    }


def validated(registration: Registration, given: Any) -> Command:
    """The command that was sent. Raises Invalid."""
    try:
        return registration.model.model_validate(given)
    except ValidationError as error:
        raise invalid(error) from None


def key_of(given: bytes | str | None) -> str:
    """The command's id: the caller's, or one made here. Raises BadRequest."""
    if given is None:
        return str(uuid7())
    key = given.decode("latin-1") if isinstance(given, bytes) else given
    if not KEY.fullmatch(key):
        raise BadRequest("An Idempotency-Key is 1 to 255 printable ASCII characters.")
    return key


def version_of(given: bytes | None) -> int | None:
    """The version in an If-Match header, as an ETag ("7") or bare (7). Raises BadRequest."""
    if given is None:
        return None
    match = VERSION.fullmatch(given.decode("latin-1").strip())
    if match is None:
        raise BadRequest('If-Match is the version that you saw, as "7".')
    return int(match[2])


def batch_route() -> DirectRoute:
    async def documented(
        body: Annotated[list[BatchItem], Field(max_length=MOST)],
        idempotency_key: Annotated[
            str | None,
            Header(
                max_length=LONGEST_SERIES,
                description="Of items without a `key`, which get this and their place: KEY.1, KEY.2, ...",
            ),
        ] = None,
    ) -> None: ...

    ndjson = {"schema": {"type": "string", "description": "One JSON object a line, each as an item of the list."}}
    route = DirectRoute(
        "/v1/commands",
        documented,
        methods=["POST"],
        name="commands",
        operation_id="commands",
        summary="Send up to 1,000 commands; each is decided and answered on its own, in the same order.",
        description="A JSON list, or NDJSON with an item a line; answered likewise. Items that name the same stream are"
        " decided in their order, all others together. What one item asks never fails its neighbours.",
        response_model=list[BatchAnswer],
        tags=["commands"],
        openapi_extra={"requestBody": {"content": {"application/x-ndjson": ndjson}}},
    )
    route.direct = batch
    return route


@dataclass(frozen=True)
class Item:
    """One item of a batch, read and found to be a command."""

    registration: Registration
    command: Command
    key: str
    version: int | None


@dataclass(frozen=True)
class Fault:
    """One item of a batch that is no command."""

    error: Exception
    key: str | None = None


def read_item(given: Any, otherwise: str | None = None) -> Item | Fault:
    """`otherwise` is the key of an item that gives none itself."""
    key = None
    try:
        if not isinstance(given, dict):
            raise Invalid.at((), "an item is an object", "dict_type")
        for name in sorted(given.keys() - BatchItem.model_fields.keys()):
            raise Invalid.at((name[:80],), WORDS["extra_forbidden"], "extra_forbidden")
        for name in ("command", "body"):
            if name not in given:
                raise Invalid.at((name,), WORDS["missing"], "missing")
        if not isinstance(given.get("key"), str | None):
            raise Invalid.at(("key",), WORDS["string_type"], "string_type")
        key = key_of(otherwise if given.get("key") is None else given["key"])
        version = given.get("if_match")
        if version is not None and (type(version) is not int or not 0 <= version < 10**9):
            raise Invalid.at(("if_match",), WORDS["int_type"], "int_type")
        registration = commands_by_name().get(str(given["command"]))
        if registration is None:
            raise UnknownCommand(str(given["command"]))
        return Item(registration, validated(registration, given["body"]), key, version)
    except (Invalid, BadRequest, UnknownCommand) as error:
        return Fault(error, key)


@cache
def commands_by_name() -> dict[str, Registration]:
    return {registration.name: registration for registration in registered()}


async def batch(scope: Scope, receive: Receive, send: Send) -> None:
    """A request that is many commands."""
    house, came = kronika(scope), visit(scope)
    came.changes = True
    caller = await house.callers.calling(scope)
    permit(caller, "write")
    kind = body.media_type(came.headers, body.JSON | body.LINES)
    series = series_of(came.headers.get(b"idempotency-key"))
    items = read_items(kind, await body.read(came.headers, receive, house.settings.body_max_bytes), series)
    came.charge(len(items) - 1)
    reached: list[int] = []
    answers = await in_order(items, lambda item: answered(house, caller, came, item, reached))
    parts = [orjson.dumps(answer) for answer in answers]
    whole = b"\n".join([*parts, b""]) if kind in body.LINES else b"[" + b",".join(parts) + b"]"
    told = [(b"x-position", house.token(max(reached)).encode())] if reached else []
    await respond(send, 200, whole, [(b"content-type", kind), *told])


def series_of(given: bytes | None) -> Callable[[int], str | None]:
    """The keys of items that give none, by their place. Raises BadRequest."""
    if given is None:
        return lambda place: None
    key = key_of(given)
    if len(key) > LONGEST_SERIES:
        raise BadRequest(f"The Idempotency-Key of a batch is 1 to {LONGEST_SERIES} printable ASCII characters.")
    return lambda place: f"{key}.{place}"


def read_items(kind: bytes, raw: bytes, series: Callable[[int], str | None]) -> list[Item | Fault]:
    if kind in body.LINES:
        lines = [line for line in raw.split(b"\n") if line.strip()]
        check_count(len(lines))
        return [read_line(line, series(place)) for place, line in enumerate(lines, 1)]
    given = body.parsed(raw)
    if not isinstance(given, list):
        raise Invalid.at((), "a batch is a list of commands", "list_type")
    check_count(len(given))
    return [read_item(one, series(place)) for place, one in enumerate(given, 1)]


def read_line(line: bytes, otherwise: str | None) -> Item | Fault:
    try:
        given = body.parsed(line)
    except (BadBody, Invalid) as error:
        return Fault(error)
    return read_item(given, otherwise)


def check_count(count: int) -> None:
    if count > MOST:
        raise TooLarge(f"A batch has at most {MOST:,} commands; this one has {count:,}.")


async def answered(
    house: Kronika, caller: Caller, came: Visit, item: Item | Fault, reached: list[int]
) -> dict[str, Any]:
    """`reached` takes the positions of what was recorded."""
    try:
        if isinstance(item, Fault):
            raise item.error
        async with house.commanding.of(caller.tenant):
            answer = await dispatch(house.log, asked(item.command, caller, came, item.key, item.version))
    except Exception as error:  # of this item alone: its neighbours go on
        told = came.problem(error)
        return {"status": told.status, "key": item.key, "problem": told.body}
    reached.append(answer.position)
    return {
        "status": 201 if item.registration.creates else 200,
        "key": item.key,
        "answer": as_answer(answer, house.token),
    }


async def in_order(
    items: Sequence[Item | Fault], answer: Callable[[Item | Fault], Awaitable[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """Answer all of them together, but none before the earlier ones that it may depend on: those about a stream that
    it names, and those that name the stream it is about."""
    room = asyncio.Semaphore(AT_ONCE)
    about: dict[UUID, asyncio.Task[dict[str, Any]]] = {}
    naming: dict[UUID, list[asyncio.Task[dict[str, Any]]]] = {}

    async def after(earlier: Iterable[asyncio.Task[Any]], item: Item | Fault) -> dict[str, Any]:
        if waiting := list(earlier):
            await asyncio.wait(waiting)
        async with room:
            return await answer(item)

    async with asyncio.TaskGroup() as group:
        tasks = []
        for item in items:
            own, others = streams(item.command if isinstance(item, Item) else None)
            earlier = {about[id] for id in (own, *others) if id in about} | set(naming.pop(own, ()) if own else ())
            tasks.append(task := group.create_task(after(earlier, item)))
            if own is not None:
                about[own] = task
            for other in others:
                naming.setdefault(other, []).append(task)
    return [task.result() for task in tasks]
