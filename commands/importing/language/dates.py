"""Dates as other systems write them, as moments in UTC or days of the calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache

FIRST_YEAR, LAST_YEAR = 1000, 9998
"""As for every command's occurred_at."""


@lru_cache(maxsize=65_536)
def moment(text: str, formats: tuple[str, ...], zone: tzinfo) -> tuple[str, str | None]:
    """The moment in UTC, in ISO 8601, and what is to be warned of: a local time that was skipped, or came twice, when
    the clocks changed. Raises ValueError with what is wrong."""
    found = parsed(text, formats)
    if found.tzinfo is not None:
        return found.astimezone(UTC).isoformat(), None
    first, second = found.replace(tzinfo=zone, fold=0), found.replace(tzinfo=zone, fold=1)
    told = None
    if first.utcoffset() != second.utcoffset():
        back = first.astimezone(UTC).astimezone(zone)
        if back.replace(tzinfo=None) == found:
            told = f"{text} came twice in {zone}, when the clocks were set back; the first is taken"
        else:
            told = f"{text} never was in {zone}, as the clocks were set forward; {back:%H:%M} is taken"
    return first.astimezone(UTC).isoformat(), told


def day(text: str, formats: tuple[str, ...]) -> date:
    """Raises ValueError with what is wrong."""
    return parsed(text, formats).date()


def parsed(text: str, formats: tuple[str, ...]) -> datetime:
    found = by_format(text, formats) if formats else iso(text)
    if found is None:
        wanted = " or ".join(formats) or "ISO 8601, as 2017-03-01 or 2017-03-01T14:30:00; say its `format`"
        raise ValueError(f"{text!r} is no date as {wanted}")
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise ValueError(f"{text!r}: a moment lies between the years {FIRST_YEAR} and {LAST_YEAR}")
    return found


def iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def by_format(text: str, formats: tuple[str, ...]) -> datetime | None:
    for wanted in formats:
        try:
            return datetime.strptime(text, wanted)
        except ValueError:
            continue
    return None
