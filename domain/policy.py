"""Who may do what: one table, by which every answer is decided."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

Action = Literal["read", "write", "administer"]
"""read: be told what is on record. write: ask any command about customers and what is done with them. administer: say
who belongs to the organisation, as what, and with which keys."""

Role = Literal[
    "sales_representative",
    "manager",
    "director",
    "purchasing",
    "support",
    "auditor",
    "analyst",
    "administrator",
    "service",
]

ADMINISTRATOR = "administrator"

POLICY: dict[str, frozenset[Action]] = {
    "sales_representative": frozenset({"read", "write"}),
    "manager": frozenset({"read", "write"}),
    "director": frozenset({"read", "write"}),
    "purchasing": frozenset({"read", "write"}),
    "support": frozenset({"read", "write"}),
    "auditor": frozenset({"read"}),
    "analyst": frozenset({"read"}),
    ADMINISTRATOR: frozenset({"read", "write", "administer"}),
    "service": frozenset({"read", "write"}),
}

ACTIONS: frozenset[str] = frozenset(get_args(Action))
ROLES: tuple[str, ...] = get_args(Role)


def permitted(roles: Iterable[str]) -> frozenset[str]:
    """What these roles together allow; a role that is no longer known allows nothing."""
    return frozenset(action for role in roles for action in POLICY.get(role, ()))
