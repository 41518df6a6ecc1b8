"""Kronika's own processes on one machine: the API and every worker, watched, ended with the process that started them.

They are forked from one process that has imported all of Kronika once: each for itself would spend two to three seconds
of processor time on nothing else.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from deploy.process import log_to, tail
from deploy.settings import Settings
from workers import WORKERS

PRELOADED = [
    *("deploy.cli", "deploy.crew", "api.app", "workers.__main__", "workers.policies"),
    *(f"workers.{name}" for name in WORKERS),
]
ISSUER = "issuer"
"""The process that makes tokens, for trying out."""
AGAIN_S = 2.0
"""How soon after its last start a process that ended is started again."""
GRACE_S = 9.0
"""How long a process may take to end when told."""


class Crew:
    """The running processes, by name."""

    def __init__(self, home: Path) -> None:
        """Begins to import, in the background."""
        os.environ["KRONIKA_HOME"] = str(home)  # tells what runs for which home
        os.environ["PYTHONSAFEPATH"] = "1"  # what stands in the directory where we were started is not to be imported
        self._logs = home / "logs"
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(PRELOADED)
        forkserver.ensure_running()
        self._running: dict[str, ForkServerProcess] = {}
        self._started: dict[str, float] = {}
        self._log_size: dict[str, int] = {}

    names = ("api", *WORKERS)

    def start(self, name: str, settings: Settings) -> None:
        """Start the process of this name; both servers must be named in the settings."""
        self._settings = settings
        self._started[name] = time.monotonic()
        self._log_size[name] = log_to(self.log(name))
        if settings.metrics_port and name in self.names:
            port = settings.metrics_port + self.names.index(name)
            settings = settings.model_copy(update={"metrics_port": port})
        process = self._context.Process(target=serve, args=(name, settings, self.log(name)))
        process.start()
        self._running[name] = process

    def log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def restart_ended(self) -> list[str]:
        """Start again what has ended; answers what that was."""
        ended = [
            name
            for name, process in self._running.items()
            if not process.is_alive() and time.monotonic() - self._started[name] > AGAIN_S
        ]
        for name in ended:
            self.start(name, self._settings)
        return ended

    def last_words(self, name: str) -> str:
        return tail(self.log(name), self._log_size[name])

    def stop(self) -> None:
        """Tell all to end and wait until they have, by force after some seconds."""
        deadline = time.monotonic() + GRACE_S
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            process.join(max(0, deadline - time.monotonic()))
            if process.is_alive():
                process.kill()
                process.join()


def serve(name: str, settings: Settings, log: Path) -> None:
    """What one process does, from its first line to its last."""
    os.setsid()  # Ctrl-C is for the one who started us, who tells us then
    out = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.environ["PGAPPNAME"] = f"kronika {name}"  # `kronika status` knows us by it
    threading.Thread(target=end_with_parent, daemon=True).start()
    if name == "api":
        from api.app import serve as serve_api

        serve_api(settings)
    elif name == ISSUER:
        from deploy.issuer import serve as serve_issuer

        serve_issuer(settings.home, settings.issuers[0].url)
    else:
        from workers.__main__ import run

        run(name, settings)


def end_with_parent() -> None:
    """Should the one who started us be killed, nobody else tells us to end."""
    parent = multiprocessing.parent_process()
    assert parent
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os._exit(1)
