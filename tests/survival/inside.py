"""Starts product processes with failpoints inside them: one process has imported everything and forks the others.

`python -m tests.survival.inside` reads orders, a JSON object a line, from standard input: {"start": "api-1", "log": …,
"environment": {…}} or {"migrate": …}. It answers {"started": …, "pid": …} and, when one has ended, {"ended": pid,
"status": …}. All end with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import faulthandler
import json
import os
import selectors
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import api.app
import deploy.migrate
import workers.__main__
import workers.analyst
import workers.historian
import workers.policies
import workers.projector
import workers.reactor
import workers.relay
from deploy.settings import load_settings
from tests.survival import failpoints

DIES_WITH_PARENT = 1
"""PR_SET_PDEATHSIG"""


def main() -> None:
    failpoints.install()
    wake, waking = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(waking, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waking, warn_on_full_buffer=False)
    selector = selectors.DefaultSelector()
    selector.register(0, selectors.EVENT_READ)
    selector.register(wake, selectors.EVENT_READ)
    unread = b""
    while True:
        for key, _ in selector.select():
            if key.fd == wake:
                os.read(wake, 4096)
                tell_who_ended()
                continue
            more = os.read(0, 65_536)
            if not more:
                sys.exit()
            *lines, unread = (unread + more).split(b"\n")
            for line in lines:
                carry_out(json.loads(line))


def carry_out(order: dict[str, Any]) -> None:
    name = order.get("start") or "migrate"
    if pid := os.fork():
        tell(started=name, pid=pid)
        return
    try:
        become(name, order)
    except SystemExit as ended:
        code = ended.code
        print(code if isinstance(code, str) else "", file=sys.stderr)
        os._exit(code if isinstance(code, int) else 1)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)


def become(name: str, order: dict[str, Any]) -> None:
    """What the new process does until it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(DIES_WITH_PARENT, signal.SIGKILL)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for given, number in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(given, number)
    os.closerange(3, 64)
    os.environ.update(order["environment"])
    settings = load_settings()
    if name == "migrate":
        assert settings.database_url
        deploy.migrate.migrate(settings.database_url, settings)
        return
    signal.signal(signal.SIGUSR2, tell_where)
    failpoints.watch = failpoints.Watch(Path(order["failpoints"]), name)
    if failpoints.kind_of(name) == "api":
        api.app.serve(settings)
    else:
        workers.__main__.run(failpoints.kind_of(name), settings)


def tell_where(*_: object) -> None:
    """On SIGUSR2: where every thread and every task stands, into the log; for whoever wonders what it waits for."""
    faulthandler.dump_traceback()
    with contextlib.suppress(RuntimeError):
        for task in asyncio.all_tasks(asyncio.get_running_loop()):
            print(task.get_name(), *places(task.get_coro()), sep="\n  ", file=sys.stderr, flush=True)


def places(waits: Any) -> Iterator[str]:
    """From the outermost coroutine to what it waits for in the end."""
    while waits is not None:
        frame = attribute(waits, "cr_frame", "gi_frame", "ag_frame")
        yield f"{frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_name}" if frame else repr(waits)
        waits = attribute(waits, "cr_await", "gi_yieldfrom", "ag_await")


def attribute(thing: Any, *names: str) -> Any:
    """The first of these that it has."""
    return next((value for name in names if (value := getattr(thing, name, None)) is not None), None)


def tell_who_ended() -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        tell(ended=pid, status=os.waitstatus_to_exitcode(status))


def tell(**what: Any) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    main()
