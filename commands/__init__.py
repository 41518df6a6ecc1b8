"""What can be asked: every command of Kronika, registered by importing its file here."""

from commands import customer_merges, customers, exports, imports, opportunities, orders, pipelines, tickets, undoing

__all__ = [
    "customer_merges",
    "customers",
    "exports",
    "imports",
    "opportunities",
    "orders",
    "pipelines",
    "tickets",
    "undoing",
]
