"""The report of customers that may be one, on the terminal or as JSON lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import orjson
from psycopg import AsyncConnection
from rich.console import Console
from rich.markup import escape

from deploy.printing import Table
from deploy.settings import Settings
from eventlog.connections import APP_ROLE
from eventlog.envelope import Caller
from projections.duplicates.blocks import MOST
from projections.duplicates.report import Found, everything


async def found(
    settings: Settings, tenant: str, source: str | None, min_score: float, progress: Callable[[int, int], None]
) -> Found:
    assert settings.database_url
    async with await AsyncConnection.connect(
        settings.database_url, autocommit=True, options=f"{APP_ROLE} -c TimeZone=UTC"
    ) as connection:
        return await everything(
            connection, Caller(tenant, "operator"), source=source, min_score=min_score, progress=progress
        )


def as_json(report: Found) -> Iterator[str]:
    """One line a pair."""
    for pair in report.pairs:
        line = {
            "score": pair.likeness.score,
            "reasons": pair.likeness.reasons,
            "customers": [{"id": row["id"], "name": row["name"]} for row in (pair.one, pair.other)],
        }
        yield orjson.dumps(line).decode()


def show(console: Console, report: Found) -> None:
    # Ids are to be copied: none is cut off.
    table = Table("score", "one", "other", "because")
    for pair in report.pairs:
        names = [f"{escape(row['name'] or '')}\n[dim]{row['id']}[/]" for row in (pair.one, pair.other)]
        table.add_row(f"{pair.likeness.score:.2f}", *names, ", ".join(pair.likeness.reasons))
    console.print(table)
    console.print(f"{len(report.pairs)} pairs; kronika ask merge-customers makes one customer of two.")
    for kind, blocks in sorted(report.left_out.items()):
        console.print(f"Not compared by {kind}: {blocks} groups of more than {MOST} customers who share theirs.")
