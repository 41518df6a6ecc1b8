"""Steps made ready to walk through their rows: keys, joins, checks and commands as functions of a row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel, RootModel, ValidationError
from pydantic_core import ErrorDetails

from commands.command import Command, Registration, registered
from commands.importing.language import cleaned, conditions, values
from commands.importing.language.conditions import Holds
from commands.importing.language.document import Check, Join, Step, Wish
from commands.importing.language.forms import FORMS, Fields
from commands.importing.language.meaning import Making, Text, bare, is_empty, template, value
from commands.importing.language.rows import MOST_TOGETHER, Cleaned, Fault, Joined, Joining, Row
from commands.importing.language.scope import Scope
from commands.importing.language.wrongs import wrongs

MEANT = (cleaned, conditions, values)
"""Importing them says what their forms mean."""


@cache
def known_commands() -> dict[str, Registration]:
    return {registration.name: registration for registration in registered()}


@dataclass(frozen=True)
class Walk:
    """One step. Rows come with what is joined to them; without `group`, each is a unit of its own."""

    step: Step
    where: Holds | None
    joins: dict[str, Joining]
    group: Text | None
    key: Text
    sort: Making | None
    checks: list[Checking]
    asks: list[Asking]

    @classmethod
    def of(cls, step: Step, scope: Scope) -> Walk:
        joins: dict[str, Joining] = {}
        if step.rows is not None:
            scope.at("rows").named(step.rows)
        known: dict[str, Join] = {}
        for name, join in step.join.items():
            joins[name] = joining(join, scope.of(step.rows, known).at("join", name))
            known[name] = join
        among = scope.of(step.rows, step.join)
        return cls(
            step,
            value(step.where, among.at("where")) if step.where else None,
            joins,
            template(step.group, among.at("group")) if step.group else None,
            template(step.natural_key, among.at("key" if step.key else "group")),
            value(step.sort, among.at("sort")) if step.sort is not None else None,
            [Checking.of(check, among.at("checks", place)) for place, check in enumerate(step.checks)],
            [Asking.of(wish, step, among.at("commands", place)) for place, wish in enumerate(step.commands)],
        )

    def sorted_by(self, row: Row) -> Any:
        """What orders the row among those of its unit."""
        found = bare(self.sort(row)) if self.sort else None
        try:
            return float(found) if isinstance(found, str) else found
        except ValueError:
            return found


def joining(join: Join, scope: Scope) -> Joining:
    """Looks up the rows of a join."""
    scope.at("file").named(join.file)
    there = scope.at("on")
    columns = tuple(there.at(column).column(join.file, column) for column in join.on)
    texts = [template(text, there.at(column)) for column, text in join.on.items()]
    if not scope.faults:
        scope.files.prepare(join.file, columns)

    def rows(row: Row) -> list[Joined]:
        wanted = tuple(text(row) for text in texts)
        if not any(wanted):
            return []
        found = [Joined(join.file, line, cells) for line, cells in scope.files.find(join.file, columns, wanted)]
        if line := scope.files.find_broken(join.file, columns, wanted):
            broken = f"line {line} of {join.file}, which has {told(join, wanted)}, cannot be taken"
            if join.broken == "fail":
                raise Fault(broken)
            row.warn(f"{broken}; done without it")
        if len(found) > MOST_TOGETHER:
            raise Fault(f"more than {MOST_TOGETHER:,} rows of {join.file} have {told(join, wanted)}")
        if join.one and len(found) > 1:
            raise Fault(f"{len(found)} rows of {join.file} have {told(join, wanted)}", "duplicate")
        if join.one and not found and join.missing != "empty":
            missing = f"no row of {join.file} has {told(join, wanted)}"
            if join.missing == "fail":
                raise Fault(missing, "not found")
            row.warn(missing)
        return found

    return rows


def told(join: Join, wanted: tuple[str, ...]) -> str:
    return " and ".join(f"{column} {text!r}" for column, text in zip(join.on, wanted, strict=True))


def seen(row: Row, each: str | None) -> Iterator[Row]:
    """The row itself, or with `each`, as it is with every one of its joined rows."""
    if each is None:
        yield row
    else:
        yield from (row.narrowed(each, joined) for joined in row.joined(each))


@dataclass(frozen=True)
class Checking:
    """A check of a step."""

    each: str | None
    when: Holds
    message: Text
    fails: bool

    @classmethod
    def of(cls, check: Check, scope: Scope) -> Checking:
        there = scope.within(check.each) if check.each else scope
        word = "fail" if check.warn is None else "warn"
        message = template(check.warn or check.fail or "", there.at(word))
        return cls(check.each, value(check.when, there.at("when")), message, check.warn is None)

    def told(self, row: Row) -> Iterator[Fault]:
        """Warnings are told to the row, faults are given back."""
        try:
            for one in seen(row, self.each):
                if self.when(one):
                    if self.fails:
                        yield Fault(self.message(one), place=one.place)
                    else:
                        one.warn(self.message(one))
        except Fault as fault:
            yield placed(fault, row)


@dataclass(frozen=True)
class Asking:
    """A command of a step."""

    command: str
    model: type[Command]
    each: str | None
    when: Holds | None
    occurred_at: Making | None
    fields: dict[str, Making]
    columns: dict[str, tuple[str, ...]]
    """What columns a field is made of"""
    of_each: frozenset[str]
    """The fields that are made of the one joined row"""
    trust: int

    @classmethod
    def of(cls, wish: Wish, step: Step, scope: Scope) -> Asking:
        there = scope.within(wish.each) if wish.each else scope
        registration = known_commands().get(wish.command)
        model = registration.model if registration else Command
        if registration is None:
            scope.at("command").unknown("command", wish.command, known_commands(), "`kronika ask` lists all")
        else:
            check_fields(wish, model, scope)
        if wish.occurred_at is not None:
            occurred_at, given = value(wish.occurred_at, there.at("occurred_at")), wish.occurred_at
        elif step.occurred_at is not None:
            occurred_at, given = value(step.occurred_at, there.above(2).at("occurred_at")), step.occurred_at
        else:
            occurred_at, given = None, None
        own = step.trust if wish.trust is None else wish.trust
        columns = {name: scope.names(*texts_in(one)) for name, one in {**wish.with_, "occurred_at": given}.items()}
        return cls(
            wish.command,
            model,
            wish.each,
            value(wish.when, there.at("when")) if wish.when else None,
            occurred_at,
            {name: value(one, there.at("with", name)) for name, one in wish.with_.items()},
            columns,
            frozenset(name for name, named in columns.items() if any(c.startswith(f"{wish.each}.") for c in named)),
            scope.language.trust if own is None else own,
        )

    def asked(self, row: Row) -> Iterator[tuple[Row, dict[str, Any], Command] | Fault]:
        """The command as the row has it (once for each joined row), or all that is wrong with it."""
        for one in seen(row, self.each):
            try:
                if self.when is not None and not self.when(one):
                    continue
            except Fault as fault:
                yield placed(fault, one)
                continue
            yield from self.made(one, row)

    def made(self, row: Row, whole: Row) -> Iterator[tuple[Row, dict[str, Any], Command] | Fault]:
        """`whole` is the row, `row` the same with one of its joined rows: only what names that one is its doing."""
        body: dict[str, Any] = {}
        given: dict[str, str] = {}
        faults = []
        for name, making in self.fields.items():
            seen_by = row if name in self.of_each else whole
            try:
                found = making(seen_by)
            except Fault as fault:
                faults.append(placed(fault, seen_by))
                continue
            if not isinstance(found, str):
                found = plain(found, name, given)
            if not is_empty(found):
                body[name] = found
        if self.occurred_at is not None:
            seen_by = row if "occurred_at" in self.of_each else whole
            try:
                body["occurred_at"] = bare(self.occurred_at(seen_by))
            except Fault as fault:
                faults.append(placed(fault, seen_by))
            else:
                if not body["occurred_at"]:
                    named = ", ".join(self.columns["occurred_at"])
                    faults.append(Fault(f"{self.command} has no date: {named} is empty", place=seen_by.place))
        if given and "given" in self.model.model_fields:
            body["given"] = given
        if faults:
            yield from faults
            return
        try:
            yield row, body, self.model.model_validate(body)
        except ValidationError as error:
            for wrong in wrongs(error):
                yield Fault(self.explained(wrong), place=row.place)

    def explained(self, wrong: ErrorDetails) -> str:
        """What the command's model says, with the columns that it comes from."""
        path = ".".join(str(part + 1) if isinstance(part, int) else part for part in wrong["loc"])
        columns = self.columns.get(str(wrong["loc"][0]), ()) if wrong["loc"] else ()
        source = f" (from {', '.join(columns)})" if columns else ""
        message = wrong["msg"].removeprefix("Value error, ")
        said = f", not {shortened(wrong['input'])}" if isinstance(wrong["input"], str | int | float) else ""
        return f"{self.command}: {path + ': ' if path else ''}{message}{said}{source}"


