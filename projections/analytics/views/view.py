"""What every question to the lakehouse has: parameters, what the columns of its answer mean, and how it is drawn."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

import pyarrow as pa
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, NonNegativeInt

from domain.policy import Forbidden
from domain.telling import personal, untold
from eventlog.envelope import Caller
from projections.analytics.fact import Fact

Kind = Literal["text", "texts", "flag", "id", "date", "moment", "integer", "real", "money", "quantity"]
"""What a column holds: `money` and `quantity` are exact decimals, `real` is a floating-point number."""


class Column(NamedTuple):
    """One column of an answer: what it holds, in which unit, and in how many of what."""

    kind: Kind
    unit: str = ""


TEXT, ID, DAY, MOMENT = Column("text"), Column("id"), Column("date"), Column("moment")
CURRENCY, CURRENCIES = Column("text", "ISO 4217"), Column("texts", "ISO 4217")
FLAG = Column("flag", "true or false")
MONEY = Column("money", "currency of the row")
QUANTITY = Column("quantity", "units of the product")
SHARE = Column("real", "share, 0 to 1")
DAYS = Column("real", "days")
SECONDS = Column("real", "seconds")


COUNT = "count"
"""The measure of a chart that counts rows."""


def count(of: str) -> Column:
    """How many of something."""
    return Column("integer", of)


@dataclass(frozen=True)
class Chart:
    """How a view is drawn: a mark, and which column goes where. `by` is told apart by colour (in a heat map it is what
    the colour shows); each value of `facet` has a picture of its own."""

    mark: Literal["bars", "lines", "steps", "heat"]
    x: str
    y: str | tuple[str, ...]
    """Several columns are drawn side by side (bars) or as a line each."""
    by: str | None = None
    facet: str | None = None
    stacked: bool = False
    lying: bool = False
    """Bars that lie: `x` runs down the page, in the order of the rows."""
    of: str = "rows"
    """What a row is, where rows are counted (the measure is `count`)."""
    countdown: bool = False
    """Lines whose `x` counts down to an end: it falls from left to right."""

    def counted(self, rows: pa.Table) -> pa.Table:
        """What is drawn: where rows are counted, one for all that are in the same place, with their number."""
        if COUNT not in (self.y, self.by):
            return rows
        at = [name for name in (self.x, self.y, self.by, self.facet) if isinstance(name, str) and name != COUNT]
        return rows.group_by(at, use_threads=False).aggregate([([], "count_all")]).rename_columns([*at, COUNT])

    def measure(self, name: str, columns: Mapping[str, Column]) -> Column:
        """What a measure is: a column of the view, or the number of its rows."""
        return columns.get(name, count(self.of))


class View(BaseModel):
    """A question with its parameters. All days are days in UTC."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    columns: ClassVar[dict[str, Column]]
    """Every column of the answer, in order."""
    chart: ClassVar[Chart]

    as_of: AwareDatetime | date | None = Field(
        None,
        union_mode="left_to_right",
        description="Only what had happened by this moment, or the end of this day.",
    )
    known_at: NonNegativeInt | AwareDatetime | None = Field(
        None, description="Only what the log knew at this position, or at this moment."
    )

    @classmethod
    def sql(cls) -> str:
        """A query that begins with WITH, over facts and definitions by their bare names."""
        return statement(cls.name)

    @classmethod
    def definition(cls) -> str:
        """What the figures mean, in words."""
        return words(cls.name)

    def parameters(self) -> dict[str, Any]:
        """What the query may name with a `$`, beyond the scope."""
        given = self.model_dump(exclude={"as_of", "known_at"})
        # DuckDB drops the exponent of 2E+5.
        plain = {n: Decimal(format(v, "f")) if isinstance(v, Decimal) else v for n, v in given.items()}
        return plain | {"moment": self.moment, "day": self.day}

    @property
    def moment(self) -> datetime:
        """The moment asked for, on the world's clock: where what is still open ends. No day ends in the future."""
        now = datetime.now(UTC)
        if self.as_of is None:
            return now
        if isinstance(self.as_of, datetime):
            return min(self.as_of, now)
        return min(datetime.combine(self.as_of, time.max, UTC), now)

    @property
    def day(self) -> date:
        """The day asked for."""
        return self.moment.astimezone(UTC).date()


class Scope(NamedTuple):
    """What a caller may see, as conditions on a fact's rows, and the values of their parameters."""

    conditions: str
    values: dict[str, Any]

    @classmethod
    def of(cls, caller: Caller, as_of: datetime | date | None, known_at: int | datetime | None) -> Scope:
        """Nothing but this tenant's rows, by the day and the position asked for."""
        conditions: list[str] = ["tenant = $tenant"]
        values: dict[str, Any] = {"tenant": caller.tenant}
        if as_of is not None:
            moment = isinstance(as_of, datetime)
            conditions.append("occurred_at <= $as_of" if moment else "occurred_at < $as_of + INTERVAL 1 DAY")
            values["as_of"] = as_of
        if known_at is not None:
            conditions.append(f"{'position' if isinstance(known_at, int) else 'recorded_at'} <= $known_at")
            values["known_at"] = known_at
        return cls(" AND ".join(conditions), values)


