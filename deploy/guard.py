"""Stands between Kronika and one local server, and stops the server when Kronika is gone, even by kill -9.

Run as `python -I -S guard.py '{"command": [...], ...}'`. The lifeline is a pipe whose only writer is Kronika's process:
its end is noticed on every system and whichever thread started the guard (a parent-death signal is sent when the
*thread* that forked ends, so Linux's serves only as a second line, should the guard itself be killed).
"""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # by the guard: only the lifeline says when to stop


def main(job: dict[str, Any]) -> int:
    user = {} if job["uid"] is None else {"user": job["uid"], "group": job["gid"], "extra_groups": []}
    server = subprocess.Popen(  # noqa: S603  # our own command, no shell
        job["command"],
        cwd=job["cwd"],
        env=job["env"],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_in_the_server(job["signals"][0]),
        **user,
    )
    threading.Thread(target=_stop_at_end_of, args=(job["lifeline"], server, job["signals"]), daemon=True).start()
    code = server.wait()
    return code if code >= 0 else 128 - code


def _stop_at_end_of(lifeline: int, server: "subprocess.Popen[bytes]", signals: Sequence[int]) -> None:
    os.read(lifeline, 1)
    for number in (*signals, signal.SIGKILL):
        server.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(timeout=4)
            return


def _in_the_server(when_guard_dies: int) -> Callable[[], None]:
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

    def prepare() -> None:
        for ignored in IGNORED:
            signal.signal(ignored, signal.SIG_DFL)  # else Java would ignore them, too
        if prctl:
            prctl(1, when_guard_dies)  # PR_SET_PDEATHSIG

    return prepare


if __name__ == "__main__":
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    sys.exit(main(json.loads(sys.argv[1])))
