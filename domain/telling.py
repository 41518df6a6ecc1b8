"""Which fields a record and its events tell, by the names that a policy can restrict."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, get_args, get_type_hints
from uuid import UUID

from domain.aggregate import GIVEN, PERSONAL, Aggregate, Event, field_names
from domain.customer import CLASSES, Customer
from domain.opportunity import Opportunity
from domain.order import Order
from domain.ticket import Ticket
from domain.user import User

CLAIMED = {
    "email": "emails",
    "tax-id": "tax_id",
    "external-id": "external_ids",
    "order-number": "number",
    "ticket-number": "number",
    "user-email": "email",
    "user-handle": "handle",
    "identity": "identities",
}
"""The field that a claim is made by."""

EVERY_PERSONAL = "personal"
"""Stands for all fields that say something about a person."""

RESTRICTABLE: dict[str, type[Aggregate]] = {
    "customer": Customer,
    "opportunity": Opportunity,
    "order": Order,
    "ticket": Ticket,
    "user": User,
}

UNRESTRICTED = (
    {"id", "version", "now", "modified_on", "since", "moved_at", "_pending", "retracted", "opened_for", "handed_over"}
    | {"owner", "team", "shared_with", "party", "access"}
    | {"customer_id", "opportunity_id", "order_id", "pipeline_id", "parent_id", "merged_into"}
)
"""What tells records apart, what they are about and whose they are is told to everybody who sees them."""

WORKED_OUT: dict[str, tuple[str, ...]] = {
    "customer": ("interactions", "last_interaction_at"),
    "opportunity": (
        *("entered_stage_at", "closed_at", "lost_explanation", "weighted_amount", "stage_moves", "backward_moves"),
        *("reopenings", "age_days", "days_in_stage"),
    ),
    "order": (
        *("label", "progress", "invoiced", "credited", "payments", "due_on", "days_overdue", "due", "outstanding"),
        *("owed_back", "shipped_percent", "delivered_percent", "billed_percent", "paid_percent", "returned_percent"),
        *("confirmed_at", "shipped_at", "delivered_at", "ended_at"),
    ),
    "ticket": (
        *("last_score", "agent_replies", "customer_replies", "internal_notes", "last_reply_at", "last_reply_by"),
        *("unanswered_since", "paused_since", "ended_at", "first_response_s", "resolution_s", "paused_s", "cycles"),
        "queue_place",
    ),
}
"""Columns of lists that are worked out of what events say, and are neither attributes nor fields of events."""

WHATEVER = "*"

TELLS: dict[type[Event], tuple[str, ...]] = {
    Customer.ExternalIdSet: ("external_ids",),
    Customer.Classified: CLASSES,
    Customer.Tagged: ("tags",),
    Customer.Untagged: ("tags",),
    Customer.PreferenceSet: ("preferences",),
    Customer.ConsentGiven: ("consents",),
    Customer.ConsentWithdrawn: ("consents",),
    Customer.ConsentCleared: ("consents",),
    Customer.ContactLinked: ("contacts", "primary_contacts"),
    Customer.ContactUnlinked: ("contacts", "primary_contacts"),
    Customer.Verified: ("verified_at", "verified_by"),
    Customer.InteractionLogged: ("interactions", "last_interaction_at"),
    Customer.Absorbed: (WHATEVER,),
    Customer.GaveBack: (WHATEVER,),
    Customer.MergedInto: ("merged_into",),
    Customer.Unmerged: ("merged_into",),
    Opportunity.StageMoved: ("left_stage",),
    Opportunity.Won: ("left_stage",),
    Opportunity.Lost: ("left_stage", "lost_reason", "lost_explanation"),
    Opportunity.Reopened: ("left_stage",),
    Opportunity.ForecastCategoryChanged: ("forecast_override",),
    Opportunity.CompetitorAdded: ("competitors",),
    Opportunity.CompetitorRemoved: ("competitors",),
    Order.Shipped: ("shipped", "progress", "shipped_percent"),
    Order.Delivered: ("delivered", "delivered_worth", "progress", "delivered_percent"),
    Order.Invoiced: ("billed", "billed_parts", "invoiced", "invoices", "due", "outstanding", "billed_percent"),
    Order.PaymentRecorded: ("paid", "payments", "outstanding", "paid_percent"),
    Order.ReturnRequested: ("return_requested", "progress"),
    Order.ReturnReceived: ("returned", "returned_worth", "progress", "returned_percent"),
    Order.Refunded: ("refunded", "payments", "owed_back", "outstanding"),
    Ticket.Merged: ("merged_into", "outcomes"),
    Ticket.Absorbed: ("absorbed",),
    Ticket.SatisfactionRecorded: ("satisfaction", "last_score"),
    Ticket.Resolved: ("outcomes",),
    Ticket.Closed: ("outcomes",),
    Ticket.Reopened: ("outcomes",),
    User.IdentityLinked: ("identities",),
    User.IdentityUnlinked: ("identities",),
    User.RoleAssigned: ("roles",),
    User.RoleRevoked: ("roles",),
    User.TeamJoined: ("teams",),
    User.TeamLeft: ("teams",),
}
"""Events that say something of what is not called as any of their own fields; WHATEVER: of any field there is."""

PERSONAL_BESIDES = {"customer": ("preferences",), "opportunity": ("lost_explanation",), "user": ("identities",)}
"""What says something about a person, though events call it otherwise."""

MASK = "***"


@cache
def nameable(kind: str) -> frozenset[str]:
    """The fields of a kind that a policy can hide or mask."""
    aggregate = RESTRICTABLE.get(kind)
    if aggregate is None:
        return frozenset()
    fields = {name for event in events_of(aggregate) for name in field_names(event)}
    names = fields | vars(aggregate(UUID(int=0))).keys() | set(WORKED_OUT.get(kind, ()))
    return frozenset(names - UNRESTRICTED) | {EVERY_PERSONAL}


def events_of(aggregate: type[Aggregate]) -> list[type[Event]]:
    return [member for member in vars(aggregate).values() if isinstance(member, type) and issubclass(member, Event)]


@cache
def personal(kind: str) -> frozenset[str]:
    """Those that say something about a person: what the log keeps sealed."""
    hints = [get_type_hints(event, include_extras=True) for event in events_of(RESTRICTABLE[kind])]
    sealed = {name for hint in hints for name, of_field in hint.items() if is_personal(of_field)}
    return frozenset(sealed.union(PERSONAL_BESIDES.get(kind, ())) & nameable(kind))


def is_personal(hint: Any) -> bool:
    return PERSONAL in get_args(hint)[1:]


def named_in(kind: str, names: Iterable[str]) -> frozenset[str]:
    """The fields that such a list of names is about."""
    wanted = set(names)
    return frozenset(wanted - {EVERY_PERSONAL}) | (personal(kind) if EVERY_PERSONAL in wanted else frozenset())


@cache
def untold(event: type[Event], restricted: frozenset[str]) -> frozenset[str]:
    """Of the fields of such an event those that are not told to whom these fields of the record are not: those of the
    same names; all of them, where the event says by other names what is restricted; and what a source had said."""
    fields = frozenset(field_names(event))
    about = TELLS.get(event, ())
    if restricted and (WHATEVER in about or not restricted.isdisjoint(about)):
        return fields
    return fields & (restricted | ({GIVEN} if restricted else frozenset()))


def masked(value: Any) -> Any:
    """What is told instead: of a text that there is one, of anything else nothing."""
    return MASK if isinstance(value, str) else None
