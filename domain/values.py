"""Values that are shared: addresses, telephone numbers, rounding to the cent, moments as they are written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TypeVar
from unicodedata import decimal

T = TypeVar("T")
CENT = Decimal("0.01")
DATED = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True)
class Address:
    """Where somebody can be reached: a label ("billing", "home") and the lines of a postal address."""

    label: str = "main"
    street: str | None = None
    city: str | None = None
    region: str | None = None
    postcode: str | None = None
    country: str | None = None


@dataclass(frozen=True)
class Phone:
    """A telephone number as it was given, and its digits (with a leading + when it names its country)."""

    raw: str
    digits: str

    @classmethod
    def parse(cls, raw: str) -> Phone:
        """Any script's digits become 0-9; brackets, spaces and dashes go; a leading 00 reads as +."""
        digits = "".join(str(decimal(sign)) for sign in raw if sign.isdecimal())
        if raw.lstrip().startswith(("+", "\uff0b")):
            return cls(raw, f"+{digits}")
        return cls(raw, f"+{digits[2:]}" if digits.startswith("00") else digits)


def cents(amount: Decimal) -> Decimal:
    """Round to the cent, half to even, as ledgers do."""
    return amount.quantize(CENT, rounding=ROUND_HALF_EVEN)


def dated(given: T) -> T:
    """What begins with a day, where it is text. Raises ValueError for a bare number: whether it counts seconds or
    milliseconds, nobody can know."""
    if isinstance(given, str | int | float | Decimal) and not DATED.match(str(given).lstrip()):
        raise ValueError("a day is written like 2026-01-31, a moment with its zone like 2026-01-31T09:00:00Z")
    return given
