"""The servers of a laptop: PostgreSQL and Kafka, started together, stopped together."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from deploy.kafka import LocalKafka
from deploy.postgres import LocalPostgres
from deploy.process import LocalServer, Progress, silent


@dataclass(frozen=True)
class Addresses:
    """Where the two servers are: the URL of the database, host:port of the broker."""

    database_url: str
    kafka_bootstrap: str


class LocalServers:
    """PostgreSQL and Kafka under one home; what has an address already is not started."""

    def __init__(
        self,
        home: Path,
        progress: Progress = silent,
        *,
        cache: Path | None = None,
        database_url: str | None = None,
        kafka_bootstrap: str | None = None,
    ) -> None:
        self._given = {"database_url": database_url, "kafka_bootstrap": kafka_bootstrap}
        self._servers: dict[str, LocalServer] = {}
        if database_url is None:
            self._servers["database_url"] = LocalPostgres(home, cache=cache, progress=progress)
        if kafka_bootstrap is None:
            self._servers["kafka_bootstrap"] = LocalKafka(home, cache=cache, progress=progress)

    def begin(self) -> Addresses:
        """Start both at once and return their addresses; PostgreSQL answers by then, Kafka (which nobody needs at
        first) is on its way. If one cannot start, stop the other and raise its error."""
        starts = [_Start(name, server.begin) for name, server in self._servers.items()]
        try:
            for start in starts:
                start.join()
            failed = [start.error for start in starts if start.error]
            if failed:
                raise failed[0]
        except BaseException:
            self.stop()
            raise
        found = {name: address for name, address in self._given.items() if address is not None}
        return Addresses(**found | {start.name: start.address for start in starts})

    def wait(self) -> None:
        """Return once both answer; if one does not, stop both and raise its error."""
        try:
            for server in self._servers.values():
                server.wait()
        except BaseException:
            self.stop()
            raise

    def ended(self) -> list[str]:
        """The servers that have ended by themselves."""
        return [server.kind for server in self._servers.values() if not server.runs]

    def stop(self) -> None:
        """Ask both to end, then wait until they have."""
        for server in self._servers.values():
            server.release()
        for server in self._servers.values():
            server.stop()

    def __enter__(self) -> Addresses:
        addresses = self.begin()
        self.wait()
        return addresses

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


class _Start(threading.Thread):
    """One server's start; a daemon, so that Ctrl-C need not wait for a download (a late server dies with us)."""

    def __init__(self, name: str, start: Callable[[], str]) -> None:
        super().__init__(name=name, daemon=True)
        self._begin = start
        self.address = ""
        self.error: Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            self.address = self._begin()
        except Exception as error:
            self.error = error
