"""A local server's life: started behind a guard, ended when told, with Kronika, or at the next start at the latest."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, TextIO

import psutil

from deploy.place import Account, CannotStart, account_for, place_for, take_lock

Progress = Callable[[str, str], None]
"""Told (server, what it is doing now), from the thread that does it."""


def silent(server: str, doing: str) -> None:
    """Progress that nobody looks at."""


class LocalServer(ABC):
    """One server on this machine; at most one of its kind per home, gone with this process."""

    kind: ClassVar[str]
    """The name of its place in the home."""

    def __init__(self, home: Path, *, cache: Path | None = None, progress: Progress = silent) -> None:
        self._home, self._cache, self._progress = home.absolute(), cache, progress
        self._lock: TextIO | None = None
        self._server: Guarded | None = None

    def start(self) -> str:
        """Start it, in a new home with empty data, and return the address where it answers; raises CannotStart."""
        address = self.begin()
        self.wait()
        return address

    def begin(self) -> str:
        """Start it and return the address where it is going to answer; raises CannotStart."""
        place = place_for(self._home, self.kind)
        self._lock = take_lock(place, self._home)
        try:
            return self._begin(place, place / "data", account_for(place / "data"))
        except BaseException:
            self.stop()
            raise

    def wait(self) -> None:
        """Return once it answers; raises CannotStart."""
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    @abstractmethod
    def _begin(self, place: Path, data: Path, account: Account | None) -> str: ...

    @abstractmethod
    def _wait(self) -> None: ...

    @property
    def runs(self) -> bool:
        return self._server is not None and self._server.running

    def release(self) -> None:
        """Ask it to end, without waiting."""
        if self._server:
            self._server.release()

    def stop(self) -> None:
        """End it and wait until it has; what it acknowledged is kept."""
        if self._server:
            self._server.stop()
            self._server = None
        if self._lock:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> str:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


class Guarded:
    """A server behind its guard (see guard.py): it ends when told, or with this process."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        log: Path,
        account: Account | None,
        signals: Sequence[signal.Signals],
    ) -> None:
        """Start it; `signals` are what asks it to end, four seconds apart, before it is killed."""
        self.log = log
        self._logged_before = log_to(log)
        reader, self._lifeline = os.pipe()
        job = {
            "command": list(command),
            "cwd": str(cwd),
            "env": dict(env),
            "lifeline": reader,
            "signals": [int(number) for number in signals],
            "uid": account.uid if account else None,
            "gid": account.gid if account else None,
        }
        with log.open("ab") as output:
            self._guard = subprocess.Popen(  # noqa: S603  # our own command, no shell
                [sys.executable, "-I", "-S", str(Path(__file__).with_name("guard.py")), json.dumps(job)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(reader,),
                start_new_session=True,  # Ctrl-C is for Kronika: it stops its servers last
            )
        os.close(reader)

    @property
    def running(self) -> bool:
        return self._guard.poll() is None

    def release(self) -> None:
        """Ask it to end, without waiting."""
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1

    def stop(self) -> None:
        """Ask it to end and wait until it has, by force after some seconds."""
        self.release()
        self._guard.wait()

    def last_words(self) -> str:
        """The end of what it logged since it was started."""
        return tail(self.log, self._logged_before)


def log_to(log: Path) -> int:
    """Make room for a log to append to, and return its size."""
    log.parent.mkdir(exist_ok=True)
    if log.exists() and log.stat().st_size > 10_000_000:
        log.replace(log.with_suffix(".old"))
    return log.stat().st_size if log.exists() else 0


def tail(log: Path, since: int, lines: int = 8) -> str:
    """The last lines of a log, of what came after its first `since` bytes."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(since)
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])


def run(command: Sequence[str], *, cwd: Path, env: Mapping[str, str], account: Account | None, what: str) -> None:
    """Run a preparing command to its end; raise CannotStart with its last words if it fails."""
    done = subprocess.run(  # noqa: S603  # our own command, no shell
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        timeout=120,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=None if account is None else [],
    )
    if done.returncode:
        raise CannotStart(f"{what} failed:\n" + "\n".join(done.stdout.decode(errors="replace").splitlines()[-8:]))


def waiting(seconds: float, server: Guarded, name: str) -> Iterator[None]:
    """Yield again and again until the time is up or the server has died, which raises CannotStart."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        if not server.running:
            raise CannotStart(f"{name} ended while starting; the end of {server.log}:\n{server.last_words()}")
        time.sleep(0.05)
    raise CannotStart(f"{name} was not ready after {seconds:.0f} s; the end of {server.log}:\n{server.last_words()}")


def end_leftovers(data: Path, program: str, ask: signal.Signals) -> None:
    """End the server that an earlier, killed Kronika left behind: whatever runs this program inside its data.

    The kernel's word on program and working directory needs no pid file, and finds what a killed postmaster left, too.
    Only the server itself is asked; its helpers end by themselves, and what remains after ten seconds is killed.
    """
    leftovers = [process for process in psutil.process_iter() if _works_in(process, data, program)]
    for process in leftovers:
        with contextlib.suppress(psutil.NoSuchProcess):
            if Path((process.cmdline() or [""])[0]).name == program:
                process.send_signal(ask)
    _, stubborn = psutil.wait_procs(leftovers, timeout=10)
    for process in stubborn:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=5)


def _works_in(process: psutil.Process, data: Path, program: str) -> bool:
    try:
        return bool(process.name() == program and process.cwd() == str(data))
    except psutil.Error:
        return False
