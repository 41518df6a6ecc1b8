"""Routes of exports: asking for a file with a whole list or feed in it, and fetching that file."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api import body
from api.answers import AsOf, Calling, Fresh, House, reading
from api.commands import CommandAnswer, as_answer, asked, key_of
from api.door import visit
from api.errors import invalid
from api.kronika import Kronika
from commands.dispatch import NotFound, dispatch, permit
from commands.exports import Filter, RequestExport
from eventlog.envelope import Caller
from eventlog.row_security import begin, ended
from projections.export_files import Expired, File, file_of, part_of
from projections.exportable import NAMES, check
from projections.exports import EXPORT_ROWS

router = APIRouter(tags=["exports"])

MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}


class ExportRequest(BaseModel):
    """Which rows are wanted, and in which format."""

    model_config = ConfigDict(extra="forbid")

    export_id: UUID | None = Field(None, description="Its id; made when absent.")
    resource: str = Field(max_length=80, description=f"One of {', '.join(NAMES)}.", examples=["customers"])
    format: Literal["csv", "xlsx", "jsonl", "parquet"]
    filters: dict[str, str | list[str]] = Field(
        {},
        max_length=100,
        description="As the list takes them, a list of values being several filters; of events `kinds`: types of events"
        " or streams, with commas between.",
        examples=[{"tier": "gold"}],
    )
    sort: str | None = Field(None, max_length=80, description="As the list takes it.", examples=["-created_at"])
    fields: list[str] = Field([], max_length=200, description="Which fields, in order; all when absent.")
    as_of: str | None = Field(None, max_length=40, description=AsOf.model_fields["as_of"].description)
    known_at: str | None = Field(None, max_length=40, description=AsOf.model_fields["known_at"].description)

    async def command(self, house: Kronika, caller: Caller) -> RequestExport:
        """Raises BadQuery, BadRequest, BadPosition, PositionAbandoned."""
        filters = [
            (name, value)
            for name, values in self.filters.items()
            for value in (values if isinstance(values, list) else [values])
        ]
        name = self.resource.replace("-", "_")
        check(name, filters, self.sort, self.fields, caller)
        cut = await AsOf(as_of=self.as_of, known_at=self.known_at).cut(house)
        return RequestExport(
            export_id=self.export_id,
            resource=name,
            format=self.format,
            filters=tuple(Filter(name=name, value=value) for name, value in filters),
            sorted_by=self.sort,
            columns=tuple(self.fields),
            as_of=cut.as_of,
            known_at=cut.known_at,
        )


@router.post(
    "/v1/exports",
    status_code=202,
    summary="Ask for a whole list, or the events, as a file; made by the clerk, looked in on at `/v1/exports/{id}`.",
    description="It shows one position of the log, and all that was recorded before it was asked for; with `as_of` and"
    " `known_at`, what a list or the feed shows of it with these. In CSV and XLSX,"
    " text that a spreadsheet would run (beginning with = + - @, a tab or a carriage return) gets a leading apostrophe;"
    " numbers stay numbers.",
    operation_id="request-export",
    response_model=CommandAnswer,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": ExportRequest.model_json_schema()}},
        }
    },
)
async def requested(given: Request, caller: Calling, house: House) -> Response:
    """The answer names the export. Sent again under the same `Idempotency-Key`, it names the same one."""
    came = visit(given.scope)
    body.media_type(came.headers, body.JSON)
    key = key_of(came.headers.get(b"idempotency-key"))
    came.told.append((b"idempotency-key", key.encode()))
    try:
        sent = await body.read(came.headers, given.receive, house.settings.body_max_bytes)
        wanted = ExportRequest.model_validate(body.parsed(sent))
        command = await wanted.command(house, caller)
    except ValidationError as error:
        raise invalid(error) from None
    answer = await dispatch(house.log, asked(command, caller, came, key, None))
    told = {"X-Position": house.token(answer.position), "Location": f"/v1/exports/{answer.stream_id}"}
    if answer.repeated:
        told["Idempotent-Replayed"] = "true"
    return Response(
        orjson.dumps(as_answer(answer, house.token)), status_code=202, media_type="application/json", headers=told
    )


FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file.",
        "content": {kind.partition(";")[0]: {"schema": {"type": "string"}} for kind in MEDIA_TYPES.values()},
        "headers": {
            "Digest": {"description": "`sha-256=` and the digest of the bytes, base64.", "schema": {"type": "string"}}
        },
    }
}


@router.get(
    "/v1/exports/{id}/file",
    summary="The file of a finished export.",
    description="409 until it is finished, 410 after it has expired.",
    operation_id="file-of-exports",
    responses=FILE,
    response_class=StreamingResponse,
)
async def fetched(id: UUID, caller: Calling, house: House, fresh: Annotated[Fresh, Query()]) -> Response:
    permit(caller, "read", "export")
    async with reading(house, caller, fresh, [EXPORT_ROWS.name]) as read:
        file = await file_of(read.connection, caller, id)
        if file is None:
            raise NotFound("export", id)
        first = await part_of(read.connection, caller.tenant, id, file.file, 0)
    if first is None and file.bytes:
        raise Expired(file.expires_at)
    digest = b64encode(bytes.fromhex(file.sha256)).decode()
    return StreamingResponse(
        parts(house, caller, file, first),
        media_type=MEDIA_TYPES[file.format],
        headers={
            "Content-Disposition": f'attachment; filename="{file.name}"',
            "Content-Length": str(file.bytes),
            "Digest": f"sha-256={digest}",
            "Repr-Digest": f"sha-256=:{digest}:",
            "ETag": f'"{file.sha256}"',
            "X-Position": house.token(file.reflects),
        },
    )


async def parts(house: Kronika, caller: Caller, file: File, first: bytes | None) -> AsyncIterator[bytes]:
    """Part by part, each over a connection of its own: a slow reader keeps none from others."""
    part, number = first, 0
    while part is not None:
        yield part
        number += 1
        async with house.reading() as connection:
            await begin(connection, caller.tenant)
            part = await part_of(connection, caller.tenant, file.export, file.file, number)
            await ended(connection)
