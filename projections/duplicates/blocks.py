"""Whom to compare: customers that share a key are in one block, and only those of one block are compared.

A key is made of what a duplicate most likely shares: a part of the name with the year of birth or with the postcode,
the birthday, an e-mail address, a telephone number ... Several keys each, so that a slip in one of them is met by
another. A key that more than MOST customers share says too little: its block is left out, and counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from zlib import crc32

from projections.duplicates.likeness import Profile, local_part, telling

MOST = 30
"""Customers of one block; comparing them is a matter of milliseconds."""

KINDS = (
    "name",
    "beginning of the name",
    "birthday",
    "name and year of birth",
    "name and postcode",
    "postcode and house number",
    "street and house number",
    "e-mail",
    "telephone",
    "tax id",
    "external id",
)


def keys_of(tenant: str, profile: Profile) -> list[int]:
    """Hashes of (tenant, kind of key, what is shared), which fit a bigint: the lowest four bits are the kind of key.
    Different things may share one, as what is found is compared anyway."""
    return sorted(
        {crc32(f"{tenant}|{kind}|{text}".encode()) << 4 | KINDS.index(kind) for kind, text in shared(profile)}
    )


def kind_of_key(key: int) -> str:
    return KINDS[key & 15]


def shared(profile: Profile) -> Iterator[tuple[str, str]]:
    parts, born = sorted(profile.parts), profile.birthday
    if parts:
        yield "name", " ".join(parts)
    for one, other in combinations(sorted({part[:3] for part in parts}), 2):
        yield "beginning of the name", f"{one} {other}"
    if born:
        yield "birthday", f"{born.year} {sorted((born.month, born.day))}"
    for part in set(parts):
        if born:
            yield "name and year of birth", f"{part} {born.year}"
        for place in profile.places:
            if place.postcode:
                yield "name and postcode", f"{part} {place.postcode}"
    for place in profile.places:
        if place.number and place.postcode:
            yield "postcode and house number", f"{place.postcode} {place.number}"
        if place.number and place.street:
            yield "street and house number", f"{max(place.street.split(), key=len)[:5]} {place.number}"
    for email in profile.emails:
        yield "e-mail", email
        if telling(local := local_part(email)):
            yield "e-mail", local
    for phone in profile.phones:
        yield "telephone", phone
    if profile.tax_id:
        yield "tax id", profile.tax_id
        if len(profile.tax_id) >= 8:  # a slip leaves one of the halves as it is
            yield "tax id", f"begins {profile.tax_id[:5]}"
            yield "tax id", f"ends {profile.tax_id[-5:]}"
    for id in profile.external_ids.values():
        if telling(id):
            yield "external id", id
