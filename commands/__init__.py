"""What can be asked: every command of Kronika, registered by importing its file here."""

from commands import (
    api_keys,
    customer_merges,
    customers,
    exports,
    imports,
    opportunities,
    orders,
    pipelines,
    saved_queries,
    scoring,
    sharing,
    teams,
    tenants,
    tickets,
    undoing,
    users,
)

__all__ = [
    "api_keys",
    "customer_merges",
    "customers",
    "exports",
    "imports",
    "opportunities",
    "orders",
    "pipelines",
    "saved_queries",
    "scoring",
    "sharing",
    "teams",
    "tenants",
    "tickets",
    "undoing",
    "users",
]
