"""Every event version ever released, as it was stored; `python -m tests.golden` adds what is new."""

from __future__ import annotations

import json
import types
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from domain.aggregate import Event
from eventlog.codec import EventType, event_types

FILE = Path(__file__).with_name("events.json")
STREAM = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
MOMENT = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)

SAMPLES: dict[Any, Any] = {
    str: "text 文",
    int: 3,
    bool: True,
    Decimal: Decimal("12.50"),
    UUID: STREAM,
    date: date(2026, 1, 31),
    datetime: MOMENT,
}


def sample(hint: Any) -> Any:
    """A value of this type, always the same."""
    if get_origin(hint) is Annotated:
        return sample(get_args(hint)[0])
    if get_origin(hint) in (Union, types.UnionType):
        return sample(next(arg for arg in get_args(hint) if arg is not type(None)))
    if get_origin(hint) is tuple:
        return tuple(sample(arg) for arg in get_args(hint) if arg is not ...)
    if get_origin(hint) is dict:
        return dict([tuple(map(sample, get_args(hint)))])
    if is_dataclass(hint) and isinstance(hint, type):
        hints = get_type_hints(hint, include_extras=True)
        return hint(**{f.name: sample(hints[f.name]) for f in fields(hint) if f.init})
    return SAMPLES[hint]


def sample_event(known: EventType) -> Event:
    values = {name: sample(hint) for name, hint in known.hints.items()}
    return known.event_class(originator_id=STREAM, originator_version=1, timestamp=MOMENT, **values)


def stored(known: EventType, event: Event) -> dict[str, Any]:
    """The event as the log stores it, its personal fields before they are sealed."""
    personal = {n: known.adapters[n].dump_python(getattr(event, n), mode="json") for n in sorted(known.personal)}
    return {
        "type": known.name,
        "version": known.schema_version,
        "data": json.loads(known.text(event)),
        "personal": personal,
    }


def released() -> list[dict[str, Any]]:
    return list(json.loads(FILE.read_text(encoding="utf-8"))) if FILE.exists() else []


def add_new() -> int:
    """Store what this release writes and no golden file holds yet."""
    have = released()
    known = {(event["type"], event["version"]) for event in have}
    new = [stored(t, sample_event(t)) for t in event_types().values() if (t.name, t.schema_version) not in known]
    lines = ",\n".join(json.dumps(event, ensure_ascii=False, sort_keys=True) for event in have + new)
    FILE.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    return len(new)
