"""What can be asked to be undone: events of one stream, all together or none."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from commands.command import Command, Crm, handles
from commands.dispatch import NotFound
from domain import AGGREGATES
from domain.correction import NotUndone, Obstacle, undo
from domain.customer import Customer
from domain.refusals import WasRetracted
from domain.undoing import Retractable
from eventlog.codec import kind_of

KINDS: dict[str, type[Retractable]] = {
    kind_of(aggregate): aggregate for aggregate in AGGREGATES if issubclass(aggregate, Retractable)
}


class UndoEvents(Command):
    """Undo events of one stream by further events: all that are named, or none of them.

    Facts are put right over exactly the time in which the wrong value stood, moves are taken back now; with its first
    event the whole thing is retracted. Refused where later changes stand on an event (`conflicts` names them), or where
    there is no way back from it. What is undone already, or never took effect, needs nothing. What undid an event can
    itself be undone.
    """

    stream: Literal["customer", "opportunity", "order", "ticket"]
    id: UUID
    versions: Annotated[tuple[Annotated[int, Field(ge=1, lt=2**31)], ...], Field(min_length=1, max_length=100_000)]


@handles(UndoEvents)
async def undo_events(command: UndoEvents, crm: Crm) -> Retractable:
    thing = await crm.load_or_new(KINDS[command.stream], command.id)
    if not thing.exists:
        raise NotFound(command.stream, command.id)
    past, then = await crm.past(thing), thing.copied(thing.now)
    undo(then, past, command.versions)
    if then.retracted and not thing.retracted:
        await refuse_while_referred_to(thing, crm)
    elif not then.retracted:
        for kind, id in sorted(then.references - (frozenset() if thing.retracted else thing.references)):
            if (await crm.look_up(KINDS[kind], id)).retracted:  # it is not while this is recorded
                raise WasRetracted(kind, id)
    undo(thing, past, command.versions)
    return thing


async def refuse_while_referred_to(thing: Retractable, crm: Crm) -> None:
    """Raise NotUndone when others refer to what is to be retracted; it names those that the caller sees."""
    own, by, referred_to = (kind_of(thing), thing.id), [], False
    named = await crm.naming(thing)
    for kind, id, version in named:
        other = await crm.look_up(KINDS[kind], id)
        if own in other.references and not other.retracted:
            referred_to = True
            if crm.shows(other):
                by.append((kind, id, version))
        if isinstance(other, Customer) and other.merged_into:  # it has taken over whom the other one refers to
            survivor = await crm.look_up(Customer, other.merged_into)
            named.append((kind, survivor.id, survivor.absorbed.get(str(id), 1)))
    if referred_to:
        raise NotUndone([Obstacle(1, f"Others refer to the {own[0]}; undo that first, or with it.", tuple(by))])
