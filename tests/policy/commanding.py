"""What may be asked of whom: which action each command takes, of which kind it is and what it names, written down a
second time."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from domain.pipeline import DEFAULT_PIPELINE_ID
from tests.policy import rules
from tests.policy.company import ASKED_FOR, ORGANISATION, RECORDS, TARGET_ID, Company, Person
from tests.policy.world import World

BY_KIND = {
    "customer": "register-customer rename-customer change-emails change-phones change-addresses change-person-details"
    " change-tax-id set-external-id classify-customer tag-customer untag-customer set-preference give-consent"
    " withdraw-consent assign-customer set-parent link-contact unlink-contact log-interaction verify-customer"
    " deactivate-customer reactivate-customer merge-customers unmerge-customers",
    "opportunity": "open-opportunity link-opportunity-to-customer rename-opportunity move-opportunity change-amount"
    " change-close-date change-forecast-category set-product-lines add-competitor remove-competitor assign-opportunity"
    " win-opportunity lose-opportunity reopen-opportunity",
    "order": "place-order amend-order assign-order confirm-order hold-order release-order ship-order deliver-order"
    " invoice-order record-payment request-return receive-return refund-order cancel-order close-order",
    "ticket": "open-ticket assign-ticket reply-to-ticket pause-ticket resume-ticket change-ticket-priority"
    " escalate-ticket resolve-ticket close-ticket reopen-ticket merge-ticket record-satisfaction",
    "pipeline": "publish-pipeline amend-pipeline",
    "target": "set-target withdraw-target",
    "channel_cost": "record-channel-cost",
    "import": "start-import cancel-import revert-import",
    "export": "cancel-export",
    "scoring_run": "score-customers score-opportunities",
    "saved_query": "save-query change-query schedule-query unschedule-query delete-query",
    "user": "register-user give-handle rename-user change-user-email link-identity unlink-identity assign-role"
    " revoke-role deactivate-user reactivate-user add-to-team remove-from-team set-manager",
    "team": "found-team rename-team put-team-within dissolve-team",
    "tenant": "name-tenant set-policy",
    "api_key": "revoke-key",
    "any": "share unshare undo-events",
}
KINDS = {name: kind for kind, names in BY_KIND.items() for name in names.split()}
"""Of what each command is; `any`: of what the record is that it names."""

MAKES = {
    *("register-customer", "open-opportunity", "place-order", "open-ticket", "publish-pipeline", "score-customers"),
    *("score-opportunities", "save-query", "register-user", "found-team"),
}
CHANGES_BOTH = {"merge-customers", "unmerge-customers", "merge-ticket"}
"""Of which not only the one that they are about becomes another."""

NO_LONGER = {"unlink-contact": "contact_id", "remove-from-team": "team_id"}
"""What is named only so that the record names it no longer."""

NAMES = {
    **dict.fromkeys(("customer_id", "contact_id", "parent_id", "survivor_id", "merged_id"), "customer"),
    **dict.fromkeys(("ticket_id", "into_id"), "ticket"),
    **dict.fromkeys(("user_id", "manager_id"), "user"),
    **dict.fromkeys(("team_id", "within_id"), "team"),
    **{f"{kind}_id": kind for kind in ("opportunity", "order", "pipeline", "target", "import", "export")},
    **{"run_id": "scoring_run", "query_id": "saved_query", "key_id": "api_key"},
}
"""Fields that name a record, and of which kind."""


def action_of(kind: str) -> str:
    if kind in ORGANISATION:
        return "administer"
    return "read" if kind == "saved_query" else "write"


def refused(world: World, person: Person, command: str, body: dict[str, Any]) -> int | None:
    """With which status somebody is turned away (rules 16 and 17); None where it is for the business to decide."""
    company = world.company
    if not person.active:
        return 401
    named = named_in(command, body)
    kind = KINDS[command] if KINDS[command] != "any" else named[0][0]
    action = action_of(kind)
    if action not in person.scopes or rules.scope_of(company, person, kind, action) is None:
        return 403
    for number, (its, id) in enumerate(named):
        if not shown(company, person, its, id):
            return 404
        if number == 0 and command not in MAKES and not changeable(company, person, its, id, action):
            return 403
        if number == 0 and (thing := company.things.get(id)) and thing.retracted:
            return None  # it takes no commands, whatever else they name
    if command in CHANGES_BOTH and not all(changeable(company, person, its, id, action) for its, id in named):
        return 403
    return None


def named_in(command: str, body: dict[str, Any]) -> list[tuple[str, UUID]]:
    """The records that a command names, the one that it is about first; not the one that it makes."""
    if KINDS[command] == "any":
        besides = [(body["whom"], UUID(body["whom_id"]))] if command == "share" else []
        return [(body["stream"], UUID(body["id"])), *besides]
    own = {"scoring_run": "run_id", "saved_query": "query_id", "api_key": "key_id"}
    made = own.get(KINDS[command], f"{KINDS[command]}_id") if command in MAKES else None
    apart = {made, NO_LONGER.get(command)}
    fields = [name for name in body if name in NAMES and name not in apart and body[name] is not None]
    return [(NAMES[name], UUID(body[name])) for name in fields]


def shown(company: Company, person: Person, kind: str, id: UUID) -> bool:
    if kind in (*RECORDS, *ASKED_FOR, "user", "api_key"):
        thing = rules.record_of(company, kind, id)
        return thing is not None and rules.sees(company, person, thing)
    if kind == "saved_query":
        return any(one.id == id and (one.shared or one.owner == person.id) for one in company.queries)
    there = id in {team.id for team in company.teams} if kind == "team" else id in (DEFAULT_PIPELINE_ID, TARGET_ID)
    return there and (rules.sees_any(company, person, kind) or (kind == "pipeline" and not company.sells_its_own_way))


def changeable(company: Company, person: Person, kind: str, id: UUID, action: str) -> bool:
    thing = rules.record_of(company, kind, id)
    return thing is None or rules.sees(company, person, thing, action)


def acts_at_all(company: Company, person: Person, action: str) -> bool:
    """Whether there is anything that somebody may do this with."""
    if action not in person.scopes:
        return False
    return any(rule.get(action) for role in person.roles for rule in company.rules.get(role, {}).values())
