"""A command from the command line: the same models, the same door, the same answers as over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
from uuid_utils.compat import uuid7

from api.body import parsed
from api.commands import as_answer, commands_by_name, key_of, validated
from api.errors import problem
from commands.dispatch import Asked, dispatch
from deploy.errors import NotAsPromised
from deploy.settings import Settings, SettingsError
from domain.tenant import NAME as TENANT
from eventlog.envelope import Caller, Context
from eventlog.keeping import keys_of
from eventlog.log import Log
from eventlog.positions import Epochs


def summaries() -> dict[str, str]:
    """Every command, with what it is for."""
    return {name: one.summary.partition("\n")[0] for name, one in commands_by_name().items()}


def schema(name: str) -> dict[str, Any]:
    """What the body of a command looks like, as JSON Schema. Raises SettingsError for an unknown name."""
    if name not in commands_by_name():
        raise SettingsError(f"there is no command {name}; `kronika ask` lists them")
    return commands_by_name()[name].model.model_json_schema()


def fields(name: str) -> list[tuple[str, str, str]]:
    """Of each field of a command: its name, what it is and whether it must be there, and what is said of it."""
    told = schema(name)
    required = told.get("required", [])
    return [
        (field, kind(said, told) + (", needed" if field in required else ""), said.get("description", ""))
        for field, said in told["properties"].items()
    ]


def kind(said: dict[str, Any], whole: dict[str, Any]) -> str:
    """What a JSON schema takes, in a few words: "text", "one of lead, customer", "list of {sku, quantity}"."""
    if "$ref" in said:
        return kind(whole["$defs"][said["$ref"].rpartition("/")[2]], whole)
    if several := said.get("anyOf") or said.get("oneOf"):
        return " or ".join(dict.fromkeys(kind(one, whole) for one in several if one.get("type") != "null"))
    if "enum" in said or "const" in said:
        return "one of " + ", ".join(map(str, said.get("enum", [said.get("const")])))
    match said.get("type"):
        case "array":
            return f"list of {kind(said.get('items', {}), whole)}"
        case "object" if "properties" in said:
            return f"{{{', '.join(said['properties'])}}}"
        case "string":
            return str(said.get("format", "text"))
        case given:
            return str(given or "any")


async def asked(
    settings: Settings, name: str, body: bytes, caller: Caller, key: str | None, if_match: int | None
) -> dict[str, Any]:
    """The answer, as over HTTP. Raises NotAsPromised, whose text is the problem as JSON, when there is none."""
    schema(name)
    async with door(settings, caller) as (log, token):
        command = validated(commands_by_name()[name], parsed(body))
        context = Context(caller.tenant, caller.actor, key_of(key), uuid7(), reason=command.reason)
        return as_answer(await dispatch(log, Asked(command, caller, context, if_match)), token)


@asynccontextmanager
async def door(settings: Settings, caller: Caller) -> AsyncIterator[tuple[Log, Callable[[int], str]]]:
    """The log, and how a position is told. What goes wrong is raised as NotAsPromised, whose text is the problem."""
    assert settings.database_url
    if not TENANT.fullmatch(caller.tenant):
        raise SettingsError(f"{caller.tenant} is no tenant's name")
    keys = keys_of(settings.database_url, settings.keys_path)
    try:
        async with Log.open(settings.database_url, keys) as log:
            async with log.connection() as connection:
                epochs = await Epochs.read(connection)
            yield log, epochs.token
    except Exception as error:
        told = problem(error)
        if told.status == 500:
            raise
        raise NotAsPromised(orjson.dumps(told.body, default=str).decode()) from None
    finally:
        keys.close()
