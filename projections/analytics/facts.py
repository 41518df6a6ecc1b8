"""What the lakehouse keeps of the log: facts, each row made from one event alone, and nothing about a person."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from operator import attrgetter
from typing import Any, ClassVar

from domain.aggregate import Event
from domain.channel_cost import ChannelCost
from domain.customer import Customer
from domain.opportunity import Opportunity
from domain.order import Order
from domain.pipeline import Pipeline
from domain.target import Target
from domain.ticket import Ticket
from eventlog.envelope import Recorded
from projections.analytics.fact import AMOUNT, FRACTION, QUANTITY, Fact, Row


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
    """Every step of an order as a whole: placed, amended and confirmed (`net`, and `total` with tax), held, released,
    cancelled, closed; what was delivered and came back (`worth`, tax included), and what was invoiced (`amount`).
    Confirmations that were recorded before they told what was agreed have no figures."""

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
    delivered, invoiced, asked to be returned, returned. `quantity` is what this event says of the line. `net` comes
    with placed, amended, delivered and returned (but for what was recorded before deliveries and returns told it), the
    price and `tax` with placed and amended only."""

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


class Targets(Fact):
    """What is to be won by an owner, by a team, by an owner for a team, or by everybody (neither), from the day `first`
    until before the day `before`: `set`, or `withdrawn`, which says no more. Of one target the last word counts."""

    name = "targets"
    reads = (Target.Set, Target.Withdrawn)
    own: ClassVar = {
        "what": "VARCHAR",
        "owner": "VARCHAR",
        "team": "VARCHAR",
        "period": "VARCHAR",
        "first": "DATE",
        "before": "DATE",
        "amount": AMOUNT,
        "currency": "VARCHAR",
    }
    sums = "amount"


class ChannelCosts(Fact):
    """What a channel cost in a month (its first day): of one `stream_id` the last word counts."""

    name = "channel_costs"
    reads = (ChannelCost.Recorded,)
    own: ClassVar = {"what": "VARCHAR", "channel": "VARCHAR", "month": "DATE", "amount": AMOUNT, "currency": "VARCHAR"}
    sums = "amount"


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
