"""Who may see what, written down a second time from the page of rules alone: what the product decides is held against
it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from tests.policy.company import RECORDS, SCOPES, Company, Person, Thing

PERSONAL = {
    "customer": (
        *("name", "emails", "phones", "addresses", "birthday", "sex", "tax_id", "preferences"),
        *("subject", "note", "value", "particulars"),
    ),
    "opportunity": ("contact", "explanation", "lost_explanation"),
    "order": ("shipping_address",),
    "ticket": ("subject", "text", "resolution", "comment"),
    "user": ("name", "email", "identities", "subject"),
}
"""Fields that say something about a person, as `personal` stands for them."""

SAYS = {
    "customer.tagged": ("tags",),
    "customer.classified": ("industry", "region", "size", "tier"),
    "customer.merged_into": ("merged_into",),
    "customer.absorbed": ("*",),
    "customer.interaction_logged": ("interactions", "last_interaction_at"),
    "opportunity.stage_moved": ("left_stage",),
    "order.invoiced": ("billed", "billed_parts", "invoiced", "invoices", "due", "outstanding", "billed_percent"),
    "user.role_assigned": ("roles",),
    "user.team_joined": ("teams",),
}
"""What events say by other names than the record has for it, of those that the made-up companies have."""

SEARCHED = {"name", "emails", "phones"}
COMPARED = SEARCHED | {"addresses", "birthday", "sex", "tax_id", "external_ids"}


CUSTOMER, SALE, TICKET = {"customer": {"tier", "region"}}, {"opportunity": {"amount"}}, {"ticket": {"priority"}}
ORDER: dict[str, set[str]] = {"order": set()}
FIGURES = {
    **dict.fromkeys(("funnel", "stage-times", "stage-survival"), SALE),
    **dict.fromkeys(("win-rate", "velocity", "forecast", "forecast-accuracy", "slippage"), CUSTOMER | SALE),
    "sales-results": CUSTOMER | SALE,
    "sales-trend": CUSTOMER | SALE | ORDER,
    **dict.fromkeys(("revenue", "receivables-ageing", "rfm", "cohort-retention", "top-customers"), CUSTOMER | ORDER),
    **dict.fromkeys(("white-space", "baskets", "next-products", "customer-distribution"), CUSTOMER | ORDER),
    **dict.fromkeys(("customer-growth", "master-data"), CUSTOMER),
    **dict.fromkeys(("service-cycles", "service-quality", "service-attainment", "backlog"), TICKET),
    "purchase-histories": CUSTOMER | ORDER,
    "deal-outlook": SALE,
    "channels": CUSTOMER | SALE | ORDER,
    "next-best-actions": CUSTOMER | SALE | ORDER | TICKET,
}
"""Of which kinds figures are made, and of which of their fields, as far as the made-up policies speak of them."""

FACTS: dict[str, dict[str, set[str]]] = {
    "events": {kind: set() for kind in RECORDS},
    "order_steps": ORDER,
    "customer_steps": CUSTOMER,
    "stage_moves": SALE,
    "ticket_steps": TICKET,
}
"""The same of facts that queries ask."""


def sees_figures(company: Company, person: Person, view: str) -> bool:
    """Rule 23."""
    return sees_any(company, person, "analytics") and sees_all_of(company, person, FIGURES[view])


def sees_fact(company: Company, person: Person, fact: str) -> bool:
    return sees_any(company, person, "analytics") and sees_all_of(company, person, FACTS[fact])


def sees_all_of(company: Company, person: Person, made_of: dict[str, set[str]]) -> bool:
    return all(
        scope_of(company, person, kind) == "all" and not restricted(company, person, kind) & fields
        for kind, fields in made_of.items()
    )


def rules_of(company: Company, person: Person, kind: str) -> list[dict[str, Any]]:
    found = (company.rules.get(role, {}).get(kind) for role in person.roles)
    return [rule for rule in found if rule]


def scope_of(company: Company, person: Person, kind: str, action: str = "read") -> str | None:
    """The widest scope that one of the roles gives (rule 6)."""
    scopes = [rule[action] for rule in rules_of(company, person, kind) if rule.get(action)]
    return max(scopes, key=SCOPES.index, default=None)


def sees(company: Company, person: Person, thing: Thing, action: str = "read") -> bool:
    """Rules 5 and 7."""
    scope = scope_of(company, person, thing.kind, action)
    if scope is None:
        return False
    return scope == "all" or belongs(company, person, thing, scope) or shared(company, person, thing, action)


def belongs(company: Company, person: Person, thing: Thing, scope: str) -> bool:
    owners = names_of(person)
    if scope == "subtree":
        owners = owners.union(*map(names_of, below(company, person)))
    if thing.owner in owners:
        return True
    if scope == "own":
        return False
    return thing.team in {word for team in teams_of(company, person) for word in (str(team.id), team.name)}


def shared(company: Company, person: Person, thing: Thing, action: str) -> bool:
    parties = {("user", person.id), *(("team", team.id) for team in teams_of(company, person))}
    enough = {"read", "write"} if action == "read" else {"write"}
    return any(party in parties and access in enough for party, access in thing.shared.items())


def names_of(person: Person) -> set[str]:
    return {str(person.id)} | ({person.handle} if person.handle else set())


def below(company: Company, person: Person) -> list[Person]:
    found: list[Person] = []
    for one in company.people:
        if one.manager == person.id:
            found += [one, *below(company, one)]
    return found


def teams_of(company: Company, person: Person) -> list[Any]:
    """Those that it is a member of and those that these are within, up to one that was dissolved (rule 3)."""
    by_id = {team.id: team for team in company.teams}
    found = []
    for id in person.teams:
        above: UUID | None = id
        while above is not None and not by_id[above].dissolved:
            found.append(by_id[above])
            above = by_id[above].within
    return found


def told(company: Company, person: Person, kind: str) -> tuple[set[str], set[str]]:
    """Which fields are hidden, and which masked (rule 12)."""
    scope = scope_of(company, person, kind)
    rules = [rule for rule in rules_of(company, person, kind) if rule.get("read") == scope]
    if not rules or kind not in PERSONAL:
        return set(), set()
    hidden = set.intersection(*(spelled(kind, rule.get("hide", ())) for rule in rules))
    either = set.intersection(*(spelled(kind, (*rule.get("hide", ()), *rule.get("mask", ()))) for rule in rules))
    return hidden, either - hidden


def spelled(kind: str, names: Iterable[str]) -> set[str]:
    return {one for name in names for one in (PERSONAL[kind] if name == "personal" else (name,))}


def restricted(company: Company, person: Person, kind: str) -> set[str]:
    hidden, masked = told(company, person, kind)
    return hidden | masked


NO_TEXTS = ("amount", "weighted_amount", "interactions", "last_interaction_at", "birthday")
"""Fields that lists tell as texts for exactness' sake, and are none there."""


