"""A life on the terminal: a key for each step, all the rest, or enough."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO
from uuid import UUID

import pytest
from rich.console import Console

from deploy.replay import walk
from projections.changes import Change
from projections.history import Entry
from projections.replay import Step

ID = UUID(int=7)
MOMENT = datetime(2026, 3, 1, 9, tzinfo=UTC)


def step(version):
    name = f"[name {version}]"
    entry = Entry(
        version, version, ID, "customer.renamed", MOMENT, MOMENT, "li", None, None, ID, None, "key", None,
        {"name": name}, [Change("name", None, name)], [], True,
    )  # fmt: skip
    return Step("customer", ID, entry, {"name": name, "tier": "gold"})


@pytest.mark.parametrize(
    ("keys", "shown"), [(None, [1, 2, 3]), ("xx", [1, 2, 3]), ("a", [1, 2, 3]), ("q", [1]), (" q", [1, 2])]
)
def test_each_step_waits_for_a_key_until_all_or_enough(keys, shown):
    console = Console(file=StringIO(), width=120)
    pressed = iter(keys or "")
    walk(console, [step(1), step(2), step(3)], keys and (lambda: next(pressed)))
    told = console.file.getvalue()
    assert [version for version in (1, 2, 3) if f"[name {version}]" in told] == shown, "markup in a value is just text"
    assert told.count("gold") == len(shown), "what did not change is shown, too"
