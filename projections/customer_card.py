"""The customer card: everything known of a customer today, one row each, for the card and for lists."""

from __future__ import annotations

from domain.customer import Customer
from eventlog.envelope import Recorded
from projections.projection import Row, Table, on
from projections.resource import Resource
from projections.stream_rows import BY_CREATED, BY_UPDATED, ROW_KEY, STREAM_COLUMNS, StreamRows, by_owner


class CustomerCard(StreamRows):
    """What is known of each customer. Sums over its orders are no part of it: they are made when read."""

    version = 6  # each owner's, in every order that lists are shown in
    aggregate = Customer
    table = Table(
        "customers",
        key=ROW_KEY,
        columns=STREAM_COLUMNS
        | {
            "kind": "text",
            "active": "boolean",
            "name": "text",
            "emails": "jsonb",
            "phones": "jsonb",
            "addresses": "jsonb",
            "birthday": "date",
            "sex": "text",
            "tax_id": "text",
            "external_ids": "jsonb",
            "industry": "text",
            "region": "text",
            "size": "text",
            "tier": "text",
            "tags": "jsonb",
            "preferences": "jsonb",
            "consents": "jsonb",
            "owner": "text",
            "team": "text",
            "shared_with": "jsonb",
            "source": "text",
            "parent_id": "uuid",
            "contacts": "jsonb",
            "primary_contacts": "jsonb",
            "verified_at": "timestamptz",
            "verified_by": "text",
            "merged_into": "uuid",
            "absorbed": "jsonb",
            "interactions": "integer",
            "last_interaction_at": "timestamptz",
        },
        indexes=(
            BY_CREATED,
            BY_UPDATED,
            "(tenant, name, id)",
            *by_owner(
                "tier",
                sorts=("created_at", "updated_at", "name", "last_interaction_at"),
                shown="merged_into IS NULL AND retracted IS NULL",
            ),
            "USING gin (shared_with) WHERE shared_with <> '{}'",
            "(tenant, last_interaction_at, id)",
            "(tenant, parent_id) WHERE parent_id IS NOT NULL",
            "(tenant, merged_into) WHERE merged_into IS NOT NULL",
            "USING gin (tags)",
            "USING gin (external_ids)",
            "USING gin (contacts)",
        ),
    )

    @on(Customer.InteractionLogged)
    def talked(self, row: Row, event: Customer.InteractionLogged, recorded: Recorded) -> None:
        row["interactions"] = (row["interactions"] or 0) + 1
        row["last_interaction_at"] = max(row["last_interaction_at"] or recorded.occurred_at, recorded.occurred_at)


CUSTOMER_CARD = CustomerCard()
CUSTOMERS = Resource(
    "customers",
    CUSTOMER_CARD,
    stream="customer",
    sets=("tags", "primary_contacts", "absorbed"),
    maps=("external_ids", "preferences", "consents", "contacts", "shared_with"),
    emails=("emails",),
    phones=("phones",),
    empty_unless_asked="merged_into",
)
