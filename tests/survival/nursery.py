"""The process that forks product processes with failpoints inside (see inside.py), spoken to from the tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from tests.survival.faults import Faults

ROOT = Path(__file__).parents[2]

Ended = Callable[[int, int], None]
"""Told (pid, status); a negative status names the signal."""


class Nursery:
    """Forks processes of the product as it stands in `tree`; they end with this process."""

    def __init__(self, directory: Path, tree: Path = ROOT, template: str = "template_survival") -> None:
        """`template`: the database that this tree migrates, and systems copy; trees that migrate alike may share it."""
        self.tree, self.template = tree, template
        self.faults = Faults(directory, f"home-{tree.name}")
        self.listeners: list[Ended] = []
        """Told of every end, also of those that are no business of theirs."""
        self._answers: Queue[dict[str, Any]] = Queue()
        self._asking = threading.Lock()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("KRONIKA_")}
        self.log = directory / f"nursery-{tree.name}.log"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.survival.inside"],
                cwd=tree,
                env=inherited | self.faults.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def start(self, name: str, log: Path, failpoints: Path, environment: dict[str, str]) -> int:
        """Start "api-1" or another, and answer its pid."""
        order = {"start": name, "log": str(log), "failpoints": str(failpoints), "environment": environment}
        return self._ask(order)

    def migrate(self, log: Path, environment: dict[str, str]) -> None:
        """Bring a database to the release in the tree."""
        ended: Queue[tuple[int, int]] = Queue()

        def listener(pid: int, status: int) -> None:
            ended.put((pid, status))

        self.listeners.append(listener)
        try:
            pid = self._ask({"migrate": True, "log": str(log), "environment": environment})
            while (end := ended.get(timeout=120))[0] != pid:
                pass
        finally:
            self.listeners.remove(listener)
        assert end[1] == 0, log.read_text()[-3000:]

    def _ask(self, order: dict[str, Any]) -> int:
        assert self._process.stdin
        with self._asking:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
            try:
                return int(self._answers.get(timeout=60)["pid"])
            except Empty:
                raise AssertionError(f"the nursery does not answer: {self.log.read_text()[-3000:]}") from None

    def _listen(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            told = json.loads(line)
            if "pid" in told:
                self._answers.put(told)
            else:
                for listener in list(self.listeners):  # each in a thread: who hears of an end may ask for a start
                    threading.Thread(target=listener, args=(told["ended"], told["status"]), daemon=True).start()

    def stop(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
