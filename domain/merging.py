"""Two customers turn out to be one: what the survivor takes over of the other, and how both are parted again.

Neither loses an event. The survivor records what it takes over, the other one that it was merged; what is linked to it
(opportunities, orders, tickets) stays linked to it, and is found through the survivor when read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from domain.aggregate import Changes, Event, Order, Path, moment_of, order_of
from domain.customer import Customer, tax_number
from domain.particulars import carried, dotted, path_of
from domain.refusals import MoveOutOfOrder, Refusal

Side = Literal["survivor", "merged"]
Field = Literal[
    "name", "emails", "phones", "addresses", "birthday", "sex", "tax_id", "external_ids", "industry", "region", "size",
    "tier", "preferences", "owner", "source", "parent_id", "contacts",
]  # fmt: skip
"""What one may prefer of the one or the other; a team goes with its owner."""

SINGLE: dict[str, tuple[Path, ...]] = {
    field: ((field,),)
    for field in ("name", "birthday", "sex", "tax_id", "industry", "region", "size", "tier", "source", "parent_id")
} | {"owner": (("owner",), ("team",))}
ENTRIES = ("external_ids", "preferences")
LISTS = ("emails", "phones", "addresses")
LENDING = {*SINGLE, "preferences", "consents", "contacts"} - {"tax_id", "parent_id"}
"""What the survivor may say because one that stays merged into it says so. What belongs to one alone is not lent, and
no parent is, which might close a circle."""

FULLY_TRUSTED = 100
"""What somebody told us themselves, against what an import found in another system."""

Trusts = Mapping[int, int]
"""How far the source of an event is trusted, by its version; those told to us directly are not in it."""


class OwnDuplicate(Refusal):
    """A customer cannot be merged into itself."""

    def __init__(self, customer: Customer) -> None:
        super().__init__("A customer cannot be merged into itself; name the other one.", customer.moves)


class NotOfOneKind(Refusal):
    """A person and an organisation are never the same customer."""

    def __init__(self, survivor: Customer, merged: Customer) -> None:
        super().__init__(
            f"{survivor.id} is a {survivor.kind}, {merged.id} is a {merged.kind}: these cannot be one customer;"
            " link the person as a contact.",
            survivor.moves,
        )


class MergedWithItsParent(Refusal):
    """An organisation and its parent organisation are two."""

    def __init__(self, survivor: Customer, merged: Customer) -> None:
        super().__init__(
            f"{merged.id} is the parent of {survivor.id}; merge the other way round, or set another parent first.",
            survivor.moves,
        )


class NotMerged(Refusal):
    """Only what was merged can be parted again."""

    def __init__(self, survivor: Customer, merged: Customer) -> None:
        super().__init__(f"{merged.id} is not merged into {survivor.id}.", merged.moves)


def merge(
    survivor: Customer, merged: Customer, prefer: Mapping[Field, Side], trusts: Mapping[Customer, Trusts] | None = None
) -> None:
    """Let one customer go up in the other. `prefer` says whose word counts, field by field; else that of the source
    trusted more, then the later one. What only one of them says is kept in any case."""
    if survivor.id == merged.id:
        raise OwnDuplicate(survivor)
    survivor.refuse_when_inactive()
    merged.refuse_when_merged()
    if survivor.kind != merged.kind:
        raise NotOfOneKind(survivor, merged)
    if survivor.parent_id == merged.id:
        raise MergedWithItsParent(survivor, merged)
    refuse_too_early(survivor, merged)
    taken = Choice(survivor, merged, {str(field): side for field, side in prefer.items()}, trusts or {}).changes()
    survivor.record(Customer.Absorbed, merged_id=merged.id, merged_version=merged.version, **carried(taken))
    merged.record(Customer.MergedInto, into_id=survivor.id, handed_over=tuple(map(dotted, taken)))


def unmerge(survivor: Customer, merged: Customer, past: Sequence[Event], others: Sequence[Customer] = ()) -> None:
    """Part the two again. `past` are all events of the survivor, `others` those that stay merged into it.

    What was taken over goes back to what it would be had neither this merge been nor any that was undone before; what
    was changed since stays, but for what belongs to the other one alone: its e-mail addresses, numbers and ids. What
    one of the others has as well stays, too, until that one is parted; and of what nobody else says anything any more,
    what the others say counts.
    """
    version = survivor.absorbed.get(str(merged.id))
    if merged.merged_into != survivor.id or version is None:
        raise NotMerged(survivor, merged)
    survivor.refuse_when_merged()
    refuse_too_early(survivor, merged)
    absorbed = past[version - 1]
    assert isinstance(absorbed, Customer.Absorbed)
    undone = order_of(absorbed)
    standing = set(survivor.absorbed.values()) - {version}
    lasting = [e for e in past if not isinstance(e, Customer.Absorbed) or e.originator_version in standing]
    never = folded(survivor, lasting)
    before = folded(survivor, (e for e in lasting if e.originator_version < version))
    mine = folded(survivor, (e for e in past if not isinstance(e, Customer.Absorbed | Customer.GaveBack)))
    order = order_of_next(survivor)
    goes_back: Changes = {}
    since: dict[str, Order] = {}
    decided, kept = [], []
    lists: list[Path] = [(field,) for field in LISTS if value_at(merged, (field,))]
    loans, chosen_anew = lent(past), set[Path]()
    lent_now = [path_of(name) for name, orders in loans.items() if survivor.since.get(name) in orders]
    for path in in_turn([*map(path_of, absorbed.fields or ()), *lists, *lent_now]):
        name = dotted(path)
        taken_over, present = name in (absorbed.fields or ()), value_at(survivor, path)
        back = taken_over and survivor.since.get(name) == undone
        if taken_over:
            goes_back[path] = value_at(never, path)
            if name in never.since:
                since[name] = never.since[name]
        left = goes_back[path] if back else present
        if path[0] in LISTS:
            own = entries(mine, path) if back else entries(mine, path) - (entries(merged, path) - entries(before, path))
            left = with_those_of(others, path, only(own, others, path, left), present)
        elif belongs_to(merged, path, left):
            left = None
        said = said_by(others, path, survivor)
        if path == ("team",):
            anew = ("owner",) in chosen_anew
        elif path in lent_now or (back and never.since.get(name) in loans.get(name, ())):
            anew = True  # only lent, and perhaps by the one that goes
        else:
            anew = back and left is None and said is not None
        if anew:
            left = said
            chosen_anew.add(path)
        changed_since = taken_over and not back and survivor.since.get(name, (0, 0))[1] not in standing
        if changed_since and (left == present or (path[0] in LISTS and left)):
            kept.append(name)
        if left != (goes_back[path] if back else present):
            goes_back[path], since[name] = left, order
            decided.append(name)
    survivor.record(
        Customer.GaveBack,
        merged_id=merged.id,
        since=since,
        undone=undone,
        decided=tuple(decided),
        kept=tuple(kept),
        **carried(goes_back),
    )
    merged.record(Customer.Unmerged, from_id=survivor.id)


@dataclass
class Choice:
    """Whose word counts, field by field."""

    survivor: Customer
    merged: Customer
    prefer: Mapping[str, Side]
    trusts: Mapping[Customer, Trusts]

    def changes(self) -> Changes:
        """What the survivor says other than before."""
        said: Changes = {}
        for field, paths in SINGLE.items():
            said |= {path: value_at(self.believed(field, *paths), path) for path in paths}
        if said["parent_id",] == self.survivor.id:
            said["parent_id",] = self.survivor.parent_id
        for field in LISTS:
            said[field,] = self.united(field)
        for field in ENTRIES:
            for entry in getattr(self.merged, field):
                said[field, entry] = value_at(self.believed(field, (field, entry)), (field, entry))
        said |= {("tags", tag): True for tag in self.merged.tags}
        said |= self.consents() | self.contacts()
        return {
            path: value for path, value in said.items() if value != value_at(self.survivor, path) or self.lent(path)
        }

    def lent(self, path: Path) -> bool:
        """Whether the survivor has it through another merge alone, and the merged one says the same: it stays as long
        as one of them does."""
        _, version = self.survivor.since.get(dotted(path), (0, 0))
        value = value_at(self.merged, path)
        return (
            version in self.survivor.absorbed.values() and value is not None and value == value_at(self.survivor, path)
        )

    def believed(self, field: str, *paths: Path) -> Customer:
        both = (self.survivor, self.merged)
        saying = [one for one in both if any(value_at(one, path) is not None for path in paths)]
        if len(saying) == 1:
            return saying[0]
        if field in self.prefer:
            return self.survivor if self.prefer[field] == "survivor" else self.merged
        if field == "source":  # how somebody came to us is how they came first
            return min(both, key=lambda one: self.moment(one, ("source",)))
        return max(both, key=lambda one: max((self.trust(one, path), self.moment(one, path)) for path in paths))

    def trust(self, one: Customer, path: Path) -> int:
        _, version = one.since.get(dotted(path), (0, 0))
        return self.trusts.get(one, {}).get(version, FULLY_TRUSTED)

    def moment(self, one: Customer, path: Path) -> int:
        return one.since.get(dotted(path), (0, 0))[0]

    def united(self, field: str) -> tuple[Any, ...] | None:
        """All that either has, that of the one believed first."""
        first = self.believed(field, (field,))
        other = self.merged if first is self.survivor else self.survivor
        entries = [*(getattr(first, field) or ()), *(getattr(other, field) or ())]
        united = tuple({same(field, entry): entry for entry in reversed(entries)}.values())[::-1]
        return united if united else getattr(self.survivor, field)

    def consents(self) -> Changes:
        """The later word of the person counts, whoever passed it on; of two at the same moment the withdrawal."""
        said: Changes = {}
        for channel in self.merged.consents:
            path = ("consents", channel)
            both = (one for one in (self.survivor, self.merged) if channel in one.consents)
            words = [(self.moment(one, path), one.consents[channel]) for one in both]
            said[path] = max(words)[1]  # "withdrawn" comes after "given" in the alphabet
        return said

    def contacts(self) -> Changes:
        """Those of both, but neither of the two themselves; the survivor's primary contact stays the primary one."""
        survivor, merged = self.survivor, self.merged
        said: Changes = {
            (map, str(merged.id)): None
            for map in ("contacts", "primary_contacts")
            if str(merged.id) in getattr(survivor, map)
        }
        has_primary = bool(survivor.primary_contacts.keys() - {str(merged.id)})
        for contact in merged.contacts.keys() - {str(survivor.id)}:
            path = ("contacts", contact)
            said[path] = value_at(self.believed("contacts", path), path)
            if contact in merged.primary_contacts and not has_primary:
                said["primary_contacts", contact] = True
        return said


