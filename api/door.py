"""The first and the last to see a request: names it, keeps its trace, answers what was raised, and logs it."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from uuid import UUID

import structlog
from prometheus_client import Histogram
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils.compat import uuid7

from api.accesses import accesses_of, position_in, purpose
from api.errors import INTERNAL, MEDIA_TYPE, BadRequest, Problem, as_json, problem
from api.limits import Allowance
from eventlog.accesses import Unrecorded
from eventlog.envelope import Caller
from eventlog.errors import ClaimTaken

log = structlog.get_logger()

TRACEPARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
CORRELATION_ID = b"x-correlation-id"

SECONDS = Histogram(
    "kronika_http_request_seconds",
    "Time of a request, by route and status",
    ["route", "status"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 30),
)


SAFE = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"strict-transport-security", b"max-age=31536000"),
)
"""What browsers are told with every answer. There are no CORS headers: no other site's pages may read one."""
POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
"""That no page is shown; a page of ours brings its own."""

seconds = cache(SECONDS.labels)  # looking a label up costs more than counting


@dataclass(frozen=True, slots=True)
class Begun:
    """A record that an answer with this position is given, on its way to disk since the answer was made."""

    position: int | None
    written: asyncio.Future[None]


@dataclass(slots=True)
class Visit:
    """One request as it is logged: what it belongs to, and who came for what as far as that is known."""

    correlation_id: UUID
    trace: str | None
    headers: dict[bytes, bytes]
    purpose: str | None = None
    caller: Caller | None = None
    allowance: Allowance | None = None
    told: list[tuple[bytes, bytes]] = field(default_factory=list)
    """Headers that any answer carries, errors too."""
    shown: Sequence[UUID] = ()
    """What the answer shows something of."""
    begun: Begun | None = None
    """What is being recorded of the answer already."""
    refused: dict[int, list[UUID]] = field(default_factory=dict)
    """What could not be shown or done, by status; of a batch there may be much."""
    named: list[UUID] = field(default_factory=list)
    """Who holds what commands claimed, as far as they were told so."""
    changes: bool = False
    """Whether it holds commands: what became of these is all that it is told, and the events say who gave them."""

    def charge(self, more: int) -> None:
        """Count what a request turned out to hold besides itself against the caller's limits."""
        if self.allowance is not None and more > 0:
            self.allowance.charge(more)

    def problem(self, error: Exception) -> Problem:
        """What an exception becomes; one that is our fault is logged, with where it happened."""
        answer = problem(error, self.correlation_id)
        self.refused.setdefault(answer.status, []).extend(about(error))
        if isinstance(error, ClaimTaken) and error.holder is not None:
            self.named.append(error.holder)
        if answer.status == INTERNAL.status:
            log.error("fault", error=type(error).__name__, at=places(error), correlation_id=str(self.correlation_id))
        return answer


def about(error: Exception) -> list[UUID]:
    """What an exception names."""
    id = getattr(error, "id", None)
    return [id] if isinstance(id, UUID) else []


def visit(scope: Scope) -> Visit:
    """The visit that a request is."""
    known: Visit = scope["kronika.visit"]
    return known


ANSWERING: ContextVar[Scope] = ContextVar("the request that is being answered")


def begin_recording(answer: Response, shown: Sequence[UUID]) -> Begun | None:
    """Have it recorded what an answer shows that has been made and is about to leave: much of the commit has passed by
    then. Should something else leave in its stead, it is on record that was shown what was not. Raises Unrecorded."""
    scope = ANSWERING.get(None)
    if scope is None or (came := visit(scope)).caller is None or came.refused or came.changes:
        return None
    came.shown = shown
    accesses = accesses_of(scope, came, answer.status_code, answer.raw_headers)
    if not accesses:
        return None
    app = scope["app"]
    written = app.state.kronika.accesses.begin(accesses, alone=app.door.inside == 1)
    written.add_done_callback(lambda written: written.cancelled() or written.exception())  # whoever waits hears it
    return Begun(accesses[0].position, written)


async def recorded(scope: Scope, came: Visit, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Returns when it is on disk what an answer shows, with the position that it tells. Raises Unrecorded."""
    if came.begun and status == 200 and not came.refused and came.begun.position == position_in(headers):
        await came.begun.written
    elif accesses := accesses_of(scope, came, status, headers):
        await scope["app"].state.kronika.accesses.record(accesses)


class Door:
    """What a request passes before anything else. Commands take the short way: a path that `direct` knows is answered
    by that application, with no routing before it."""

    def __init__(self, app: ASGIApp, direct: dict[str, ASGIApp]) -> None:
        self._app = app
        self._direct = direct
        self.inside = 0
        """How many requests are being answered."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        headers = dict(scope["headers"])
        came = scope["kronika.visit"] = Visit(correlation(headers), trace(headers), headers)
        ANSWERING.set(scope)
        name = str(came.correlation_id)
        came.told.append((CORRELATION_ID, name.encode()))
        status = 0

        async def answering(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                headers = message.get("headers", ())
                if came.caller is not None:
                    try:
                        await recorded(scope, came, message["status"], headers)
                    except Unrecorded:
                        came.refused.clear()  # of that neither: it is not told
                        raise
                status = message["status"]
                policy = () if any(name == POLICY[0] for name, _ in headers) else (POLICY,)
                message["headers"] = [*headers, *came.told, *SAFE, *policy]
            await send(message)

        direct = self._direct.get(scope["path"]) if scope["method"] == "POST" else None
        self.inside += 1
        try:
            if "\0" in scope["path"] or b"%00" in scope["query_string"]:
                raise BadRequest("An address holds no NUL.")
            came.purpose = purpose(headers)
            await (direct or self._app)(scope, receive, answering)
        except Exception as error:
            await self._answer(error, came, answering, begun=bool(status))
        finally:
            self.inside -= 1
            took = time.perf_counter() - started
            route = scope["path"] if direct else getattr(scope.get("route"), "path", "none")
            seconds(route, status).observe(took)
            log.info(
                "request",
                method=scope["method"],
                route=route,
                status=status,
                ms=round(took * 1000, 2),
                tenant=came.caller.tenant if came.caller else None,
                correlation_id=name,
            )

    async def _answer(self, error: Exception, came: Visit, send: Send, *, begun: bool) -> None:
        answer = came.problem(error)
        if begun:  # too late for a word: the broken connection says it
            raise error
        try:
            await tell(send, answer)
        except Unrecorded as unrecorded:
            await tell(send, came.problem(unrecorded))


async def tell(send: Send, answer: Problem) -> None:
    headers = {"content-type": MEDIA_TYPE.decode(), **answer.headers}
    told = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await respond(send, answer.status, as_json(answer.body), told)


async def respond(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


def correlation(headers: dict[bytes, bytes]) -> UUID:
    """The caller's X-Correlation-Id when it is a UUID, else one made here."""
    given = headers.get(CORRELATION_ID)
    if given is not None and len(given) == 36:
        try:
            return UUID(given.decode("latin-1"))
        except ValueError:
            pass
    return uuid7()


def trace(headers: dict[bytes, bytes]) -> str | None:
    """The caller's W3C traceparent, when it is one."""
    given = headers.get(b"traceparent")
    return given.decode() if given is not None and TRACEPARENT.fullmatch(given) else None


def places(error: BaseException) -> list[str]:
    """Where it went wrong, as file:line from the outside in; messages and values stay out, they may be personal."""
    found = []
    at = error.__traceback__
    while at is not None:
        found.append(f"{at.tb_frame.f_code.co_filename}:{at.tb_lineno}")
        at = at.tb_next
    return found[-12:]
