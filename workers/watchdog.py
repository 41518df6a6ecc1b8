"""Ends a worker that has come to a standstill: whoever keeps it running starts it again, others take over meanwhile."""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
import time

import structlog

log = structlog.get_logger()

EXIT_CODE = 70
"""By which whoever restarts it can tell a standstill from a fault."""

_seen_at_work = time.monotonic()


def at_work() -> None:
    """Said by every worker's loop, each time it comes round."""
    global _seen_at_work  # one worker a process
    _seen_at_work = time.monotonic()


def watch(stall_s: float) -> None:
    """From now on end this process, at once, when nobody has been `at_work` for so long. Nothing is lost by it: what is
    not committed is done again. Where each thread stands is written to standard error first."""

    def look() -> None:
        while (silent := time.monotonic() - _seen_at_work) < stall_s:
            time.sleep(min(1.0, stall_s - silent))
        log.critical("stalled", seconds=round(silent, 1))
        faulthandler.dump_traceback(sys.stderr, all_threads=True)
        os._exit(EXIT_CODE)

    at_work()
    threading.Thread(target=look, name="watchdog", daemon=True).start()
