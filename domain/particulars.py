"""What is known of a customer, path by path, as the events carry it by which customers are merged and parted again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Any
from uuid import UUID

from domain.aggregate import Changes, Path, set_path
from domain.values import Address, Phone


@dataclass(frozen=True)
class Particulars:
    """What says something about the person."""

    name: str | None = None
    emails: tuple[str, ...] | None = None
    phones: tuple[Phone, ...] | None = None
    addresses: tuple[Address, ...] | None = None
    birthday: date | None = None
    sex: str | None = None
    tax_id: str | None = None
    preferences: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Dealings:
    """What says how we deal with them."""

    external_ids: dict[str, str] = field(default_factory=dict)
    industry: str | None = None
    region: str | None = None
    size: str | None = None
    tier: str | None = None
    tags: dict[str, bool] = field(default_factory=dict)
    consents: dict[str, str] = field(default_factory=dict)
    owner: str | None = None
    team: str | None = None
    source: str | None = None
    parent_id: UUID | None = None
    contacts: dict[str, str] = field(default_factory=dict)
    primary_contacts: dict[str, bool] = field(default_factory=dict)


MAPS = ("preferences", "external_ids", "tags", "consents", "contacts", "primary_contacts")
PERSONAL = frozenset(one.name for one in fields(Particulars))
KNOWN = PERSONAL | {one.name for one in fields(Dealings)}


def dotted(path: Path) -> str:
    return ".".join(path)


def path_of(field: str) -> Path:
    """ "name" is an attribute, "tags.vip" an entry of a map, whose own name may have dots in it."""
    name, dot, entry = field.partition(".")
    return (name, entry) if dot else (name,)


def carried(changes: Changes) -> dict[str, Any]:
    """These changes as an event carries them: which fields, and their values, personal ones apart."""
    values: dict[bool, dict[str, Any]] = {True: {}, False: {}}
    for path, value in changes.items():
        set_path(values[path[0] in PERSONAL], path, value)
    return {
        "fields": tuple(map(dotted, changes)),
        "particulars": Particulars(**values[True]) if values[True] else None,
        "dealings": Dealings(**values[False]),
    }


def unpacked(names: Iterable[str], particulars: Particulars | None, dealings: Dealings | None) -> Changes:
    """The changes again; where the person was forgotten, nothing is known of them."""
    changes: Changes = {}
    for path in map(path_of, names):
        if path[0] in KNOWN and (len(path) == 2) == (path[0] in MAPS):
            value = getattr(particulars if path[0] in PERSONAL else dealings, path[0], None)
            changes[path] = (value or {}).get(path[1]) if len(path) == 2 else value
    return changes
