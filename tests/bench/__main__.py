"""`make bench`: every promise of speed measured beside its reference in one run, printed and kept in bench.json."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from tests.bench import (
    appends,
    as_of,
    flood,
    http,
    imports,
    lag,
    models,
    policy,
    projections,
    reading,
    sustained,
    views,
)
from tests.bench.measure import Benchmark, Rounds, write
from tests.bench.place import ROOT, Place

KEPT = ROOT / ".kronika" / "bench.json"


def every(place: Place, hold_s: float) -> list[Benchmark]:
    return [
        *appends.benchmarks(place),
        *http.benchmarks(place),
        *flood.benchmarks(place),
        *reading.benchmarks(place),
        *policy.benchmarks(place),
        *projections.benchmarks(place),
        *as_of.benchmarks(place),
        *views.benchmarks(place),
        *lag.benchmarks(place),
        *imports.benchmarks(place),
        *models.benchmarks(),
        *sustained.benchmarks(place, hold_s),
    ]


def main() -> None:
    asked = arguments()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
    with Place(asked.seconds, lambda doing: console.print(f"[dim]{doing}[/]")) as place:
        promised = every(place, asked.hold)
        known = {one.name: one for one in (*promised, *appends.extras(place))}
        if unknown := [name for name in asked.names if name not in known]:
            sys.exit(f"no benchmark {', '.join(unknown)}; there are: {', '.join(known)}")
        chosen = [known[name] for name in asked.names] or promised
        rounds = Rounds(console, asked.rounds, asked.quiet)
        try:
            rounds.run(chosen)
        except KeyboardInterrupt:
            console.print("interrupted: what is there so far")
        rounds.print(chosen)
        write(asked.out, rounds.results(chosen), whole=not asked.names)
    console.print(f"kept in {asked.out}")
    sys.exit(1 if rounds.failed else 0)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", help="benchmarks to run; all that promises rest on when left out")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds of which medians are taken (3)")
    parser.add_argument("--seconds", type=float, default=5, help="how long each measurement takes (5)")
    parser.add_argument("--quiet", type=float, default=10, help="seconds to wait for an idle machine each time (10)")
    parser.add_argument("--hold", type=float, default=180, help="seconds that the sustained load is held (180)")
    parser.add_argument("--out", type=Path, default=KEPT, help="where the results are kept")
    return parser.parse_args()


if __name__ == "__main__":
    main()
