"""`python -m tests.survival`: the campaign; `--seed N`: one schedule again; `planted`: does the harness bite?"""

from __future__ import annotations

import argparse
import sys

from tests.survival.campaign import campaign, replay
from tests.survival.planted import run_planted


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.survival", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("campaign", "planted"), default="campaign")
    parser.add_argument("--schedules", type=int, default=1_000, help="how many")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--seed", type=int, help="run this one again and tell all about it")
    parser.add_argument("--only", help="of the planted bugs, the one of this name")
    asked = parser.parse_args()
    if asked.seed is not None:
        return replay(asked.seed)
    if asked.what == "planted":
        return run_planted(asked.only)
    return int(campaign(asked.schedules, asked.first) > 0)


if __name__ == "__main__":
    sys.exit(main())
