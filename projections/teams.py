"""Teams: the groups that users work in, each within another one or at the top."""

from __future__ import annotations

from domain.team import Team
from projections.projection import Table
from projections.resource import Resource
from projections.stream_rows import BY_CREATED, ROW_KEY, STREAM_COLUMNS, StreamRows


class Teams(StreamRows):
    """Each team; who belongs to it is asked of the users (`teams.has`)."""

    aggregate = Team
    table = Table(
        "teams",
        key=ROW_KEY,
        columns=STREAM_COLUMNS | {"name": "text", "active": "boolean", "within_id": "uuid"},
        indexes=(BY_CREATED, "(tenant, within_id) WHERE within_id IS NOT NULL"),
    )


TEAM_ROWS = Teams()
TEAMS = Resource("teams", TEAM_ROWS, stream="team")
