"""Routes of imports: the upload that asks for one, and what came of it, row by row."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from api.answers import Calling, House
from api.commands import CommandAnswer, as_answer, key_of
from api.door import visit
from api.errors import WORDS, BadBody, Invalid, TooLarge, WrongMediaType
from commands.dispatch import NotFound, lets, permit
from commands.importing.files import Delivered, measured
from commands.importing.requesting import Wish, request
from commands.importing.results import WHICH, Which, results
from commands.importing.reverting import kept
from commands.importing.running import assignment
from eventlog.envelope import Context

router = APIRouter(tags=["imports"])

MOST_FILES = 100
MOST_TEXT = 200_000
"""Bytes of a mapping."""

FORM = {
    "type": "object",
    "required": ["files"],
    "properties": {
        "mapping": {
            "type": "string",
            "description": "The name of a mapping that comes with Kronika, or your own, as text or as a file.",
        },
        "dry_run": {
            "type": "boolean",
            "default": False,
            "description": "Decide everything and record nothing; then `start-import` does it for real.",
        },
        "corrects": {
            "type": "string",
            "format": "uuid",
            "description": "The import whose failed.csv, corrected, is sent: only those rows are done.",
        },
        "files": {
            "type": "array",
            "items": {"type": "string", "format": "binary"},
            "description": "The files that the mapping reads, by their names in it.",
        },
    },
}


@router.post(
    "/v1/imports",
    status_code=202,
    summary="Import files by a mapping, or try to; done by the clerk, looked in on at `/v1/imports/{id}`.",
    operation_id="request-import",
    response_model=CommandAnswer,
    openapi_extra={"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": FORM}}}},
)
async def requested(given: Request, caller: Calling, house: House) -> Response:
    """The answer names the import. Sent again under the same `Idempotency-Key`, it names the same one."""
    permit(caller, "write", "import")
    came = visit(given.scope)
    key = key_of(came.headers.get(b"idempotency-key"))
    came.told.append((b"idempotency-key", key.encode()))
    form = await form_of(given, house.settings.upload_max_bytes)
    try:
        context = Context(caller.tenant, caller.actor, key, came.correlation_id, trace=came.trace)
        answer = await request(house.log, caller, context, await wish_of(form), await delivered(form))
    finally:
        await form.close()
    told = {"X-Position": house.token(answer.position), "Location": f"/v1/imports/{answer.stream_id}"}
    if answer.repeated:
        told["Idempotent-Replayed"] = "true"
    body = orjson.dumps(as_answer(answer, house.token))
    return Response(body, status_code=202, media_type="application/json", headers=told)


async def form_of(given: Request, most_bytes: int) -> FormData:
    """The form that was sent, its files on disk. Raises WrongMediaType, BadBody, and TooLarge as soon as it is known
    to be."""
    if not given.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise WrongMediaType("Send multipart/form-data as the Content-Type.")
    announced = given.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > most_bytes:
        raise too_large(most_bytes)
    limited = Request(given.scope, within(given.receive, most_bytes))
    try:
        return await limited.form(max_files=MOST_FILES, max_fields=10, max_part_size=MOST_TEXT)
    except HTTPException as error:  # what starlette makes of a form that cannot be read
        raise BadBody(str(error.detail)) from None


def within(receive: Receive, most_bytes: int) -> Receive:
    """The same body, up to so many bytes."""
    read = 0

    async def counted() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > most_bytes:
            raise too_large(most_bytes)
        return message

    return counted


def too_large(most_bytes: int) -> TooLarge:
    return TooLarge(f"An upload has at most {most_bytes:,} bytes; KRONIKA_UPLOAD_MAX_BYTES sets it.")


async def wish_of(form: FormData) -> Wish:
    """Raises Invalid."""
    texts = {name: value for name, value in form.multi_items() if isinstance(value, str)}
    called = "mapping"
    if isinstance(mapping := form.get("mapping"), UploadFile):
        texts["mapping"] = text_of(await mapping.read(MOST_TEXT + 1))
        called = name_of(mapping) or called
    for name in sorted(texts.keys() - {"mapping", "dry_run", "corrects"}):
        raise Invalid.at((name[:80],), WORDS["extra_forbidden"], "extra_forbidden")
    dry_run = texts.get("dry_run", "false").lower()
    if dry_run not in ("true", "false"):
        raise Invalid.at(("dry_run",), "dry_run is true or false", "bool_parsing")
    try:
        corrects = UUID(texts["corrects"]) if "corrects" in texts else None
    except ValueError:
        raise Invalid.at(("corrects",), "corrects is the id of an import", "uuid_parsing") from None
    if "mapping" not in texts and corrects is None:
        raise Invalid.at(("mapping",), WORDS["missing"], "missing")
    return Wish(texts.get("mapping"), called, dry_run=dry_run == "true", corrects=corrects)


def name_of(mapping: UploadFile) -> str:
    """What its author calls it; empty where that is no name."""
    name = PurePosixPath(mapping.filename or "").name
    return name if name.isprintable() and len(name) <= 80 else ""


def text_of(mapping: bytes) -> str:
    try:
        if len(mapping) <= MOST_TEXT:
            return mapping.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    raise Invalid.at(("mapping",), f"a mapping is text in UTF-8, of at most {MOST_TEXT:,} bytes", "value_error")


async def delivered(form: FormData) -> list[Delivered]:
    """The files that were sent. Raises Invalid."""
    found = []
    for name, value in form.multi_items():
        if isinstance(value, UploadFile) and name != "mapping":
            if name != "files":
                raise Invalid.at((name[:80],), "send files as `files`", "extra_forbidden")
            found.append(await asyncio.to_thread(measured, value.filename or "", value.file))
    return found


def results_of(which: Which) -> Callable[..., Awaitable[Response]]:
    async def rows(id: UUID, caller: Calling, house: House) -> Response:
        permit(caller, "read", "import")
        found = await assignment(house.log, caller.tenant, id)
        if found is None or not await lets(house.log, caller, "read", "import", id):
            raise NotFound("import", id)
        pieces = results(house.log, caller.tenant, found.data_import, which)
        first = await anext(pieces)  # what goes wrong does so before the answer has begun
        name = f'attachment; filename="{id}-{which}.csv"'
        return StreamingResponse(
            after(first, pieces), media_type="text/csv; charset=utf-8", headers={"Content-Disposition": name}
        )

    return rows


async def after(first: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in pieces:
        yield piece


SAYS: dict[Which, str] = {
    "done": "The rows of an import that are recorded, with the ids of their events.",
    "failed": "The rows of an import that were not taken, and why; corrected, they can be sent as its correction.",
    "not-processed": "The rows of an import that nothing was asked of: not yet, or not before it was cancelled.",
}
CSV: dict[int | str, dict[str, Any]] = {
    200: {"description": "CSV in UTF-8.", "content": {"text/csv": {"schema": {"type": "string"}}}}
}


@router.get(
    "/v1/imports/{id}/results/kept.csv",
    summary="The events of an import that could not be undone, why, and what stands on them.",
    operation_id="kept-of-imports",
    responses=CSV,
    response_class=StreamingResponse,
)
async def stays(id: UUID, caller: Calling, house: House) -> Response:
    permit(caller, "read", "import")
    found = await assignment(house.log, caller.tenant, id)
    if found is None or not await lets(house.log, caller, "read", "import", id):
        raise NotFound("import", id)
    return StreamingResponse(kept(house.log, caller.tenant, id), media_type="text/csv; charset=utf-8")


for which in WHICH:
    router.add_api_route(
        f"/v1/imports/{{id}}/results/{which}.csv",
        results_of(which),
        summary=SAYS[which],
        description="What a spreadsheet would run begins with a '; it is taken off again when the file is sent back.",
        operation_id=f"{which}-of-imports",
        responses=CSV,
        response_class=StreamingResponse,
    )