def refuse_too_early(*both: Customer) -> None:
    """What two customers are to each other is decided on all that is known of them, never on part of it."""
    for one in both:
        last = moment_of(max(one.since.values()))
        assert one.now is not None, "an aggregate that decides is given its moment"
        if one.now < last:
            raise MoveOutOfOrder(f"what is known last of customer {one.id}", one.now, last, one.moves)


def belongs_to(merged: Customer, path: Path, value: Any) -> bool:
    """Whether this is what only one customer can have, and the merged one has it."""
    own = value_at(merged, path)
    return (path[0] == "external_ids" and value == own) or (
        path[0] == "tax_id" and tax_number(value) == tax_number(own)
    )


def entries(one: Customer, path: Path) -> set[Any]:
    return {same(path[0], entry) for entry in value_at(one, path) or ()}


def only(own: set[Any], others: Sequence[Customer], path: Path, value: Any) -> Any:
    """What is left of a list when only the survivor itself and the others are heard."""
    said = own.union(*(entries(one, path) for one in others))
    return tuple(entry for entry in value if same(path[0], entry) in said) if value else value


def with_those_of(others: Sequence[Customer], path: Path, value: Any, present: Any) -> Any:
    """The list with what is there at present and belongs to one of the others."""
    theirs = set[Any]().union(*(entries(one, path) for one in others))
    there = {same(path[0], entry) for entry in value or ()}
    missing = [entry for entry in present or () if same(path[0], entry) in theirs - there]
    return (*(value or ()), *missing) if missing else value


