"""What every read shares: as fresh as the caller asks, and telling the position that the answer reflects."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import Depends, Request, Response
from fastapi.security import HTTPBearer
from psycopg import AsyncConnection, DataError
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.types import Receive, Scope, Send

from api.accesses import Rows, shown_in
from api.door import Begun, begin_recording, visit
from api.errors import BadRequest, bad_parameters
from api.kronika import Kronika, kronika
from api.tide import LOG, asked_levels, least
from commands.dispatch import SKEW, NotFound, permit
from eventlog.envelope import Caller
from eventlog.row_security import begin, ended
from projections.analytics.lake import Unread
from projections.as_of import read_from, settled
from projections.asking import RESERVED, BadQuery
from projections.cut import NOW, Cut
from projections.freshness import ParkedRead
from projections.parked import Parked, parked_from_the_first
from projections.query import Page, ParkedEvent
from projections.resource import Resource
from projections.retracted import retraction

LONGEST_S = 30.0
PATIENCE_S = 2.0
"""How long what was known a moment ago is waited for, without being asked to: the past is kept a little behind."""

bearer = HTTPBearer(
    bearerFormat="kr_<id>_<secret>, or a JWT",
    description="An API key, or an access token of an issuer whose tokens are taken: either names tenant and user.",
    auto_error=False,
)


class Fresh(BaseModel):
    """How fresh an answer must be. What is no parameter of the route is refused."""

    model_config = ConfigDict(extra="forbid")

    min_position: str | None = Field(
        None,
        max_length=40,
        description="Answer only from what reflects this position, given by an earlier answer.",
        examples=["1.42"],
    )
    wait: float = Field(0, ge=0, le=LONGEST_S, allow_inf_nan=False, description="Seconds to wait until it does.")


class AsOf(Fresh):
    """Two clocks: how it was, and how it was known."""

    as_of: str | None = Field(
        None,
        max_length=40,
        description="As it was at this moment (of a day: at its end, UTC): only what had happened by then counts.",
        examples=["2026-03-31", "2026-03-31T18:00:00Z"],
    )
    known_at: str | None = Field(
        None,
        max_length=40,
        description="As it was known: only what was recorded by this moment, or up to this position, counts.",
        examples=["1.42", "2026-03-31T18:00:00Z"],
    )

    async def cut(self, house: Kronika) -> Cut:
        """Raises BadRequest, BadPosition, PositionAbandoned."""
        as_of = None if self.as_of is None else moment_of(self.as_of, "as_of")
        return Cut(as_of, None if self.known_at is None else await point_of(house, self.known_at, "known_at"))


async def point_of(house: Kronika, text: str, where: str) -> int | datetime:
    """A position or a moment. Raises BadRequest, BadPosition, PositionAbandoned."""
    return await house.reached(text) if POSITION.fullmatch(text) else moment_of(text, where)


def moment_of(text: str, where: str) -> datetime:
    """A moment, or the end of a day in UTC. Raises BadRequest, also for what is yet to come, today excepted."""
    try:
        if DAY.fullmatch(text):
            day = date.fromisoformat(text)
            moment, begins = datetime.combine(day, time.max, UTC), datetime.combine(day, time.min, UTC)
        else:
            moment = begins = with_zone(datetime.fromisoformat(text))
    except ValueError:
        raise BadRequest(
            f"{where} is to be a day like 2026-03-31, a moment with its zone like 2026-03-31T18:00:00Z (write + as %2B)"
            " or, where what was known is asked for, a position that an answer gave."
        ) from None
    if begins > datetime.now(UTC) + SKEW:
        raise BadRequest(f"{where} is yet to come; of the future nothing is known.")
    return moment


def with_zone(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a moment without a zone")
    return moment


POSITION = re.compile(r"\d+\.\d+")
DAY = re.compile(r"\d{4}-\d\d-\d\d")


async def known(request: Request, _documented: Annotated[Any, Depends(bearer)]) -> Caller:
    """Who asks. Raises Unauthenticated, TooManyRequests."""
    return await kronika(request.scope).callers.calling(request.scope)


async def calling(caller: Annotated[Caller, Depends(known)]) -> Caller:
    """Who asks, and may read. Raises Forbidden besides."""
    permit(caller, "read")
    return caller


def opened(request: Request) -> Kronika:
    return kronika(request.scope)


Known = Annotated[Caller, Depends(known)]
Calling = Annotated[Caller, Depends(calling)]
House = Annotated[Kronika, Depends(opened)]


class Told(Response):
    """An answer as JSON; the door has recorded what it shows before it lets it out."""

    media_type = "application/json"

    def __init__(self, value: Any, headers: dict[str, str], shown: Sequence[UUID]) -> None:
        super().__init__(orjson.dumps(value, default=exact), headers=headers)
        self.shown = shown
        self.begun: Begun | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        came = visit(scope)
        came.shown, came.begun = self.shown, self.begun
        await super().__call__(scope, receive, send)


@dataclass
class Reading:
    """A connection, and the position that whatever is read over it reflects at the least."""

    house: Kronika
    connection: AsyncConnection[Any]
    position: int
    asked: int | None
    """The position that the caller asked for."""
    parked: set[str] = field(default_factory=set)
    made: Told | None = None
    """The answer."""

    @property
    def stands(self) -> dict[str, str]:
        """Where an answer stands, as its headers tell."""
        told = {"X-Position": self.house.token(self.position)}
        return told | {"X-Parked": ", ".join(sorted(self.parked))} if self.parked else told

    def answer(self, value: Any, *, version: int | None = None, figures: bool = False) -> Told:
        """The value as JSON, with where it stands; `version` is that of a single thing. `figures` are of nobody: who
        stands in them is not recorded."""
        told = self.stands if version is None else self.stands | {"ETag": f'"{version}"'}
        self.made = Told(value, told, () if figures else shown_in(value))
        return self.made

    async def missing(self, caller: Caller, kind: str, id: UUID, cut: Cut = NOW) -> Exception:
        """Why there is nothing to answer: it was retracted, its first event is parked, or there is no such thing."""
        asked = (self.connection, self.house.log.codec, caller, kind, id, cut)
        return await retraction(*asked) or await parked_from_the_first(*asked) or NotFound(kind, id)

    def note(self, name: str, parked: Iterable[Parked | ParkedEvent | Unread]) -> None:
        """These events of a read model could not be taken in, and what is answered lacks them. Raises ParkedRead when
        the caller asks for a position that lies beyond one of them."""
        for event in parked:
            if self.asked is not None and self.asked >= event.position:
                raise ParkedRead(name, event.position, event.event_id)
            self.parked.add(str(event.event_id))

    def rows(self, resource: Resource, page: Page) -> Rows:
        """The rows of a page as they are told outside."""
        self.note(resource.name, page.parked.values())
        return Rows(map(self.row, page.rows), [name for name, kind in resource.columns.items() if kind == "id"])

    def row(self, row: dict[str, Any]) -> dict[str, Any]:
        return row | {"position": self.house.token(row["position"])} if "position" in row else row


@asynccontextmanager
async def reading(
    house: Kronika, caller: Caller, fresh: Fresh, names: Sequence[str] = (LOG,), *, snapshot: bool = False
) -> AsyncIterator[Reading]:
    """A connection for reading these read models, as soon as they reflect what the caller asks: it sees the rows of the
    caller's tenant, in a `snapshot` all as of one moment.

    Raises NotFreshYet, BadPosition, PositionAbandoned. The position is read before the rows, so they are never older.
    """
    asked = None
    if fresh.min_position is not None:
        asked = await house.reflected(names, fresh.min_position, fresh.wait)
    async with house.asking.of(caller.tenant), house.reading() as connection:
        async with connection.pipeline():  # one round trip for all three
            await begin(connection, caller.tenant, snapshot=snapshot)
            levels = await asked_levels(connection, names)
        position = least(await levels.fetchall())
        read = Reading(house, connection, position, asked)
        try:
            yield read
            if read.made is not None:
                read.made.begun = begin_recording(read.made, read.made.shown)
        except DataError:
            raise BadRequest("A value that is asked for is out of range.") from None
        finally:
            await ended(connection)


@asynccontextmanager
async def reading_as_of(
    house: Kronika, caller: Caller, asked: AsOf, resources: Sequence[Resource], *, snapshot: bool = False
) -> AsyncIterator[tuple[Reading, Cut]]:
    """As `reading`, of these resources as of the moment asked for, and the settled cut to read them with. What was
    known at a position is not told before all of it has been taken in. Raises BadRequest, too."""
    cut = await asked.cut(house)
    names = [name for resource in resources for name in read_from(resource, cut)]
    if cut.known_at is not None:
        async with house.reading() as connection:
            cut = await settled(connection, cut)
        assert isinstance(cut.known_at, int)
        await house.tide.at_least(names, cut.known_at, max(asked.wait, PATIENCE_S))
    async with reading(house, caller, asked, names, snapshot=snapshot) as read:
        yield read, cut


def asked_of(request: Request) -> tuple[AsOf, list[tuple[str, str]]]:
    """As of when and how fresh a list is asked for, and its other parameters. Raises BadQuery."""
    given = request.query_params.multi_items()
    for name in (*RESERVED, *AsOf.model_fields):
        if len(request.query_params.getlist(name)) > 1:
            raise BadQuery(f"{name} may be given once.")
    try:
        asked = AsOf.model_validate({name: text for name, text in given if name in AsOf.model_fields})
    except ValidationError as error:
        raise bad_parameters(error) from None
    return asked, [(name, text) for name, text in given if name not in AsOf.model_fields]


def exact(value: Any) -> str:
    """Decimals as strings, so that no reader rounds them."""
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"an answer holds a {type(value).__name__}")
