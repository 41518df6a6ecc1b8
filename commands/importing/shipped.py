"""The mappings that come with Kronika, for data sets that are found everywhere."""

from __future__ import annotations

from importlib.resources import files

from commands.importing.language.mapping import MappingError

MAPPINGS = files("commands.importing") / "mappings"
ENDING = ".yaml"


def names() -> list[str]:
    return sorted(one.name.removesuffix(ENDING) for one in MAPPINGS.iterdir() if one.name.endswith(ENDING))


def shipped(name: str) -> str:
    """The text of the mapping of this name. Raises MappingError."""
    if name not in names():
        raise MappingError([f"there is no mapping {name[:80]!r}; there are {', '.join(names())}"])
    return (MAPPINGS / f"{name}{ENDING}").read_text(encoding="utf-8")
