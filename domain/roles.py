"""What somebody can be trusted with: the actions that a policy speaks of, and the roles that users have."""

from __future__ import annotations

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

ACTIONS: frozenset[str] = frozenset(get_args(Action))
ROLES: tuple[str, ...] = get_args(Role)
