"""Users: who works for the tenant, with which roles, in which teams, and under whom."""

from __future__ import annotations

from domain.user import User
from projections.projection import Table
from projections.resource import Resource
from projections.stream_rows import BY_CREATED, ROW_KEY, STREAM_COLUMNS, StreamRows


class Users(StreamRows):
    """Each user."""

    version = 3  # handles
    aggregate = User
    table = Table(
        "users",
        key=ROW_KEY,
        columns=STREAM_COLUMNS
        | {
            "kind": "text",
            "active": "boolean",
            "name": "text",
            "email": "text",
            "handle": "text",
            "identities": "jsonb",
            "roles": "jsonb",
            "teams": "jsonb",
            "manager_id": "uuid",
        },
        indexes=(
            BY_CREATED,
            "(tenant, name, id)",
            "(tenant, handle) WHERE handle IS NOT NULL",
            "(tenant, manager_id) WHERE manager_id IS NOT NULL",
            "USING gin (teams)",
        ),
    )


USER_ROWS = Users()
USERS = Resource("users", USER_ROWS, stream="user", sets=("roles", "teams"), maps=("identities",))
