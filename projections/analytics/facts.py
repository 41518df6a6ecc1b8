"""What the lakehouse keeps of the log: facts, each row made from one event alone, and nothing about a person."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from operator import attrgetter
from typing import Any, ClassVar

import pyarrow as pa

from domain.aggregate import Event
from domain.customer import Customer
from domain.opportunity import Opportunity
from domain.order import Order
from domain.pipeline import Pipeline
from domain.ticket import Ticket
from eventlog.envelope import Recorded

Row = tuple[Any, ...]

AMOUNT, QUANTITY, FRACTION = "DECIMAL(18,4)", "DECIMAL(18,6)", "DECIMAL(7,6)"

ARROW: dict[str, pa.DataType] = {
    "BIGINT": pa.int64(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "INTEGER": pa.int32(),
    "SMALLINT": pa.int16(),
    "TIMESTAMPTZ": pa.timestamp("us", "UTC"),
    "UUID": pa.uuid(),
    "VARCHAR": pa.string(),
    AMOUNT: pa.decimal128(18, 4),
    QUANTITY: pa.decimal128(18, 6),
    FRACTION: pa.decimal128(7, 6),
}

ENVELOPE = {
    "tenant": "VARCHAR",
    "position": "BIGINT",
    "stream_id": "UUID",
    "version": "INTEGER",
    "occurred_at": "TIMESTAMPTZ",
    "recorded_at": "TIMESTAMPTZ",
}
"""What every row of every fact begins with: where it comes from, and both times."""

start_of = attrgetter(*ENVELOPE)


class Fact:
    """One table of the lakehouse: which events make rows in it, and what of each event a row holds.

    Rows are only ever added, and the same event gives the same rows. A column takes the event's value of the same
    name, or is empty where the event has none; `what` is the event's own name ("stage_moved"). No column may bear the
    name of a personal field. Raise `version` whenever rows would come out differently; the table is then rebuilt.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    reads: ClassVar[tuple[type[Event], ...]]
    own: ClassVar[dict[str, str]]
    """Column to DuckDB type, beside those of the envelope."""
    sums: ClassVar[str]
    """The column whose sum is compared with the log's; with the number of rows it tells whether the two agree."""
    in_the_log: ClassVar[str] = "SELECT e.data AS item"
    """SQL for the same rows in the log: of one event `e`, each row as a JSON `item`."""

    @cached_property
    def columns(self) -> dict[str, str]:
        return ENVELOPE | self.own

    @cached_property
    def schema(self) -> pa.Schema:
        return pa.schema([(column, ARROW[kind]) for column, kind in self.columns.items()])

    def rows(self, recorded: Recorded) -> list[Row]:
        """The rows that this event makes, in the order of the columns."""
        event = recorded.event
        if recorded.unreadable in self.reads:
            raise ValueError("the stored event cannot be read")
        if not isinstance(event, self.reads):
            return []
        start = start_of(recorded)
        values = {**vars(event), "what": recorded.type.partition(".")[2]}
        return [start + tuple(map({**values, **detail}.get, self.own)) for detail in self.details(event)]

    def details(self, event: Event) -> Iterable[Mapping[str, Any]]:
        """What each row says beyond the event's own values; as many as there are rows."""
        return ({},)

    def table(self, rows: list[Row]) -> pa.Table:
        """Rows as Arrow. Raises pyarrow.ArrowInvalid or TypeError for a value that the column cannot hold exactly."""
        columns = zip(*rows, strict=True)
        arrays = [column_of(values, kind) for values, kind in zip(columns, self.schema.types, strict=True)]
        return pa.Table.from_arrays(arrays, schema=self.schema)


def column_of(values: Iterable[Any], kind: pa.DataType) -> pa.Array:
    if kind == pa.uuid():
        stored = pa.array([value and value.bytes for value in values], pa.binary(16))
        return pa.ExtensionArray.from_storage(kind, stored)
    return pa.array(values, kind)


class Events(Fact):
    """Every event, also of types that this release does not know: who did what, when, and because of what."""

    name = "events"
    reads = (Event,)
    own: ClassVar = {
        "partition": "SMALLINT",
        "stream_type": "VARCHAR",
        "type": "VARCHAR",
        "schema_version": "SMALLINT",
        "subject_id": "UUID",
        "event_id": "UUID",
        "actor": "VARCHAR",
        "on_behalf_of": "VARCHAR",
        "correlation_id": "UUID",
        "causation_id": "UUID",
    }
    sums = "position"
    in_the_log = "SELECT json_build_object('position', e.position) AS item"

    def rows(self, recorded: Recorded) -> list[Row]:
        return [self._row(recorded)]

    @cached_property
    def _row(self) -> Callable[[Recorded], Row]:
        return attrgetter(*self.columns)


