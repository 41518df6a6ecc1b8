"""A disk that is full and a clock that is wrong, for the processes that preload faults.c; no special rights needed."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).with_name("faults.c")
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang") if sys.platform == "linux" else None
WHY_NOT = "only Linux with a C compiler can preload the library that makes a disk full and a clock wrong"


def library(directory: Path) -> Path | None:
    """Build the library that is preloaded; None where there is no compiler."""
    if COMPILER is None:
        return None
    built = directory / "faults.so"
    if not built.exists():
        fresh = directory / "faults.new"
        command = [COMPILER, "-shared", "-fPIC", "-O1", "-o", str(fresh), str(SOURCE), "-ldl"]
        subprocess.run(command, check=True, capture_output=True)
        fresh.chmod(0o755)
        fresh.rename(built)
    return built


class Faults:
    """Disk and clock of whoever runs in `environment`; both can be changed while it runs."""

    def __init__(self, directory: Path, name: str) -> None:
        self._file = directory / f"{name}.faults"
        self._library = library(directory)
        self._full = False
        self._clock_s = 0
        self._tell()
        self._file.chmod(0o644)

    @property
    def environment(self) -> dict[str, str]:
        if self._library is None:
            return {}
        return {"LD_PRELOAD": str(self._library), "SURVIVAL_FAULTS": str(self._file)}

    def disk_full(self, full: bool = True) -> None:
        self._full = full
        self._tell()

    def clock_wrong(self, seconds: int) -> None:
        self._clock_s = seconds
        self._tell()

    def none(self) -> None:
        self._full, self._clock_s = False, 0
        self._tell()

    def _tell(self) -> None:
        mode = "r+b" if self._file.exists() else "wb"
        with self._file.open(mode) as file:  # in place: it is mapped into the memory of those who heed it
            file.write(struct.pack("qq", self._full, self._clock_s))
