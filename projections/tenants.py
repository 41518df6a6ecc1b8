"""The tenant: what the organisation is called, and who administers it."""

from __future__ import annotations

from domain.tenant import Tenant
from projections.projection import Table
from projections.resource import Resource
from projections.stream_rows import BY_CREATED, ROW_KEY, STREAM_COLUMNS, StreamRows


class Tenants(StreamRows):
    """Each tenant that has a name or administrators; everybody sees their own alone."""

    version = 3  # policies
    aggregate = Tenant
    table = Table(
        "tenants",
        key=ROW_KEY,
        columns=STREAM_COLUMNS | {"name": "text", "policy": "text", "administrators": "jsonb"},
        indexes=(BY_CREATED,),
    )


TENANT_ROWS = Tenants()
TENANTS = Resource("tenants", TENANT_ROWS, stream="tenant", sets=("administrators",))
