"""One data key per person, wrapped by the tenant's key and kept apart from the log; destroyed to forget that person."""

from __future__ import annotations

import asyncio
import os
import secrets
import sqlite3
import stat
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import NewType, Protocol
from uuid import UUID

import orjson
from anyio import to_thread
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

Sealed = NewType("Sealed", bytes)
"""Key version (1 byte), nonce (12 bytes), ciphertext and tag."""

KEY_VERSION = 1
Subject = tuple[str, UUID]
"""(tenant, subject id)"""


class SubjectKey:
    """The data key of one person (AES-256-GCM)."""

    def __init__(self, key: bytes, version: int = KEY_VERSION) -> None:
        self._cipher = AESGCM(key)
        self._version = bytes([version])

    def seal(self, plain: bytes, place: bytes) -> Sealed:
        nonce = os.urandom(12)
        return Sealed(self._version + nonce + self._cipher.encrypt(nonce, plain, place + b"|" + self._version))

    def open(self, sealed: Sealed, place: bytes) -> bytes:
        return self._cipher.decrypt(sealed[1:13], sealed[13:], place + b"|" + sealed[:1])


class KeyStore(Protocol):
    """Where data keys live: never in the log's database, its WAL or its backups."""

    def find(self, tenant: str, subject_id: UUID) -> SubjectKey | None:
        """The person's key; None when there never was one or it was destroyed. Raises KeyStoreError."""
        ...

    def ensure(self, subjects: Iterable[Subject]) -> None:
        """Make a key for each that never had one; durable on return. Blocking: call it off the event loop."""
        ...

    def known(self, tenant: str, subject_id: UUID) -> SubjectKey | None:
        """As `find`, but only from memory; None also when it would have to be looked up."""
        ...

    def fetch(self, subjects: Iterable[Subject]) -> None:
        """Look up together the keys that will be asked for one by one. Raises KeyStoreError."""
        ...

    def digest(self, purpose: str, tenant: str, value: bytes) -> bytes:
        """Keyed HMAC-SHA-256 of a value, with a key of this purpose and tenant only (32 bytes)."""
        ...

    def destroy(self, tenant: str, subject_id: UUID) -> None:
        """Forget the person: whatever their key sealed opens nowhere any more."""
        ...

    def forgotten(self) -> set[Subject]:
        """All whose key was destroyed: what is kept of them elsewhere is to go, too. Raises KeyStoreError."""
        ...


MASTER = "master.key"


class FileKeyStore:
    """A key store in one directory: a master key file (0600) and a SQLite file of wrapped data keys.

    Several processes may share it. SQLite commits with synchronous=FULL, so a key is on disk before any event that
    uses it; secure_delete overwrites a destroyed one. Raises KeyStoreError when its files are readable by others.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._master = master_key(directory / MASTER)
        self._path = directory / "keys.sqlite"
        self._lock = threading.Lock()
        self._cache: dict[tuple[str, int], SubjectKey] = {}
        """By tenant and subject id as a number: one whose hash takes no time"""
        self._connection = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None, timeout=10)
        self._path.chmod(0o600)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS data_keys (tenant TEXT, subject TEXT, wrapped BLOB NOT NULL,"
            " destroyed INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (tenant, subject)) WITHOUT ROWID"
        )
        self._connection.execute("CREATE INDEX IF NOT EXISTS forgotten ON data_keys (tenant, subject) WHERE destroyed")
        self._digesting = lru_cache(maxsize=10_000)(self._digesting_for)
        self._wrapping = lru_cache(maxsize=10_000)(self._wrapping_for)

    def known(self, tenant: str, subject_id: UUID) -> SubjectKey | None:
        return self._cache.get((tenant, subject_id.int))

    def find(self, tenant: str, subject_id: UUID) -> SubjectKey | None:
        if (key := self.known(tenant, subject_id)) is None:
            self.fetch([(tenant, subject_id)])
            key = self.known(tenant, subject_id)
        return key

    def fetch(self, subjects: Iterable[Subject]) -> None:
        wanted = [[tenant, str(id)] for tenant, id in subjects if (tenant, id.int) not in self._cache]
        if wanted:
            with self._database() as database:
                rows = database.execute(
                    "SELECT k.tenant, k.subject, k.wrapped FROM json_each(?) w JOIN data_keys k"
                    " ON k.tenant = w.value ->> 0 AND k.subject = w.value ->> 1 WHERE NOT k.destroyed",
                    (orjson.dumps(wanted).decode(),),
                ).fetchall()
            for tenant, subject_id, wrapped in rows:
                subject = (tenant, UUID(subject_id))
                self._remember(subject, SubjectKey(self._unwrap(subject, wrapped)))

    def knows(self, tenant: str, subject_id: UUID) -> bool:
        """Whether somebody's key was made here, destroyed since or not, and opens with the master key."""
        with self._database() as database:
            found = database.execute(
                "SELECT wrapped, destroyed FROM data_keys WHERE tenant = ? AND subject = ?", (tenant, str(subject_id))
            ).fetchone()
        if found is None or found[1]:
            return found is not None
        try:
            self._unwrap((tenant, subject_id), found[0])
        except InvalidTag:
            return False
        return True

    def ensure(self, subjects: Iterable[Subject]) -> None:
        wanted = set(subjects)
        self.fetch(wanted)
        new = [s for s in wanted if self.known(*s) is None]
        rows = [
            (tenant, str(subject), self._wrap((tenant, subject), secrets.token_bytes(32))) for tenant, subject in new
        ]
        if rows:
            with self._database() as database:
                database.execute("BEGIN IMMEDIATE")
                database.executemany(
                    "INSERT OR IGNORE INTO data_keys (tenant, subject, wrapped) VALUES (?, ?, ?)", rows
                )
                database.execute("COMMIT")

    def destroy(self, tenant: str, subject_id: UUID) -> None:
        with self._database() as database:
            database.execute(
                "INSERT INTO data_keys (tenant, subject, wrapped, destroyed) VALUES (?, ?, x'', 1)"
                " ON CONFLICT (tenant, subject) DO UPDATE SET wrapped = x'', destroyed = 1",
                (tenant, str(subject_id)),
            )
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._cache.pop((tenant, subject_id.int), None)

    def forgotten(self) -> set[Subject]:
        with self._database() as database:
            found = database.execute("SELECT tenant, subject FROM data_keys WHERE destroyed").fetchall()
        return {(tenant, UUID(subject)) for tenant, subject in found}

    def digest(self, purpose: str, tenant: str, value: bytes) -> bytes:
        digesting = self._digesting(purpose, tenant).copy()  # half of an HMAC is taking in its key
        digesting.update(value)
        return digesting.finalize()

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        """For one thread at a time. Whatever goes wrong (a full disk, say) is undone and a KeyStoreError: the next one
        may try."""
        with self._lock:
            try:
                yield self._connection
            except sqlite3.Error as error:
                with suppress(sqlite3.Error):
                    self._connection.rollback()
                raise KeyStoreError(f"{self._path} cannot be used: {error}") from error

    def _derived(self, purpose: str, tenant: str) -> bytes:
        return HKDF(SHA256(), 32, salt=None, info=f"kronika|{purpose}|{tenant}".encode()).derive(self._master)

    def _digesting_for(self, purpose: str, tenant: str) -> HMAC:
        return HMAC(self._derived(purpose, tenant), SHA256())

    def _wrapping_for(self, tenant: str) -> AESGCM:
        return AESGCM(self._derived("wrap", tenant))

    def _wrap(self, subject: Subject, key: bytes) -> bytes:
        nonce = os.urandom(12)
        return nonce + self._wrapping(subject[0]).encrypt(nonce, key, str(subject).encode())

    def _unwrap(self, subject: Subject, wrapped: bytes) -> bytes:
        return self._wrapping(subject[0]).decrypt(wrapped[:12], wrapped[12:], str(subject).encode())

    def _remember(self, subject: Subject, key: SubjectKey) -> None:
        while len(self._cache) >= 100_000:
            self._cache.pop(next(iter(self._cache)))
        self._cache[subject[0], subject[1].int] = key