def mask(value: Any) -> Any:
    return "***" if isinstance(value, str) else None


def row_worked_with(row: dict[str, Any], restricted: set[str]) -> dict[str, Any]:
    """What is worked out of a row is worked out as if what is not told was null (rule 15)."""
    return {name: None if name in restricted else value for name, value in row.items()}


def row_told(row: dict[str, Any], hidden: set[str], masked: set[str]) -> dict[str, Any]:
    return {
        name: mask(None if name in NO_TEXTS else value) if name in masked else value
        for name, value in row.items()
        if name not in hidden
    }


def event_told(type_: str, fields: dict[str, Any] | None, hidden: set[str], masked: set[str]) -> dict[str, Any] | None:
    """Rule 14."""
    if fields is None or not hidden | masked:
        return fields
    says, given = set(SAYS.get(type_, ())), {"given"}
    if says == {"*"}:
        says = hidden | masked
    left = {name: value for name, value in fields.items() if not hidden or name not in hidden | given}
    covered = fields.keys() if says & masked else masked | given if masked else set()
    return {} if says & hidden else {name: mask(value) if name in covered else value for name, value in left.items()}


def sees_any(company: Company, person: Person, kind: str, action: str = "read") -> bool:
    return scope_of(company, person, kind, action) is not None


def record_of(company: Company, kind: str, id: UUID) -> Thing | None:
    thing = company.things.get(id)
    return thing if thing is not None and thing.kind == kind else None
