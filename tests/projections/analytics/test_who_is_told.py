"""Who is told which facts: whom the policy shows every record that they are about, and keeps nothing in them from."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest

from domain.policy import SHARED, Asker, Forbidden, sights
from eventlog.envelope import Caller
from eventlog.policies import policy_of
from projections.analytics import FACTS, VIEWS
from projections.analytics.sandbox.running import tables_of
from projections.analytics.views import View
from projections.analytics.views.view import scope, told_to

EVERYTHING = {"read": "all"}
ADMINISTRATOR = {"user, team, tenant, api_key": {"read": "all", "administer": "all"}}


def caller(*roles: str, **rules: dict[str, object]) -> Caller:
    """One of these roles, by the policy that comes with Kronika; or an analyst by these rules."""
    said = {"kronika": "policy/1", "roles": {"analyst": rules, "administrator": ADMINISTRATOR}}
    policy = policy_of(json.dumps(said) if rules else None)
    return Caller("acme", "li", sights=sights(policy, Asker(roles=frozenset(roles or ("analyst",)))))


def told(caller: Caller) -> set[str]:
    return {name for name, fact in FACTS.items() if told_to(caller, fact)}


def test_analysts_who_see_no_names_are_told_every_fact():
    assert told(caller("analyst")) == told(caller("auditor")) == told(Caller("acme", "operator")) == set(FACTS)


def test_who_sees_the_records_of_some_is_told_no_fact_about_any():
    about_nobody = {name for name, fact in FACTS.items() if not fact.about}
    assert told(caller("sales_representative")) == told(caller("manager")) == about_nobody


def test_who_reads_all_of_one_kind_is_told_the_facts_about_that_kind_alone():
    assert told(caller(order=EVERYTHING, customer={"read": "team"})) == {
        name for name, fact in FACTS.items() if set(fact.about) <= {"order"}
    }


def test_what_is_kept_from_somebody_is_not_told_by_a_fact_either():
    whole = dict.fromkeys(SHARED, EVERYTHING)
    for how in ("hide", "mask"):
        some = told(caller(**whole | {"opportunity": EVERYTHING | {how: ["amount"]}}))
        assert not some & {"stage_moves", "opportunity_terms"}
        assert {"order_steps", "ticket_steps", "offered_lines"} <= some
    assert "order_lines" not in told(caller(**whole | {"order": EVERYTHING | {"hide": ["lines"]}}))
    assert told(caller(**whole | {"customer": EVERYTHING | {"hide": ["personal"]}})) == set(FACTS)


def test_a_view_that_rests_on_what_is_not_told_is_forbidden():
    some = caller(order=EVERYTHING, customer=EVERYTHING)
    views = {name: view.model_construct() for name, view in VIEWS.items() if not required(view)}
    told_of_orders = set()
    for name, view in views.items():
        with suppress(Forbidden):
            scope(some, view, FACTS)
            told_of_orders.add(name)
        scope(caller("analyst"), view, FACTS)
    assert {"revenue", "receivables_ageing"} <= told_of_orders
    assert {"funnel", "service_quality"} <= views.keys() - told_of_orders


def required(view: type[View]) -> bool:
    return any(field.is_required() for field in view.model_fields.values())


def test_a_query_has_no_table_that_is_made_of_what_is_not_told():
    assert "deals" in tables_of(FACTS)
    tables = tables_of(told(caller(order=EVERYTHING)))
    assert "payments" in tables
    assert not set(tables) & {"deals", "stage_moves", "ticket_steps", "events"}


@pytest.mark.parametrize("fact", FACTS.values(), ids=lambda fact: fact.name)
def test_of_every_fact_it_is_known_what_it_is_about(fact):
    assert set(fact.about) <= set(SHARED)
    assert fact.about or fact.name in ("stages", "targets", "channel_costs")
