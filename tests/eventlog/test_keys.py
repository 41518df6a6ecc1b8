"""One key a person: durable before it is used, shared by processes, gone for good when destroyed."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import anyio
import orjson
import pytest

from eventlog.codec import Codec
from eventlog.keys import FileKeyStore, KeyDestroyed, KeyMaker, KeyStoreError
from tests.golden import MOMENT

PLACE = b"acme|stream|1|name"


def test_a_key_opens_what_it_sealed_after_a_restart(tmp_path):
    person = uuid4()
    store = FileKeyStore(tmp_path)
    store.ensure([("acme", person)])
    sealed = store.find("acme", person).seal(b"secret", PLACE)
    store.close()
    assert FileKeyStore(tmp_path).find("acme", person).open(sealed, PLACE) == b"secret"


def test_two_processes_that_need_the_same_persons_key_agree_on_it(tmp_path):
    person = uuid4()
    FileKeyStore(tmp_path).close()
    code = (
        "import sys; from pathlib import Path; from uuid import UUID; from eventlog.keys import FileKeyStore;"
        "store = FileKeyStore(Path(sys.argv[1])); person = ('acme', UUID(sys.argv[2])); store.ensure([person]);"
        "sys.stdout.write(store.find(*person).seal(b'x', b'here').hex())"
    )
    racers = [
        subprocess.Popen(  # our own
            [sys.executable, "-c", code, str(tmp_path), str(person)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        for _ in range(4)
    ]
    key = None
    for racer in racers:
        sealed = bytes.fromhex(racer.communicate()[0].decode())
        key = key or FileKeyStore(tmp_path).find("acme", person)
        assert key.open(sealed, b"here") == b"x"


def test_a_destroyed_key_is_not_made_again(tmp_path):
    person = uuid4()
    store = FileKeyStore(tmp_path)
    store.ensure([("acme", person)])
    store.destroy("acme", person)
    assert store.find("acme", person) is None
    store.ensure([("acme", person)])
    assert store.find("acme", person) is None
    with pytest.raises(KeyDestroyed):
        anyio.run(KeyMaker(store).keys, {("acme", person)})


def test_keys_asked_for_at_once_are_all_made(tmp_path):
    store = FileKeyStore(tmp_path)
    people = [("acme", uuid4()) for _ in range(50)]

    async def ask_for_all():
        maker, found = KeyMaker(store), []

        async def one(person):
            found.append(await maker.keys({person}))

        async with anyio.create_task_group() as group:
            for person in people:
                group.start_soon(one, person)
        return found

    assert {next(iter(keys)) for keys in anyio.run(ask_for_all)} == set(people)


def test_digests_differ_by_purpose_and_tenant(tmp_path):
    store = FileKeyStore(tmp_path)
    assert (
        len({store.digest(purpose, tenant, b"x") for purpose in ("claims", "commands") for tenant in ("a", "b")}) == 4
    )


def test_a_master_key_that_others_can_read_is_refused(tmp_path):
    FileKeyStore(tmp_path).close()
    (tmp_path / "master.key").chmod(0o644)
    with pytest.raises(KeyStoreError, match="chmod 600"):
        FileKeyStore(tmp_path)


def test_a_store_that_cannot_be_used_for_a_while_says_so_and_is_used_again(tmp_path):
    known, new = uuid4(), uuid4()
    FileKeyStore(tmp_path).ensure([("acme", known)])
    store = FileKeyStore(tmp_path)
    with sqlite3.connect(tmp_path / "keys.sqlite") as other:
        other.execute("ALTER TABLE data_keys RENAME TO elsewhere")
        for use in (lambda: store.find("acme", known), lambda: store.ensure([("acme", new)])):
            with pytest.raises(KeyStoreError, match="cannot be used"):
                use()
        other.execute("ALTER TABLE elsewhere RENAME TO data_keys")
    store.ensure([("acme", new)])
    assert store.find("acme", known)
    assert store.find("acme", new)


def test_that_keys_are_away_for_a_while_makes_no_event_unreadable(tmp_path, keys):
    person = uuid4()
    keys.ensure([("acme", person)])
    codec = Codec(keys)
    event = codec.types["customer.registered"].event(person, 1, MOMENT, {"kind": "person", "name": "李雷"})
    stored = codec.encode(event, "acme", keys.find("acme", person))
    told = (stored.type, stored.schema_version, "acme", person, 1, person, MOMENT, orjson.loads(stored.data))
    away = FileKeyStore(tmp_path)
    away.close()
    with pytest.raises(KeyStoreError):
        Codec(away).read(*told, orjson.loads(stored.personal))
    read, _ = codec.read(*told, orjson.loads(stored.personal))
    assert read == event
