"""The whole system on one machine: the rate of commands it holds for minutes while every reader of the log keeps up."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import psycopg

from deploy.migrate import migrate
from deploy.report import lag_of, lags
from deploy.settings import Settings
from projections.analytics.lake import Lake
from tests.bench.http import CUSTOMERS, with_customers
from tests.bench.load import Load, Loaded
from tests.bench.measure import Benchmark, Reading, Side, Unmeasurable
from tests.bench.place import Place
from tests.bench.reference import empty_api
from workers import WORKERS

CONNECTIONS = 64
MOST_LAG_S = 1.0
FIRST_RATE, STEP = 100.0, 1.25
STEP_S = 12.0
SETTLING_S = 4.0
"""At the start of a load lags are not counted: what was idle wakes up."""
TRIES = 8
"""How often it is held anew, at nine tenths of the rate, when a reader fell behind."""
LAKEHOUSE = "lakehouse"


@dataclass
class Held:
    """One load, and the longest that each reader of the log was behind under it."""

    loaded: Loaded
    worst: dict[str, float] = field(default_factory=dict)

    @property
    def behind(self) -> str | None:
        """The reader that was too far behind, if any was."""
        late = {name: seconds for name, seconds in self.worst.items() if seconds >= MOST_LAG_S}
        return max(late, key=lambda name: late[name]) if late else None

    def __str__(self) -> str:
        worst = sorted(self.worst.items(), key=lambda one: -one[1])[:3]
        return f"{self.loaded.rate:,.0f}/s, furthest behind " + ", ".join(f"{name} {lag:.2f} s" for name, lag in worst)


def benchmarks(place: Place, hold_s: float) -> list[Benchmark]:
    return [
        Benchmark(
            "sustained_vs_empty",
            f"commands that api, relay, projector, analyst and reactor hold for {hold_s:.0f} s, all lags under 1 s",
            Side("sustained", lambda: sustained(place, hold_s), once=True),
            empty_api.side(place),
            0.2,
        )
    ]


def sustained(place: Place, hold_s: float) -> Reading:
    """Step by step up to the first rate that is too much, then hold the last that was not."""
    with whole_system(place) as (address, watch):
        rate, good, reached = FIRST_RATE, 0.0, 0.0
        while True:
            held = under(place, address, watch, rate, STEP_S + SETTLING_S)
            place.tell(f"asked for {rate:,.0f}/s: {held}")
            if held.behind or held.loaded.rate < 1.05 * reached:  # more cannot be had by asking for more
                break
            reached = held.loaded.rate
            good, rate = rate, rate * STEP
        if not good:
            raise Unmeasurable(f"at {rate:,.0f}/s already: {held}")
        for _ in range(TRIES):
            watch.wait_until_caught_up()
            held = under(place, address, watch, good, hold_s + SETTLING_S)
            place.tell(f"held {good:,.0f}/s for {hold_s:,.0f} s: {held}")
            if not held.behind:
                return held.loaded.reading(note=f"{held}")
            good *= 0.9
        raise Unmeasurable(f"not held: {held}")


def under(place: Place, address: str, watch: Lags, rate: float, seconds: float) -> Held:
    """A load of this rate; ended early when a reader falls too far behind."""
    given = {"token": place.token, "customers": CUSTOMERS, "run": f"r{time.time_ns()}", "rate": rate}
    load = Load(address, "mixed.lua", seconds, CONNECTIONS, given)
    time.sleep(SETTLING_S)
    watch.forget()
    while load.running:
        time.sleep(0.25)
        if max(watch.worst.values(), default=0) >= MOST_LAG_S:
            load.stop()
            break
    held = Held(load.ended(), dict(watch.worst))
    if held.loaded.wrong:
        raise Unmeasurable(f"{held.loaded.wrong} of {held.loaded.requests} requests went wrong")
    return held


class Lags:
    """Watches how far behind each reader of the log is, and remembers the worst."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stop = threading.Event()
        self._now: dict[str, float] = {}
        self.worst: dict[str, float] = defaultdict(float)
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        settings = self._settings
        assert settings.database_url
        with (
            psycopg.connect(settings.database_url, autocommit=True) as connection,
            Lake.open(settings.database_url, settings.lake_path, read_only=True, threads=1) as lake,
        ):
            while not self._stop.wait(0.5):
                try:
                    now = {lag.name: lag.seconds for lag in lags(connection)}
                    now[LAKEHOUSE] = lag_of(settings, lake)[2]
                except Exception as error:  # told to whoever waits
                    self._error = error
                    return
                self._now = now
                for name, seconds in now.items():
                    self.worst[name] = max(seconds, self.worst[name])

    def forget(self) -> None:
        """Whatever was before."""
        if self._error:
            raise self._error
        self.worst.clear()

    def wait_until_caught_up(self, patience_s: float = 180) -> None:
        deadline = time.monotonic() + patience_s
        while not self._now or max(self._now.values()) > MOST_LAG_S / 2:
            if self._error:
                raise self._error
            if time.monotonic() > deadline:
                raise Unmeasurable(f"not caught up after {patience_s:.0f} s: {self._now}")
            time.sleep(0.5)

    def end(self) -> None:
        self._stop.set()
        self._thread.join()


@contextmanager
def whole_system(place: Place) -> Iterator[tuple[str, Lags]]:
    """Everything that `kronika up` runs, on a database of its own, its lakehouse included."""
    url = place.migrated()
    settings = Settings.model_validate(
        {"home": place.home, "keys_path": place.keys, "database_url": url, "kafka_bootstrap": place.kafka}
    )
    migrate(url, settings)
    with_customers(place, url)
    environment = place.environment(url, kafka_bootstrap=place.kafka)
    with ExitStack() as stack:
        address = stack.enter_context(place.api(url, kafka_bootstrap=place.kafka))
        for name in WORKERS:
            stack.enter_context(place.running("workers", name, env=environment))
        watch = Lags(settings)
        stack.callback(watch.end)
        watch.wait_until_caught_up()
        time.sleep(5)  # consumers join their groups
        yield address, watch