def in_turn(paths: Sequence[Path]) -> list[Path]:
    """Each once, and a team after its owner, with whom it goes."""
    found = dict.fromkeys(path for path in paths if path != ("team",))
    return [*found, ("team",)] if ("owner",) in found or ("team",) in paths else [*found]


def lent(past: Iterable[Event]) -> dict[str, set[Order]]:
    """By which partings a field was left to what the others say of it."""
    found: dict[str, set[Order]] = {}
    for event in past:
        if isinstance(event, Customer.GaveBack):
            for name in event.decided or ():
                if path_of(name)[0] in LENDING:
                    found.setdefault(name, set()).add(order_of(event))
    return found


def said_by(others: Sequence[Customer], path: Path, survivor: Customer) -> Any:
    """What those that stay merged say of it: the later word, and how somebody came to us is how they came first."""
    if path[0] not in LENDING or path[-1] == str(survivor.id):
        return None
    asked: Path = ("owner",) if path == ("team",) else path  # a team goes with its owner
    saying = [
        (one.since.get(dotted(asked), (0, 0)), str(value_at(one, asked)), n)
        for n, one in enumerate(others)
        if value_at(one, asked) is not None
    ]
    if not saying:
        return None
    *_, chosen = min(saying) if path == ("source",) else max(saying)
    return value_at(others[chosen], path)


def same(field: str, entry: Any) -> Any:
    """By what two entries of a list are told to be one."""
    match field:
        case "emails":
            return entry.casefold()
        case "phones":
            return entry.digits
        case _:
            return entry


def value_at(customer: Customer, path: Path) -> Any:
    value = getattr(customer, path[0])
    return value if len(path) == 1 else value.get(path[1])


def folded(customer: Customer, events: Iterable[Event]) -> Customer:
    """What these events alone make of it."""
    other = Customer(customer.id)
    for event in events:
        event.apply(other)
    return other


def order_of_next(customer: Customer) -> Order:
    """Where the event stands that is recorded next."""
    assert customer.now is not None, "an aggregate that decides is given its moment"
    blank = Event(originator_id=customer.id, originator_version=customer.version + 1, timestamp=customer.now)
    return order_of(blank)
