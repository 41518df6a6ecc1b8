"""What can be asked: commands as typed, frozen models, each registered once with the handler that answers it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Protocol, TypeVar
from uuid import UUID

from babel.numbers import list_currencies
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from domain import AGGREGATES, policy
from domain.aggregate import Aggregate, Event
from domain.roles import Action
from domain.values import dated
from eventlog.codec import kind_of

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
"""One line of free text, 1 to 500 characters."""
LongText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]
Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
"""A short name from the business's own vocabulary: a tag, a region, a stage, a method of payment."""
CURRENCIES = frozenset(list_currencies())


def known_currency(code: str) -> str:
    if code not in CURRENCIES:
        raise ValueError(f"{code!r} is no currency's ISO 4217 code, such as EUR")
    return code


Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), AfterValidator(known_currency)]
"""An ISO 4217 code, of a currency that is or was."""
Amount = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=4)]
"""A sum of money that is not negative; give it as a string to be exact."""
Quantity = Annotated[Decimal, Field(gt=0, max_digits=18, decimal_places=6)]


def in_utc(moment: datetime) -> datetime:
    if not 1000 <= moment.year < 9999:
        raise ValueError("a moment lies between the years 1000 and 9998")
    return moment.astimezone(UTC)


Day = Annotated[date, BeforeValidator(dated)]
Moment = Annotated[AwareDatetime, BeforeValidator(dated), AfterValidator(in_utc)]


class Command(BaseModel):
    """Something that is asked for: an imperative with everything needed to decide it.

    `occurred_at` is when it was so in the world (default: now; at most 60 s ahead of the server's clock); `reason` is
    kept beside the events in the clear, so name no person in it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    occurred_at: Moment | None = None
    reason: Text | None = None


C = TypeVar("C", bound=Command)
A = TypeVar("A", bound=Aggregate)


class Crm(Protocol):
    """What a handler may use: the streams of the caller's tenant, and the command's own moment and ids."""

    tenant: str
    actor: str
    occurred_at: datetime
    imported: bool
    """Whether an import tells it, of what was elsewhere"""

    async def load(self, kind: type[A], id: UUID) -> A:
        """The aggregate as the log has it now. Raises NotFound when the tenant has no such stream, or hides it from the
        caller, and WasRetracted."""
        ...

    async def load_or_new(self, kind: type[A], id: UUID) -> A:
        """As `load`, but blank (version 0) when there is no such stream yet."""
        ...

    async def look_up(self, kind: type[A], id: UUID) -> A:
        """As `load_or_new`, whether the caller sees it or not: for what a command does not name, but rests on."""
        ...

    def shows(self, aggregate: Aggregate) -> bool:
        """Whether the caller sees what was looked up, and may be told of it."""
        ...

    async def past(self, aggregate: Aggregate) -> list[Event]:
        """Every event of an aggregate that was loaded, by version."""
        ...

    async def trusts(self, id: UUID) -> dict[int, int]:
        """How far the source of each imported event of a stream is trusted (0 to 100), by version; an event that is not
        in it was told to us directly."""
        ...

    async def naming(self, aggregate: Aggregate) -> list[tuple[str, UUID, int]]:
        """The events that have ever named a loaded aggregate, as (kind, stream id, version). The command is decided
        anew when there are more of them by the time it is recorded."""
        ...

    def new(self, kind: type[A], id: UUID | None) -> A:
        """A blank aggregate for a stream that must not exist yet (else AlreadyExists). Without an id one is derived
        from the command's id, so that the command sent twice names the same stream."""
        ...


Handler = Callable[[Any, Crm], Awaitable[Aggregate]]


@dataclass(frozen=True)
class Registration:
    """One command as the API, the CLI and dispatch know it."""

    name: str
    model: type[Command]
    handler: Handler
    creates: bool
    """True when the command starts a new stream."""
    inside: bool = False
    """True when only Kronika's own processes ask it: no route, and not on the command line."""
    action: Action = "write"
    """What somebody must be permitted to ask it"""
    kind: str | None = None
    """Of what it is, where every command of the name is of the same"""

    @property
    def summary(self) -> str:
        return inspect.cleandoc(self.model.__doc__ or self.name)


KINDS = {aggregate.__name__: kind_of(aggregate) for aggregate in AGGREGATES}
_registry: dict[str, Registration] = {}
_by_model: dict[type[Command], Registration] = {}


def handles(
    model: type[C], *, creates: bool = False, inside: bool = False, action: Action = "write"
) -> Callable[[Callable[[C, Crm], Awaitable[Aggregate]]], Callable[[C, Crm], Awaitable[Aggregate]]]:
    """Register the decorated function as the one handler of `model`. It loads, asks and returns the aggregate that the
    command is about; dispatch saves whatever the loaded aggregates recorded."""

    def register(handler: Callable[[C, Crm], Awaitable[Aggregate]]) -> Callable[[C, Crm], Awaitable[Aggregate]]:
        name = kebab(model.__name__)
        assert name not in _registry, f"two handlers for {name}"
        kind = KINDS.get(handler.__annotations__["return"])
        of_a_record = "stream" in model.model_fields  # which says itself of what kind
        assert of_a_record or kind in policy.KINDS, f"{name} is of no kind that a policy speaks of"
        assert (action == "administer") == (kind in policy.ORGANISATION), f"who may {name} is not what a policy can say"
        _registry[name] = _by_model[model] = Registration(name, model, handler, creates, inside, action, kind)
        return handler

    return register


def registered() -> Iterator[Registration]:
    """Every command that callers may ask, by name."""
    import commands  # importing the package registers all of them

    assert commands
    yield from (registration for _, registration in sorted(_registry.items()) if not registration.inside)


def registration_of(command: Command) -> Registration:
    return _by_model[type(command)]


@cache
def kebab(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def streams(command: Command | None) -> tuple[UUID | None, list[UUID]]:
    """The stream that a command is about (a command names it first; None when it is new and nameless), and those that
    it names besides."""
    if command is None:
        return None, []
    own, *others = [getattr(command, name) for name in stream_fields(type(command))] or [None]
    return own, [id for id in others if id is not None]


@cache
def stream_fields(model: type[Command]) -> tuple[str, ...]:
    return tuple(name for name, info in model.model_fields.items() if info.annotation in (UUID, UUID | None))
