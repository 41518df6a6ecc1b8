"""The harness itself: failpoints are steps of the product, planted bugs fit the source, a seed means one thing."""

from __future__ import annotations

import pytest

from tests.survival.failpoints import FAILPOINTS, kind_of, place
from tests.survival.nursery import ROOT
from tests.survival.planted import BUGS
from tests.survival.schedule import Schedule
from tests.survival.system import EVERYTHING


@pytest.mark.parametrize("point", FAILPOINTS.values(), ids=lambda point: point.name)
def test_a_failpoint_is_at_a_function_of_the_product(point):
    owner, name = place(point)
    assert callable(vars(owner)[name])


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_fits_the_present_source(bug):
    for edit in bug.edits:
        assert edit.text(ROOT) != (ROOT / edit.file).read_text()


def test_there_are_bugs_enough_and_no_two_have_one_name():
    assert len({bug.name for bug in BUGS}) == len(BUGS) >= 40


def test_a_fault_is_done_to_a_process_that_comes_by():
    for schedule in [Schedule.of(seed) for seed in range(200)]:
        for fault in schedule.faults:
            if fault.what:
                assert kind_of(fault.who) in FAILPOINTS[fault.what].processes
    for bug in BUGS:
        assert {fault.who for fault in bug.faults} <= {*EVERYTHING, "analyst-2", "postgres", ""}


def test_a_seed_decides_everything():
    assert Schedule.of(7) == Schedule.of(7)
    assert Schedule.of(7) != Schedule.of(8)


def test_schedules_are_as_large_as_promised():
    schedules = [Schedule.of(seed) for seed in range(1, 1_001)]
    assert sum(len(schedule.faults) for schedule in schedules) >= 5_000 * 1.3  # not every failpoint is reached in time
    assert all(schedule.commands >= 500 for schedule in schedules)
