"""Takes measurements side by side, in interleaved rounds, and tells medians, ratios and what each process weighs."""

from __future__ import annotations

import json
import os
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

LABELS = {"postgres": "PostgreSQL", "java": "Kafka", "pgbench": "pgbench", "wrk": "load generator"}
QUIET = 0.85
"""A machine so idle is left alone by its other users."""


@dataclass(frozen=True)
class Reading:
    """One measurement: a rate or a time, the latencies behind it, and the megabytes of each process beside it."""

    value: float
    p50_ms: float | None = None
    p99_ms: float | None = None
    memory: dict[str, float] = field(default_factory=dict)
    note: str = ""

    @classmethod
    def of(cls, count: int, seconds: float, latencies_s: Sequence[float] = (), note: str = "") -> Reading:
        """A rate, from how many in how long."""
        return cls(count / seconds, quantile_ms(latencies_s, 0.5), quantile_ms(latencies_s, 0.99), note=note)

    def tell(self) -> None:
        """Say it to the parent process (see Place.child)."""
        print(json.dumps(asdict(self)), flush=True)


def quantile_ms(seconds: Sequence[float], part: float) -> float | None:
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] * 1000 if ordered else None


class Unmeasurable(Exception):
    """A benchmark cannot run here, or broke down; the message says why and what would help."""


@dataclass(frozen=True)
class Side:
    """One of the two things that a benchmark compares; several benchmarks may share it."""

    name: str
    take: Callable[[], Reading]
    unit: str = "/s"
    once: bool = False
    """True for what takes minutes: it is measured in the last round alone."""


@dataclass(frozen=True)
class Benchmark:
    """A value, the reference that it stands beside, and the ratio that is promised."""

    name: str
    what: str
    ours: Side
    reference: Side
    bound: float
    at_most: bool = False
    """True when a smaller ratio is the better one."""

    def kept(self, ratio: float) -> bool:
        return ratio <= self.bound if self.at_most else ratio >= self.bound


class Rounds:
    """All readings of a run, by side."""

    def __init__(self, console: Console, rounds: int, quiet_s: float) -> None:
        self.console, self.rounds, self.quiet_s = console, rounds, quiet_s
        self.readings: dict[str, list[Reading]] = defaultdict(list)
        self.failed: dict[str, str] = {}
        self.loads: list[float] = []

    def run(self, benchmarks: Sequence[Benchmark]) -> None:
        """Every side once a round, the two of a benchmark next to each other."""
        sides = list({side.name: side for one in benchmarks for side in (one.reference, one.ours)}.values())
        for number in range(1, self.rounds + 1):
            for side in sides:
                if side.name in self.failed or (side.once and number < self.rounds):
                    continue
                wait_for_quiet(self.quiet_s)
                self._take(side, number)

    def _take(self, side: Side, number: int) -> None:
        where = f"round {number} of {self.rounds}  {side.name:24}"
        try:
            with self.console.status(where), weighed() as memory:
                reading = side.take()
        except Unmeasurable as error:
            self.failed[side.name] = str(error)
            self.console.print(f"{where} not measured: {error}")
            return
        self.loads.append(os.getloadavg()[0])
        self.readings[side.name].append(Reading(**{**asdict(reading), "memory": {**memory, **reading.memory}}))
        self.console.print(f"{where} {shown(reading, side.unit)}")

    def median(self, side: Side) -> Reading:
        taken = self.readings[side.name]

        def middle(values: list[float | None]) -> float | None:
            known = [value for value in values if value is not None]
            return statistics.median(known) if known else None

        return Reading(
            statistics.median(reading.value for reading in taken),
            middle([reading.p50_ms for reading in taken]),
            middle([reading.p99_ms for reading in taken]),
            {name: max(r.memory.get(name, 0) for r in taken) for name in sorted({n for r in taken for n in r.memory})},
            taken[-1].note,
        )

    def ratio(self, one: Benchmark) -> float:
        """The median of each round's own, as machines change their speed from one round to the next; what was not
        measured in every round has that of the medians."""
        ours, reference = self.readings[one.ours.name], self.readings[one.reference.name]
        if len(ours) != len(reference):
            return self.median(one.ours).value / self.median(one.reference).value
        return statistics.median(a.value / b.value for a, b in zip(ours, reference, strict=True))

    def results(self, benchmarks: Sequence[Benchmark]) -> dict[str, dict[str, float]]:
        """What goes into bench.json."""
        found = {}
        for one in benchmarks:
            if self.readings[one.ours.name] and self.readings[one.reference.name]:
                value, reference = self.median(one.ours).value, self.median(one.reference).value
                found[one.name] = {
                    "value": round(value, 3),
                    "reference": round(reference, 3),
                    "ratio": round(self.ratio(one), 4),
                }
        return found

    def print(self, benchmarks: Sequence[Benchmark]) -> None:
        results = self.results(benchmarks)
        ratios = Table("benchmark", "what", "ratio", "promised", "", "value", "reference")
        for one in benchmarks:
            if found := results.get(one.name):
                ratios.add_row(
                    one.name,
                    one.what,
                    f"{found['ratio']:.2f}",
                    f"{'≤' if one.at_most else '≥'} {one.bound:g}",
                    "[green]kept[/]" if one.kept(found["ratio"]) else "[red]missed[/]",
                    shown_value(found["value"], one.ours.unit),
                    shown_value(found["reference"], one.reference.unit),
                )
            else:
                why = self.failed.get(one.ours.name) or self.failed.get(one.reference.name) or "not reached"
                ratios.add_row(one.name, one.what, "–", "", why.partition("\n")[0][:80], "", "")
        self.console.print(ratios)
        sides = Table("measured", "median", "p50", "p99", "rounds", "memory at the most")
        for name, side in {side.name: side for one in benchmarks for side in (one.reference, one.ours)}.items():
            if taken := self.readings[name]:
                median = self.median(side)
                sides.add_row(
                    f"{name}  {median.note}",
                    shown_value(median.value, side.unit),
                    in_ms(median.p50_ms),
                    in_ms(median.p99_ms),
                    " ".join(f"{reading.value:,.0f}" for reading in taken),
                    ", ".join(f"{process} {mb:,.0f} MB" for process, mb in median.memory.items() if mb >= 1),
                )
        self.console.print(sides)
        if self.loads:
            cores, least, most = os.cpu_count(), min(self.loads), max(self.loads)
            self.console.print(f"{cores} cores; load average after each measurement {least:.1f} to {most:.1f}")


