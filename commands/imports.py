"""What can be asked about imports; most of it only by those who carry them out."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from commands.command import Command, Crm, LongText, Text, handles
from commands.customers import Part, SystemName
from domain.data_import import Counts, Import, ImportedFile

Count = Annotated[int, Field(ge=0)]
MappingText = Annotated[str, StringConstraints(max_length=200_000)]


class DeliveredFile(Part):
    """A file that lies ready."""

    name: Text
    size: Count
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class RequestImport(Command):
    """Import files that lie ready, by a mapping; or only try to."""

    import_id: UUID | None = None
    mapping: Text
    mapping_text: MappingText
    source: SystemName
    files: tuple[DeliveredFile, ...]
    dry_run: bool = False
    corrects: UUID | None = None
    attended: bool = False


@handles(RequestImport, creates=True, inside=True)
async def request_import(command: RequestImport, crm: Crm) -> Import:
    data_import = crm.new(Import, command.import_id)
    data_import.request(
        command.mapping,
        command.mapping_text,
        command.source,
        [ImportedFile(file.name, file.size, file.sha256) for file in command.files],
        dry_run=command.dry_run,
        corrects=await crm.load(Import, command.corrects) if command.corrects else None,
        attended=command.attended,
    )
    return data_import


class StartImport(Command):
    """Do for real what a dry run has tried, with the same files; refused unless the dry run is finished."""

    import_id: UUID


@handles(StartImport)
async def start_import(command: StartImport, crm: Crm) -> Import:
    data_import = await crm.load(Import, command.import_id)
    data_import.approve()
    return data_import


class CancelImport(Command):
    """Stop an import; what it has recorded by then stays, and can be undone by reverting it."""

    import_id: UUID


@handles(CancelImport)
async def cancel_import(command: CancelImport, crm: Crm) -> Import:
    data_import = await crm.load(Import, command.import_id)
    data_import.cancel()
    return data_import


class RevertImport(Command):
    """Undo all that an import has recorded, as far as nothing later stands on it; the events stay in the history."""

    import_id: UUID


@handles(RevertImport)
async def revert_import(command: RevertImport, crm: Crm) -> Import:
    data_import = await crm.load(Import, command.import_id)
    data_import.ask_to_revert()
    return data_import


class BeginImport(Command):
    """Say that an import is being carried out."""

    import_id: UUID


@handles(BeginImport, inside=True)
async def begin_import(command: BeginImport, crm: Crm) -> Import:
    data_import = await crm.load(Import, command.import_id)
    data_import.start()
    return data_import


class FinishImport(Command):
    """Say what came of an import."""

    import_id: UUID
    done: Count
    failed: Count
    warnings: Count
    commands: Count
    events: Count
    known: Count


@handles(FinishImport, inside=True)
async def finish_import(command: FinishImport, crm: Crm) -> Import:
    data_import = await crm.load(Import, command.import_id)
    data_import.finish(Counts(**{name: getattr(command, name) for name in Counts.__dataclass_fields__}))
    return data_import


class FailImport(Command):
    """Say why an import cannot go on."""

    import_id: UUID
    why: LongText


@handles(FailImport, inside=True)
async def fail_import(command: FailImport, crm: Crm) -> Import:
    data_import = await crm.load(Import, command.import_id)
    data_import.fail(command.why)
    return data_import


class FinishReverting(Command):
    """Say what came of undoing an import."""

    import_id: UUID
    undone: Count
    kept: Count


@handles(FinishReverting, inside=True)
async def finish_reverting(command: FinishReverting, crm: Crm) -> Import:
    data_import = await crm.load(Import, command.import_id)
    data_import.reverted(command.undone, command.kept)
    return data_import
