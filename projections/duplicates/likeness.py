"""How likely two customers are one and the same: the evidence for and against it, added up in bits.

After Fellegi and Sunter: each thing that is known of both is compared and falls into a level of agreement; a level is
worth log2(m / u), where m is how often one and the same customer, recorded twice, agrees so, and u how often two others
do. What only one of them says is worth nothing. The sum, less the bits by which two customers are rather not the same
(PRIOR), is the logarithm of the odds, and `score` the probability that belongs to them.

m and u were set by hand and once, in round figures, from what is generally known: a name's part is shared by about one
person in a hundred, a birthday by one in some ten thousand, a postcode by one in a few hundred, and between a twentieth
and a fifth of what is recorded twice has a slip of the pen or has changed. They were not fitted to any data set.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, NamedTuple
from uuid import UUID

from rapidfuzz.distance import OSA, JaroWinkler
from rapidfuzz.fuzz import token_sort_ratio

from projections.customer_search import folded

PRIOR = 14.0
"""One pair in some 16,000 of those compared at random would be one customer."""

LEGAL_FORMS = frozenset(
    {"ag", "co", "company", "corp", "corporation", "gmbh", "inc", "kg", "limited", "llc", "ltd", "plc", "sa", "the"}
)

MOST = 11.0
"""So much two people who share a home, and one part of their names, have in common without being one."""

PARTS = 4
"""So many parts of a name are compared."""

ALIKE = 0.88
"""From this similarity on (Jaro-Winkler) two names are taken for one with a slip of the pen."""


class Level(NamedTuple):
    """How two values agree: what that is worth in bits, and how it is told."""

    bits: float
    reason: str


class Likeness(NamedTuple):
    """How likely two customers are one, from 0 to 1, and why; what speaks for it first."""

    score: float
    reasons: list[str]


@dataclass(frozen=True)
class Place:
    """An address as it is compared."""

    number: str
    street: str
    city: str
    region: str
    postcode: str

    @classmethod
    def of(cls, address: Mapping[str, Any]) -> Place:
        street = text_of(address.get("street"))
        number = re.search(r"\d+\w?", street)
        words = street.replace(number[0], " ", 1) if number else street
        return cls(
            number[0] if number else "",
            " ".join(words.split()),
            text_of(address.get("city")),
            text_of(address.get("region")),
            text_of(address.get("postcode")).replace(" ", ""),
        )


@dataclass(frozen=True)
class Profile:
    """What of a customer is compared, in the form in which it is compared."""

    id: UUID
    kind: str
    name: str
    birthday: date | None
    sex: str | None
    emails: frozenset[str]
    phones: frozenset[str]
    tax_id: str
    external_ids: Mapping[str, str]
    places: tuple[Place, ...]

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Profile:
        """From a row with the columns of the customers' read model."""
        return cls(
            row["id"],
            row["kind"] or "",
            text_of(row["name"]),
            row["birthday"],
            row["sex"],
            frozenset(email.casefold() for email in row["emails"] or ()),
            frozenset(filter(None, (subscriber(phone["digits"]) for phone in row["phones"] or ()))),
            "".join(filter(str.isalnum, text_of(row["tax_id"]))),
            row["external_ids"] or {},
            tuple(map(Place.of, row["addresses"] or ())),
        )

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The parts of the name, without what says nothing: full stops, legal forms of companies."""
        words = [word for word in re.split(r"[\W_]+", self.name) if word]
        telling = [word for word in words if word not in LEGAL_FORMS] if self.kind != "person" else words
        return tuple(telling or words)[:PARTS]


def text_of(value: Any) -> str:
    return folded(str(value)) if value else ""


def subscriber(digits: str) -> str:
    """The end of a number, without the codes of country and area that one writes and another leaves out."""
    return digits[-8:] if len(digits) >= 7 else ""


def likeness(one: Profile, other: Profile, least: float = 0.0) -> Likeness:
    """How likely the two are one customer. A person and an organisation never are. What cannot come to `least` is told
    as 0, with less work: most pairs that share a key are strangers."""
    if one.kind != other.kind:
        return Likeness(0.0, ["one is a person"])
    levels = list(evidence(one, other))
    if probability(worth(levels) + MOST) < least:
        return Likeness(0.0, [])
    levels += home(one, other)
    levels.sort(key=lambda level: -level.bits)
    return Likeness(round(probability(worth(levels)), 4), [level.reason for level in levels])


def probability(bits: float) -> float:
    """The odds that the evidence leaves, as a probability."""
    return 1 / (1 + 2 ** min(PRIOR - bits, 1000))


def worth(levels: Iterable[Level]) -> float:
    return sum(level.bits for level in levels)


def evidence(one: Profile, other: Profile) -> Iterator[Level]:
    """All but where they live."""
    if one.parts and other.parts:
        yield names(one.parts, other.parts)
    if one.birthday and other.birthday:
        yield birthdays(one.birthday, other.birthday)
    if one.sex and other.sex:
        yield Level(1.0, "same sex") if one.sex == other.sex else Level(-5.0, "another sex")
    if one.emails and other.emails:
        yield from emails(one.emails, other.emails)
    if one.tax_id and other.tax_id:
        yield tax_ids(one.tax_id, other.tax_id)
    if one.external_ids and other.external_ids:
        ids = {id for id in one.external_ids.values() if telling(id)}
        if ids & set(other.external_ids.values()):
            yield Level(8.0, "same id in two systems")


def names(one: tuple[str, ...], other: tuple[str, ...]) -> Level:
    """Part by part, whichever comes first: given name and surname are often swapped. A part that is missing on one side
    says nothing."""
    if len(one) > len(other):
        one, other = other, one
    same = set(one) & set(other)
    similar = [1.0] * sum(part in same for part in one)
    if len(similar) < len(one):
        left = [[part for part in parts if part not in same] for parts in (one, other)]
        similar += best_of(*left)
    bits = sum(7.0 if s == 1.0 else 4.0 if s >= ALIKE else -5.0 for s in similar)
    average = sum(similar) / len(similar)
    said = "same name" if average == 1.0 else f"name {average:.2f}"
    return Level(bits, said if len(one) == len(other) else f"{said} of what both say")


def best_of(one: list[str], other: list[str]) -> Iterator[float]:
    """How alike each part is to the one that fits it best, the best fits first."""
    fits = ((JaroWinkler.similarity(a, b), i, j) for i, a in enumerate(one) for j, b in enumerate(other))
    left, right = set(range(len(one))), set(range(len(other)))
    for similar, i, j in sorted(fits, reverse=True):
        if i in left and j in right:
            left.remove(i)
            right.remove(j)
            yield similar


def birthdays(one: date, other: date) -> Level:
    if one == other:
        return Level(13.0, "same birthday")
    swapped = (one.year, one.month, one.day) == (other.year, other.day, other.month)
    slip = swapped or OSA.distance(one.isoformat(), other.isoformat()) == 1
    return Level(7.0, "birthday but for a slip") if slip else Level(-6.0, "another birthday")


def home(one: Profile, other: Profile) -> Iterator[Level]:
    """The addresses that agree best, and the telephone: never worth more than MOST together, for all who live or work
    in one place share them."""
    found = max((places(a, b) for a in one.places for b in other.places), key=worth, default=[])
    if one.phones & other.phones:
        found.append(Level(10.0, "same telephone number"))
    share = MOST / max(worth(found), MOST)
    yield from (Level(bits * share, reason) for bits, reason in found)


def places(one: Place, other: Place) -> list[Level]:
    """What agrees of two addresses, and what does not."""
    found = []
    if one.postcode and other.postcode:
        found.append(compared("postcode", one.postcode, other.postcode, 7.0, 3.0, -1.5))
    if one.street and other.street:
        alike = token_sort_ratio(one.street, other.street) / 100
        bits = 8.0 if alike >= 0.95 else 4.0 if alike >= 0.8 else -1.5
        found.append(Level(bits, "same street" if alike == 1.0 else f"street {alike:.2f}"))
    if one.number and other.number:
        found.append(compared("house number", one.number, other.number, 4.0, 1.0, -1.0))
    if one.city and other.city:
        alike = JaroWinkler.similarity(one.city, other.city)
        bits = 5.0 if alike == 1.0 else 3.5 if alike >= ALIKE else -1.0
        found.append(Level(bits, "same town" if alike == 1.0 else f"town {alike:.2f}"))
    if one.region and other.region:
        found.append(compared("region", one.region, other.region, 1.5, 0.5, -1.0))
    return found


def compared(what: str, one: str, other: str, equal: float, slip: float, different: float) -> Level:
    if one == other:
        return Level(equal, f"{what} equal")
    if len(one) > 2 and OSA.distance(one, other) == 1:
        return Level(slip, f"{what} but for a slip")
    return Level(different, f"another {what}")


def emails(one: frozenset[str], other: frozenset[str]) -> Iterator[Level]:
    if one & other:
        yield Level(16.0, "same e-mail address")
    elif any(telling(local_part(a)) and OSA.distance(a, b) == 1 for a in one for b in other):
        yield Level(11.0, "e-mail address but for a slip")
    elif {local for local in map(local_part, one) if telling(local)} & set(map(local_part, other)):
        yield Level(7.0, "same e-mail name at another domain")


def local_part(email: str) -> str:
    return email.rpartition("@")[0]


def telling(name: str) -> bool:
    """Whether sharing it says anything: not the short ones, nor those that every company has."""
    return len(name) >= 5 and name not in {"admin", "contact", "hello", "office", "sales", "service", "support"}


def tax_ids(one: str, other: str) -> Level:
    if one == other:
        return Level(18.0, "same tax id")
    if min(len(one), len(other)) >= 6 and OSA.distance(one, other) == 1:
        return Level(9.0, "tax id but for a slip")
    return Level(-8.0, "another tax id")
