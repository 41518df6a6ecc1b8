"""Any life of a customer: whatever is asked, in whatever order and of whatever day, beside what it is on paper."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from commands.command import Command
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
from domain.customer import Customer
from domain.values import Address, Phone
from tests.domain.any_life import AGO, HOUR, ID, AnyLife, Says

LI, WANG, GROUP = (UUID(int=n) for n in (42, 43, 44))
CONTACTS = st.sampled_from([LI, WANG])

# Few different values, so that what is said meets on the same thing.
NAMES = st.sampled_from(["Acme", "阿克梅"])
EMAILS = st.lists(st.sampled_from(["Info@acme.cn", "li@acme.cn"]), unique=True, max_size=2).map(tuple)
PHONES = {"+86 (21) 5555": "+86215555", "0044 20 79": "+442079", "０２１-5555": "0215555"}
TAX_IDS = {"DE 12.3": "de123", "cn 77": "cn77", None: None}
WORDS = st.sampled_from([None, "a", "b"])
CLASSES = st.dictionaries(st.sampled_from(["industry", "region", "size", "tier"]), WORDS, max_size=3)

CORRECTIONS = [
    "rename-customer",
    "change-emails",
    "change-phones",
    "change-addresses",
    "change-person-details",
    "change-tax-id",
    "set-external-id",
    "withdraw-consent",
    "unlink-contact",
    "log-interaction",
    "verify-customer",
]
DEALINGS = [
    "classify-customer",
    "tag-customer",
    "untag-customer",
    "set-preference",
    "give-consent",
    "assign-customer",
    "set-parent",
    "link-contact",
    "merge-customers",
]


class AnyLifeOfACustomer(AnyLife):
    """A customer among a few others lives any life."""

    kind = Customer
    id_field = "customer_id"
    blank: ClassVar[dict[str, Any]] = {
        **{"parent_id": None, "verified_at": None, "verified_by": None, "merged_into": None, "handed_over": ()},
        **{
            map: {}
            for map in (
                "tags",
                "external_ids",
                "preferences",
                "consents",
                "contacts",
                "primary_contacts",
                "absorbed",
                "shared_with",
            )
        },
    }

    @initialize(
        who=st.sampled_from(["person", "organisation"]),
        name=NAMES,
        emails=EMAILS,
        tag=WORDS,
        shop=WORDS,
        classes=CLASSES,
    )
    def begin(self, who: str, name: str, emails: Any, tag: str | None, shop: str | None, classes: Any) -> None:
        for id, kind in ((LI, "person"), (WANG, "person"), (GROUP, "organisation")):
            self.crm.given(RegisterCustomer(customer_id=id, kind=kind, name="other", occurred_at=self.now))
        says: Says = {"kind": who, "name": name, "emails": emails, "active": True, ("tags", tag or "vip"): True}
        says |= dict.fromkeys(("birthday", "sex", "tax_id", "industry", "region", "size", "tier", "owner", "team"))
        says |= {"phones": (), "addresses": (), "source": "fair"} | classes
        references = [ExternalReference(source="shop", id=shop)] if shop else []
        if shop:
            says["external_ids", "shop"] = shop
        values = {"kind": who, "name": name, "emails": emails, "tags": (tag or "vip",), "source": "fair", **classes}
        registered = self.of(RegisterCustomer, **values, external_ids=references)
        self.moves(registered, "standing", "Registered", says)

    @property
    def allowed(self) -> list[str]:
        if self.holds("active"):
            return [*DEALINGS, *CORRECTIONS, "deactivate-customer"]
        return ["reactivate-customer", *CORRECTIONS]

    def deals(self, command: Command, *facts: tuple[str, Says]) -> None:
        """What is taken from an active customer only."""
        if self.holds("active"):
            self.learns(command, *facts)
        else:
            self.is_refused(command, "CustomerInactive")

    @rule(ago=AGO, name=NAMES)
    def rename(self, ago: int, name: str) -> None:
        self.learns(self.of(RenameCustomer, ago, name=name), ("Renamed", {"name": name}))

    @rule(ago=AGO, emails=EMAILS)
    def change_emails(self, ago: int, emails: tuple[str, ...]) -> None:
        self.learns(self.of(ChangeEmails, ago, emails=emails), ("EmailsChanged", {"emails": emails}))

    @rule(ago=AGO, raw=st.lists(st.sampled_from(sorted(PHONES)), unique=True, max_size=2))
    def change_phones(self, ago: int, raw: list[str]) -> None:
        phones = tuple(Phone(number, PHONES[number]) for number in raw)
        self.learns(self.of(ChangePhones, ago, phones=raw), ("PhonesChanged", {"phones": phones}))

    @rule(ago=AGO, city=st.sampled_from(["上海", "Bonn"]))
    def change_address(self, ago: int, city: str) -> None:
        command = self.of(ChangeAddresses, ago, addresses=[PostalAddress(city=city)])
        self.learns(command, ("AddressesChanged", {"addresses": (Address("main", city=city),)}))

    @rule(ago=AGO, sex=st.sampled_from(["female", "male", None]))
    def change_person_details(self, ago: int, sex: str | None) -> None:
        command = self.of(ChangePersonDetails, ago, birthday=None, sex=sex)
        if sex and self.holds("kind") == "organisation":
            self.is_refused(command, "NotAPerson")
        else:
            self.learns(command, ("PersonDetailsChanged", {"birthday": None, "sex": sex}))

    @rule(ago=AGO, tax_id=st.sampled_from(list(TAX_IDS)))
    def change_tax_id(self, ago: int, tax_id: str | None) -> None:
        self.learns(self.of(ChangeTaxId, ago, tax_id=tax_id), ("TaxIdChanged", {"tax_id": tax_id}))

    @rule(ago=AGO, source=st.sampled_from(["shop", "web"]), id=WORDS)
    def set_external_id(self, ago: int, source: str, id: str | None) -> None:
        command = self.of(SetExternalId, ago, source=source, external_id=id)
        self.learns(command, ("ExternalIdSet", {("external_ids", source): id}))

    @rule(ago=AGO, classes=CLASSES)
    def classify(self, ago: int, classes: dict[str, str | None]) -> None:
        command = self.of(ClassifyCustomer, ago, **classes)
        in_order = [name for name in ("industry", "region", "size", "tier") if name in classes]
        self.deals(command, *(("Classified", {name: classes[name]}) for name in in_order))

    @rule(ago=AGO, tag=st.sampled_from(["vip", "a", "b"]), on=st.booleans())
    def tag(self, ago: int, tag: str, on: bool) -> None:
        command = self.of(TagCustomer if on else UntagCustomer, ago, tag=tag)
        self.deals(command, ("Tagged" if on else "Untagged", {("tags", tag): on or None}))

    @rule(ago=AGO, preference=st.sampled_from(["language", "brand"]), value=WORDS)
    def prefer(self, ago: int, preference: str, value: str | None) -> None:
        command = self.of(SetPreference, ago, preference=preference, value=value)
        self.deals(command, ("PreferenceSet", {("preferences", preference): value}))

    @rule(ago=AGO, channel=st.sampled_from(["email", "sms"]))
    def give_consent(self, ago: int, channel: str) -> None:
        self.deals(self.of(GiveConsent, ago, channel=channel), ("ConsentGiven", {("consents", channel): "given"}))

    @rule(ago=AGO, channel=st.sampled_from(["email", "sms"]))
    def withdraw_consent(self, ago: int, channel: str) -> None:
        command = self.of(WithdrawConsent, ago, channel=channel)
        self.learns(command, ("ConsentWithdrawn", {("consents", channel): "withdrawn"}))

    @rule(ago=AGO, owner=WORDS, team=WORDS)
    def assign(self, ago: int, owner: str | None, team: str | None) -> None:
        command = self.of(AssignCustomer, ago, owner=owner, team=team)
        self.deals(command, ("Assigned", {"owner": owner, "team": team}))

    @rule(ago=AGO, parent=st.sampled_from([GROUP, LI, ID, None]))
    def set_parent(self, ago: int, parent: UUID | None) -> None:
        command = self.of(SetParent, ago, parent_id=parent)
        if self.holds("active") and parent in (ID, LI):
            self.is_refused(command, "OwnParent" if parent == ID else "ParentIsAPerson")
        else:
            self.deals(command, ("ParentSet", {"parent_id": parent}))

    @rule(
        links=st.lists(
            st.tuples(AGO, CONTACTS, st.sampled_from(["owner", "buyer"]), st.booleans()), min_size=1, max_size=4
        )
    )
    def link_contacts(self, links: list[tuple[int, UUID, str, bool]]) -> None:
        for ago, contact, role, primary in links:
            command = self.of(LinkContact, ago, contact_id=contact, role=role, primary=primary)
            other = LI if contact == WANG else WANG
            if self.holds("active") and primary and self.holds(("primary_contacts", str(other))):
                self.is_refused(command, "SecondPrimaryContact")
            else:
                is_so: Says = {("contacts", str(contact)): role, ("primary_contacts", str(contact)): primary or None}
                self.deals(command, ("ContactLinked", is_so))

    @rule()
    def link_itself(self) -> None:
        command = self.of(LinkContact, contact_id=ID, role="owner")
        self.is_refused(command, "OwnContact" if self.holds("active") else "CustomerInactive")

    @rule(ago=AGO, contact=CONTACTS)
    def unlink_contact(self, ago: int, contact: UUID) -> None:
        gone: Says = {("contacts", str(contact)): None, ("primary_contacts", str(contact)): None}
        self.learns(self.of(UnlinkContact, ago, contact_id=contact), ("ContactUnlinked", gone))

    @rule(ago=AGO, direction=st.sampled_from(["in", "out"]), contact=st.none() | CONTACTS)
    def log_interaction(self, ago: int, direction: str, contact: UUID | None) -> None:
        values = {"channel": "call", "direction": direction, "subject": "Where is it?", "contact_id": contact}
        self.ask(self.of(LogInteraction, ago, **values), "InteractionLogged")
        assert {name: getattr(self.history[-1], name) for name in values} == values
        assert self.history[-1].timestamp == self.now - ago * HOUR

    @rule(ago=AGO, method=WORDS)
    def verify(self, ago: int, method: str | None) -> None:
        command = self.of(VerifyCustomer, ago, method=method)
        self.learns(command, ("Verified", {"verified_at": command.occurred_at, "verified_by": method}))

    @rule(turns=st.lists(st.tuples(AGO, st.booleans()), min_size=1, max_size=4))
    def end_or_take_up(self, turns: list[tuple[int, bool]]) -> None:
        for ago, active in turns:
            command = self.of(ReactivateCustomer if active else DeactivateCustomer, ago)
            if active == self.holds("active"):
                self.ask(command)
            else:
                self.moves(command, "standing", "Reactivated" if active else "Deactivated", {"active": active})

    @invariant()
    def one_contact_at_most_is_the_primary_one(self) -> None:
        assert len(self.alive.primary_contacts) <= 1
        assert self.alive.primary_contacts.keys() <= self.alive.contacts.keys()

    @invariant()
    def it_claims_what_is_its_own(self) -> None:
        claims = {("email", email.lower()) for email in self.holds("emails")}
        shops = {source: self.holds(("external_ids", source)) for source in ("shop", "web")}
        claims |= {("external-id", f"{source}:{id}") for source, id in shops.items() if id}
        claims |= {("tax-id", bare) for bare in [TAX_IDS[self.holds("tax_id")]] if bare}
        assert self.alive.claims == claims
        assert self.alive.parent == self.holds("parent_id")


TestAnyLifeOfACustomer = AnyLifeOfACustomer.TestCase
TestAnyLifeOfACustomer.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