class Stages(Fact):
    """The stages of every pipeline, as each of its versions has them; a row a stage. `stream_id` is the pipeline."""

    name = "stages"
    reads = (Pipeline.Published, Pipeline.Amended)
    own: ClassVar = {
        "what": "VARCHAR",
        "pipeline_version": "INTEGER",
        "rank": "INTEGER",
        "stage": "VARCHAR",
        "stage_type": "VARCHAR",
        "probability": FRACTION,
        "forecast_category": "VARCHAR",
    }
    sums = "probability"
    in_the_log = "SELECT item FROM json_array_elements(e.data -> 'stages') AS item"

    def details(self, event: Event) -> Iterable[Mapping[str, Any]]:
        assert isinstance(event, Pipeline.Published | Pipeline.Amended)
        return [{**vars(stage), "stage": stage.label, "stage_type": stage.type} for stage in event.stages]


class StageMoves(Fact):
    """Every step of an opportunity: opened, moved, won, lost, reopened. Owner, team, source, customer and pipeline are
    as known when it was opened (or won)."""

    name = "stage_moves"
    reads = (
        Opportunity.Opened,
        Opportunity.StageMoved,
        Opportunity.Won,
        Opportunity.Lost,
        Opportunity.Reopened,
    )
    own: ClassVar = {
        "what": "VARCHAR",
        "customer_id": "UUID",
        "pipeline_id": "UUID",
        "pipeline_version": "INTEGER",
        "stage": "VARCHAR",
        "stage_rank": "INTEGER",
        "stage_type": "VARCHAR",
        "from_stage": "VARCHAR",
        "from_stage_rank": "INTEGER",
        "probability": FRACTION,
        "forecast_category": "VARCHAR",
        "amount": AMOUNT,
        "currency": "VARCHAR",
        "closed_on": "DATE",
        "reason": "VARCHAR",
        "owner": "VARCHAR",
        "team": "VARCHAR",
        "source": "VARCHAR",
    }
    sums = "amount"


class OpportunityTerms(Fact):
    """What an opportunity is about, whenever something of it became known: for whom (`opened`, `customer_linked`), for
    how much (`opened`, `amount_changed`, `product_lines_set` with an amount, `won`), by when (`opened`,
    `close_date_changed`), who sells it (`opened`, `assigned`), and the forecast category set by hand
    (`forecast_category_changed` with `override`), which ends when the sale does (`won`, `lost`)."""

    name = "opportunity_terms"
    reads = (
        Opportunity.Opened,
        Opportunity.CustomerLinked,
        Opportunity.AmountChanged,
        Opportunity.ProductLinesSet,
        Opportunity.CloseDateChanged,
        Opportunity.Assigned,
        Opportunity.ForecastCategoryChanged,
        Opportunity.Won,
        Opportunity.Lost,
    )
    own: ClassVar = {
        "what": "VARCHAR",
        "customer_id": "UUID",
        "amount": AMOUNT,
        "currency": "VARCHAR",
        "expected_close": "DATE",
        "owner": "VARCHAR",
        "team": "VARCHAR",
        "source": "VARCHAR",
        "forecast_category": "VARCHAR",
        "override": "BOOLEAN",
    }
    sums = "amount"


class CustomerSteps(Fact):
    """What became known of a customer that is nothing personal: registered with its classes and owner, classified anew
    (`value` in a `dimension`), assigned, given a parent, verified, deactivated and reactivated, merged into another
    (`into_id`) and unmerged."""

    name = "customer_steps"
    reads = (
        Customer.Registered,
        Customer.Classified,
        Customer.Assigned,
        Customer.ParentSet,
        Customer.Verified,
        Customer.VerificationCorrected,
        Customer.Deactivated,
        Customer.Reactivated,
        Customer.MergedInto,
        Customer.Unmerged,
    )
    own: ClassVar = {
        "what": "VARCHAR",
        "kind": "VARCHAR",
        "industry": "VARCHAR",
        "region": "VARCHAR",
        "size": "VARCHAR",
        "tier": "VARCHAR",
        "owner": "VARCHAR",
        "team": "VARCHAR",
        "source": "VARCHAR",
        "dimension": "VARCHAR",
        "value": "VARCHAR",
        "parent_id": "UUID",
        "into_id": "UUID",
        "verified_at": "TIMESTAMPTZ",
    }
    sums = "position"
    in_the_log = "SELECT json_build_object('position', e.position) AS item"


class OrderSteps(Fact):
    """Every step of an order as a whole: placed and amended (`total`, tax included), confirmed, held, released,
    cancelled, closed; what was delivered and came back (`worth`, tax included), and what was invoiced (`amount`)."""

    name = "order_steps"
    reads = (
        Order.Placed,
        Order.Amended,
        Order.Confirmed,
        Order.Held,
        Order.Released,
        Order.Cancelled,
        Order.Closed,
        Order.Delivered,
        Order.ReturnReceived,
        Order.Invoiced,
    )
    own: ClassVar = {
        "what": "VARCHAR",
        "customer_id": "UUID",
        "opportunity_id": "UUID",
        "currency": "VARCHAR",
        "owner": "VARCHAR",
        "team": "VARCHAR",
        "source": "VARCHAR",
        "net": AMOUNT,
        "total": AMOUNT,
        "worth": AMOUNT,
        "invoice_number": "VARCHAR",
        "amount": AMOUNT,
        "due_on": "DATE",
    }
    sums = "total"


