"""A log is opened with its own keys, or not at all."""

from __future__ import annotations

from uuid import uuid4

import pytest

from eventlog.keeping import WrongKeys, keys_of
from eventlog.keys import FileKeyStore
from eventlog.log import Log
from tests.log_helpers import ask, registering

pytestmark = pytest.mark.anyio


@pytest.fixture
async def log(database_url, keys):
    async with Log.open(database_url, keys) as log:
        yield log


def test_a_log_that_says_nothing_of_anybody_gets_keys_of_its_own(database_url, tmp_path):
    keys_of(database_url, tmp_path / "keys").close()
    assert (tmp_path / "keys" / "master.key").exists()


async def test_without_the_keys_that_it_was_written_with_nothing_is_started_and_no_key_is_made(
    log, database_url, keys, tmp_path
):
    await ask(log, registering())
    keys_of(database_url, keys._path.parent).close()
    with pytest.raises(WrongKeys, match="has not the keys that this log was written with"):
        keys_of(database_url, tmp_path / "unmounted")
    assert not (tmp_path / "unmounted").exists()


async def test_the_keys_of_another_log_are_none_of_this_one(log, database_url, tmp_path):
    await ask(log, registering())
    other = FileKeyStore(tmp_path / "other")
    other.ensure([("acme", uuid4())])
    other.close()
    with pytest.raises(WrongKeys):
        keys_of(database_url, tmp_path / "other")
