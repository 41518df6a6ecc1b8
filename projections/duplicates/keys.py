"""The keys of each customer, by which those that may be the same are found without comparing all with all."""

from __future__ import annotations

from domain.customer import Customer
from eventlog.envelope import Recorded
from projections.duplicates.blocks import keys_of
from projections.duplicates.likeness import Profile
from projections.projection import Row, Table, on
from projections.resource import Resource
from projections.stream_rows import ROW_KEY, STREAM_COLUMNS, StreamRows


class DuplicateKeys(StreamRows):
    """What of each customer is compared, and its keys; one that was merged or retracted has none. `system` and `job`
    say which import registered it."""

    aggregate = Customer
    reads = (
        Customer.Registered,
        Customer.Renamed,
        Customer.EmailsChanged,
        Customer.PhonesChanged,
        Customer.AddressesChanged,
        Customer.PersonDetailsChanged,
        Customer.TaxIdChanged,
        Customer.ExternalIdSet,
        Customer.Absorbed,
        Customer.GaveBack,
        Customer.MergedInto,
        Customer.Unmerged,
    )
    table = Table(
        "duplicate_keys",
        key=ROW_KEY,
        columns=STREAM_COLUMNS
        | {
            "kind": "text",
            "name": "text",
            "emails": "jsonb",
            "phones": "jsonb",
            "addresses": "jsonb",
            "birthday": "date",
            "sex": "text",
            "tax_id": "text",
            "external_ids": "jsonb",
            "merged_into": "uuid",
            "system": "text",
            "job": "uuid",
            "keys": "bigint[]",
        },
        # A list of what is yet to be put into the index would be read from end to end for every key that is looked up.
        indexes=("USING gin (keys) WITH (fastupdate = off)",),
    )

    @on(Customer.Registered)
    def registered(self, row: Row, event: Customer.Registered, recorded: Recorded) -> None:
        if recorded.source:
            row["system"], row["job"] = recorded.source.system, recorded.source.job

    def derive(self, row: Row) -> None:
        gone = row["merged_into"] or row["retracted"]
        row["keys"] = [] if gone else keys_of(row["tenant"], Profile.of(row))


DUPLICATE_KEYS = DuplicateKeys()
DUPLICATES = Resource("duplicates", DUPLICATE_KEYS, stream="customer", hidden=("keys",))
