"""A worker that has come to a standstill ends, for somebody to start it again; one that is at work goes on."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from workers.watchdog import EXIT_CODE

WORKER = """
import time
from workers.watchdog import at_work, watch
watch(1.0)
{life}
print("came to its end")
"""


def lived(life):
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", WORKER.format(life=life)], capture_output=True, text=True, timeout=30)
    return done, time.monotonic() - began


def test_a_standstill_ends_the_process_and_tells_where_it_stood():
    done, lasted = lived("time.sleep(20)")
    assert done.returncode == EXIT_CODE
    assert lasted < 15
    assert "stalled" in done.stdout + done.stderr
    assert 'File "<string>", line 5 in <module>' in done.stderr


def test_who_comes_round_often_enough_lives_as_long_as_it_likes():
    done, _ = lived("for _ in range(15):\n    time.sleep(0.2)\n    at_work()")
    assert (done.returncode, done.stdout) == (0, "came to its end\n")


@pytest.mark.parametrize("thread", ["while True: pass", "import threading; threading.Event().wait()"])
def test_neither_a_busy_nor_a_waiting_thread_keeps_it_alive(thread):
    assert lived(thread)[0].returncode == EXIT_CODE
