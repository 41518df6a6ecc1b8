"""Figures added up from the rows that somebody sees."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from tests.policy.world import by


def ordered(groups: dict[tuple[Any, ...], Any]) -> list[tuple[tuple[Any, ...], Any]]:
    return sorted(groups.items(), key=lambda group: [(part is None, part or "") for part in group[0]])


def total(rows: Iterable[dict[str, Any]], column: str) -> str | None:
    values = [Decimal(row[column]) for row in rows if row[column] is not None]
    return format(sum(values), "f") if values else None


def ageing_of(owed: Iterable[dict[str, Any]], today: date) -> list[dict[str, Any]]:
    found = []
    owing = [row for row in owed if row["outstanding"] is not None and Decimal(row["outstanding"]) > 0]
    for (currency,), rows in ordered(by(owing, "currency")):
        sums = dict.fromkeys(("not_due", "days_1_30", "days_31_60", "days_61_90", "days_over_90"), Decimal(0))
        for invoice in (invoice for row in rows for invoice in row["invoices"]):
            days = (today - date.fromisoformat(invoice["due_on"])).days
            sums[age(days)] += Decimal(invoice["outstanding"])
        whole = {name: format(value, "f") for name, value in sums.items()}
        found.append({"currency": currency} | whole | {"outstanding": format(sum(sums.values()), "f")})
    return found


def age(days: int) -> str:
    if days <= 0:
        return "not_due"
    return next((name for name, most in (("days_1_30", 30), ("days_31_60", 60), ("days_61_90", 90)) if days <= most),
                "days_over_90")  # fmt: skip