def scope(
    caller: Caller, view: View, facts: Mapping[str, Fact], *, retractions: bool = True
) -> tuple[str, dict[str, Any]]:
    """The view's query, and its parameters, over nothing but what this caller may see, by the day and the position
    asked for. The one way to the facts: a view cannot name the tables themselves. Without `retractions` there are
    none. Raises Forbidden."""
    permit_view(caller, type(view), facts)
    seen = Scope.of(caller, view.as_of, view.known_at)
    text = within(seen, view.sql(), facts, retractions)
    values = view.parameters() | seen.values
    return text, {name: values[name] for name in set(re.findall(r"\$(\w+)", text))}


def within(scope: Scope, query: str, facts: Iterable[str], retractions: bool = True) -> str:
    """The query over the facts of this scope, and over the definitions that it names."""
    used = definitions_of(query)
    tables = scoped(scope, facts, [query, *used.values()], retractions)
    return "WITH " + ",\n".join(
        [*tables, *(f"{name} AS ({its})" for name, its in used.items()), query.removeprefix("WITH ")]
    )


def scoped(scope: Scope, facts: Iterable[str], texts: Sequence[str], retractions: bool = True) -> list[str]:
    """Each fact that one of these texts names, under its own name and without what was retracted. Each mention reads
    the files anew, and of them only what it needs: to keep the rows of a fact in memory costs more."""
    together = "\n".join(texts)
    stands = f"{scope.conditions} AND stream_id NOT IN (FROM retracted)" if retractions else scope.conditions
    said = f"retractions AS (SELECT * FROM lake.retractions WHERE {scope.conditions})"  # noqa: S608  # names of our own
    return [
        *([said, RETRACTED] if retractions or "retractions" in together else []),
        *(
            f"{fact} AS NOT MATERIALIZED (SELECT * FROM lake.{fact} WHERE {stands})"  # noqa: S608  # as above
            for fact in named(facts, texts)
            if fact != "retractions"
        ),
    ]


def named(facts: Iterable[str], texts: Sequence[str]) -> list[str]:
    """The facts that one of these texts names."""
    together = "\n".join(texts)
    return [fact for fact in facts if re.search(rf"\b{fact}\b", together)]


def permit_view(caller: Caller, view: type[View], facts: Mapping[str, Fact]) -> None:
    """Raises Forbidden unless the caller is told all of the facts that a view is made of."""
    query = view.sql()
    for fact in named(facts, [query, *definitions_of(query).values()]):
        permit_fact(caller, facts[fact])


def permit_fact(caller: Caller, fact: Fact) -> None:
    """Raises Forbidden unless the caller is told all of a fact. Its rows do not say whose the records are by now, so
    they are told to those alone who read every record of the kinds that it is about."""
    for kind, events in fact.about.items():
        sight = caller.sight(kind)
        if not sight.everything:
            raise Forbidden(f"These figures are made of every {kind} there is, and your roles do not show you all.")
        restricted = sight.restricted - personal(kind)  # nothing personal is among the facts
        if any(untold(event, restricted) & fact.told for event in events):
            raise Forbidden(f"These figures are made of what your roles do not tell you of a {kind}.")


def told_to(caller: Caller, fact: Fact) -> bool:
    try:
        permit_fact(caller, fact)
    except Forbidden:
        return False
    return True


# A retraction is dated at the beginning of what was entered in error: of any day, nothing of it counts.
RETRACTED = """retracted AS (
    SELECT stream_id FROM retractions GROUP BY stream_id HAVING arg_max(what, position) = 'retracted')"""

FOLDER = Path(__file__).parents[1] / "sql"


def definitions_of(query: str, folder: Path = FOLDER) -> dict[str, str]:
    """What this query names of the definitions that views share, by name, each after those that it rests on."""
    found: dict[str, str] = {}
    for name in sorted(definitions_in(folder)):
        if name not in found and re.search(rf"\b{name}\b", query):
            text = statement(f"definitions/{name}", folder)
            found |= {other: its for other, its in definitions_of(text, folder).items() if other not in found}
            found[name] = text
    return found


@cache
def definitions_in(folder: Path) -> frozenset[str]:
    return frozenset(file.stem for file in (folder / "definitions").glob("*.sql"))


DEFINITIONS = definitions_in(FOLDER)


@cache
def source(name: str, folder: Path = FOLDER) -> str:
    return (folder / f"{name}.sql").read_text(encoding="utf-8")


@cache
def statement(name: str, folder: Path = FOLDER) -> str:
    """The SQL of a file, without its words."""
    return re.sub(r"--.*", "", source(name, folder)).strip()


@cache
def words(name: str) -> str:
    """What stands above the SQL of a file."""
    above = re.match(r"(?:--.*\n)*", source(name))
    assert above is not None
    return re.sub(r"(?m)^-- ?", "", above[0]).strip()
