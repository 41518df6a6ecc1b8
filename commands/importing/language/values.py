"""The forms of values: constants and columns put together, dates, numbers, choices, look-ups, ids and lists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import ROUND_HALF_EVEN, Context, InvalidOperation
from decimal import Decimal as Number
from functools import lru_cache, reduce
from typing import Any

from uuid_utils import UUID, uuid5  # made in a tenth of the time that the standard library takes

from commands.importing.language import cleaning, dates, forms
from commands.importing.language.meaning import Making, bare, is_empty, sound, template, value
from commands.importing.language.rows import Fault, Row
from commands.importing.language.scope import Scope

IDS = UUID("6b726f6e-696b-4a1b-8c00-000000000002")
"""Namespace of the ids of imported things."""


EXACTLY = Context(prec=500)
"""What a cell holds has a hundred digits at most, and an exponent of two."""

REMEMBERED = 65_536
_keys: dict[str, str] = {}
"""What the source calls the things of which ids were made last."""


@lru_cache(REMEMBERED)  # the commands of a unit, and steps about the same things, ask for the same ids
def id_of(source: str, kind: str, key: str) -> str:
    """The id of the thing that a source calls so."""
    id = str(uuid5(IDS, f"{source}|{kind}|{key}"))
    _keys[id] = key
    if len(_keys) > REMEMBERED:
        del _keys[next(iter(_keys))]
    return id


def key_of(id: object) -> str | None:
    """What a source calls the thing of which `id_of` lately made the id."""
    return _keys.get(str(id))


@value.register
def _(given: forms.Several, scope: Scope) -> Making:
    makings = [(value(one, scope.at(place)), isinstance(one, forms.Each)) for place, one in enumerate(given.root)]

    def several(row: Row) -> list[Any]:
        made: list[Any] = []
        for making, many in makings:
            if many:
                made += making(row)
            else:
                made.append(making(row))
        return made

    return several


@value.register
def _(given: forms.Fields, scope: Scope) -> Making:
    makings = {name: value(one, scope.at(name)) for name, one in given.root.items()}
    return lambda row: {name: making(row) for name, making in makings.items()}


@value.register
def _(given: forms.Give, scope: Scope) -> Making:
    return value(given.give, scope.at("give"))


@value.register
def _(given: forms.Text, scope: Scope) -> Making:
    text, case, most = template(given.text, scope.at("text")), given.case, given.cut

    def written(row: Row) -> str:
        found = text(row)
        if case:
            found = found.upper() if case == "upper" else found.lower()
        if most and len(found) > most:
            row.warn(f"{given.text} is cut to {most} of its {len(found)} characters")
            found = found[:most].rstrip()
        return found

    return written


@value.register
def _(given: forms.Date, scope: Scope) -> Making:
    text, formats = template(given.date, scope.at("date")), given.format
    zone = scope.at("time_zone").zone(given.time_zone) if given.time_zone else scope.local()

    def moment(row: Row) -> str | None:
        if not (found := text(row)):
            return None
        at, told = sound(given.date, dates.moment, found, formats, zone)
        if told:
            row.warn(told)
        return str(at)

    return moment


@value.register
def _(given: forms.Day, scope: Scope) -> Making:
    text, formats = template(given.day, scope.at("day")), given.format

    def day(row: Row) -> str | None:
        found = text(row)
        return sound(given.day, dates.day, found, formats).isoformat() if found else None

    return day


@value.register
def _(given: forms.Decimal, scope: Scope) -> Making:
    text, separator = template(given.decimal, scope.at("decimal")), given.separator

    def number(row: Row) -> str | None:
        if not (found := text(row)):
            return None
        return rounded(sound(given.decimal, cleaning.number, found, separator), given.places)

    return number


@value.register
def _(given: forms.Product, scope: Scope) -> Making:
    makings = [value(one, scope.at("product", place)) for place, one in enumerate(given.product)]

    def multiplied(row: Row) -> str | None:
        found = [making(row) for making in makings]
        if any(map(is_empty, found)):
            return None
        return rounded(reduce(EXACTLY.multiply, numbers("product", found)), given.places)

    return multiplied


@value.register
def _(given: forms.Sum, scope: Scope) -> Making:
    making = value(given.sum, scope.at("sum"))

    def added(row: Row) -> str | None:
        found = making(row)
        addends = [one for one in (found if isinstance(found, list) else [found]) if not is_empty(one)]
        return rounded(reduce(EXACTLY.add, numbers("sum", addends)), given.places) if addends else None

    return added


def numbers(form: str, found: Iterable[Any]) -> Iterator[Number]:
    return (sound(form, cleaning.number, str(bare(one))) for one in found)


def rounded(number: Number, places: int | None) -> str:
    if places is None:
        return format(number, "f")
    try:
        return format(number.quantize(Number(1).scaleb(-places), ROUND_HALF_EVEN, EXACTLY), "f")
    except InvalidOperation:
        raise Fault(f"{number:.3e} is too large a number") from None


@value.register
def _(given: forms.Choose, scope: Scope) -> Making:
    text = template(given.choose, scope.at("choose"))
    choices = {name: value(one, scope.at("from", name)) for name, one in given.from_.items()}
    known = ", ".join(map(repr, choices))
    otherwise = text if given.else_ == "keep" else instead(given.else_, scope.at("else"))

    def chosen(row: Row) -> Any:
        found = text(row)
        making = choices.get(found, otherwise if found else nothing)
        if making is None:
            raise Fault(f"{given.choose} is {found!r}, none of {known}")
        return making(row)

    return chosen


@value.register
def _(given: forms.Band, scope: Scope) -> Making:
    text = template(given.band, scope.at("band"))
    limits: list[tuple[Number, Making]] = []
    for name, one in given.from_.items():
        try:
            limits.append((cleaning.number(name), value(one, scope.at("from", name))))
        except ValueError as error:
            scope.at("from", name).fault(str(error))
    limits.sort(key=lambda limit: limit[0], reverse=True)

    def banded(row: Row) -> Any:
        if not (found := text(row)):
            return None
        number = sound(given.band, cleaning.number, found, given.separator)
        for limit, making in limits:
            if number >= limit:
                return making(row)
        raise Fault(f"{given.band} is {found}, under every limit")

    return banded


@value.register
def _(given: forms.Lookup, scope: Scope) -> Making:
    file = given.lookup
    scope.at("lookup").named(file)
    there = scope.of(file)
    columns = tuple(scope.at("on", column).column(file, column) for column in given.on)
    makings = [value(one, scope.at("on", column)) for column, one in given.on.items()]
    give = template(given.give, there.at("give"))
    otherwise = instead(given.else_, scope.at("else"))
    if not scope.faults:
        scope.files.prepare(file, columns)

    def looked_up(row: Row) -> Any:
        values = tuple(str(bare(making(row)) or "") for making in makings)
        if not any(values):
            return None
        found = scope.files.find(file, columns, values)
        told = " and ".join(f"{column} {text!r}" for column, text in zip(given.on, values, strict=True))
        if line := scope.files.find_broken(file, columns, values):
            raise Fault(f"line {line} of {file}, which has {told}, cannot be taken")
        if not found and otherwise is not None:
            return otherwise(row)
        if not found:
            raise Fault(f"no row of {file} has {told}", "not found")
        if len(found) > 1:
            raise Fault(f"{len(found)} rows of {file} have {told}", "duplicate")
        line, cells = found[0]
        row.unit.touched[file, line] = None
        return give(Row(file, line, cells, row.unit, row.number, {}))

    return looked_up


@value.register
def _(given: forms.Id, scope: Scope) -> Making:
    key, source = template(given.key, scope.at("key")), scope.language.source

    def identified(row: Row) -> str | None:
        found = key(row)
        return id_of(source, given.id, found) if found else None

    return identified


@value.register
def _(given: forms.First, scope: Scope) -> Making:
    makings = [value(one, scope.at("first", place)) for place, one in enumerate(given.first)]

    def first(row: Row) -> Any:
        return next((found for making in makings if not is_empty(found := making(row))), None)

    return first


@value.register
def _(given: forms.Each, scope: Scope) -> Making:
    there = scope.within(given.each)
    when = value(given.when, there.at("when")) if given.when else None
    give = value(given.give, there.at("give"))

    def each(row: Row) -> list[Any]:
        made = []
        for joined in row.joined(given.each):
            one = row.narrowed(given.each, joined)
            try:
                if when is None or when(one):
                    made.append(give(one))
            except Fault as fault:
                fault.place = fault.place or one.place
                raise
        return made

    return each


@value.register
def _(given: forms.Choice, scope: Scope) -> Making:
    when = value(given.when, scope.at("when"))
    give, otherwise = value(given.give, scope.at("give")), value(given.else_, scope.at("else"))
    return lambda row: give(row) if when(row) else otherwise(row)


def nothing(row: Row) -> None:
    return None


def instead(given: Any, scope: Scope) -> Making | None:
    """What is taken in the place of something that is not there; None where that is a failure."""
    if given == "fail":
        return None
    return nothing if given == "empty" else value(given, scope)
