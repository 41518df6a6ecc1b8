"""Every worker by name, each a process of its own: `python -m workers NAME`."""

from __future__ import annotations

import sys
from math import inf
from typing import TYPE_CHECKING

import uvloop

from deploy.serving import log_as_lines
from eventlog.keeping import keys_of
from workers import WORKERS
from workers.lifetime import Surroundings, Worker, serve_metrics, until_told
from workers.watchdog import watch

if TYPE_CHECKING:
    from deploy.settings import Settings


def worker(name: str) -> Worker:
    """The worker of this name. Each is imported when it is asked for, as it is to start with no more than it needs."""
    match name:
        case "relay":  # every recorded event, in order, to Kafka
            from workers.relay import relay

            return relay()
        case "projector":  # every event into the query tables
            from projections import PROJECTIONS
            from workers.projector import project

            return project(*PROJECTIONS)
        case "historian":  # every event into the past of the query tables
            from projections import PASTS
            from workers.historian import remember

            return remember(*PASTS)
        case "analyst":  # every event into the lakehouse
            from workers.analyst import analyse

            return analyse()
        case "reactor":  # when this happens, ask that
            from workers.policies import draft_order_when_won, open_ticket_when_at_risk
            from workers.reactor import react

            return react(draft_order_when_won, open_ticket_when_at_risk)
        case "clerk":  # what takes long, job after job
            from workers.accesses import FORGETTING
            from workers.clerk import clerk
            from workers.exports.task import EXPORTS
            from workers.importing import IMPORTS
            from workers.saved_queries import SAVED_QUERIES
            from workers.scoring import SCORES

            return clerk(IMPORTS, EXPORTS, SCORES, SAVED_QUERIES, FORGETTING)
        case _:
            raise KeyError(name)


def run(name: str, settings: Settings) -> None:
    """Run one worker until SIGTERM or SIGINT; both servers must be named in the settings."""
    assert settings.database_url
    assert settings.kafka_bootstrap
    log_as_lines(settings.log_level)
    keys = keys_of(settings.database_url, settings.keys_path, patience_s=inf)
    around = Surroundings(
        settings.database_url,
        settings.kafka_client(settings.kafka_bootstrap),
        keys,
        settings.lake_path,
        settings.export_days,
        settings.import_days,
        settings.analytics_memory,
        settings.analytics_timeout_s,
    )
    if settings.metrics_port:
        serve_metrics(settings.metrics_port)
    watch(settings.stall_s)
    try:
        uvloop.run(until_told(worker(name)(around)))
    finally:
        keys.close()


def main(name: str = "") -> None:
    from deploy.settings import load_settings

    if name not in WORKERS:
        sys.exit(f"usage: python -m workers {'|'.join(WORKERS)}")
    run(name, load_settings())


if __name__ == "__main__":
    main(*sys.argv[1:2])
