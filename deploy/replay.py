"""A customer's life on the terminal: step by step with keys, or all of it as JSON lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson
from psycopg import AsyncConnection
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deploy.errors import NotAsPromised
from deploy.settings import Settings, SettingsError
from eventlog.codec import Codec
from eventlog.connections import APP_ROLE
from eventlog.envelope import Caller
from eventlog.keeping import keys_of
from projections.asking import VALUES
from projections.replay import Step, replay

PAGE = 500


async def steps(settings: Settings, tenant: str, customer: str) -> list[Step]:
    """All steps of this customer. Raises SettingsError for what is no id, NotAsPromised when there is no such one."""
    assert settings.database_url
    try:
        id = VALUES["id"].validate_python(customer)
    except ValueError:
        raise SettingsError(f"{customer} is no customer's id") from None
    keys = keys_of(settings.database_url, settings.keys_path)
    found, after = [], 0
    try:
        async with await AsyncConnection.connect(
            settings.database_url, autocommit=True, options=f"{APP_ROLE} -c TimeZone=UTC"
        ) as connection:
            codec, caller = Codec(keys), Caller(tenant, "operator")
            while page := await replay(connection, codec, caller, id, after=after, limit=PAGE):
                found += page.steps
                if page.next_position is None:
                    return found
                after = page.next_position
    finally:
        keys.close()
    raise NotAsPromised(f"there is no customer {customer} of the tenant {tenant}")


def as_json(found: list[Step]) -> Iterator[str]:
    """One line a step."""
    return (orjson.dumps(step).decode() for step in found)


def walk(console: Console, found: list[Step], key: Callable[[], str] | None) -> None:
    """Show one step after the other; `key` waits for one: q ends it, a shows all the rest. All at once without it."""
    for number, step in enumerate(found, 1):
        show(console, step, f"{number} of {len(found)}")
        if key and number < len(found):
            console.print("[dim]any key: on · a: all the rest · q: enough[/]")
            match key().lower():
                case "q" | "\x03" | "\x04":
                    return
                case "a":
                    key = None


def show(console: Console, step: Step, where: str) -> None:
    entry = step.entry
    console.rule(f"{where}  [bold]{entry.type}[/]", align="left")
    late = "" if entry.took_effect else "  [yellow]about an earlier day than what was known: changed nothing[/]"
    console.print(
        f"{entry.occurred_at:%Y-%m-%d %H:%M}, recorded {entry.recorded_at:%Y-%m-%d %H:%M} by {escape(entry.actor)}"
        f"{f', because: {escape(entry.reason)}' if entry.reason else ''}{late}\n"
        f"[dim]{step.kind} {step.id} version {entry.version}, position {entry.position}[/]"
    )
    changed = {change.field for change in entry.changes}
    table = Table("", "was", "is", show_edge=False)
    for change in entry.changes:
        table.add_row(change.field, text(change.old), f"[green]{text(change.new)}[/]")
    for field, value in step.state.items():
        if not {field, field.partition(".")[0]} & changed:
            table.add_row(f"[dim]{escape(field)}[/]", "", f"[dim]{text(value)}[/]")
    console.print(table)


def text(value: Any) -> str:
    shown = "" if value is None else value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
    return escape(shown)
