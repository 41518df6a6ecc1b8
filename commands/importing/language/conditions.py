"""Conditions: what has to be so of a row, of what is joined to it, or of the rows before it in its unit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from commands.importing.language import forms
from commands.importing.language.meaning import bare, template, value
from commands.importing.language.rows import Fault, Row
from commands.importing.language.scope import Scope
from commands.importing.language.template import pieces

Holds = Callable[[Row], bool]


@value.register
def condition(given: forms.Condition, scope: Scope) -> Holds:
    holding = list(parts(given, scope))
    if len(holding) == 1:
        return holding[0]
    return lambda row: all(holds(row) for holds in holding)


def parts(given: forms.Condition, scope: Scope) -> Iterator[Holds]:
    """One function for each thing that the condition says."""
    for text, wanted in given.is_.items():
        yield is_one_of(text, wanted, scope.at("is", text))
    for place, text in enumerate(given.present):
        yield present(text, scope.at("present", place))
    for place, text in enumerate(given.absent):
        yield opposite(present(text, scope.at("absent", place)))
    if given.changed:
        yield changed(given.changed, scope.at("changed"))
    if given.first is not None:
        yield lambda row: (row.number == 1) is given.first
    if given.last is not None:
        yield lambda row: (row.number == len(row.unit.rows)) is given.last
    if given.before is not None:
        yield before(given.before, scope.at("before"))
    for join, count in given.at_least.items():
        if scope.at("at_least", join).join(join):
            yield at_least(join, count)
    for join, count in given.at_most.items():
        if scope.at("at_most", join).join(join):
            yield opposite(at_least(join, count + 1))
    if given.after is not None:
        yield after(given.after, scope.at("after"))
    if given.any:
        any_of = [condition(one, scope.at("any", place)) for place, one in enumerate(given.any)]
        yield lambda row: any(holds(row) for holds in any_of)
    for place, one in enumerate(given.all):
        yield condition(one, scope.at("all", place))
    if given.not_ is not None:
        yield opposite(condition(given.not_, scope.at("not")))


def opposite(holds: Holds) -> Holds:
    return lambda row: not holds(row)


def is_one_of(text: str, wanted: tuple[str, ...], scope: Scope) -> Holds:
    one = template(text, scope)
    others = [template(other, scope) for other in wanted]
    if not scope.names(*wanted):
        constants = frozenset("".join(text for _, text in pieces(other)) for other in wanted)
        return lambda row: one(row) in constants
    return lambda row: any(one(row) == other(row) for other in others)


def present(text: str, scope: Scope) -> Holds:
    found = template(text, scope)
    return lambda row: bool(found(row))


def changed(texts: tuple[str, ...], scope: Scope) -> Holds:
    found = [template(text, scope.at(place)) for place, text in enumerate(texts)]

    def differs(row: Row) -> bool:
        earlier = row.before
        return earlier is not None and any(text(row) != text(earlier) for text in found)

    return differs


def before(moments: tuple[object, object], scope: Scope) -> Holds:
    first, second = (value(one, scope.at(place)) for place, one in enumerate(moments))

    def earlier(row: Row) -> bool:
        one, other = bare(first(row)), bare(second(row))
        try:
            return bool(one and other) and datetime.fromisoformat(one) < datetime.fromisoformat(other)
        except (TypeError, ValueError):
            raise Fault(f"`before` compares two dates or two days, not {one!r} and {other!r}") from None

    return earlier


def at_least(join: str, count: int) -> Holds:
    return lambda row: len(row.joined(join)) >= count


def after(given: forms.After, scope: Scope) -> Holds:
    wanted = condition(given.row, scope.at("row"))
    unwanted = condition(given.but_not, scope.at("but_not")) if given.but_not else None

    def came(row: Row) -> bool:
        earlier = row.before
        while earlier is not None:
            if wanted(earlier):
                return True
            if unwanted is not None and unwanted(earlier):
                return False
            earlier = earlier.before
        return False

    return came
