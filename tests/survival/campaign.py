"""A thousand schedules, one after the other, resumable; each outcome a line of JSON, and a summary to be committed."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tests.survival.failpoints import FAILPOINTS
from tests.survival.nursery import ROOT, Nursery
from tests.survival.schedule import Outcome, Schedule, run
from tests.survival.servers import Servers
from tests.survival.system import System

KEPT = ROOT / ".kronika" / "campaign"
OUTCOMES = KEPT / "outcomes.jsonl"
REPORT = Path(__file__).with_name("REPORT.md")
PLANTED = KEPT / "planted.jsonl"

SERVERS_FOR = 100
"""Schedules after which servers begin afresh: their logs and data would grow for ever."""


def campaign(schedules: int, first: int = 1) -> int:
    """Run what of the seeds `first` … `first + schedules - 1` has not been run yet; answers how many failed in all."""
    done = {outcome["seed"] for outcome in read(OUTCOMES)}
    seeds = [seed for seed in range(first, first + schedules) if seed not in done]
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeRemainingColumn(),
    )
    KEPT.mkdir(parents=True, exist_ok=True)
    with Progress(*columns) as progress:
        task = progress.add_task("schedules", total=schedules, completed=schedules - len(seeds))
        for turn in range(0, len(seeds), SERVERS_FOR):
            for outcome in several(seeds[turn : turn + SERVERS_FOR]):
                with OUTCOMES.open("a") as kept:
                    kept.write(json.dumps(outcome.as_json()) + "\n")
                progress.advance(task)
                rate = 60 / max(outcome.took_s, 0.1)
                progress.update(task, description=f"schedules, {rate:.1f} a minute")
                if outcome.broken:
                    progress.console.print(f"seed {outcome.seed}: {outcome.broken[:500]}", markup=False)
                write_report()
    return sum(outcome["broken"] is not None for outcome in read(OUTCOMES))


def several(seeds: Iterable[int]) -> Iterable[Outcome]:
    """Run these seeds on servers of their own; what a failed system left behind is kept."""
    directory = Path(tempfile.mkdtemp(prefix="kronika-survival-"))
    servers = Servers(directory)
    nursery = Nursery(directory)
    try:
        for seed in seeds:
            yield run(Schedule.of(seed), servers, nursery, lambda system, seed=seed: keep(system, seed))  # type: ignore[misc]  # a lambda's default has no type
    finally:
        nursery.stop()
        servers.stop()
        shutil.rmtree(directory, ignore_errors=True)


def keep(system: System, seed: int) -> None:
    """The logs of a system that failed."""
    place = KEPT / f"seed-{seed}"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    for log in system.home.glob("*.log"):
        shutil.copy(log, place)


def replay(seed: int) -> int:
    """Run one schedule and tell all about it."""
    console = Console(highlight=False, markup=False)
    schedule = Schedule.of(seed)
    console.print(f"seed {seed}: {schedule.clients} clients, {', '.join(schedule.processes)}")
    for fault in schedule.faults:
        console.print(f"  {fault}")
    for outcome in several([seed]):
        console.print_json(json.dumps(outcome.as_json()))
        return int(outcome.broken is not None)
    return 1


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def write_report() -> None:
    """The summary that is committed: what was done, what was checked, what failed, what the harness catches."""
    outcomes, planted = read(OUTCOMES), read(PLANTED)
    lines = ["# What the survival campaign has done", ""]
    lines += ["`make campaign` writes this page; `python -m tests.survival --seed N` runs one schedule again.", ""]
    if outcomes:
        lines += summary(outcomes)
    if planted:
        lines += planted_table(planted)
    REPORT.write_text("\n".join(lines) + "\n")


def summary(outcomes: list[dict[str, Any]]) -> list[str]:
    total: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    ended: Counter[str] = Counter()
    reached: set[str] = set()
    for outcome in outcomes:
        names = ("commands", "acknowledged", "refused", "unanswered", "reads", "invariants")
        total.update({name: outcome[name] for name in names})
        faults.update(outcome["faults"])
        ended.update({name.partition("-")[0]: count for name, count in outcome["ended_by_themselves"].items()})
        reached |= set(outcome["reached"])
    failed = [outcome for outcome in outcomes if outcome["broken"]]
    recovered = sorted(outcome["recovered_in_s"] for outcome in outcomes if not outcome["broken"]) or [0.0]
    lines = ["| | |", "|---|---|"]
    lines += [f"| schedules | {len(outcomes):,} |", f"| of them failed | {len(failed):,} |"]
    lines += [f"| commands | {total['commands']:,} |", f"| acknowledged | {total['acknowledged']:,} |"]
    lines += [f"| refused | {total['refused']:,} |", f"| never answered | {total['unanswered']:,} |"]
    lines += [f"| reads checked | {total['reads']:,} |", f"| faults | {sum(faults.values()):,} |"]
    lines += [f"| invariants checked | {total['invariants']:,} |"]
    lines += [f"| steps reached | {len(reached)} of {len(FAILPOINTS)} |"]
    lines += [f"| recovered within (median, slowest) | {recovered[len(recovered) // 2]} s, {recovered[-1]} s |"]
    told = ", ".join(f"{name} {count}" for name, count in sorted(ended.items())) or "none"
    lines += [f"| ended without having been killed, and started again | {told} |", ""]
    lines += ["## Faults by kind", "", "| fault | times |", "|---|---|"]
    lines += [f"| {kind} | {count:,} |" for kind, count in sorted(faults.items())] + [""]
    if failed:
        lines += ["## Seeds that failed", "", "| seed | what does not hold |", "|---|---|"]
        lines += [f"| {o['seed']} | {cell(o['broken'])} |" for o in failed] + [""]
    return lines


def planted_table(planted: list[dict[str, Any]]) -> list[str]:
    bugs = [bug for bug in planted if bug["name"] != "nothing"]
    caught = sum(bug["caught_by"] is not None for bug in bugs)
    lines = [f"## Planted bugs: {caught} of {len(bugs)} caught", "", "| bug | why it is wrong | caught by |"]
    lines += ["|---|---|---|"]
    lines += [f"| {b['name']} | {b['why']} | {cell(b['caught_by'] or '**not caught**')} |" for b in planted]
    return [*lines, ""]


def cell(text: str) -> str:
    """Short, and in one line of a table."""
    flat = re.sub(r"/([\w.@+-]+/){2,}", "", " ".join(text.split()).replace("|", "/"))  # no paths of this machine
    return flat[:160] + ("…" if len(flat) > 160 else "")
