"""A file on its way into the store: cut into parts while it is written, and measured."""

from __future__ import annotations

from hashlib import sha256

PART = 1 << 20


class Parts:
    """What a writer takes for an open file. What it has written is taken from it part by part."""

    closed = False

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._digest = sha256()
        self.bytes = 0

    def write(self, data: bytes | bytearray | memoryview) -> int:
        self._waiting += data
        self._digest.update(data)
        self.bytes += len(data)
        return len(data)

    def tell(self) -> int:
        return self.bytes

    def flush(self) -> None: ...

    def close(self) -> None: ...

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def take(self, *, rest: bool = False) -> list[bytes]:
        """The parts that are whole; at the end the `rest`, too."""
        whole = len(self._waiting) // PART * PART
        taken = [bytes(self._waiting[at : at + PART]) for at in range(0, whole, PART)]
        del self._waiting[:whole]
        if rest and self._waiting:
            taken.append(bytes(self._waiting))
            self._waiting.clear()
        return taken