def check_fields(wish: Wish, model: type[Command], scope: Scope) -> None:
    """The mapping names the command's own fields, and all that it needs."""
    for name, given in wish.with_.items():
        if name == "occurred_at":
            scope.at("with", name).fault("occurred_at stands beside `with`, not in it")
        elif name not in model.model_fields:
            scope.at("with", name).unknown(f"field of {wish.command}", name, model.model_fields)
        elif isinstance(given, Fields) and name in single_values(model):
            said = f"{name} is a single value, and {', '.join(given.root)} is no form of one"
            scope.at("with", name).fault(f"{said}; the forms are {', '.join(FORMS)}")
    needed = [name for name, field in model.model_fields.items() if field.is_required() and name not in wish.with_]
    if needed:
        scope.at("with").fault(f"{wish.command} needs {', '.join(needed)}")


@cache
def single_values(model: type[Command]) -> frozenset[str]:
    """The fields of a command that are a text, a number, a date, true or false: nothing with fields of its own."""
    schema = model.model_json_schema()

    def kinds(told: dict[str, Any]) -> set[str]:
        if "$ref" in told:
            return kinds(schema["$defs"][told["$ref"].rpartition("/")[2]])
        if several := told.get("anyOf") or told.get("oneOf") or told.get("allOf"):
            return set[str]().union(*map(kinds, several))
        return {told.get("type", "any")}

    return frozenset(
        name
        for name, told in schema["properties"].items()
        if kinds(told) <= {"string", "number", "integer", "boolean", "null"}
    )


