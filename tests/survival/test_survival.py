"""It survives the ordinary: every process killed under load, the servers restarted, nothing lost or doubled."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from deploy.migrate import rebuilt
from tests.survival.system import System

pytestmark = [pytest.mark.timeout(240), pytest.mark.xdist_group("survival")]


@pytest.fixture(scope="module")
def system():
    with TemporaryDirectory(
        prefix="kronika-survival-"
    ) as home:  # not under pytest's: the servers' user cannot go there
        system = System(Path(home))
        yield system
        system.stop()


@pytest.mark.parametrize("process", ["api", "relay", "projector", "analyst", "reactor"])
def test_a_process_killed_under_load_loses_and_doubles_nothing(system, process):
    with system.load().running() as load:
        time.sleep(2)
        system.restart(process)
        time.sleep(4)
    assert len(load.acknowledged) > 20
    system.check_acknowledged(load)


@pytest.mark.parametrize("name", ["customers", "timeline", "stage_moves"])
def test_a_read_model_is_rebuilt_under_load_while_reads_go_on_and_is_equal(system, name):
    with system.load().running() as load:
        system.wait_until(lambda: len(load.acknowledged) > 20 and system.all_taken_in(), "there are customers")
        with system.reading("/v1/customers?limit=5") as answers:
            done = asyncio.run(rebuilt(system.url, system.settings, name))
            time.sleep(1)
    assert done.live == done.rebuilt
    assert len(answers) > 3
    assert {answer.status_code for answer in answers} == {200}, [a.text for a in answers if a.status_code != 200]
    assert all(answer.json()["items"] for answer in answers)
    system.check_acknowledged(load)


@pytest.mark.parametrize("server", ["kafka", "postgres"])
def test_a_server_restarted_under_load_loses_and_doubles_nothing(system, server):
    with system.load().running() as load:
        time.sleep(2)
        getattr(system, server).stop()
        getattr(system, server).start()
        time.sleep(4)
    assert len(load.acknowledged) > 20
    system.check_acknowledged(load)


def test_after_all_of_that_no_read_model_differs_from_the_pure_fold_of_the_log(system):
    system.check_against_log()
