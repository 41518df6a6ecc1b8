"""The jars of Apache Kafka: which ones, pinned by SHA-256 in kafka_jars.json, and how they are fetched without Maven.

`python -m deploy.kafka_jars 4.3.1` resolves a release anew and rewrites the pins.
"""

import contextlib
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from deploy.place import CannotStart, make_passable
from deploy.process import Progress

PINS = Path(__file__).with_name("kafka_jars.json")
BROKER = "org.apache.kafka:kafka_2.13"
LOGGING = "org.slf4j:slf4j-simple:1.7.36"  # without it the broker's warnings go nowhere


@dataclass(frozen=True)
class Jar:
    """One pinned file: its Maven coordinate group:artifact:version, its SHA-256 and its size in bytes."""

    coordinate: str
    sha256: str
    size: int

    @property
    def filename(self) -> str:
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


def pinned() -> list[Jar]:
    """All jars a broker needs, the broker's own first."""
    return [Jar(**pin) for pin in json.loads(PINS.read_text())]


def fetched(cache: Path, progress: Progress) -> list[Path]:
    """The jars' files in the cache, downloaded when missing, each checked against its pin; raises CannotStart."""
    jars = pinned()
    shelf = cache / f"kafka-{jars[0].coordinate.rpartition(':')[2]}"
    make_passable(shelf)
    missing = [jar for jar in jars if not _is_right(shelf / jar.filename, jar)]
    if missing:
        _download(missing, shelf, progress)
    return [shelf / jar.filename for jar in jars]


def _is_right(file: Path, jar: Jar) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return hashlib.sha256(file.read_bytes()).hexdigest() == jar.sha256
    return False


def _download(jars: list[Jar], shelf: Path, progress: Progress) -> None:
    total, done = sum(jar.size for jar in jars), 0
    progress("Kafka", f"downloading {len(jars)} jars, {total / 1e6:.0f} MB")
    # fetched beside and renamed when checked: a killed download leaves nothing wrong, two at once do no harm
    with tempfile.TemporaryDirectory(dir=shelf.parent) as scratch, _threads() as threads:
        for fetch in as_completed([threads.submit(_fetch, jar, Path(scratch), shelf) for jar in jars]):
            done += fetch.result()
            progress("Kafka", f"downloading {done / 1e6:.0f} of {total / 1e6:.0f} MB")


@contextlib.contextmanager
def _threads() -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(8)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _fetch(jar: Jar, scratch: Path, shelf: Path) -> int:
    from jgo.maven import MavenContext, PythonResolver  # here, as a start from the cache does without it

    maven = MavenContext(resolver=PythonResolver(), repo_cache=scratch, timeout=60)
    group, artifact, version = jar.coordinate.split(":")
    try:
        file = maven.project(group, artifact).at_version(version).artifact().resolve()
    except (OSError, RuntimeError) as error:
        reason = str(error).splitlines()[0][:200]
        raise CannotStart(
            f"Kafka's jar {jar.filename} cannot be downloaded; "
            f"set KRONIKA_KAFKA_BOOTSTRAP to use a broker of your own ({type(error).__name__}: {reason})"
        ) from None
    if not _is_right(file, jar):
        raise CannotStart(f"Kafka's jar {jar.filename} is not the pinned one: its SHA-256 is not {jar.sha256}")
    file.chmod(0o644)
    os.replace(file, shelf / jar.filename)
    return jar.size


def pin(release: str) -> None:
    """Resolve this Kafka release with all it needs and rewrite the pins."""
    from jgo.maven import MavenContext, PythonResolver

    with tempfile.TemporaryDirectory() as scratch:
        maven = MavenContext(resolver=PythonResolver(), repo_cache=Path(scratch), timeout=60)
        roots, others = maven.resolver.resolve([maven.create_dependency(f"{BROKER}:{release}")])
        needed = [*roots, *others, maven.create_dependency(LOGGING)]
        pins = []
        for dependency in needed:
            content = dependency.artifact.resolve().read_bytes()
            coordinate = f"{dependency.groupId}:{dependency.artifactId}:{dependency.version}"
            digest = hashlib.sha256(content).hexdigest()
            pins.append({"coordinate": coordinate, "sha256": digest, "size": len(content)})
    PINS.write_text("[\n" + ",\n".join(f"  {json.dumps(pin)}" for pin in pins) + "\n]\n")


if __name__ == "__main__":
    pin(sys.argv[1])
