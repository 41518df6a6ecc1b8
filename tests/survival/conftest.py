"""Servers for the survival tests, to be killed and wiped, and a system on them; one of each for a module."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.survival.nursery import Nursery
from tests.survival.servers import Servers
from tests.survival.system import System


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="kronika-survival-"))  # not under pytest's: the servers' user cannot go there
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def servers(directory: Path) -> Iterator[Servers]:
    started = Servers(directory)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def nursery(directory: Path) -> Iterator[Nursery]:
    started = Nursery(directory)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def system(servers: Servers, nursery: Nursery) -> Iterator[System]:
    started = System(servers, nursery)
    yield started
    started.stop()
