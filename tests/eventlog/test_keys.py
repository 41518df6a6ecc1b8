"""One key a person: durable before it is used, shared by processes, gone for good when destroyed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import anyio
import pytest

from eventlog.keys import FileKeyStore, KeyDestroyed, KeyMaker, KeyStoreError

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
