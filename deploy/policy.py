"""The policy of a tenant from the command line: the one in force, and another in its place."""

from __future__ import annotations

from pathlib import Path

from uuid_utils.compat import uuid7

from commands.dispatch import Asked, dispatch
from commands.tenants import SetPolicy
from deploy.ask import door
from deploy.settings import Settings, SettingsError
from eventlog.callers import folded_tenant
from eventlog.envelope import Caller, Context
from eventlog.policies import DEFAULT_TEXT, load_policy


async def in_force(settings: Settings, caller: Caller) -> str:
    """The text of the policy in force."""
    async with door(settings, caller) as (log, _):
        return (await folded_tenant(log, caller.tenant)).policy or DEFAULT_TEXT


async def put_in_force(settings: Settings, caller: Caller, file: Path | None) -> None:
    """Have the policy of a file decide from now on, or the one that comes with Kronika. Raises PolicyError."""
    text = None if file is None else read(file)
    async with door(settings, caller) as (log, _):
        command = SetPolicy(policy=text)
        context = Context(caller.tenant, caller.actor, str(uuid7()), uuid7())
        await dispatch(log, Asked(command, caller, context))


def read(file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} cannot be read: {error}") from None
    load_policy(text, file.name)
    return text