def write(path: Path, results: dict[str, dict[str, float]], *, whole: bool) -> None:
    """Keep the results; those of a run of a few benchmarks join what is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    before: dict[str, Any] = json.loads(path.read_text()) if path.exists() and not whole else {}
    path.write_text(json.dumps(before | results, indent=1) + "\n")


def shown(reading: Reading, unit: str) -> str:
    latencies = f"  p50 {in_ms(reading.p50_ms)}  p99 {in_ms(reading.p99_ms)}" if reading.p50_ms is not None else ""
    return f"{shown_value(reading.value, unit):>12}{latencies}  {reading.note}"


def shown_value(value: float, unit: str) -> str:
    return f"{value:,.0f}{unit}" if value >= 100 else f"{value:,.2f}{unit}"


def in_ms(value: float | None) -> str:
    return "" if value is None else f"{value:.2f} ms"


def wait_for_quiet(at_most_s: float) -> None:
    """Wait until the machine is idle, so that a neighbour's burst does not fall into a measurement; not for ever."""
    deadline = time.monotonic() + at_most_s
    while time.monotonic() < deadline:
        if psutil.cpu_percent(interval=0.4) <= 100 * (1 - QUIET):
            return


@contextmanager
def weighed() -> Iterator[dict[str, float]]:
    """What the processes below this one weigh in megabytes while the block runs, each kind at its heaviest."""
    memory: dict[str, float] = {}
    stop = threading.Event()

    def weigh() -> None:
        while not stop.wait(2):
            for name, mb in weights().items():
                memory[name] = max(mb, memory.get(name, 0))

    thread = threading.Thread(target=weigh, daemon=True)
    thread.start()
    try:
        yield memory
    finally:
        stop.set()
        thread.join()


def weights() -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for process in psutil.Process().children(recursive=True):
        try:
            if label := label_of(process):
                found[label] += weight(process)
        except psutil.Error:
            continue
    return found


def weight(process: psutil.Process) -> float:
    """Megabytes, what several share divided among them (the kernel can tell on Linux)."""
    try:
        shared_out = getattr(process.memory_full_info(), "pss", 0)
    except psutil.AccessDenied:
        shared_out = 0
    return float(shared_out or process.memory_info().rss) / 1e6


def label_of(process: psutil.Process) -> str | None:
    name = str(process.name())
    if name in LABELS:
        return LABELS[name]
    arguments = process.cmdline()
    if "-m" not in arguments:  # a server's guard
        return None
    module, *rest = arguments[arguments.index("-m") + 1 :]
    if module.startswith("tests.bench"):
        return " ".join([module.rpartition(".")[2], *(part for part in rest[:1] if part.isalpha())])
    return rest[0] if module == "workers" else module
