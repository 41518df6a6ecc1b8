"""A life on the terminal: a key for each step, all the rest, or enough."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from uuid import UUID

import orjson
import pytest
from rich.console import Console

from deploy.replay import as_json, walk
from projections.changes import Change, PastChange
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
    pressed = iter(keys or "")
    told = walked([step(1), step(2), step(3)], keys and (lambda: next(pressed)))
    assert [version for version in (1, 2, 3) if f"[name {version}]" in told] == shown, "markup in a value is just text"
    assert told.count("gold") == len(shown), "what did not change is shown, too"


def walked(steps, key=None):
    console = Console(file=StringIO(), width=120)
    walk(console, steps, "1.{}".format, key)
    return console.file.getvalue()


def test_each_step_names_its_event_place_and_moments_to_be_asked_for_elsewhere():
    told = walked([step(2)])
    assert f"customer {ID} version 2, position 1.2, event {ID}" in told.replace("\n", " ")
    assert "2026-03-01 09:00:00 UTC, recorded 2026-03-01 09:00:00 UTC by li" in told
    assert orjson.loads(*as_json([step(2)], "1.{}".format))["entry"]["position"] == "1.2"


def test_a_fact_about_earlier_days_shows_which_days_it_changed():
    late = [PastChange("tier", "gold", "silver", MOMENT - timedelta(days=2), MOMENT)]
    told = walked([replace(step(2), entry=replace(step(2).entry, changes=[], past_changes=late, took_effect=False))])
    (line,) = (line for line in told.splitlines() if "silver" in line)
    assert "tier, 2026-02-27 09:00:00 UTC to 2026-03-01 09:00:00 UTC" in line
    assert "gold" in line


def test_what_happened_and_changed_nothing_is_shown_as_it_was_said():
    happened = replace(step(2).entry, type="customer.interaction_logged", fields={"subject": "It leaks"}, changes=[])
    assert "It leaks" in walked([replace(step(2), entry=happened)])
    unreadable = replace(happened, fields=None)
    assert "cannot be read" in walked([replace(step(2), entry=unreadable)])