class OfferedLines(Fact):
    """Every line of what an opportunity offers, whenever its product lines were set anew."""

    name = "offered_lines"
    reads = (Opportunity.ProductLinesSet,)
    own: ClassVar = {
        "what": "VARCHAR",
        "currency": "VARCHAR",
        "sku": "VARCHAR",
        "quantity": QUANTITY,
        "unit_price": AMOUNT,
        "discount": FRACTION,
    }
    sums = "quantity"
    in_the_log = "SELECT item FROM json_array_elements(e.data -> 'lines') AS item"

    def details(self, event: Event) -> Iterable[Mapping[str, Any]]:
        assert isinstance(event, Opportunity.ProductLinesSet)
        return [vars(line) for line in event.lines]


class OrderLines(Fact):
    """Every line of every order, whenever something became of it: placed, amended (the whole order anew), shipped,
    delivered, invoiced, asked to be returned, returned. `quantity` is what this event says of the line; its price and
    the amounts `net` and `tax` come with placed and amended only."""

    name = "order_lines"
    reads = (
        Order.Placed,
        Order.Amended,
        Order.Shipped,
        Order.Delivered,
        Order.Invoiced,
        Order.ReturnRequested,
        Order.ReturnReceived,
    )
    own: ClassVar = {
        "what": "VARCHAR",
        "customer_id": "UUID",
        "opportunity_id": "UUID",
        "currency": "VARCHAR",
        "owner": "VARCHAR",
        "team": "VARCHAR",
        "source": "VARCHAR",
        "line": "INTEGER",
        "sku": "VARCHAR",
        "quantity": QUANTITY,
        "unit_price": AMOUNT,
        "discount": FRACTION,
        "tax_rate": FRACTION,
        "net": AMOUNT,
        "tax": AMOUNT,
    }
    sums = "quantity"
    in_the_log = "SELECT item FROM json_array_elements(coalesce(e.data -> 'lines', e.data -> 'parts')) AS item"

    def details(self, event: Event) -> Iterable[Mapping[str, Any]]:
        if isinstance(event, Order.Placed | Order.Amended):
            return [{**vars(line), "line": line.number} for line in event.lines]
        assert isinstance(
            event, Order.Shipped | Order.Delivered | Order.Invoiced | Order.ReturnRequested | Order.ReturnReceived
        )
        return [vars(part) for part in event.parts]


class Payments(Fact):
    """Money that came in for an order (`payment_recorded`) or went back (`refunded`); both are positive amounts."""

    name = "payments"
    reads = (Order.PaymentRecorded, Order.Refunded)
    own: ClassVar = {"what": "VARCHAR", "method": "VARCHAR", "amount": AMOUNT, "currency": "VARCHAR"}
    sums = "amount"


class Retractions(Fact):
    """What was entered in error: an opportunity, an order or a ticket (or a customer) that was `retracted`, or
    `reinstated` when it was no error after all. The last word counts."""

    name = "retractions"
    reads = (
        Customer.Retracted,
        Customer.Reinstated,
        Opportunity.Retracted,
        Opportunity.Reinstated,
        Order.Retracted,
        Order.Reinstated,
        Ticket.Retracted,
        Ticket.Reinstated,
    )
    own: ClassVar = {"what": "VARCHAR"}
    sums = "position"
    in_the_log = "SELECT json_build_object('position', e.position) AS item"


class TicketSteps(Fact):
    """Everything that happened to a ticket, without its words; service cycles are derived from it."""

    name = "ticket_steps"
    reads = (
        Ticket.Opened,
        Ticket.Assigned,
        Ticket.PriorityChanged,
        Ticket.Escalated,
        Ticket.Replied,
        Ticket.Paused,
        Ticket.Resumed,
        Ticket.Resolved,
        Ticket.Closed,
        Ticket.Reopened,
        Ticket.Merged,
        Ticket.Absorbed,
        Ticket.SatisfactionRecorded,
    )
    own: ClassVar = {
        "what": "VARCHAR",
        "cycle": "INTEGER",
        "customer_id": "UUID",
        "order_id": "UUID",
        "kind": "VARCHAR",
        "priority": "VARCHAR",
        "channel": "VARCHAR",
        "product": "VARCHAR",
        "category": "VARCHAR",
        "source": "VARCHAR",
        "owner": "VARCHAR",
        "team": "VARCHAR",
        "level": "INTEGER",
        "author": "VARCHAR",
        "public": "BOOLEAN",
        "answered": "BOOLEAN",
        "outcome": "VARCHAR",
        "score": "INTEGER",
        "into_id": "UUID",
    }
    sums = "score"
