"""Asking for an import: a mapping, the files, and whether it is only tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from uuid import UUID

from commands.dispatch import Asked, NotFound, dispatch, lets
from commands.importing.files import Delivered, keep
from commands.importing.language.mapping import MappingError, load_mapping
from commands.importing.reading import PACKED
from commands.importing.shipped import shipped
from commands.imports import DeliveredFile, RequestImport
from domain.data_import import Import
from eventlog.envelope import Answer, Caller, Context
from eventlog.log import Log


class UnfitDelivery(ValueError):
    """The files are not what the import needs; the message says what it needs."""


@dataclass(frozen=True)
class Wish:
    """What is to be imported. `mapping` is the name of one that comes with Kronika, or the text of one's own, which may
    be `called` something; of a correction it is the one of the import that it `corrects`."""

    mapping: str | None
    called: str = "mapping"
    dry_run: bool = False
    corrects: UUID | None = None
    attended: bool = False
    import_id: UUID | None = None


async def request(log: Log, caller: Caller, context: Context, wish: Wish, delivered: Sequence[Delivered]) -> Answer:
    """Ask for the import, and have its files lie ready before. The same again gets the first answer. Raises
    MappingError, UnfitDelivery, NotFound and what dispatch raises."""
    name, text = await mapping_of(log, caller, wish)
    mapping = load_mapping(text, name)
    check(delivered, None if wish.corrects else {file.path for file in mapping.files.values()})
    await keep(log, caller.tenant, delivered)
    command = RequestImport(
        import_id=wish.import_id,
        mapping=name,
        mapping_text=text,
        source=mapping.source,
        files=tuple(DeliveredFile(**vars(one.file)) for one in sorted(delivered, key=lambda one: one.file.name)),
        dry_run=wish.dry_run,
        corrects=wish.corrects,
        attended=wish.attended,
    )
    return await dispatch(log, Asked(command, caller, context))


async def mapping_of(log: Log, caller: Caller, wish: Wish) -> tuple[str, str]:
    """The name and the text of the mapping."""
    if wish.corrects:
        corrected, stream = await log.load(Import, caller.tenant, wish.corrects, datetime.now(UTC))
        if stream is None or not await lets(log, caller, "read", "import", wish.corrects):
            raise NotFound("import", wish.corrects)
        return corrected.mapping, corrected.mapping_text
    if wish.mapping is None:
        raise MappingError(["an import needs a mapping"])
    if "\n" in wish.mapping:
        return wish.called, wish.mapping
    return wish.mapping, shipped(wish.mapping)


def check(delivered: Sequence[Delivered], known: set[str] | None) -> None:
    """Whether these files can be what is to be imported. A correction may be called as it likes."""
    names = [one.file.name for one in delivered]
    if not names:
        raise UnfitDelivery("Send at least one file.")
    for name in names:
        path = PurePosixPath(name)
        if not name.isprintable() or path.is_absolute() or ".." in path.parts or str(path) != name or len(name) > 200:
            raise UnfitDelivery(f"{name!r} is no name for a file.")
        if names.count(name) > 1:
            raise UnfitDelivery(f"{name} is sent twice.")
        if known is not None and name not in known:
            if (plain := name.removesuffix(PACKED)) not in known:
                raise UnfitDelivery(f"The mapping reads no {name}; it reads {', '.join(sorted(known))}.")
            if plain in names:
                raise UnfitDelivery(f"{plain} is sent twice, once packed.")
    missing = [path for path in sorted(known or ()) if path not in names and f"{path}{PACKED}" not in names]
    if missing:
        sent = ", ".join(sorted(names))
        raise UnfitDelivery(f"The mapping also reads {', '.join(missing)}; send it together with {sent}.")
