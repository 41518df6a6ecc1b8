"""The policy: what its text may say, and whom it lets see, change and be told what."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.aggregate import field_names
from domain.policy import COMMON, KINDS, SHARED, Asker, Extent, Record, permitted, sights
from domain.roles import ACTIONS, ROLES
from domain.telling import RESTRICTABLE, TELLS, WHATEVER, events_of, nameable, named_in, personal, untold
from eventlog.codec import event_types
from eventlog.policies import DEFAULT_TEXT, PolicyError, load_policy, policy_of
from projections import RESOURCES
from projections.sight import BELONGING, OF_KIND
from projections.stream_rows import STREAM_COLUMNS
from tests.golden import sample_event

WORDS = st.sampled_from(["li", "wu", "wang", "north", "south", None])
WORD_SETS = st.frozensets(st.sampled_from(["li", "wu", "wang", "north", "south"]))
ROLE_SETS = st.frozensets(st.sampled_from(ROLES))
PARTIES = st.sampled_from(["user:li", "user:wu", "team:north"])
RECORDS = st.builds(Record, WORDS, WORDS, st.dictionaries(PARTIES, st.sampled_from(["read", "write"]), max_size=2))
ASKERS = st.builds(Asker, ROLE_SETS, WORD_SETS, WORD_SETS, WORD_SETS, st.frozensets(PARTIES))

DEFAULT = policy_of(None)

SAID_BY_ITS_TYPE = {"state", "active", "cycle"}
"""What follows from the type of an event, which everybody is told."""


def text(**roles: str) -> str:
    """A policy with these roles besides the administrator."""
    administrator = "administrator:\n    user, team, tenant, api_key: {read: all, administer: all}\n"
    others = "".join(f"  {role}:\n    {rules}\n" for role, rules in roles.items())
    return f"kronika: policy/1\nroles:\n  {administrator}{others}"


def asker(*roles: str, **known: frozenset[str]) -> Asker:
    return Asker(frozenset(roles), **known)


@given(ASKERS, RECORDS, st.sampled_from(SHARED))
def test_more_roles_never_let_see_or_change_fewer_records(who, record, kind):
    for role in ROLES:
        more = Asker(who.roles | {role}, who.names, who.teams, who.below, who.parties)
        for action in ("read", "write"):
            before, after = (sights(DEFAULT, one)[kind].lets(action, record) for one in (who, more))
            assert after >= before


@given(ASKERS, RECORDS, st.sampled_from(KINDS))
def test_who_may_change_a_record_may_see_it(who, record, kind):
    sight = sights(DEFAULT, who)[kind]
    assert sight.lets("read", record) >= sight.lets("write", record)


@given(ASKERS, RECORDS)
def test_a_representative_sees_what_is_its_own_or_shared_with_it_and_nothing_else(who, record):
    sight = sights(DEFAULT, Asker(frozenset({"sales_representative"}), who.names, who.teams, who.below, who.parties))
    mine = record.owner in who.names or not who.parties.isdisjoint(record.shared_with)
    assert sight["customer"].lets("read", record) == mine


@given(ASKERS, RECORDS)
def test_a_manager_sees_besides_what_those_below_and_its_teams_have(who, record):
    sight = sights(DEFAULT, Asker(frozenset({"manager"}), who.names, who.teams, who.below))
    assert sight["order"].lets("read", record) == (record.owner in who.names | who.below or record.team in who.teams)


def test_what_is_nobodys_is_seen_by_who_sees_all():
    nobodys = Record()
    assert sights(DEFAULT, asker("director"))["customer"].lets("read", nobodys)
    assert not sights(DEFAULT, asker("manager", names=frozenset({"li"})))["customer"].lets("read", nobodys)


def test_purchasing_and_sales_do_not_see_each_others_things():
    assert not sights(DEFAULT, asker("purchasing"))["opportunity"].may("read")
    assert sights(DEFAULT, asker("purchasing"))["order"].everything
    assert not sights(DEFAULT, asker("support"))["order"].may("read")


def test_who_only_looks_on_changes_nothing_and_only_the_administrator_administers():
    assert permitted(DEFAULT, ["auditor", "analyst"]) == {"read"}
    assert [role for role in ROLES if "administer" in permitted(DEFAULT, [role])] == ["administrator"]
    assert permitted(DEFAULT, []) == permitted(DEFAULT, ["unheard of"]) == frozenset()
    assert set(DEFAULT.roles) == set(ROLES)
    assert permitted(DEFAULT, ROLES) == ACTIONS


def test_a_share_lets_read_only_where_the_roles_read_that_kind_at_all():
    shared, parties = Record(shared_with={"user:li": "write"}), frozenset({"user:li"})
    assert sights(DEFAULT, asker("sales_representative", parties=parties))["opportunity"].lets("write", shared)
    assert not sights(DEFAULT, asker("purchasing", parties=parties))["opportunity"].lets("read", shared)
    assert not sights(DEFAULT, asker("auditor", parties=parties))["opportunity"].lets("write", shared)


def test_of_several_roles_those_that_read_most_say_which_fields_are_told():
    policy = load_policy(
        text(
            manager="customer: {read: team, hide: [tax_id]}",
            support="customer: {read: all, hide: [birthday], mask: [phones]}",
            director="customer: {read: all, mask: [birthday, region]}",
        )
    )
    both = sights(policy, asker("manager", "support", "director"))["customer"]
    assert (both.hidden, both.masked) == (frozenset(), {"birthday"})
    one = sights(policy, asker("manager", "support"))["customer"]
    assert (one.hidden, one.masked) == ({"birthday"}, {"phones"})


def test_the_widest_scope_counts_for_reading_and_for_writing_each():
    policy = load_policy(text(auditor="order: {read: all}", manager="order: {read: team, write: own}"))
    sight = sights(policy, asker("auditor", "manager", names=frozenset({"li"}), teams=frozenset({"north"})))["order"]
    assert sight.everything
    assert sight.extents["write"] == Extent(owners=frozenset({"li"}))


@pytest.mark.parametrize(
    ("rules", "fault"),
    [
        ("customer: {read: own, write: all}", "5:5: write: nobody writes more of customer than it reads"),
        ("customer: {read: everything}", "6:16: read: Input should be"),
        ("costumer: {read: own}", "6:5: costumer: there is nothing of the kind 'costumer'"),
        ("customer: {red: own}", "6:16: red: Extra inputs are not permitted"),
        ("customer: {read: own, hide: [tax]}", "6:27: hide: customer has no field 'tax' to hide"),
        ("pipeline: {read: own}", "6:16: read: pipeline is nobody's own; say all"),
        ("user: {read: all, write: all}", "6:23: write: user is not written; say administer"),
        ("customer: {read: all, administer: all}", "6:27: administer: customer is not administered; say write"),
        ("order, order: {read: all}", "6:5: order, order: manager has another rule for order"),
    ],
)
def test_a_text_that_makes_no_sense_is_refused_with_the_line(rules, fault):
    with pytest.raises(PolicyError) as error:
        load_policy(text(manager=rules))
    assert any(fault.partition(":")[2].partition(":")[2] in one for one in error.value.faults), error.value.faults
    assert all(one.startswith(("policy:6:", "policy:5:")) for one in error.value.faults)


def test_the_administrator_can_always_mend_the_policy():
    without = DEFAULT_TEXT.replace("user, team, tenant, api_key: {read: all, administer: all}", "user: {read: all}")
    with pytest.raises(PolicyError, match="reads and administers every tenant"):
        load_policy(without)
    assert set(policy_of("no policy").roles) == {"administrator"}


def test_every_kind_of_record_is_the_policys():
    assert set(OF_KIND) <= set(KINDS)
    assert {resource.stream for resource in RESOURCES} <= set(KINDS)
    assert set(BELONGING) == set(KINDS) - set(COMMON)


def test_every_field_that_a_list_shows_can_be_named():
    for resource in RESOURCES:
        if resource.stream in RESTRICTABLE and resource.key == ("id",):
            told = set(resource.fields) - set(STREAM_COLUMNS)
            always = {"owner", "team", "shared_with", "customer_id", "opportunity_id", "order_id", "pipeline_id"}
            assert told - nameable(resource.stream) <= always | {"parent_id", "merged_into"}, resource.name


def test_what_an_event_changes_it_says_by_the_same_name_or_is_known_to_tell():
    """Else what is hidden in a list would be read in the history."""
    for known in event_types().values():
        if known.stream_type not in RESTRICTABLE or not field_names(known.event_class):
            continue
        names = {*field_names(known.event_class), *TELLS.get(known.event_class, ())}
        changed = {path[0] for path, value in sample_event(known).changes().items() if value is not None}
        untold_by_name = changed & nameable(known.stream_type) - names - SAID_BY_ITS_TYPE
        assert not untold_by_name or WHATEVER in names, (known.name, untold_by_name)


def test_who_is_not_told_what_is_personal_reads_none_of_it_in_any_event():
    for kind, aggregate in RESTRICTABLE.items():
        for event in events_of(aggregate):
            said = personal(kind) & set(field_names(event))
            assert said <= untold(event, named_in(kind, ["personal"]))
    assert {"name", "emails", "note", "given", "preferences"} <= personal("customer")


def test_a_handle_is_no_id():
    from commands.users import GiveHandle

    with pytest.raises(ValueError, match="no id"):
        GiveHandle(user_id=UUID(int=1), handle=str(UUID(int=2)))
