"""The load generator: `wrk`, fetched when it is not installed, and the requests that it sends."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from deploy.place import cache_directory
from tests.bench.measure import Reading, Unmeasurable

HERE = Path(__file__).parent
PACKAGES = ("wrk", "libluajit-5.1-2")
UNITS = {"us": 0.001, "ms": 1.0, "s": 1_000.0, "m": 60_000.0}


@dataclass(frozen=True)
class Loaded:
    """What wrk saw: requests answered a second, their latencies, and how many went wrong."""

    rate: float
    p50_ms: float
    p99_ms: float
    requests: int
    wrong: int

    def reading(self, *, each: int = 1, note: str = "") -> Reading:
        """As a rate of commands, `each` of them in a request. Raises Unmeasurable when any went wrong, or none came."""
        if not self.requests:
            raise Unmeasurable("no request was answered in time; give it more --seconds")
        if self.wrong:
            raise Unmeasurable(f"{self.wrong} of {self.requests} requests went wrong")
        return Reading(self.rate * each, self.p50_ms, self.p99_ms, note=note)


def together(loads: Sequence[Loaded]) -> Loaded:
    """What several saw at the same time: their rates added, the longest of their latencies."""
    return Loaded(
        sum(one.rate for one in loads),
        max(one.p50_ms for one in loads),
        max(one.p99_ms for one in loads),
        sum(one.requests for one in loads),
        sum(one.wrong for one in loads),
    )


class Load:
    """wrk at work: it asks as fast as it is answered, or as the script's `delay` says. `given` is told to the script as
    `given.<name>`.

    One thread: on a small machine a second one would only take the server's processor.
    """

    def __init__(
        self, address: str, script: str, seconds: float, connections: int, given: Mapping[str, object]
    ) -> None:
        told = "".join(f"given.{name} = {lua(value)}\n" for name, value in given.items())
        with tempfile.NamedTemporaryFile("w", suffix=".lua", delete=False) as file:
            file.write(f"given = {{}}\n{told}\n{(HERE / script).read_text()}")
        self._script = Path(file.name)
        command = [
            *("--threads", "1", "--connections", str(connections), "--duration", f"{max(1, round(seconds))}s"),
            *("--timeout", "30s", "--latency", "--script", file.name, address),
        ]
        path, environment = wrk()
        self._process = subprocess.Popen(
            [path, *command], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        """End early; what was seen until then is told all the same."""
        self._process.send_signal(signal.SIGINT)

    def ended(self) -> Loaded:
        """Wait for the end. Raises Unmeasurable when wrk itself failed."""
        said, complained = self._process.communicate()
        self._script.unlink()
        if self._process.returncode:
            raise Unmeasurable(f"wrk: {(complained + said).strip()[-300:]}")
        return read(said)


def load(address: str, script: str, seconds: float, connections: int, given: Mapping[str, object]) -> Loaded:
    """Load the address from beginning to end."""
    return Load(address, script, seconds, connections, given).ended()


def lua(value: object) -> str:
    return f"[==[{value}]==]" if isinstance(value, (str, Path)) else str(value)


def read(said: str) -> Loaded:
    def latency(part: str) -> float:
        found = re.search(rf"^\s+{part}%\s+([0-9.]+)(us|ms|s|m)\s*$", said, re.MULTILINE)
        return float(found[1]) * UNITS[found[2]] if found else 0.0

    def number(pattern: str) -> float:
        found = re.search(pattern, said, re.MULTILINE)
        return float(found[1]) if found else 0

    sockets = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
    return Loaded(
        number(r"^Requests/sec:\s+([0-9.]+)"),
        latency("50"),
        latency("99"),
        int(number(r"^\s+(\d+) requests in")),
        int(number(r"Non-2xx or 3xx responses: (\d+)")) + (sum(map(int, sockets.groups())) if sockets else 0),
    )


@cache
def wrk() -> tuple[str, dict[str, str]]:
    """The program and its environment: the one installed, else Debian's package unpacked into the cache.

    Raises Unmeasurable where there is neither.
    """
    if installed := shutil.which("wrk"):
        return installed, dict(os.environ)
    place = cache_directory(None) / "wrk"
    if not (place / "usr/bin/wrk").exists():
        unpack(place)
    libraries = ":".join(str(path) for path in place.glob("usr/lib/*-linux-gnu"))
    return str(place / "usr/bin/wrk"), dict(os.environ) | {"LD_LIBRARY_PATH": libraries}


def unpack(place: Path) -> None:
    """Fetch the packages as an ordinary user and unpack them; nothing is installed."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise Unmeasurable("there is no wrk: install it (brew install wrk, apt-get install wrk, dnf install wrk)")
    with tempfile.TemporaryDirectory() as fetched:
        for package in PACKAGES:
            done = subprocess.run(
                ["apt-get", "download", package], cwd=fetched, capture_output=True, text=True, check=False
            )
            if done.returncode:
                said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
                raise Unmeasurable(f"there is no wrk, and apt-get cannot fetch it ({said}): install it")
        fresh = place.with_name(f"{place.name}.{os.getpid()}")
        for package_file in Path(fetched).glob("*.deb"):
            subprocess.run(["dpkg-deb", "--extract", package_file, fresh], check=True)
        shutil.rmtree(place, ignore_errors=True)
        fresh.rename(place)
