"""Makes a body for any command from its JSON schema, so that a test can ask all of them."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from commands.command import Registration

PATTERNS = {"^[A-Z]{3}$": "EUR", "^[A-Za-z0-9._-]{1,40}$": "shop"}


def sample(
    registration: Registration, ids: dict[str, UUID] | None = None, *, all_fields: bool = True
) -> dict[str, Any]:
    """A body that the command's model takes; `ids` says which ids to name, by field ("customer_id")."""
    schema = registration.model.model_json_schema()
    body = value_of(schema, schema, "", ids or {}, all_fields)
    body.pop("occurred_at", None)
    return dict(body)


def value_of(schema: dict[str, Any], whole: dict[str, Any], name: str, ids: dict[str, UUID], all_fields: bool) -> Any:
    match schema:
        case {"$ref": ref}:
            return value_of(whole["$defs"][ref.rpartition("/")[2]], whole, name, ids, all_fields)
        case {"anyOf": [first, *_]}:
            return value_of(first, whole, name, ids, all_fields)
        case {"const": value} | {"enum": [value, *_]} | {"examples": [value, *_]}:
            return value
        case {"type": "object"}:
            wanted = schema.get("properties", {}) if all_fields else schema.get("required", [])
            return {n: value_of(schema["properties"][n], whole, n, ids, all_fields) for n in wanted}
        case {"type": "array"}:
            count = max(schema.get("minItems", 1), 1)
            return [value_of(schema["items"], whole, name, ids, all_fields) for _ in range(count)]
        case {"format": "uuid"}:
            return str(ids.get(name) or uuid4())
        case {"format": "date"}:
            return "2026-01-31"
        case {"format": "date-time"}:
            return "2026-01-31T09:00:00Z"
        case {"pattern": pattern} if pattern in PATTERNS:
            return PATTERNS[pattern]
        case {"type": "boolean"}:
            return True
        case {"type": "integer" | "number"}:
            return schema.get("minimum", 1) or 1
        case {"type": "string"}:
            return "something"
    raise AssertionError(f"no sample for {name}: {schema}")
