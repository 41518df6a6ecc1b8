"""Keys to the API, as they are known to those who administer them: without their secrets."""

from __future__ import annotations

from domain.api_key import ApiKey
from projections.projection import Table
from projections.resource import Resource
from projections.stream_rows import BY_CREATED, ROW_KEY, STREAM_COLUMNS, StreamRows


class ApiKeys(StreamRows):
    """Each key that was issued to a user."""

    aggregate = ApiKey
    table = Table(
        "api_keys",
        key=ROW_KEY,
        columns=STREAM_COLUMNS
        | {
            "user_id": "uuid",
            "label": "text",
            "scopes": "jsonb",
            "networks": "jsonb",
            "expires_at": "timestamptz",
            "secret_id": "text",
            "previous_secret_id": "text",
            "previous_until": "timestamptz",
            "revoked": "boolean",
        },
        indexes=(BY_CREATED, "(tenant, user_id)"),
    )


API_KEY_ROWS = ApiKeys()
API_KEYS = Resource("api_keys", API_KEY_ROWS, stream="api_key", lists=("scopes", "networks"))
