"""What of a read model callers see: its columns, what they hold, and how they can be filtered and sorted by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal as OneOf
from typing import LiteralString

from psycopg import sql

from projections.past import HOLDS, past_of
from projections.projection import Projection
from projections.stream_rows import StreamRows

Kind = OneOf[
    "text", "id", "number", "integer", "date", "moment", "flag", "set", "map", "list", "emails", "phones", "json"
]
"""What a column holds. In jsonb: a `set` of texts (shown as a sorted list), a `map` of text to text, a `list` of texts,
of `emails` or of `phones`, or any other `json`."""

KINDS: dict[str, Kind] = {
    "text": "text",
    "uuid": "id",
    "numeric": "number",
    "integer": "integer",
    "bigint": "integer",
    "date": "date",
    "timestamptz": "moment",
    "boolean": "flag",
    "jsonb": "json",
}
COMPARISONS: dict[str, LiteralString] = {"eq": "=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
SCALAR = (*COMPARISONS, "in", "null")
OPERATORS: dict[Kind, tuple[str, ...]] = {
    "text": SCALAR,
    "number": SCALAR,
    "integer": SCALAR,
    "date": SCALAR,
    "moment": SCALAR,
    "id": ("eq", "in", "null"),
    "flag": ("eq", "null"),
    "set": ("has",),
    "map": ("has",),
    "list": ("has",),
    "emails": ("has",),
    "phones": ("has",),
    "json": (),
}


@dataclass(frozen=True, eq=False)
class Resource:
    """A read model as callers see it. The API makes its routes from these."""

    name: str
    projection: Projection
    stream: str
    """The kind of the streams behind it, for their history: "customer"."""
    sets: tuple[str, ...] = ()
    maps: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    computed: Mapping[str, tuple[Kind, LiteralString]] = field(default_factory=dict)
    """Columns worked out when read, as SQL over the row `t`, all {rows} there are and the moment {now}; shown, not
    filtered or sorted by."""
    told: Mapping[str, str] = field(default_factory=dict)
    """What a column means, where its name does not say it."""
    only: LiteralString = "true"
    """Which rows are shown; never those of what was retracted."""
    beside: Mapping[str, sql.Composable] = field(default_factory=dict)
    """Where the rows of other read models are, by the names that `only` has for them."""
    empty_unless_asked: str | None = None
    """A column that is null in all rows shown, unless a filter names it, or the rows by their key."""
    key: tuple[str, ...] = ("id",)
    """What tells rows of one tenant apart, and breaks ties of the order."""
    sort: str = "-created_at"
    of_events: bool = False
    """Whether each row is an event, of whatever stream."""
    columns: dict[str, Kind] = field(init=False)
    """The columns that can be filtered, and all but the jsonb ones sorted, by."""
    never_null: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        table = self.projection.table
        hidden = {"tenant", "since", "retracted", *self.hidden}
        if "retracted" in table.columns and "retracted" not in self.only:
            object.__setattr__(self, "only", "(" + self.only + ") AND t.retracted IS NULL")
        kinds: dict[str, Kind] = {n: KINDS[kind.split()[0]] for n, kind in table.columns.items() if n not in hidden}
        named: dict[Kind, tuple[str, ...]] = {
            "set": self.sets,
            "map": self.maps,
            "list": self.lists,
            "emails": self.emails,
            "phones": self.phones,
        }
        kinds |= {name: kind for kind, names in named.items() for name in names}
        object.__setattr__(self, "columns", kinds)
        strict = {name for name, kind in table.columns.items() if kind.endswith("NOT NULL")}
        object.__setattr__(self, "never_null", frozenset({*strict, *table.key}))

    @property
    def sortable(self) -> list[str]:
        return [name for name, kind in self.columns.items() if SCALAR[0] in OPERATORS[kind]]

    @property
    def fields(self) -> list[str]:
        return [*self.columns, *self.computed]

    @property
    def rows(self) -> sql.Composable:
        return sql.Identifier("read", self.projection.name)

    @cached_property
    def past(self) -> Resource:
        """The same over all versions of its rows; itself where each row is an event."""
        if not isinstance(self.projection, StreamRows):
            return self
        return replace(self, projection=past_of(self.projection), hidden=(*self.hidden, *HOLDS))
