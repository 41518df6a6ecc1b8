"""Small histories laid straight into the lakehouse: events with only the fields that matter, each at its own moment."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from domain.aggregate import Event, field_names
from domain.channel_cost import ChannelCost, channel_cost_id
from domain.customer import Customer
from domain.opportunity import Opportunity
from domain.order import Order
from domain.pipeline import DEFAULT_PIPELINE_ID, DEFAULT_STAGES
from domain.target import Target, days_of, target_id
from domain.ticket import Ticket
from eventlog.envelope import Caller, Recorded
from projections.analytics.intake import rows_of
from projections.analytics.lake import Lake, transaction
from projections.analytics.views import View

STAGE = {stage.label: stage for stage in DEFAULT_STAGES}


def at(month: int, day: int, hour: int = 9, year: int = 2025) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


class Histories:
    """What happened in one company, by its lakehouse."""

    def __init__(self, lake: Lake, positions: int = 0) -> None:
        self.lake, self.caller = lake, Caller(f"tenant-{uuid4().hex[:8]}", "li")
        self.events: list[Recorded] = []
        self._versions: dict[UUID, int] = {}
        self._waiting: list[Recorded] = []
        self._position = positions

    def happens(self, id: UUID, kind: type[Event], moment: datetime, /, **values: Any) -> UUID:
        version = self._versions[id] = self._versions.get(id, 0) + 1
        given = {name: values.get(name) for name in field_names(kind)}
        event = kind(originator_id=id, originator_version=version, timestamp=moment, **given)
        stream, _, name = kind.__qualname__.partition(".")
        type_ = f"{stream.lower()}.{re.sub(r'(?<!^)(?=[A-Z])', '_', name).lower()}"
        self._position += 1
        recorded = Recorded(self._position, self.caller.tenant, stream.lower(), id, version, 0, id, uuid4(), type_, 1,
                            moment, moment, "li", None, None, uuid4(), None, "", None, event)  # fmt: skip
        self.events.append(recorded)
        self._waiting.append(recorded)
        return id

    def opens(self, moment: datetime, amount: int | None = 1000, currency: str = "CNY", **values: Any) -> UUID:
        return self.happens(
            uuid4(), Opportunity.Opened, moment, pipeline_id=DEFAULT_PIPELINE_ID, amount=amount and Decimal(amount),
            currency=currency if amount else None, **(in_stage("Prospecting") | values)
        )  # fmt: skip

    def moves(self, id: UUID, moment: datetime, to: str, before: str = "Prospecting") -> None:
        left = {"from_stage": before, "from_stage_rank": STAGE[before].rank}
        self.happens(id, Opportunity.StageMoved, moment, **in_stage(to), **left)

    def wins(self, id: UUID, moment: datetime, amount: int = 1000, currency: str = "CNY") -> None:
        told = {"amount": Decimal(amount), "currency": currency, "closed_on": moment.date()}
        self.happens(id, Opportunity.Won, moment, **in_stage("Won"), **told)

    def loses(self, id: UUID, moment: datetime) -> None:
        self.happens(id, Opportunity.Lost, moment, **in_stage("Lost"), closed_on=moment.date())

    def aims(self, moment: datetime, period: str, amount: int, currency: str = "CNY", **whose: str) -> UUID:
        """A target of an `owner`, of a `team`, or of everybody."""
        id = target_id(whose.get("owner"), whose.get("team"), period, currency)
        first, before = days_of(period)
        told = {"period": period, "first": first, "before": before, "amount": Decimal(amount), "currency": currency}
        return self.happens(id, Target.Set, moment, **told, **whose)

    def costs(self, moment: datetime, channel: str, month: date, amount: int, currency: str = "CNY") -> UUID:
        """What a channel cost in a month."""
        told = {"channel": channel, "month": month, "amount": Decimal(amount), "currency": currency}
        return self.happens(channel_cost_id(channel, month, currency), ChannelCost.Recorded, moment, **told)

    def registers(self, moment: datetime, **values: Any) -> UUID:
        return self.happens(uuid4(), Customer.Registered, moment, **{"kind": "organisation", **values})

    def orders(
        self, customer: UUID, moment: datetime, *lines: tuple[str, int, int], confirmed: bool = True, **values: Any
    ) -> UUID:
        """An order of these lines: SKU, quantity and net worth."""
        made = tuple(line_of(number, *line) for number, line in enumerate(lines or [("pump", 1, 100)], 1))
        total = sum((line.net for line in made), Decimal(0))
        placed = {"customer_id": customer, "currency": "CNY", "lines": made, "net": total, "total": total, **values}
        order = self.happens(uuid4(), Order.Placed, moment, **placed)
        if confirmed:
            self.happens(order, Order.Confirmed, moment)
        return order

    def opens_ticket(self, moment: datetime, **values: Any) -> UUID:
        return self.happens(uuid4(), Ticket.Opened, moment, **{"kind": "fault", "priority": "normal", **values})

    def told(self, view: View, *names: str) -> list[tuple[Any, ...]]:
        """These columns of the view's rows."""
        self.write()
        found = self.lake.ask(self.caller, view).rows
        assert found.column_names == list(type(view).columns), "the columns are those declared"
        return [tuple(row[name] for name in names or found.column_names) for row in found.to_pylist()]

    def write(self) -> None:
        tables, parked = rows_of(self._waiting)
        assert parked == []
        if tables:
            with transaction(self.lake.connection):
                for name, rows in tables.items():
                    self.lake.insert(name, rows)
        self._waiting = []


def in_stage(label: str) -> dict[str, Any]:
    stage = STAGE[label]
    return {
        "stage": stage.label,
        "stage_rank": stage.rank,
        "stage_type": stage.type,
        "probability": stage.probability,
        "forecast_category": stage.forecast_category,
        "pipeline_version": 0,
    }


def line_of(number: int, sku: str, quantity: int, net: int) -> Any:
    from domain.order import Line

    price = Decimal(net) / quantity
    return Line(number, sku, None, Decimal(quantity), price, Decimal(0), Decimal(0), Decimal(net), Decimal(0))