class NobodysKeys:
    """The key store of whoever is to see nothing personal: every person reads as forgotten."""

    def find(self, tenant: str, subject_id: UUID) -> SubjectKey | None:
        return None

    known = find

    def fetch(self, subjects: Iterable[Subject]) -> None:
        """Nobody has one."""

    def ensure(self, subjects: Iterable[Subject]) -> None:
        raise KeyStoreError("No keys are made here.")

    def digest(self, purpose: str, tenant: str, value: bytes) -> bytes:
        raise KeyStoreError("No digests are made here.")

    def destroy(self, tenant: str, subject_id: UUID) -> None:
        raise KeyStoreError("No keys are destroyed here.")

    def forgotten(self) -> set[Subject]:
        raise KeyStoreError("No keys are kept here.")


class KeyMaker:
    """Gets keys for callers on an event loop: those that must be made are made together, for one disk flush serves all
    who came during the one before."""

    def __init__(self, store: KeyStore) -> None:
        self._store = store
        self._wanted: set[Subject] = set()
        self._round: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None

    async def keys(self, subjects: set[Subject]) -> dict[Subject, SubjectKey]:
        """The durable key of each subject. Raises KeyDestroyed."""
        known = {subject: key for subject in subjects if (key := self._store.known(*subject))}
        missing = subjects - known.keys()
        if not missing:
            return known
        self._wanted |= missing
        self._round = self._round or asyncio.get_running_loop().create_future()
        made = self._round
        if self._task is None:
            self._task = asyncio.create_task(self._make())
        await asyncio.shield(made)
        found = {subject: self._store.find(*subject) for subject in missing}
        for (tenant, subject_id), key in found.items():
            if key is None:
                raise KeyDestroyed(tenant, subject_id)
        return known | {subject: key for subject, key in found.items() if key is not None}

    async def _make(self) -> None:
        await asyncio.sleep(0)
        while self._round is not None:
            made, wanted = self._round, self._wanted
            self._round, self._wanted = None, set()
            try:
                await to_thread.run_sync(self._store.ensure, wanted)
                self._store.fetch(wanted)
            except Exception as error:
                made.set_exception(error)
            else:
                made.set_result(None)
        self._task = None


class KeyStoreError(Exception):
    """The key store cannot be used as it is; the message says what to do."""


class KeyDestroyed(KeyStoreError):
    """The person was forgotten: nothing more can be recorded about them under this id."""

    def __init__(self, tenant: str, subject_id: UUID) -> None:
        super().__init__(f"The person {subject_id} was forgotten; nothing personal can be recorded under this id.")


def master_key(path: Path) -> bytes:
    """The 32 bytes that all other keys derive from or are wrapped by; made on first use."""
    if not path.exists():
        fresh = path.with_suffix(f".{os.getpid()}")
        with open(os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)  # unlike a rename, never replaces the key another process has just made
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
        directory = os.open(path.parent, os.O_RDONLY)
        os.fsync(directory)
        os.close(directory)
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyStoreError(f"{path} is readable by others; run: chmod 600 {path}")
    key = path.read_bytes()
    if len(key) != 32:
        raise KeyStoreError(f"{path} holds {len(key)} bytes, not 32; restore it from where it was kept.")
    return key
