"""Who works for the demo company: somebody who administers it, and a program that signs in with the local issuer."""

from __future__ import annotations

from uuid import UUID, uuid5

from uuid_utils.compat import uuid7

from commands.command import Command
from commands.dispatch import Asked, dispatch
from commands.tenants import NameTenant
from commands.users import AssignRole, LinkIdentity, RegisterUser
from eventlog.envelope import Caller, Context
from eventlog.log import Log

IDS = UUID("6b726f6e-696b-4a1b-8c00-000000000011")
ADMINISTRATOR, PROGRAM = uuid5(IDS, "administrator"), uuid5(IDS, "program")
CLIENT = "demo"
"""What the local issuer calls the program."""


def steps(issuer: str) -> dict[str, Command]:
    """What is asked, each under the id that makes it happen once."""
    return {
        "name": NameTenant(name="The demo company"),
        "administrator": RegisterUser(user_id=ADMINISTRATOR, name="Demo administrator"),
        "administrator's role": AssignRole(user_id=ADMINISTRATOR, role="administrator"),
        "program": RegisterUser(user_id=PROGRAM, kind="service", name="A program"),
        "program's role": AssignRole(user_id=PROGRAM, role="service"),
        f"program at {issuer}": LinkIdentity(user_id=PROGRAM, issuer=issuer, subject=CLIENT),
    }


async def organise(log: Log, caller: Caller, issuer: str) -> None:
    """Have these users, once and for all; and know the issuer by the address it has now."""
    for name, command in steps(issuer).items():
        context = Context(caller.tenant, caller.actor, f"demo organisation: {name}", uuid7())
        await dispatch(log, Asked(command, caller, context))
