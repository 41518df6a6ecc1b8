"""What an event changed: of what is known now, and of days gone by, where something later has ended that already."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Any, TypeVar

from pydantic_core import to_jsonable_python

from domain.aggregate import Aggregate, Event, Fact, Path
from domain.particulars import dotted, path_of
from domain.policy import Sight
from domain.telling import masked
from domain.undoing import Undoing
from eventlog.envelope import Recorded

BOOKKEEPING = {"id", "version", "now", "modified_on", "since", "moved_at", "_pending", "opened_for", "handed_over"}
"""What an aggregate keeps for itself, beside what the business knows."""


@dataclass(frozen=True)
class Change:
    """One value that an event changed: `field` is an attribute, or "attribute.entry" in a map; None is "not there"."""

    field: str
    old: Any
    new: Any


@dataclass(frozen=True)
class PastChange(Change):
    """One that a fact about earlier days made in what is known of them: from `since` until `until`, where something
    later had been said already."""

    since: datetime
    until: datetime


C = TypeVar("C", bound=Change)


def plain(value: Any) -> Any:
    return to_jsonable_python(sorted(value) if isinstance(value, Set) else value)


def known_of(aggregate: Aggregate) -> dict[str, Any]:
    """What is known now; a later event replaces values, it never alters them."""
    return {name: value for name, value in vars(aggregate).items() if name not in BOOKKEEPING}


def changes_between(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    changes = []
    for name, new in after.items():
        old = before.get(name)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            entries = {**old, **new}
            changes += [change(f"{name}.{e}", old.get(e), new.get(e)) for e in entries if old.get(e) != new.get(e)]
        else:
            changes.append(change(name, old, new))
    return changes


def change(name: str, old: Any, new: Any) -> Change:
    return Change(name, plain(old), plain(new))


def changes_told(changes: Sequence[C], sight: Sight) -> list[C]:
    """The changes, as far as they are told."""
    if not sight.restricted:
        return list(changes)
    return [
        replace(one, old=masked(one.old), new=masked(one.new)) if attribute in sight.masked else one
        for one in changes
        if (attribute := one.field.partition(".")[0]) not in sight.hidden
    ]


def past_changes(kind: type[Aggregate], events: Sequence[Recorded], begin: int) -> dict[int, list[PastChange]]:
    """What those of a stream's events from there on changed of days gone by, by version."""
    late = late_facts(events, begin)
    blank, begins = kind(events[0].stream_id), events[0].occurred_at
    lives = {path: Life(path, blank.copied(None), begins) for paths in late.values() for path in paths}
    found: dict[int, list[PastChange]] = {}
    for event in (recorded.event for recorded in events if lives and recorded.event is not None):
        for path in paths_of(event):
            changed = lives[path].take(event) if path in lives else []
            if event.originator_version in late:
                found.setdefault(event.originator_version, []).extend(changed)
    return found


def late_facts(events: Sequence[Recorded], begin: int) -> dict[int, list[Path]]:
    """The facts from there on that are about an earlier day than something before them, and what they say something
    of."""
    late, latest = {}, events[0].occurred_at
    for number, recorded in enumerate(events):
        if number >= begin and recorded.occurred_at < latest and isinstance(recorded.event, Fact):
            late[recorded.version] = list(recorded.event.changes())
        latest = max(latest, recorded.occurred_at)
    return late


def paths_of(event: Event) -> list[Path]:
    """Of what the event says anything."""
    if isinstance(event, Undoing):
        return [path_of(known.field) for known in event.earlier or ()]
    return list(event.changes())


class Life:
    """What is at one path, at every moment since the thing came to be, as events tell it one by one."""

    def __init__(self, path: Path, blank: Aggregate, begins: datetime) -> None:
        self.path = path
        self._states = [(begins, blank)]
        """Since when the thing has been how, as far as this path goes"""

    def take(self, event: Event) -> list[PastChange]:
        """What the event changes, where that is over already."""
        spans: list[tuple[datetime, Any, Any]] = []
        for begins, state in self._since(event.timestamp):
            old = plain(state.at(self.path))
            event.apply(state)
            new = plain(state.at(self.path))
            if not spans or spans[-1][1:] != (old, new):
                spans.append((begins, old, new))
        return [
            PastChange(dotted(self.path), old, new, since, until)
            for (since, old, new), (until, *_) in pairwise(spans)
            if old != new
        ]

    def _since(self, moment: datetime) -> list[tuple[datetime, Aggregate]]:
        """The states from this moment on: one that began before is parted there."""
        after = bisect_right(self._states, moment, key=lambda state: state[0])
        if after == 0:
            return self._states
        begins, state = self._states[after - 1]
        if begins == moment:
            return self._states[after - 1 :]
        self._states.insert(after, (moment, state.copied(None)))
        return self._states[after:]
