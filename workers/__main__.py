"""Every worker by name, each a process of its own: `python -m workers NAME`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import uvloop

from eventlog.keys import FileKeyStore
from projections import PROJECTIONS
from workers.analyst import analyse
from workers.lifetime import Surroundings, Worker, log_lines, serve_metrics, until_told
from workers.policies import draft_order_when_won
from workers.projector import project
from workers.reactor import react
from workers.relay import relay

if TYPE_CHECKING:
    from deploy.settings import Settings

WORKERS: dict[str, Worker] = {
    "relay": relay(),  # every recorded event, in order, to Kafka
    "projector": project(*PROJECTIONS),  # every event into the query tables
    "analyst": analyse(),  # every event into the lakehouse
    "reactor": react(draft_order_when_won),  # when this happens, ask that
}


def run(name: str, settings: Settings, *, metrics_port: int | None = None) -> None:
    """Run one worker until SIGTERM or SIGINT; both servers must be named in the settings."""
    assert settings.database_url
    assert settings.kafka_bootstrap
    log_lines(settings.log_level)
    keys = FileKeyStore(settings.keys_path)
    around = Surroundings(
        settings.database_url, settings.kafka_client(settings.kafka_bootstrap), keys, settings.lake_path
    )
    if metrics_port:
        serve_metrics(metrics_port)
    try:
        uvloop.run(until_told(WORKERS[name](around)))
    finally:
        keys.close()


def main(name: str = "") -> None:
    from deploy.settings import load_settings

    if name not in WORKERS:
        sys.exit(f"usage: python -m workers {'|'.join(WORKERS)}")
    run(name, load_settings())


if __name__ == "__main__":
    main(*sys.argv[1:2])
