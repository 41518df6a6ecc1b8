"""Who may see and do what: the policy of a tenant, and the one function that decides by it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from domain.aggregate import Aggregate
from domain.roles import ADMINISTRATOR, ROLES, Action, Role
from domain.telling import nameable, named_in

Scope = Literal["own", "team", "subtree", "all"]
"""Which records: each is within the next. own: one's own. team: those of one's teams, too. subtree: those of all who
report to one, however indirectly, too. all: the tenant's, those that are nobody's among them."""

WIDTH: dict[Scope, int] = {scope: width for width, scope in enumerate(get_args(Scope))}

SHARED = ("customer", "opportunity", "order", "ticket")
"""Kinds of records that have an owner and a team, and can be shared with others."""
ASKED_FOR = ("import", "export", "scoring_run")
"""Kinds that belong to whoever asked for them."""
PEOPLE = ("user", "api_key")
"""A user belongs to itself, a key to its user."""
COMMON = ("pipeline", "target", "channel_cost", "team", "tenant", "analytics", "access", "saved_query")
"""Kinds of which a role has all or none. (Whoever keeps a saved query says itself whether others see it.)"""
ORGANISATION = ("user", "team", "tenant", "api_key")
"""Kinds that are administered, and not written."""
KINDS = (*SHARED, *ASKED_FOR, *PEOPLE, *COMMON)


class Forbidden(Exception):
    """The caller may not do this."""


class Rule(BaseModel):
    """What a role may do with some kinds of records: which of them it may read and change, and which of their fields
    it is not told (`hide`), or told only that there are such (`mask`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    read: Scope | None = None
    write: Scope | None = None
    administer: Literal["all"] | None = None
    hide: tuple[str, ...] = ()
    mask: tuple[str, ...] = ()

    def scope(self, action: Action) -> Scope | None:
        found: Scope | None = getattr(self, action)
        return found


class Policy(BaseModel):
    """What each role may do. A role that is not named may do nothing, and so with each kind that it does not name."""

    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))

    kronika: Literal["policy/1"]
    roles: dict[Role, dict[str, Rule]] = Field(min_length=1)
    """By role, then by kind, or by several with commas between"""

    @cached_property
    def rules(self) -> dict[str, dict[str, Rule]]:
        """By role, then by kind."""
        return {
            role: {kind: rule for kinds, rule in by_kind.items() for kind in split(kinds)}
            for role, by_kind in self.roles.items()
        }

    def faults(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """What does not make sense, and where."""
        for role, by_kind in self.roles.items():
            known: list[str] = []
            for kinds, rule in by_kind.items():
                at = ("roles", role, kinds)
                for kind in split(kinds):
                    if kind not in KINDS:
                        yield at, f"there is nothing of the kind {kind!r}; kinds are {', '.join(KINDS)}"
                        continue
                    if kind in known:
                        yield at, f"{role} has another rule for {kind}; say all in one"
                    known.append(kind)
                    yield from ((at + where, message) for where, message in self._faults_of(kind, rule))
        administers = self.rules.get(ADMINISTRATOR, {})
        for kind in ORGANISATION:
            rule_ = administers.get(kind)
            if rule_ is None or rule_.administer != "all" or rule_.read != "all":
                message = f"the role {ADMINISTRATOR} reads and administers every {kind}, else nobody could mend this"
                yield ("roles", ADMINISTRATOR), message

    def _faults_of(self, kind: str, rule: Rule) -> Iterator[tuple[tuple[str, ...], str]]:
        if rule.write and WIDTH[rule.write] > (WIDTH[rule.read] if rule.read else -1):
            yield ("write",), f"nobody writes more of {kind} than it reads; widen `read`"
        if rule.administer and rule.read != "all":
            yield ("administer",), f"nobody administers {kind} without reading all; say read: all"
        if rule.write and (kind in ORGANISATION or kind in ("analytics", "access")):
            yield ("write",), f"{kind} is not written" + ("; say administer" if kind in ORGANISATION else "")
        if rule.administer and kind not in ORGANISATION:
            yield ("administer",), f"{kind} is not administered; say write"
        for action in ("read", "write"):
            if kind in COMMON and getattr(rule, action) not in (None, "all"):
                yield (action,), f"{kind} is nobody's own; say all"
        for word in ("hide", "mask"):
            for name in getattr(rule, word):
                if name not in nameable(kind):
                    known = ", ".join(sorted(nameable(kind))) or "none can be restricted"
                    yield (word,), f"{kind} has no field {name!r} to {word}; possible: {known}"


def split(kinds: str) -> list[str]:
    return [kind.strip() for kind in kinds.split(",")]


def permitted(policy: Policy, roles: Iterable[str]) -> frozenset[str]:
    """Which actions these roles together allow with anything at all."""
    granted = [rule for role in roles for rule in policy.rules.get(role, {}).values()]
    return frozenset(action for action in get_args(Action) if any(rule.scope(action) for rule in granted))


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, as far as a policy looks at it."""

    roles: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    """What records call it that it owns: its id, and its handle"""
    teams: frozenset[str] = frozenset()
    """What records call the teams that it belongs to, itself or by a team within them: their ids and names"""
    below: frozenset[str] = frozenset()
    """What records call those who report to it, however indirectly"""
    parties: frozenset[str] = frozenset()
    """As whom records are shared with it: see `party`"""


def party(kind: Literal["user", "team"], id: Any) -> str:
    """Somebody whom a record is shared with."""
    return f"{kind}:{id}"


@dataclass(frozen=True, slots=True)
class Record:
    """To whom a record belongs, and whom it is shared with: "read" or "write", by party."""

    owner: str | None = None
    team: str | None = None
    shared_with: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Extent:
    """Which records of a kind."""

    everything: bool = False
    owners: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()

    def has(self, record: Record) -> bool:
        return self.everything or record.owner in self.owners or record.team in self.teams


ALL = Extent(everything=True)


@dataclass(frozen=True, slots=True)
class Sight:
    """What somebody is shown of one kind of records, and may do with them: which of them, by action."""

    extents: Mapping[str, Extent]
    parties: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    """Fields that it is not told"""
    masked: frozenset[str] = frozenset()
    """Fields of which it is told at most that there is something"""

    def __hash__(self) -> int:
        return hash((frozenset(self.extents.items()), self.parties, self.hidden, self.masked))

    def may(self, action: Action) -> bool:
        """Whether with any record at all."""
        return action in self.extents

    def lets(self, action: Action, record: Record) -> bool:
        """Whether with this one. What is shared with somebody, it may read (and write) where its roles read (and write)
        any record of the kind."""
        extent = self.extents.get(action)
        if extent is None:
            return False
        if extent.has(record):
            return True
        needed = ("read", "write") if action == "read" else (action,)
        return any(how in needed and one in self.parties for one, how in record.shared_with.items())

    @property
    def everything(self) -> bool:
        """Whether each record is shown, whatever it is."""
        return self.extents.get("read", NONE).everything

    @property
    def restricted(self) -> frozenset[str]:
        return self.hidden | self.masked


NONE = Extent()
EVERYTHING = Sight(dict.fromkeys(get_args(Action), ALL))
NOTHING = Sight({})


def sights(policy: Policy, asker: Asker) -> dict[str, Sight]:
    """What somebody sees of each kind, and may do with it: the decision that every answer follows.

    Of several roles the widest scope counts, for each action. Which fields are told is decided by the roles that read
    most: what one of these tells is told.
    """
    return {kind: sight(policy, asker, kind) for kind in KINDS}


def sight(policy: Policy, asker: Asker, kind: str) -> Sight:
    rules = [rule for role in ROLES if role in asker.roles and (rule := policy.rules.get(role, {}).get(kind))]
    extents = {action: extent(scope, asker) for action in get_args(Action) if (scope := widest(rules, action))}
    telling = [rule for rule in rules if rule.read and rule.read == widest(rules, "read")]
    hidden, restricted = (
        frozenset[str].intersection(*sets) if sets else frozenset[str]()
        for sets in (
            [named_in(kind, rule.hide) for rule in telling],
            [named_in(kind, (*rule.hide, *rule.mask)) for rule in telling],
        )
    )
    return Sight(extents, asker.parties, hidden, restricted - hidden)


def widest(rules: Iterable[Rule], action: Action) -> Scope | None:
    scopes = [scope for rule in rules if (scope := rule.scope(action))]
    return max(scopes, key=lambda scope: WIDTH[scope], default=None)


def extent(scope: Scope, asker: Asker) -> Extent:
    if scope == "all":
        return ALL
    owners = asker.names | asker.below if scope == "subtree" else asker.names
    return Extent(owners=owners, teams=asker.teams if scope != "own" else frozenset())


def record_of(thing: Aggregate, asked_by: str | None = None) -> Record:
    """To whom a thing belongs; `asked_by` is who made it, where that is what counts."""
    known = vars(thing)
    if "shared_with" in known:
        return Record(known["owner"], known["team"], known["shared_with"])
    if "user_id" in known:
        return Record(str(known["user_id"]))
    return Record(asked_by or str(thing.id))
