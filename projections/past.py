"""The past of a read model: every version of every row, with the part of both clocks' plane in which it holds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, LiteralString

from eventlog.envelope import Recorded
from projections.projection import Projection, Row, Table
from projections.stream_rows import ROW_KEY, StreamRows

ENDLESS = datetime(9999, 1, 1, tzinfo=UTC)
"""Until further notice, as a moment."""
HEADLESS = 2**63 - 1
"""Until further notice, as a position."""

HOLDS = {
    "valid_from": "timestamptz NOT NULL",
    "valid_to": "timestamptz NOT NULL",
    "known_from": "bigint NOT NULL",
    "known_to": "bigint NOT NULL",
    "believed_to": "bigint NOT NULL",
    "lasts": "smallint NOT NULL",
    "stood": "smallint NOT NULL",
    "late": "smallint",
}
"""Two rectangles, all ends excluded: the version held from `valid_from` to `valid_to`, as was known from position
`known_from` to `known_to`; and it was believed to go on after `valid_to` from `known_from` to `believed_to`, where what
ended it was recorded. A version that was never believed to go on has `believed_to` = `known_from`.

`lasts` is the class of how long it held, `late` of how long after that its end was recorded: below 8 ** class seconds.
`stood` is that of for how many positions it was believed to go on. What held at a moment began, in each class, within
so long before it, and what stood at a position within so many before that; this makes it quick to find."""

LONGEST = 11
"""The last class, from 34 years or a thousand million positions to for ever."""

AT_A_MOMENT = "(tenant, lasts, valid_from, valid_to, known_from, known_to)"
AT_A_POSITION = "(tenant, stood, known_from, believed_to)"

SHAPE = 2
"""Raised whenever what this file makes of a read model changes."""


class PastRows(Projection):
    """One row a version of a row of a read model with one row a stream.

    A usual event ends the version that was the last, and begins another. One that is dated back takes effect on every
    version that holds after its moment: each is known like that up to the event only, and known otherwise from then on.
    As the newest event of its stream is the last in version order in every cut that has it, it is simply folded onto
    each of them: what comes of it is what `projections.cut` folds from the log, at every point of the plane.
    """

    def __init__(self, live: StreamRows) -> None:
        self.live = live
        self.version = 1_000 * SHAPE + live.version
        self.table = Table(
            f"{live.name}_past",
            key=(*ROW_KEY, "valid_from", "known_from"),
            columns=live.table.columns | HOLDS,
            indexes=(
                *map(with_ranges, live.table.indexes),
                AT_A_MOMENT,
                AT_A_POSITION,
                "(tenant, late, valid_to, known_from, believed_to) WHERE late IS NOT NULL",
                *(f"{at} WHERE {condition}" for condition in live.passing for at in (AT_A_MOMENT, AT_A_POSITION)),
            ),
        )
        self.handlers = live.handlers

    def new_row(self, recorded: Recorded) -> Row:
        """What is folded onto: the versions of a stream that hold now, as we know, from some moment on without a gap;
        and those that are to be written."""
        return {"held": [], "changed": {}}

    def handle(self, row: Row, recorded: Recorded) -> None:
        """Nothing of it takes effect when the handler raises."""
        at, position, held = recorded.occurred_at, recorded.position, row["held"]
        if held:
            begins = len(held)
            while begins and held[begins - 1]["valid_to"] > at:
                begins -= 1
            ending = held[begins:]
            fresh = [self._after(version, recorded) for version in ending]
            touched = [part for version in ending for part in ended(version, recorded)]
            held[begins:] = [version for version in ending if version["known_to"] == HEADLESS] + fresh
        else:
            first = self.live.new_row(recorded)
            self.live.handle(first, recorded)
            fresh, touched = [first | holding(at, ENDLESS, position)], []
            held.extend(fresh)
        row["changed"].update({(one["valid_from"], one["known_from"]): one for one in (*touched, *fresh)})

    def _after(self, version: Row, recorded: Recorded) -> Row:
        """The version as it is known from this event on."""
        draft = self.live.draft(version)
        self.live.handle(draft, recorded)
        begins = max(recorded.occurred_at, version["valid_from"])
        return draft | holding(begins, version["valid_to"], recorded.position)

    def draft(self, row: Row) -> Row:
        return row

    # -- several rows a key

    @property
    def found_by(self) -> tuple[dict[str, str], LiteralString]:
        return {"tenant": "text", "id": "uuid", "since": "timestamptz", "headless": "bigint"}, (
            "(t.tenant, t.id) = (k.tenant, k.id) AND t.valid_to > k.since AND t.known_to = k.headless"
        )

    def place(self, key: tuple[Any, ...], events: Sequence[Recorded]) -> tuple[Any, ...]:
        return *key, min(recorded.occurred_at for recorded in events), HEADLESS

    def together(self, rows: Iterable[Row]) -> dict[tuple[Any, ...], Row]:
        found: dict[tuple[Any, ...], Row] = {}
        for version in sorted(rows, key=lambda version: version["valid_from"]):
            found.setdefault((version["tenant"], version["id"]), {"held": [], "changed": {}})["held"].append(version)
        return found

    def serves(self, row: Row, events: Sequence[Recorded]) -> bool:
        since = row["held"][0]["valid_from"]
        return all(recorded.occurred_at >= since for recorded in events)

    def written(self, row: Row) -> list[Row]:
        return list(row["changed"].values())

    def folded_by(self, row_key: tuple[Any, ...]) -> tuple[Any, ...]:
        return row_key[: len(ROW_KEY)]

    def settled(self, row: Row) -> Row:
        return {"held": row["held"][-1:], "changed": {}}


@cache
def past_of(live: StreamRows) -> PastRows:
    return PastRows(live)


def holding(begins: datetime, ends: datetime, position: int) -> Row:
    """Known from this position on. What ends it, if anything does, is known as well."""
    believed = HEADLESS if ends == ENDLESS else position
    return {
        "valid_from": begins,
        "valid_to": ends,
        "known_from": position,
        "known_to": HEADLESS,
        "believed_to": believed,
        "lasts": class_of(length(begins, ends)),
        "stood": class_of(believed - position),
        "late": None,
    }


def ended(version: Row, by: Recorded) -> list[Row]:
    """What an event leaves of a version that held at its moment or after it: one row, or two."""
    begins, position = max(by.occurred_at, version["valid_from"]), by.position
    if begins == version["valid_from"]:  # of how it was since then nothing is left; it is how it was known
        version["known_to"] = position
    if version["valid_to"] == ENDLESS:
        late = class_of(length(begins, by.recorded_at))
        version |= {"valid_to": begins, "believed_to": position, "late": late}
        version["stood"] = class_of(position - version["known_from"])
        version["lasts"] = class_of(length(version["valid_from"], begins))
        return [version]
    if begins == version["valid_from"]:
        return [version]
    lasted = class_of(length(begins, version["valid_to"]))
    later = version | {"valid_from": begins, "known_to": position, "lasts": lasted}
    version |= {"valid_to": begins, "believed_to": version["known_from"], "stood": 0, "late": None}
    version["lasts"] = class_of(length(version["valid_from"], begins))
    return [version, later]


def class_of(number: int) -> int:
    """The smallest n for which it is below 8 ** n; 0 for what is below one, or negative."""
    return min((max(number, 0).bit_length() + 2) // 3, LONGEST)


def length(begins: datetime, ends: datetime) -> int:
    """In whole seconds."""
    return (ends - begins) // timedelta(seconds=1)


def with_ranges(index: str) -> str:
    """An index of the live table for the table of versions: what does not hold is passed over within the index."""
    if not index.startswith("("):
        return index
    ends = "valid_from, valid_to, known_from, believed_to"
    return re.sub(r"^\(([^)]*)\)", rf"(\1, {ends})", index)
