"""Values that aggregates share: addresses, telephone numbers, rounding to the cent; plain, frozen and comparable."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from unicodedata import decimal

CENT = Decimal("0.01")


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
