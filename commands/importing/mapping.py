"""The mapping file of an import: which files, how their rows join, and which commands they become."""

from __future__ import annotations

from pydantic import BaseModel


class MappingError(Exception):
    """All faults of a mapping, each with file name, line and column; `faults` is the list, the message all of them."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class File(BaseModel):
    path: str


class Mapping(BaseModel):
    source: str
    trust: int = 50
    files: dict[str, File]

    def check(self, headers: dict[str, tuple[str, ...]]) -> None:
        """Raises MappingError when it names a column that a file has not."""
        raise NotImplementedError


def load_mapping(text: str, name: str) -> Mapping:
    raise NotImplementedError
