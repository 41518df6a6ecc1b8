"""The OpenAPI document: FastAPI's, with the problems and headers that every route shares."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.errors import problems

PROBLEM = {
    "type": "object",
    "description": "An RFC 9457 problem. `type` is stable; GET it for what it means.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "examples": ["/problems/customer-inactive"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "For people; holds no personal data."},
        "instance": {"type": "string", "description": "The request's correlation id, as a URN."},
        "allowed": {
            "type": "array",
            "items": {"type": "string"},
            "description": "A refusal: the commands that are possible now.",
        },
        "holder": {
            "type": "string",
            "format": "uuid",
            "description": "Claim taken: who has it, where you may see that.",
        },
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["loc", "msg", "type"],
                "properties": {
                    "loc": {"type": "array", "items": {"type": ["string", "integer"]}, "examples": [["emails", 0]]},
                    "msg": {"type": "string", "description": "For people."},
                    "type": {"type": "string", "description": "The kind of fault.", "examples": ["missing"]},
                },
            },
            "description": "Each fault of a body or of parameters: where, and what.",
        },
        "behind": {"type": "integer", "description": "Not fresh yet: by how many positions."},
        "resume": {"type": "string", "description": "Position abandoned: where to go on."},
        "event_id": {"type": "string", "format": "uuid", "description": "Parked: the event that needs a repair."},
    },
}
HEADERS = {
    "X-Correlation-Id": "Names the request in logs and events; yours, when you send a UUID.",
    "X-Position": "The position that the answer reflects; opaque, for `min_position` and `after`.",
    "ETag": "The version, for If-Match.",
    "Idempotency-Key": "The command's id; send it again to get the first answer.",
    "Location": "Where what was made is read; at once with the answer's position as `min_position`.",
    "Idempotent-Replayed": "`true` when this is the answer to an earlier sending.",
    "RateLimit-Limit": "How many requests may come at once: of the key or of the tenant, whichever has less left.",
    "RateLimit-Remaining": "How many of them are left.",
    "RateLimit-Reset": "Seconds until all of them are.",
    "X-Parked": "Ids of events that a row shown could not take in; it shows what was before them.",
}
PURPOSE = {
    "name": "X-Purpose",
    "in": "header",
    "required": False,
    "description": "What it is asked for; kept with who was shown what.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[ -~]*[!-~][ -~]*$"},
}
LIMITS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
COMMAND_HEADERS = ("X-Correlation-Id", "X-Position", "ETag", "Idempotency-Key", "Idempotent-Replayed")
BATCH_HEADERS = ("X-Correlation-Id", "X-Position")
READ_HEADERS = ("X-Correlation-Id", "X-Position", "ETag", "X-Parked")

COMMAND = {400, 401, 403, 404, 409, 410, 412, 413, 415, 422, 429, 503}
BATCH = {400, 401, 403, 413, 415, 422, 429, 503}
UPLOAD = {400, 401, 403, 404, 409, 410, 413, 415, 422, 429, 503}
MADE = ("201", "202")
READ = {400, 401, 403, 404, 410, 422, 424, 429, 503}


TYPES: dict[str, dict[str, Any]] = {}


def typed(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The schema under a name of its own: what clients are generated from calls its types so."""
    TYPES[name] = schema
    return {"$ref": f"#/components/schemas/{name}"}


def document(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
        made["components"]["schemas"] |= TYPES | {"Problem": PROBLEM}
        made["components"]["headers"] = {
            name: {"description": said, "schema": {"type": "string"}} for name, said in HEADERS.items()
        }
        for path, operations in made["paths"].items():
            for operation in operations.values():
                complete(path, operation)
        for unused in ("HTTPValidationError", "ValidationError"):
            made["components"]["schemas"].pop(unused, None)
        app.openapi_schema = made
    return app.openapi_schema


def complete(path: str, operation: dict[str, Any]) -> None:
    """The problems that may be answered instead, and the headers of the answer."""
    headers: tuple[str, ...]
    if path == "/v1/commands":
        headers, statuses = BATCH_HEADERS, BATCH
    elif path.startswith("/v1/commands/"):
        headers, statuses = COMMAND_HEADERS, COMMAND
    elif "requestBody" in operation:
        headers, statuses = COMMAND_HEADERS, UPLOAD
    elif path.startswith("/v1/"):
        headers, statuses = READ_HEADERS, READ | ({409} if path.endswith("/file") else set())
    else:
        headers, statuses = ("X-Correlation-Id",), {503} if path.startswith(("/health/ready", "/metrics")) else {404}
    if path.startswith("/v1/"):
        headers += LIMITS
        operation["security"] = [{"HTTPBearer": []}]
        operation.setdefault("parameters", []).append(PURPOSE)
    responses = operation["responses"]
    responses.pop("422", None)
    for status, response in responses.items():
        names = (*headers, "Location") if status in MADE else headers
        response["headers"] = response.get("headers", {}) | {
            name: {"$ref": f"#/components/headers/{name}"} for name in names
        }
    for status in sorted(statuses):
        responses[str(status)] = {
            "description": meaning(status),
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }


def meaning(status: int) -> str:
    """Which problems a status stands for; those of the business are too many to name."""
    if status == 409:
        return "A rule of the business forbids it (`allowed` names what is possible), or a file is not ready."
    return (
        "; ".join(f"{title} (/problems/{code})" for code, known, title in problems() if known == status) or "Not found."
    )
