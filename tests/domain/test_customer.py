"""Customers: who they are, what they allow, and what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

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
    UnlinkContact,
    UntagCustomer,
    VerifyCustomer,
    WithdrawConsent,
)
from commands.opportunities import OpenOpportunity
from commands.orders import PlaceOrder
from domain.aggregate import Fact
from domain.customer import (
    CORRECTIONS,
    Customer,
    CustomerInactive,
    NotAPerson,
    OwnContact,
    OwnParent,
    ParentIsAPerson,
    SecondPrimaryContact,
)
from domain.refusals import MoveOutOfOrder
from domain.values import Address, Phone
from tests.domain.anything import ID, events_of, happenings, known, stream
from tests.scenario import Scenario

ACME, LI, WANG, GROUP = (UUID(int=n) for n in range(11, 15))

acme = RegisterCustomer(customer_id=ACME, kind="organisation", name="Acme", emails=("info@acme.example",))
li = RegisterCustomer(
    customer_id=LI, kind="person", name="李伟", emails=("Li.Wei@Example.COM",), phones=("+86 21 5555",)
)
wang = RegisterCustomer(customer_id=WANG, kind="person", name="王芳")
group = RegisterCustomer(customer_id=GROUP, kind="organisation", name="Acme Group")


@pytest.fixture
def crm():
    return Scenario()


def early(month: int, day: int = 1) -> datetime:
    return datetime(2020, month, day, tzinfo=UTC)


def test_a_customer_is_registered_with_everything_known(crm):
    crm.when(li).then(
        (
            Customer.Registered,
            {
                "kind": "person",
                "name": "李伟",
                "emails": ("Li.Wei@example.com",),
                "phones": (Phone("+86 21 5555", "+86215555"),),
                "tags": (),
            },
        )
    )


def test_a_customer_claims_its_emails_tax_id_and_external_ids(crm):
    crm.given(
        li,
        ChangeTaxId(customer_id=LI, tax_id="DE 123.456-789"),
        SetExternalId(customer_id=LI, source="Shop", external_id="A:7"),
    )
    assert crm.streams[LI].claims == {
        ("email", "li.wei@example.com"),
        ("tax-id", "de123456789"),
        ("external-id", "shop:A:7"),
    }
    crm.given(
        ChangeEmails(customer_id=LI, emails=()),
        ChangeTaxId(customer_id=LI, tax_id=None),
        SetExternalId(customer_id=LI, source="shop", external_id=None),
    )
    assert crm.streams[LI].claims == frozenset()


def test_the_external_ids_and_tags_of_a_registration_are_as_good_as_later_ones(crm):
    crm.given(
        RegisterCustomer(
            customer_id=LI,
            kind="person",
            name="Li",
            tags=("vip", "vip"),
            external_ids=(ExternalReference(source="shop", id="7"),),
        )
    )
    crm.when(TagCustomer(customer_id=LI, tag="vip")).then()
    crm.when(SetExternalId(customer_id=LI, source="shop", external_id="7")).then()
    crm.when(UntagCustomer(customer_id=LI, tag="vip")).then(Customer.Untagged)


@pytest.mark.parametrize(
    "command",
    [
        RenameCustomer(customer_id=LI, name="李薇"),
        ChangeEmails(customer_id=LI, emails=("new@example.com",)),
        ChangePhones(customer_id=LI, phones=("0044 20 7946 0000",)),
        ChangeAddresses(customer_id=LI, addresses=(PostalAddress(city="上海"),)),
        ChangePersonDetails(customer_id=LI, birthday=date(1990, 5, 1), sex="female"),
        ChangeTaxId(customer_id=LI, tax_id="1"),
        SetExternalId(customer_id=LI, source="shop", external_id="1"),
        ClassifyCustomer(customer_id=LI, tier="gold"),
        TagCustomer(customer_id=LI, tag="vip"),
        SetPreference(customer_id=LI, preference="language", value="zh"),
        GiveConsent(customer_id=LI, channel="email"),
        WithdrawConsent(customer_id=LI, channel="sms"),
        AssignCustomer(customer_id=LI, owner="anna", team="east"),
        SetParent(customer_id=LI, parent_id=GROUP),
        LinkContact(customer_id=LI, contact_id=WANG, role="assistant"),
        DeactivateCustomer(customer_id=LI),
    ],
    ids=lambda command: type(command).__name__,
)
def test_saying_the_same_again_records_nothing(crm, command):
    crm.given(li, wang, group).when(command)
    assert len(crm.recorded) == 1
    crm.when(command).then()


def test_what_never_was_cannot_be_taken_away(crm):
    crm.given(acme, li)
    crm.when(UntagCustomer(customer_id=ACME, tag="vip")).then()
    crm.when(UnlinkContact(customer_id=ACME, contact_id=LI)).then()
    crm.when(SetPreference(customer_id=ACME, preference="brand", value=None)).then()
    crm.when(SetParent(customer_id=ACME, parent_id=None)).then()
    crm.when(ReactivateCustomer(customer_id=ACME)).then()


def test_a_name_from_earlier_is_recorded_and_does_not_displace_the_present_one(crm):
    crm.given(acme)
    crm.when(RenameCustomer(customer_id=ACME, name="Acme Old", occurred_at=early(1))).then(Customer.Renamed)
    assert crm.streams[ACME].name == "Acme"


def test_that_a_value_was_so_earlier_already_is_worth_recording(crm):
    crm.given(acme)
    crm.when(RenameCustomer(customer_id=ACME, name="Acme", occurred_at=early(1))).then(Customer.Renamed)


def test_classifying_says_one_dimension_at_a_time_and_leaves_the_others(crm):
    crm.given(acme, ClassifyCustomer(customer_id=ACME, industry="retail", tier="gold"))
    crm.when(ClassifyCustomer(customer_id=ACME, tier=None)).then(
        (Customer.Classified, {"dimension": "tier", "value": None})
    )
    assert crm.streams[ACME].industry == "retail"


def test_consent_is_kept_per_channel(crm):
    crm.given(
        li, GiveConsent(customer_id=LI, channel="email", source="form 3"), GiveConsent(customer_id=LI, channel="sms")
    )
    crm.when(WithdrawConsent(customer_id=LI, channel="email")).then((Customer.ConsentWithdrawn, {"channel": "email"}))
    assert crm.streams[LI].consents == {"email": "withdrawn", "sms": "given"}


def test_an_organisation_has_no_birthday(crm):
    crm.given(acme)
    crm.when(ChangePersonDetails(customer_id=ACME, birthday=date(1990, 1, 1), sex=None)).then_refused(NotAPerson)


def test_nobody_is_their_own_parent(crm):
    crm.given(acme).when(SetParent(customer_id=ACME, parent_id=ACME)).then_refused(OwnParent)


def test_a_parent_is_an_organisation(crm):
    crm.given(acme, li).when(SetParent(customer_id=ACME, parent_id=LI)).then_refused(ParentIsAPerson)


def test_the_parent_is_what_the_log_checks_for_circles(crm):
    crm.given(acme, group, SetParent(customer_id=ACME, parent_id=GROUP))
    assert crm.streams[ACME].parent == GROUP
    crm.when(SetParent(customer_id=ACME, parent_id=None)).then((Customer.ParentSet, {"parent_id": None}))
    assert crm.streams[ACME].parent is None


def test_an_account_has_one_primary_contact(crm):
    crm.given(acme, li, wang, LinkContact(customer_id=ACME, contact_id=LI, role="owner", primary=True))
    second = LinkContact(customer_id=ACME, contact_id=WANG, role="purchasing", primary=True)
    crm.when(second).then_refused(SecondPrimaryContact)
    crm.given(LinkContact(customer_id=ACME, contact_id=LI, role="owner"))
    crm.when(second).then((Customer.ContactLinked, {"role": "purchasing", "primary": True}))


def test_unlinking_the_primary_contact_makes_room_for_another(crm):
    crm.given(acme, li, wang, LinkContact(customer_id=ACME, contact_id=LI, role="owner", primary=True))
    crm.given(UnlinkContact(customer_id=ACME, contact_id=LI))
    crm.when(LinkContact(customer_id=ACME, contact_id=WANG, role="owner", primary=True)).then(Customer.ContactLinked)


def test_nobody_is_their_own_contact(crm):
    crm.given(li).when(LinkContact(customer_id=LI, contact_id=LI, role="owner")).then_refused(OwnContact)


def test_every_interaction_is_logged_even_the_same_twice(crm):
    call = LogInteraction(customer_id=LI, channel="call", direction="in", subject="Where is my order?")
    crm.given(li, call).when(call).then(
        (Customer.InteractionLogged, {"channel": "call", "direction": "in", "note": None, "contact_id": None})
    )


def test_every_verification_is_recorded(crm):
    crm.given(li, VerifyCustomer(customer_id=LI)).when(VerifyCustomer(customer_id=LI)).then(Customer.Verified)
    assert crm.streams[LI].verified_at == crm.occurred_at


def test_a_fact_of_before_the_first_event_counts_from_then_on_where_that_said_nothing(crm):
    crm.given(wang)
    registered, before = crm.occurred_at, crm.occurred_at - timedelta(days=300)
    crm.when(ClassifyCustomer(customer_id=WANG, region="NRW", occurred_at=before)).then(Customer.Classified)
    crm.when(ChangeEmails(customer_id=WANG, emails=("w@example.com",), occurred_at=before)).then(Customer.EmailsChanged)
    assert {event.timestamp for event in crm.history} == {registered}
    assert (crm.streams[WANG].region, crm.streams[WANG].emails) == ("NRW", ("w@example.com",))
    assert crm.streams[WANG].claims
    crm.when(ClassifyCustomer(customer_id=WANG, region="Bayern", occurred_at=before)).then(Customer.Classified)
    crm.when(RenameCustomer(customer_id=WANG, name="王", occurred_at=before)).then(Customer.Renamed)
    assert (crm.streams[WANG].region, crm.streams[WANG].name) == ("NRW", "王芳"), "what was said of later stays"


@pytest.mark.parametrize(
    "asked",
    [
        PlaceOrder(customer_id=LI, currency="EUR", lines=[{"sku": "a", "quantity": 1, "unit_price": 1}]),
        OpenOpportunity(title="More", customer_id=LI),
    ],
    ids=lambda command: type(command).__name__,
)
def test_a_deactivated_customer_gets_no_order_and_no_opportunity_but_a_history_may_tell_of_them(crm, asked):
    crm.given(li, DeactivateCustomer(customer_id=LI))
    crm.when(asked).then_refused(CustomerInactive)
    crm.imported = True
    crm.given(asked)


@pytest.mark.parametrize("birthday", ["2999-01-01", "3024-05-05"])
def test_a_birthday_is_not_yet_to_come(birthday):
    with pytest.raises(ValidationError, match="a birthday is not yet to come"):
        RegisterCustomer(customer_id=LI, kind="person", name="Li", birthday=birthday)


@pytest.mark.parametrize(
    "command",
    [
        ClassifyCustomer(customer_id=LI, tier="gold"),
        TagCustomer(customer_id=LI, tag="vip"),
        UntagCustomer(customer_id=LI, tag="vip"),
        SetPreference(customer_id=LI, preference="language", value="zh"),
        GiveConsent(customer_id=LI, channel="email"),
        AssignCustomer(customer_id=LI, owner="anna"),
        SetParent(customer_id=LI, parent_id=GROUP),
        LinkContact(customer_id=LI, contact_id=WANG, role="assistant"),
    ],
    ids=lambda command: type(command).__name__,
)
def test_a_deactivated_customer_takes_no_new_dealings(crm, command):
    crm.given(li, wang, group, DeactivateCustomer(customer_id=LI))
    crm.when(command).then_refused(CustomerInactive, allowed=["reactivate-customer", *CORRECTIONS])
    crm.given(ReactivateCustomer(customer_id=LI)).given(command)


def test_a_deactivated_customer_can_still_be_corrected_and_withdraw_consent(crm):
    crm.given(li, GiveConsent(customer_id=LI, channel="email"), DeactivateCustomer(customer_id=LI))
    crm.when(RenameCustomer(customer_id=LI, name="李薇")).then(Customer.Renamed)
    crm.when(WithdrawConsent(customer_id=LI, channel="email")).then(Customer.ConsentWithdrawn)
    crm.when(LogInteraction(customer_id=LI, channel="mail", direction="in", subject="Bye")).then(
        Customer.InteractionLogged
    )


def test_a_customer_cannot_be_reactivated_before_it_was_deactivated(crm):
    crm.given(li, DeactivateCustomer(customer_id=LI))
    crm.when(ReactivateCustomer(customer_id=LI, occurred_at=early(1))).then_refused(MoveOutOfOrder)


@pytest.mark.parametrize(
    "email", ["", "li", "li@", "@example.com", "li@example", "li @example.com", "li@a@b.com", "l\x00i@b.com"]
)
def test_what_is_no_email_is_not_taken(email):
    with pytest.raises(ValidationError):
        ChangeEmails(customer_id=LI, emails=(email,))


def test_an_email_given_twice_counts_once():
    assert ChangeEmails(customer_id=LI, emails=("a@b.cn", "A@B.cn ", "c@b.cn")).emails == ("a@b.cn", "c@b.cn")


@pytest.mark.parametrize(
    ("raw", "digits"),
    [
        ("+86 (21) 5555-0123", "+862155550123"),
        ("0044 20 79", "+442079"),
        ("０２１-5555", "0215555"),
        ("(1) 135-5555", "11355555"),
    ],
)
def test_a_phone_number_keeps_what_was_given_and_its_digits(raw, digits):
    assert Phone.parse(raw) == Phone(raw, digits)


def test_a_phone_number_read_by_its_country_keeps_what_was_given_too(crm):
    phones = [{"raw": "(11) 555-7647", "e164": "+55115557647"}, "030-1"]
    command = ChangePhones.model_validate({"customer_id": LI, "phones": phones})
    read = (Phone("(11) 555-7647", "+55115557647"), Phone("030-1", "0301"))
    crm.given(li).when(command).then((Customer.PhonesChanged, {"phones": read}))


def test_what_a_source_said_before_cleaning_is_kept_and_is_no_attribute(crm):
    said = {"name": "  ACME   CORP"}
    crm.given(acme).when(RenameCustomer(customer_id=ACME, name="Acme Corp", given=said)).then(
        (Customer.Renamed, {"name": "Acme Corp", "given": said})
    )
    assert ("given",) not in crm.recorded[0].changes()
    assert "given" not in vars(crm.streams[ACME])


def test_the_same_name_said_otherwise_is_nothing_new(crm):
    crm.given(acme).when(RenameCustomer(customer_id=ACME, name=acme.name, given={"name": "acme"})).then()


def test_an_address_keeps_the_lines_given(crm):
    crm.given(li).when(ChangeAddresses(customer_id=LI, addresses=(PostalAddress(label="home", city="上海"),))).then(
        (Customer.AddressesChanged, {"addresses": (Address(label="home", city="上海"),)})
    )


@given(happenings(events_of(Customer), max_size=20), st.data())
@settings(deadline=None)
def test_any_events_in_any_order_fold_without_raising(happened, data):
    minutes = data.draw(st.permutations(range(len(happened))))
    customer = Customer.fold(ID, stream(happened, list(minutes)))
    assert customer.version == len(happened)
    assert isinstance(customer.moves, list)
    assert isinstance(customer.claims, frozenset)


@given(
    happenings([event for event in events_of(Customer) if issubclass(event, Fact)], min_size=2, max_size=15), st.data()
)
@settings(max_examples=200, deadline=None)
def test_facts_say_the_same_in_whatever_order_they_become_known(happened, data):
    order = data.draw(st.permutations(range(len(happened))))
    straight = Customer.fold(ID, stream(happened))
    shuffled = Customer.fold(ID, stream([happened[n] for n in order], list(order)))
    assert known(straight) == known(shuffled)
