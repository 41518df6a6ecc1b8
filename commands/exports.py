"""What can be asked about exports; most of it only by those who carry them out."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints

from commands.command import Command, Crm, LongText, Text, handles
from commands.customers import Part
from domain.export import Condition, Contents, Export

Count = Annotated[int, Field(ge=0)]
Format = Literal["csv", "xlsx", "jsonl", "parquet"]


class Filter(Part):
    """Which rows: a filter as a list takes it."""

    name: Text
    value: Annotated[str, StringConstraints(max_length=20_000)]


class RequestExport(Command):
    """Have rows of a list, or events, written into a file."""

    export_id: UUID | None = None
    resource: Text
    format: Format
    filters: Annotated[tuple[Filter, ...], Field(max_length=100)] = ()
    sorted_by: Text | None = None
    columns: Annotated[tuple[Text, ...], Field(max_length=200)] = ()
    as_of: AwareDatetime | None = None
    known_at: Count | AwareDatetime | None = None


@handles(RequestExport, creates=True, inside=True)
async def request_export(command: RequestExport, crm: Crm) -> Export:
    export = crm.new(Export, command.export_id)
    conditions = tuple(Condition(one.name, one.value) for one in command.filters)
    export.request(
        command.resource,
        command.format,
        conditions,
        command.sorted_by,
        command.columns,
        command.as_of,
        command.known_at,
    )
    return export


class CancelExport(Command):
    """Stop an export that is not finished yet; nothing of its file stays."""

    export_id: UUID


@handles(CancelExport)
async def cancel_export(command: CancelExport, crm: Crm) -> Export:
    export = await crm.load(Export, command.export_id)
    export.cancel()
    return export


class FinishExport(Command):
    """Say what came of an export."""

    export_id: UUID
    file: UUID
    rows: Count
    parked: Count
    bytes: Count
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    reflects: Count
    expires_at: AwareDatetime


@handles(FinishExport, inside=True)
async def finish_export(command: FinishExport, crm: Crm) -> Export:
    export = await crm.load(Export, command.export_id)
    export.finish(Contents(**{name: getattr(command, name) for name in Contents.__dataclass_fields__}))
    return export


class FailExport(Command):
    """Say why an export cannot be made."""

    export_id: UUID
    why: LongText


@handles(FailExport, inside=True)
async def fail_export(command: FailExport, crm: Crm) -> Export:
    export = await crm.load(Export, command.export_id)
    export.fail(command.why)
    return export