def texts_in(given: Any) -> Iterator[str]:
    """Every text of a value, templates among them."""
    if isinstance(given, RootModel):
        yield from texts_in(given.root)
    elif isinstance(given, BaseModel):
        yield from texts_in({name: one for name, one in given if name != "format"})
    elif isinstance(given, dict):
        yield from (text for one in given.values() for text in texts_in(one))
    elif isinstance(given, list | tuple):
        yield from (text for one in given for text in texts_in(one))
    elif isinstance(given, str):
        yield given


def plain(found: Any, path: str, given: dict[str, str]) -> Any:
    """The value without anything empty; what the source said where cleaning changed it is noted by its path."""
    if isinstance(found, Cleaned):
        if found.given is not None:
            given[path] = found.given
        return found.value
    if isinstance(found, list):
        listed = (plain(one, f"{path}.{place}", given) for place, one in enumerate(found, 1))
        return [one for one in listed if not is_empty(one)]
    if isinstance(found, dict):
        named = {name: plain(one, f"{path}.{name}", given) for name, one in found.items()}
        return {name: one for name, one in named.items() if not is_empty(one)}
    return found


def placed(fault: Fault, row: Row) -> Fault:
    fault.place = fault.place or row.place
    return fault


def shortened(said: Any) -> str:
    text = repr(said)
    return text if len(text) <= 80 else f"{text[:77]}..."
