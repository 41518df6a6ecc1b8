"""Ten schedules, decided by their seeds: commands by several clients, faults in between, and nine sentences hold."""

from __future__ import annotations

import pytest

from tests.survival.failpoints import FAILPOINTS, WITH_CARE
from tests.survival.schedule import Schedule, run

SEEDS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)

pytestmark = [pytest.mark.timeout(180), pytest.mark.xdist_group("seeds")]

reached: set[str] = set()


@pytest.mark.parametrize("seed", SEEDS)
def test_after_whatever_this_seed_does_everything_holds(servers, nursery, seed):
    schedule = Schedule.of(seed)
    outcome = run(schedule, servers, nursery)
    reached.update(outcome.reached)
    assert outcome.broken is None, "\n".join([outcome.broken or "", *map(str, schedule.faults)])
    assert outcome.commands >= 500
    assert sum(outcome.faults.values()) >= 3


def test_every_step_at_which_something_can_be_done_has_been_taken():
    assert reached >= set(FAILPOINTS) - WITH_CARE
