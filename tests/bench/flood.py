"""One tenant's flood: how long another tenant waits for its answers meanwhile, beside how long it does in quiet."""

from __future__ import annotations

from contextlib import ExitStack

from api import keys
from eventlog.keys import FileKeyStore
from tests.bench.http import CUSTOMERS, with_customers
from tests.bench.load import Load, load
from tests.bench.measure import Benchmark, Reading, Side
from tests.bench.place import Place

CALM, FLOODING = 4, 64
"""Connections of either tenant."""
PAUSE_MS = 25
"""Between two requests of a connection of the calm one."""
RATE = 200
"""Requests a second that a key and a tenant are allowed here; the calm one stays below, the other has no bounds."""
WARM_UP_S = 1
TIMES = 4
"""So much longer than anything else this is measured: of a few hundred answers the slowest hundredth are too few."""


def benchmarks(place: Place) -> list[Benchmark]:
    return [
        Benchmark(
            "flooded_vs_quiet",
            f"p99 of one tenant's commands while another floods with {FLOODING} connections; the same in quiet",
            side(place, "flooded", flooding=True),
            side(place, "quiet", flooding=False),
            2,
            at_most=True,
        )
    ]


def side(place: Place, name: str, *, flooding: bool) -> Side:
    def take() -> Reading:
        with place.database() as url, ExitStack() as stack:
            with_customers(place, url)
            store = FileKeyStore(place.keys)
            flood = keys.create(url, store, "flooding", "bench")
            store.close()
            limits = {"key_rate": RATE, "tenant_rate": RATE, "burst_s": 1}
            address = stack.enter_context(place.api(url, **limits))
            given = {"path": "/v1/commands/log-interaction", "customers": CUSTOMERS, "pause_ms": PAUSE_MS}
            load(address, "paced.lua", WARM_UP_S, CALM, given | {"token": place.token})
            if flooding:
                busy = Load(address, "one.lua", TIMES * place.seconds + 5, FLOODING, given | {"token": flood})
                stack.callback(busy.ended)
                stack.callback(busy.stop)
            loaded = load(address, "paced.lua", TIMES * place.seconds, CALM, given | {"token": place.token})
            p99 = loaded.reading().p99_ms or 0.0
            return Reading(p99, loaded.p50_ms, loaded.p99_ms, note=f"{loaded.rate:,.0f}/s")

    return Side(f"{name}_p99", take, unit=" ms")
