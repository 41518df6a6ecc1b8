"""Two customers that turn out to be one, and to be two after all."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commands.customer_merges import MergeCustomers, UnmergeCustomers
from commands.customers import (
    AssignCustomer,
    ChangeAddresses,
    ChangeEmails,
    ChangePersonDetails,
    ChangePhones,
    ChangeTaxId,
    ClassifyCustomer,
    DeactivateCustomer,
    ExternalReference,
    GiveConsent,
    LinkContact,
    LogInteraction,
    PostalAddress,
    ReactivateCustomer,
    RegisterCustomer,
    RenameCustomer,
    SetExternalId,
    SetParent,
    SetPreference,
    TagCustomer,
    UntagCustomer,
    VerifyCustomer,
    WithdrawConsent,
)
from domain.customer import Customer, CustomerInactive, CustomerMerged
from domain.merging import MergedWithItsParent, NotMerged, NotOfOneKind, OwnDuplicate, same
from domain.refusals import MoveOutOfOrder
from tests.scenario import Scenario

LI, WEI, ANN, ACME, GROUP, BO = (UUID(int=n) for n in range(51, 57))

li = RegisterCustomer(customer_id=LI, kind="person", name="Li Wei", emails=("li@home.cn",), phones=("+86 21 1",))
wei = RegisterCustomer(
    customer_id=WEI,
    kind="person",
    name="Wei Li",
    emails=("wei@work.cn",),
    phones=("+86 21 2", "+86 (21) 1"),
    tags=("vip",),
    tax_id="CN 7",
    external_ids=(ExternalReference(source="shop", id="7"),),
)
acme = RegisterCustomer(customer_id=ACME, kind="organisation", name="Acme")
group = RegisterCustomer(customer_id=GROUP, kind="organisation", name="Group")
merged = MergeCustomers(survivor_id=LI, merged_id=WEI)
unmerged = UnmergeCustomers(survivor_id=LI, merged_id=WEI)


@pytest.fixture
def crm():
    return Scenario()


def known(customer: Any, *, since: bool = True) -> dict[str, Any]:
    """What a customer is, but for how many events say so, and that it was once merged."""
    left_out = {"version", "modified_on", "now", "_pending", "moved_at", *(() if since else ("since",))}
    about_merging = {"merged_into", "handed_over"}
    state = {name: value for name, value in vars(customer).items() if name not in left_out}
    if since:
        state["since"] = {path: order for path, order in customer.since.items() if path not in about_merging}
    return state | {"standing since": customer.moved_at.get("standing")}


def test_the_survivor_takes_over_what_it_lacks_and_unites_what_is_a_list(crm):
    crm.given(li, wei).when(merged).then(Customer.Absorbed, Customer.MergedInto)
    survivor = crm.streams[LI]
    assert survivor.emails == ("wei@work.cn", "li@home.cn"), "the later word comes first"
    assert [phone.digits for phone in survivor.phones] == ["+86212", "+86211"]
    assert (survivor.name, survivor.tags, survivor.tax_id) == ("Wei Li", {"vip": True}, "CN 7")
    assert survivor.external_ids == {"shop": "7"}
    assert crm.streams[WEI].merged_into == LI
    assert crm.streams[WEI].name == "Wei Li", "its own stay as they are"


def test_what_must_be_unique_goes_over_and_comes_back(crm):
    crm.given(li, wei)
    both = crm.streams[LI].claims, crm.streams[WEI].claims
    crm.given(merged)
    assert (crm.streams[LI].claims, crm.streams[WEI].claims) == (both[0] | both[1], frozenset())
    crm.given(unmerged)
    assert (crm.streams[LI].claims, crm.streams[WEI].claims) == both


def test_what_the_survivor_does_not_take_over_stays_claimed_by_the_merged_one(crm):
    crm.given(li, wei, ChangeTaxId(customer_id=LI, tax_id="CN 8"), merged)
    assert ("tax-id", "cn8") in crm.streams[LI].claims
    assert crm.streams[WEI].claims == {("tax-id", "cn7")}


@pytest.mark.parametrize(
    ("trusted", "prefer", "name"),
    [
        ({}, {}, "Wei Li"),  # the later one
        ({WEI: 40}, {}, "Li Wei"),  # what a person told us is trusted more than an import
        ({WEI: 40, LI: 30}, {}, "Wei Li"),
        ({WEI: 40}, {"name": "merged"}, "Wei Li"),
        ({}, {"name": "survivor"}, "Li Wei"),
    ],
)
def test_of_two_names_the_one_preferred_else_trusted_more_else_later_counts(crm, trusted, prefer, name):
    crm.given(li, wei)
    crm.trusted = {id: {1: trust} for id, trust in trusted.items()}
    crm.given(MergeCustomers(survivor_id=LI, merged_id=WEI, prefer=prefer))
    assert crm.streams[LI].name == name


def test_a_team_goes_with_its_owner(crm):
    crm.given(
        li,
        wei,
        AssignCustomer(customer_id=LI, owner="anna", team="east"),
        AssignCustomer(customer_id=WEI, owner="bo"),
        merged,
    )
    assert (crm.streams[LI].owner, crm.streams[LI].team) == ("bo", None)


def test_of_two_words_on_a_consent_the_persons_later_one_counts_however_trusted(crm):
    crm.given(li, wei, GiveConsent(customer_id=LI, channel="sms"), GiveConsent(customer_id=WEI, channel="email"))
    crm.given(WithdrawConsent(customer_id=WEI, channel="sms"), WithdrawConsent(customer_id=LI, channel="post"))
    crm.trusted = {WEI: dict.fromkeys(range(1, 4), 1)}
    crm.given(merged)
    assert crm.streams[LI].consents == {"sms": "withdrawn", "email": "given", "post": "withdrawn"}


def test_what_only_one_of_them_says_is_kept_whatever_is_preferred(crm):
    crm.given(li, wei, MergeCustomers(survivor_id=LI, merged_id=WEI, prefer={"tax_id": "survivor"}))
    assert crm.streams[LI].tax_id == "CN 7"


@pytest.mark.parametrize(
    "command",
    [
        RenameCustomer(customer_id=WEI, name="Wei"),
        RenameCustomer(customer_id=WEI, name="Wei Li"),
        TagCustomer(customer_id=WEI, tag="vip"),
        LogInteraction(customer_id=WEI, channel="call", direction="in", subject="Hello"),
        DeactivateCustomer(customer_id=WEI),
        ReactivateCustomer(customer_id=WEI),
        VerifyCustomer(customer_id=WEI),
        merged,
        MergeCustomers(survivor_id=WEI, merged_id=LI),
        MergeCustomers(survivor_id=ANN, merged_id=WEI),
        MergeCustomers(survivor_id=WEI, merged_id=ANN),
        LinkContact(customer_id=ANN, contact_id=WEI, role="friend"),
        LogInteraction(customer_id=ANN, channel="call", direction="in", subject="Hello", contact_id=WEI),
    ],
    ids=str,
)
def test_a_merged_customer_takes_nothing_and_says_where_to_go_on(crm, command):
    crm.given(li, wei, RegisterCustomer(customer_id=ANN, kind="person", name="Ann"), merged)
    crm.when(command).then_refused(CustomerMerged, allowed=["unmerge-customers"])
    assert str(LI) in str(crm.refused)


def test_nobody_can_be_merged_into_themselves(crm):
    crm.given(li).when(MergeCustomers(survivor_id=LI, merged_id=LI)).then_refused(OwnDuplicate)


def test_a_person_and_an_organisation_are_two(crm):
    crm.given(li, acme).when(MergeCustomers(survivor_id=ACME, merged_id=LI)).then_refused(NotOfOneKind)


def test_a_deactivated_customer_may_be_merged_but_takes_nobody_over(crm):
    crm.given(li, wei, DeactivateCustomer(customer_id=WEI), merged)
    assert crm.streams[LI].active
    crm.given(unmerged, DeactivateCustomer(customer_id=LI)).when(merged).then_refused(CustomerInactive)


def test_an_organisation_is_not_merged_with_its_own_parent(crm):
    crm.given(acme, group, SetParent(customer_id=ACME, parent_id=GROUP))
    crm.when(MergeCustomers(survivor_id=ACME, merged_id=GROUP)).then_refused(MergedWithItsParent)
    crm.given(MergeCustomers(survivor_id=GROUP, merged_id=ACME))
    assert crm.streams[GROUP].parent is None
    assert crm.streams[ACME].parent == GROUP, "so that no circle of parents closes through it"


def test_a_merged_organisation_is_nobodys_new_parent(crm):
    child = RegisterCustomer(customer_id=ANN, kind="organisation", name="Child")
    crm.given(acme, group, child, MergeCustomers(survivor_id=GROUP, merged_id=ACME))
    crm.when(SetParent(customer_id=ANN, parent_id=ACME)).then_refused(CustomerMerged)


def test_contacts_are_those_of_both_but_neither_of_the_two_and_one_is_the_primary_one(crm):
    crm.given(li, wei, acme, group, RegisterCustomer(customer_id=ANN, kind="person", name="Ann"))
    crm.given(LinkContact(customer_id=ACME, contact_id=LI, role="owner", primary=True))
    crm.given(LinkContact(customer_id=GROUP, contact_id=ANN, role="buyer", primary=True))
    crm.given(LinkContact(customer_id=GROUP, contact_id=ACME, role="branch"))
    crm.given(MergeCustomers(survivor_id=ACME, merged_id=GROUP))
    survivor = crm.streams[ACME]
    assert survivor.contacts == {str(LI): "owner", str(ANN): "buyer"}
    assert survivor.primary_contacts == {str(LI): True}


def test_a_merge_is_not_dated_before_what_either_has_learned_since(crm):
    crm.given(li, wei)
    early = MergeCustomers(survivor_id=LI, merged_id=WEI, occurred_at=datetime(2020, 1, 1, tzinfo=UTC))
    crm.when(early).then_refused(MoveOutOfOrder)


def test_parting_is_not_dated_before_what_was_learned_while_merged_and_the_refusal_names_that(crm):
    crm.given(li, wei, merged)
    between = crm.occurred_at + timedelta(minutes=5)
    crm.given(RenameCustomer(customer_id=LI, name="Li W."))
    learned = crm.occurred_at
    crm.when(unmerged.model_copy(update={"occurred_at": between})).then_refused(MoveOutOfOrder)
    assert f"precedes what is known last of customer {LI}, at {learned.isoformat()}" in str(crm.refused)
    crm.when(unmerged.model_copy(update={"occurred_at": learned})).then(Customer.GaveBack, Customer.Unmerged)


def test_a_chain_is_parted_from_its_end(crm):
    ann = RegisterCustomer(customer_id=ANN, kind="person", name="Ann", emails=("ann@home.cn",))
    crm.given(li, wei, ann, merged, MergeCustomers(survivor_id=ANN, merged_id=LI))
    assert set(crm.streams[ANN].emails) == {"ann@home.cn", "li@home.cn", "wei@work.cn"}
    crm.when(unmerged).then_refused(CustomerMerged)
    crm.given(UnmergeCustomers(survivor_id=ANN, merged_id=LI), unmerged)
    assert [set(crm.streams[id].emails) for id in (ANN, LI, WEI)] == [{"ann@home.cn"}, {"li@home.cn"}, {"wei@work.cn"}]


def test_only_what_was_merged_is_parted(crm):
    crm.given(li, wei).when(unmerged).then_refused(NotMerged)
    crm.given(merged).when(UnmergeCustomers(survivor_id=WEI, merged_id=LI)).then_refused(NotMerged)
    crm.given(unmerged).when(unmerged).then_refused(NotMerged)


def test_what_was_changed_since_stays_and_is_named(crm):
    crm.given(li, wei, merged, RenameCustomer(customer_id=LI, name="Li W."), UntagCustomer(customer_id=LI, tag="vip"))
    crm.when(unmerged).then((Customer.GaveBack, {"kept": ("name", "tags.vip")}), Customer.Unmerged)
    assert crm.streams[LI].name == "Li W."
    assert crm.streams[LI].emails == ("li@home.cn",)


def test_a_list_that_was_changed_since_loses_only_what_belongs_to_the_other_one(crm):
    crm.given(li, wei, merged, ChangeEmails(customer_id=LI, emails=("new@home.cn", "wei@work.cn")))
    crm.when(unmerged).then((Customer.GaveBack, {"kept": ("emails",)}), Customer.Unmerged)
    assert crm.streams[LI].emails == ("new@home.cn",)
    assert crm.streams[WEI].emails == ("wei@work.cn",)


@pytest.mark.parametrize(
    "since", [ChangeTaxId(customer_id=LI, tax_id="cn-7"), ChangeEmails(customer_id=LI, emails=("wei@work.cn",))]
)
def test_what_was_changed_since_and_goes_back_to_the_other_one_is_not_named_as_kept(crm, since):
    crm.given(li, wei, merged, since)
    crm.when(unmerged).then((Customer.GaveBack, {"kept": ()}), Customer.Unmerged)


def test_what_was_learned_late_while_merged_counts_once_parted(crm):
    crm.given(li, wei)
    between = crm.occurred_at + timedelta(minutes=5)
    crm.given(merged, RenameCustomer(customer_id=LI, name="Li Wei of old", occurred_at=between))
    assert crm.streams[LI].name == "Wei Li"
    crm.given(unmerged)
    assert crm.streams[LI].name == "Li Wei of old"


def test_merged_parted_and_merged_again_is_merged(crm):
    crm.given(li, wei, merged)
    once = known(crm.streams[LI], since=False)
    crm.given(unmerged, merged)
    twice = known(crm.streams[LI], since=False)
    assert twice | {"absorbed": None} == once | {"absorbed": None}


WORDS = st.sampled_from([None, "a", "b"])
AGO = st.just(0) | st.integers(0, 40)


def some(*values: Any, most: int = 2) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(st.sampled_from(values), unique=True, max_size=most).map(tuple)


def lives(id: UUID, *emails: str) -> st.SearchStrategy[list[Any]]:
    """Anything that may be asked of a customer, each so many hours ago. E-mails and ids of its own: the log sees to it
    that no two have the same."""

    def asked(command: Any, **values: Any) -> st.SearchStrategy[Any]:
        return st.tuples(st.just(command), st.fixed_dictionaries({"customer_id": st.just(id), **values}), AGO)

    tag, channel = st.sampled_from(["a", "b", "c"]), st.sampled_from(["email", "sms"])
    contact = st.sampled_from([ACME, GROUP, *({LI, WEI, ANN} - {id})])
    return st.lists(
        st.one_of(
            asked(RenameCustomer, name=st.sampled_from(["Li", "Wei", "Li Wei"])),
            asked(ChangeEmails, emails=some(*emails)),
            asked(ChangePhones, phones=some("+86 21 1", "+86 (21) 1", "0044 20", "555")),
            asked(ChangeAddresses, addresses=some(PostalAddress(city="上海"), PostalAddress(city="北京"))),
            asked(
                ChangePersonDetails,
                birthday=st.sampled_from([None, date(1990, 1, 1), date(1991, 1, 1)]),
                sex=st.sampled_from([None, "female"]),
            ),
            asked(ChangeTaxId, tax_id=st.sampled_from([None, *emails])),
            asked(SetExternalId, source=st.sampled_from(["shop", "erp"]), external_id=st.sampled_from([None, *emails])),
            asked(ClassifyCustomer, tier=WORDS),
            asked(ClassifyCustomer, region=WORDS, size=WORDS),
            asked(TagCustomer, tag=tag),
            asked(UntagCustomer, tag=tag),
            asked(SetPreference, preference=tag, value=WORDS),
            asked(GiveConsent, channel=channel),
            asked(WithdrawConsent, channel=channel),
            asked(AssignCustomer, owner=WORDS, team=WORDS),
            asked(SetParent, parent_id=st.sampled_from([None, ACME, GROUP])),
            asked(LinkContact, contact_id=contact, role=tag, primary=st.booleans()),
            asked(DeactivateCustomer),
            asked(ReactivateCustomer),
            asked(VerifyCustomer),
        ),
        max_size=12,
    )


def company(*lived: list[Any], crm: Scenario | None = None) -> Scenario:
    """Three persons (and who is there already) after these lives; whatever is refused is left out."""
    crm = crm or Scenario()
    for id, kind in ((ACME, "organisation"), (GROUP, "organisation"), (LI, "person"), (WEI, "person"), (ANN, "person")):
        crm.given(RegisterCustomer(customer_id=id, kind=kind, name=f"the {kind}"))
    for life in lived:
        live(crm, life)
    crm.given(ReactivateCustomer(customer_id=LI, occurred_at=later(crm)))
    return crm


def live(crm: Scenario, life: list[Any]) -> None:
    for command, values, ago in life:
        crm.when(command(**values, occurred_at=later(crm) - ago * timedelta(hours=1)))


def later(crm: Scenario) -> datetime:
    """An hour after all that ever happened."""
    return max((event.timestamp for event in crm.history), default=crm.occurred_at) + timedelta(hours=1)


def asks(crm: Scenario, kind: Any, merged_id: UUID = WEI, **values: Any) -> None:
    crm.given(kind(survivor_id=LI, merged_id=merged_id, **values, occurred_at=later(crm)))


def states(crm: Scenario, *, since: bool = True) -> list[dict[str, Any]]:
    return [known(crm.streams[id], since=since) for id in (LI, WEI, ANN)]


PREFER = st.dictionaries(
    st.sampled_from(["name", "emails", "tax_id", "external_ids", "owner", "parent_id", "contacts"]),
    st.sampled_from(["survivor", "merged"]),
    max_size=3,
)
TRUSTED = st.dictionaries(st.integers(1, 12), st.sampled_from([0, 50, 100]))
OF_LI = lives(LI, "li@home.cn", "li@work.cn")
OF_WEI = lives(WEI, "wei@home.cn", "wei@work.cn")
OF_ANN = lives(ANN, "ann@home.cn", "ann@work.cn")


@settings(max_examples=60, deadline=None)
@given(one=OF_LI, other=OF_WEI, prefer=PREFER, trusted=TRUSTED)
def test_whatever_two_lives_were_merged_and_parted_both_are_as_before(one, other, prefer, trusted):
    crm = company(one, other)
    crm.trusted = {LI: trusted, WEI: {}}
    before = states(crm)
    asks(crm, MergeCustomers, prefer=prefer)
    assert crm.streams[WEI].merged_into == LI
    asks(crm, UnmergeCustomers)
    assert states(crm) == before
    for id in (LI, WEI):
        again = Customer.fold(id, [event for event in crm.history if event.originator_id == id])
        assert known(again) == known(crm.streams[id])


@settings(max_examples=60, deadline=None)
@given(one=OF_LI, other=OF_WEI, since=lives(LI, "li@home.cn", "wei@home.cn", "new@home.cn"))
def test_whatever_was_said_while_merged_stays_and_nothing_else(one, other, since):
    crm = company(one, other)
    before = known(crm.streams[WEI])
    asks(crm, MergeCustomers)
    live(crm, since)
    asks(crm, UnmergeCustomers)
    assert known(crm.streams[WEI]) == before
    never = Customer(LI)
    for event in crm.history:
        if event.originator_id == LI and not isinstance(event, Customer.Absorbed | Customer.GaveBack):
            event.apply(never)
    was, is_ = known(never, since=False), known(crm.streams[LI], since=False)
    theirs = crm.streams[WEI]
    assert not crm.streams[LI].claims & theirs.claims, "what belongs to the other one has gone back"
    for field in ("emails", "phones", "addresses", "tax_id", "external_ids"):
        left, said = is_.pop(field), was.pop(field)
        if field in ("tax_id",):
            assert left == said or (left is None and said == theirs.tax_id)
        elif field == "external_ids":
            assert left.items() <= said.items()
            assert said.items() - left.items() <= theirs.external_ids.items()
        else:
            assert set(left) <= set(said)
            gone = {same(field, entry) for entry in set(said) - set(left)}
            assert gone <= {same(field, entry) for entry in getattr(theirs, field)}
    assert is_ == was


def test_what_belongs_to_the_other_goes_back_though_it_was_said_of_a_day_before_the_merge():
    shop = {"source": "shop", "external_id": "17"}
    crm = company([(SetExternalId, {"customer_id": WEI, **shop}, 0)])
    asks(crm, MergeCustomers)
    live(crm, [(SetExternalId, {"customer_id": LI, **shop}, 2)])
    asks(crm, UnmergeCustomers)
    assert (crm.streams[LI].external_ids, crm.streams[WEI].external_ids) == ({}, {"shop": "17"})


@settings(max_examples=60, deadline=None)
@given(lived=st.tuples(OF_LI, OF_WEI, OF_ANN), order=st.permutations([WEI, ANN]))
def test_of_several_that_were_merged_each_can_be_parted_first(lived, order):
    crm = company(*lived)
    before = states(crm, since=False)
    for id in (WEI, ANN):
        asks(crm, MergeCustomers, id)
    for id in order:
        asks(crm, UnmergeCustomers, id)
    assert states(crm, since=False) == before


@settings(max_examples=60, deadline=None)
@given(lived=st.tuples(OF_LI, OF_WEI, OF_ANN), order=st.permutations([WEI, ANN]))
def test_what_several_that_were_merged_have_in_common_stays_until_all_of_them_are_parted(lived, order):
    crm = company(*lived)
    before = states(crm, since=False)
    for id in (WEI, ANN):
        asks(crm, MergeCustomers, id)
    for id, remaining in zip(order, (order[1:], []), strict=True):
        asks(crm, UnmergeCustomers, id)
        for other in remaining:
            assert crm.streams[other].tags.keys() <= crm.streams[LI].tags.keys()
            for field in ("phones", "addresses"):
                theirs, left = (
                    {same(field, entry) for entry in getattr(crm.streams[one], field)} for one in (other, LI)
                )
                assert theirs <= left, field
    assert states(crm, since=False) == before


def test_a_tag_and_a_number_that_two_merged_customers_share_go_with_the_last_of_them(crm):
    shared = {"tags": ("vip",), "phones": ("+86 21 9",), "region": "east"}
    ann = RegisterCustomer(customer_id=ANN, kind="person", name="Ann", **shared)
    bo = RegisterCustomer(customer_id=WEI, kind="person", name="Bo", **shared)
    crm.given(li, bo, ann, merged, MergeCustomers(survivor_id=LI, merged_id=ANN))
    for parted, left in ((WEI, {"vip"}), (ANN, set())):
        crm.given(UnmergeCustomers(survivor_id=LI, merged_id=parted))
        survivor = crm.streams[LI]
        assert survivor.tags.keys() == left
        assert [phone.digits for phone in survivor.phones] == ["+86211", *(["+86219"] if left else [])]
        assert survivor.region == ("east" if left else None)


def test_of_what_nobody_else_says_any_more_those_that_stay_merged_are_heard(crm):
    bo = RegisterCustomer(customer_id=WEI, kind="person", name="Bo", region="east", tax_id="CN 7", owner="bo")
    some = {"region": "west", "tax_id": "CN 8", "owner": "an", "team": "t"}
    ann = RegisterCustomer(customer_id=ANN, kind="person", name="Ann", **some)
    crm.given(li, bo, ann, WithdrawConsent(customer_id=WEI, channel="sms"), GiveConsent(customer_id=ANN, channel="sms"))
    before = known(crm.streams[LI], since=False)
    crm.given(MergeCustomers(survivor_id=LI, merged_id=ANN), merged)
    survivor = crm.streams[LI]
    assert (survivor.region, survivor.owner, survivor.consents) == ("west", "an", {"sms": "given"})
    crm.given(UnmergeCustomers(survivor_id=LI, merged_id=ANN))
    survivor = crm.streams[LI]
    assert (survivor.region, survivor.owner, survivor.team, survivor.consents) == (
        "east",
        "bo",
        None,
        {"sms": "withdrawn"},
    )
    assert survivor.tax_id is None, "whose it is has it alone"
    crm.given(unmerged)
    assert known(crm.streams[LI], since=False) == before


TURNS = st.lists(st.sampled_from([WEI, ANN, BO]), min_size=2, max_size=9)
SINGLE = ("birthday", "sex", "industry", "region", "size", "tier", "source")


@settings(max_examples=60, deadline=None)
@given(lived=st.tuples(OF_LI, OF_WEI, OF_ANN, lives(BO, "bo@home.cn", "bo@work.cn")), turns=TURNS)
def test_in_whatever_turns_they_are_merged_and_parted_all_are_at_last_as_before(lived, turns):
    crm = Scenario()
    crm.given(RegisterCustomer(customer_id=BO, kind="person", name="Bo"))
    crm = company(*lived, crm=crm)
    own, before = crm.streams[LI].copied(None), states(crm, since=False)
    within = set[UUID]()
    for id in turns:
        asks(crm, UnmergeCustomers if id in within else MergeCustomers, id)
        within ^= {id}
        survivor, others = crm.streams[LI], [crm.streams[one] for one in within]
        for field in SINGLE:
            if getattr(own, field) is None:
                said = {getattr(one, field) for one in others} - {None}
                assert getattr(survivor, field) in (said or {None}), field
        for channel in ("email", "sms"):
            said = {one.consents.get(channel) for one in (own, *others)} - {None}
            assert survivor.consents.get(channel) in (said or {None})
    for id in within:
        asks(crm, UnmergeCustomers, id)
    assert states(crm, since=False) == before
