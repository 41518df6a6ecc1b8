"""What can be asked: every command of Kronika, registered by importing its file here."""

from commands import customers, opportunities, orders, pipelines, tickets

__all__ = ["customers", "opportunities", "orders", "pipelines", "tickets"]
