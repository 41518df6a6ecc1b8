"""A customer's life on the terminal: step by step with keys, or all of it as JSON lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
from psycopg import AsyncConnection
from rich.console import Console
from rich.markup import escape
from rich.rule import Rule

from deploy.errors import NotAsPromised
from deploy.printing import Table
from deploy.settings import Settings, SettingsError
from eventlog.codec import Codec
from eventlog.connections import APP_ROLE
from eventlog.envelope import Caller
from eventlog.keeping import keys_of
from eventlog.positions import Epochs
from projections.asking import VALUES
from projections.replay import Step, replay

PAGE = 500


Token = Callable[[int], str]
"""How a position is told."""


async def steps(settings: Settings, tenant: str, customer: str) -> tuple[list[Step], Token]:
    """All steps of this customer, and how their positions are told. Raises SettingsError for what is no id,
    NotAsPromised when there is no such one."""
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
            codec, caller, epochs = Codec(keys), Caller(tenant, "operator"), await Epochs.read(connection)
            while page := await replay(connection, codec, caller, id, after=after, limit=PAGE):
                found += page.steps
                if page.next_position is None:
                    return found, epochs.token
                after = page.next_position
    finally:
        keys.close()
    raise NotAsPromised(f"there is no customer {customer} of the tenant {tenant}")


def as_json(found: list[Step], token: Token) -> Iterator[str]:
    """One line a step, as over HTTP."""
    for step in found:
        entry = vars(step.entry) | {"position": token(step.entry.position)}
        yield orjson.dumps(vars(step) | {"entry": entry}).decode()


def walk(console: Console, found: list[Step], token: Token, key: Callable[[], str] | None) -> None:
    """Show one step after the other; `key` waits for one: q ends it, a shows all the rest. All at once without it."""
    for number, step in enumerate(found, 1):
        show(console, step, token, f"{number} of {len(found)}")
        if key and number < len(found):
            console.print("[dim]any key: on · a: all the rest · q: enough[/]")
            match key().lower():
                case "q" | "\x03" | "\x04":
                    return
                case "a":
                    key = None


def show(console: Console, step: Step, token: Token, where: str) -> None:
    entry = step.entry
    console.print(Rule(f"{where}  [bold]{entry.type}[/]", align="left"), width=min(console.width, 100))
    told = {"on behalf of": entry.on_behalf_of, "because:": entry.reason, "from": entry.source and entry.source.at}
    why = "".join(f", {how} {escape(what)}" for how, what in told.items() if what)
    console.print(
        f"{day(entry.occurred_at)}, recorded {day(entry.recorded_at)} by {escape(entry.actor)}{why}\n"
        f"[dim]{step.kind} {step.id} version {entry.version}, position {token(entry.position)},"
        f" event {entry.event_id}[/]"
    )
    if entry.fields is None:
        console.print("[yellow]What it says cannot be read here.[/]")
    changed = {change.field for change in entry.changes}
    table = Table("", "was", "is", show_edge=False)
    for change in entry.changes:
        table.add_row(escape(change.field), text(change.old), f"[green]{text(change.new)}[/]")
    for past in entry.past_changes:
        then = f"{escape(past.field)}, {day(past.since)} to {day(past.until)}"
        table.add_row(f"[yellow]{then}[/]", text(past.old), f"[yellow]{text(past.new)}[/]")
    if not changed:
        for field, value in (entry.fields or {}).items():
            table.add_row(f"it says: {escape(field)}", "", text(value))
    for field, value in step.state.items():
        if not {field, field.partition(".")[0]} & changed:
            table.add_row(f"[dim]{escape(field)}[/]", "", f"[dim]{text(value)}[/]")
    console.print(table)


def day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def text(value: Any) -> str:
    shown = "" if value is None else value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
    return escape(shown)
