"""Where a local server lives and as whom it runs: its place in the home, a user without rights, a cache, ports."""

import contextlib
import fcntl
import os
import pwd
import secrets
import shutil
import socket
import stat
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO


class CannotStart(RuntimeError):
    """A local server cannot run; its first line says why and, where there is one, the way out."""


@dataclass(frozen=True)
class Account:
    """The user without rights that servers run as when Kronika is run by root."""

    uid: int
    gid: int
    name: str


def account_for(data: Path) -> Account | None:
    """Whom the server of this data runs as: ourselves (None), or when we are root the data's owner, else nobody."""
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(FileNotFoundError, KeyError):
        if data.stat().st_uid != 0:
            return _account(pwd.getpwuid(data.stat().st_uid))
    return _account(pwd.getpwnam("nobody"))


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name)


def can_reach(account: Account | None, path: Path) -> bool:
    """Whether the account may read this file, or pass this directory, and pass every directory above it."""
    if account is None:
        return True
    path = path.resolve()
    right = stat.S_IXOTH if path.is_dir() else stat.S_IROTH
    return _allows(account, path, right) and all(_allows(account, up, stat.S_IXOTH) for up in path.parents)


def _allows(account: Account, path: Path, right_of_others: int) -> bool:
    status = path.stat()
    if status.st_uid == account.uid:
        return bool(status.st_mode & right_of_others << 6)
    if status.st_gid == account.gid:
        return bool(status.st_mode & right_of_others << 3)
    return bool(status.st_mode & right_of_others)


def place_for(home: Path, server: str) -> Path:
    """The server's directory in the home, made when missing; all that Kronika itself writes there stays its own.

    Under a home that the account cannot reach (in /root, say) it is a link to a directory in /var/lib/kronika: the
    permissions above the home are not ours to change.
    """
    make_passable(home)
    entry = home / server
    if not entry.exists():
        entry.unlink(missing_ok=True)  # a link whose target is gone
        if can_reach(account_for(entry / "data"), home):
            entry.mkdir()
        else:
            make_passable(Path("/var/lib/kronika"))
            elsewhere = Path("/var/lib/kronika") / f"{server}-{secrets.token_hex(8)}"
            elsewhere.mkdir()
            entry.symlink_to(elsewhere)
    place = entry.resolve()
    make_passable(place)
    account = account_for(place / "data")
    if not can_reach(account, place):
        raise CannotStart(f"{place} is closed to user {account and account.name}, as whom {server} runs under root")
    return place


def make_passable(directory: Path) -> None:
    """Make this directory of ours, if missing; under root, let everybody pass it whatever the umask was."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        mode = stat.S_IMODE(directory.stat().st_mode)
        if os.geteuid() == 0 and mode & 0o011 != 0o011:
            directory.chmod(mode | 0o011)
    except OSError as error:
        raise CannotStart(f"{directory} cannot be used: {error.strerror}") from None


def give(path: Path, account: Account | None) -> None:
    """Make the account the owner of something of ours."""
    if account is not None:
        os.chown(path, account.uid, account.gid)


@contextlib.contextmanager
def made_whole(data: Path, account: Account | None) -> Iterator[Path]:
    """The account's directory to fill; it becomes `data` only at the end, so a killed start leaves nothing half."""
    fresh = data.with_name(f"{data.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    give(fresh, account)
    yield fresh
    fresh.rename(data)


def cache_directory(cache: Path | None) -> Path:
    """Where downloads of every home are kept: as given, else the user's cache, else (for root) the system's."""
    if cache is None and os.geteuid() == 0:
        cache = Path("/var/cache/kronika")
    if cache is None:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kronika"
    make_passable(cache)
    return cache


def software(directories: Sequence[Path], probe: Path, name: str, cache: Path, account: Account | None) -> Path:
    """The parent of installed directories, or of a copy in the cache if the account cannot reach `probe` in them."""
    origin = directories[0].parent
    if can_reach(account, probe):
        return origin
    copy = cache / name
    if not copy.exists():
        partial = cache / f"{name}.{secrets.token_hex(4)}"
        for directory in directories:
            shutil.copytree(directory, partial / directory.name, symlinks=True)
        for path in (partial, *partial.rglob("*")):
            if not path.is_symlink():
                mode = stat.S_IMODE(path.stat().st_mode)
                path.chmod(mode | (0o055 if mode & stat.S_IXUSR else 0o044))
        with contextlib.suppress(FileExistsError, OSError):
            partial.rename(copy)
        shutil.rmtree(partial, ignore_errors=True)
    if not can_reach(account, copy):
        raise CannotStart(
            f"{copy} is closed to user {account and account.name}: set KRONIKA_CACHE to an open directory"
        )
    return copy


def take_lock(place: Path, home: Path) -> TextIO:
    """Hold the place until the file is closed or this process is gone; refuse if another one holds it."""
    try:
        lock = (place / "lock").open("a+")
    except PermissionError:
        raise CannotStart(f"{home} belongs to another user: choose another home (--home or KRONIKA_HOME)") from None
    deadline = time.monotonic() + 3  # a holder that was just killed lets go within moments
    while not _locked(lock):
        if time.monotonic() > deadline:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            lock.close()
            raise CannotStart(f"{home} is already in use by another Kronika (process {holder})")
        time.sleep(0.05)
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def _locked(file: TextIO) -> bool:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def ports(memory: Path, count: int) -> list[int]:
    """The ports this server had last time, as far as they are still free; otherwise new ones, remembered."""
    try:
        remembered = [int(port) for port in memory.read_text().split()]
    except (FileNotFoundError, ValueError):
        remembered = []
    with contextlib.ExitStack() as taken:
        chosen = [_bind(port, taken) for port in (*remembered[:count], *[0] * (count - len(remembered)))]
    memory.write_text(" ".join(map(str, chosen)) + "\n")
    return chosen


def _bind(port: int, taken: contextlib.ExitStack) -> int:
    probe = taken.enter_context(socket.socket())
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a connection of the last run may still time out
    try:
        probe.bind(("127.0.0.1", port))
    except OSError:
        probe.bind(("127.0.0.1", 0))
    return int(probe.getsockname()[1])
