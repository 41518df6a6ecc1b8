"""The people and organisations that the company deals with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from domain.aggregate import Changes, E, Event, F, Fact, Move, Order, Personal, Return
from domain.particulars import Dealings, Particulars, unpacked
from domain.refusals import Refusal
from domain.sharing import Sharing, Unsharing
from domain.undoing import Reference, Reinstatement, Retractable, Retraction, Statement, Undoing
from domain.values import Address, Phone

CLASSES = ("industry", "region", "size", "tier")
"""The dimensions a customer is classified in."""


Given = Personal[dict[str, str]]
"""What a source said where cleaning made something else of it, by field: "name", "emails.1", "addresses.1.country"."""


@dataclass(frozen=True)
class ExternalId:
    """What another system calls a customer: the system's name, and the customer's id there."""

    source: str
    id: str


class CustomerInactive(Refusal):
    """A deactivated customer takes no new dealings until it is reactivated."""

    def __init__(self, customer: Customer) -> None:
        super().__init__(f"Customer {customer.id} is deactivated; reactivate it first.", customer.moves)


class CustomerMerged(Refusal):
    """What was merged into another customer takes no commands of its own; the other one does."""

    def __init__(self, customer: Customer) -> None:
        super().__init__(
            f"Customer {customer.id} was merged into {customer.merged_into}; go on there, or unmerge the two.",
            customer.moves,
        )


class NotAPerson(Refusal):
    """Only a person has a birthday and a sex."""

    def __init__(self, customer: Customer) -> None:
        super().__init__("An organisation has no birthday and no sex.", customer.moves)


class OwnParent(Refusal):
    """A customer cannot be its own parent organisation."""

    def __init__(self, customer: Customer) -> None:
        super().__init__(f"Customer {customer.id} cannot be its own parent.", customer.moves)


class ParentIsAPerson(Refusal):
    """Only an organisation can be the parent of another customer."""

    def __init__(self, customer: Customer, parent_id: UUID) -> None:
        super().__init__(f"Customer {parent_id} is a person; a parent is an organisation.", customer.moves)


class OwnContact(Refusal):
    """A customer cannot be its own contact."""

    def __init__(self, customer: Customer) -> None:
        super().__init__(f"Customer {customer.id} cannot be its own contact.", customer.moves)


class SecondPrimaryContact(Refusal):
    """An account has at most one primary contact."""

    def __init__(self, customer: Customer, contact_id: str) -> None:
        super().__init__(
            f"Contact {contact_id} is the primary one already; link it again without primary, or unlink it.",
            customer.moves,
        )


class Customer(Retractable):
    """A person or an organisation that the company deals with.

    Deactivated, it takes no new dealings: no orders, opportunities, classes, tags, preferences, consents, owner, parent
    or contacts (but an import tells of the dealings that were). What was known wrongly can still be corrected, a
    consent withdrawn, a contact unlinked, the data verified, and what happens all the same (the customer calls) is
    logged. Its e-mails, tax id and external ids stay its own.

    Merged into another customer, it takes nothing any more and stays as it was; see domain/merging.py.
    """

    class Registered(Move):
        axis = "standing"

        kind: str
        """person or organisation"""
        name: Personal[str]
        emails: Personal[tuple[str, ...]]
        phones: Personal[tuple[Phone, ...]]
        addresses: Personal[tuple[Address, ...]]
        birthday: Personal[date]
        sex: Personal[str]
        tax_id: Personal[str]
        external_ids: tuple[ExternalId, ...]
        industry: str | None
        region: str | None
        size: str | None
        tier: str | None
        tags: tuple[str, ...]
        owner: str | None
        team: str | None
        source: str | None
        """How the customer came to us: web form, fair, import"""
        given: Given = None

        def changes(self) -> Changes:
            attributes = super().changes()
            del attributes["tags",], attributes["external_ids",]
            tags: Changes = {("tags", tag): True for tag in self.tags or ()}
            external_ids: Changes = {("external_ids", known.source): known.id for known in self.external_ids or ()}
            return {**attributes, **tags, **external_ids, ("active",): True}

    class Renamed(Fact):
        name: Personal[str]
        given: Given = None

    class EmailsChanged(Fact):
        emails: Personal[tuple[str, ...]]
        given: Given = None

    class PhonesChanged(Fact):
        phones: Personal[tuple[Phone, ...]]

    class AddressesChanged(Fact):
        addresses: Personal[tuple[Address, ...]]
        given: Given = None

    class PersonDetailsChanged(Fact):
        birthday: Personal[date]
        sex: Personal[str]

    class TaxIdChanged(Fact):
        tax_id: Personal[str]

    class ExternalIdSet(Fact):
        source: str
        external_id: str | None

        def changes(self) -> Changes:
            return {("external_ids", self.source): self.external_id}

    class Classified(Fact):
        """One dimension at a time: what is known late, about an earlier day, says nothing about the other ones."""

        dimension: str
        value: str | None

        def changes(self) -> Changes:
            return {(self.dimension,): self.value} if self.dimension in CLASSES else {}

    class Tagged(Fact):
        tag: str

        def changes(self) -> Changes:
            return {("tags", self.tag): True}

    class Untagged(Fact):
        tag: str

        def changes(self) -> Changes:
            return {("tags", self.tag): None}

    class PreferenceSet(Fact):
        preference: str
        value: Personal[str]

        def changes(self) -> Changes:
            return {("preferences", self.preference): self.value}

    class ConsentGiven(Fact):
        channel: str
        source: str | None
        """Where it was given: the proof's whereabouts"""

        def changes(self) -> Changes:
            return {("consents", self.channel): "given"}

    class ConsentWithdrawn(Fact):
        channel: str
        source: str | None

        def changes(self) -> Changes:
            return {("consents", self.channel): "withdrawn"}

    class ConsentCleared(Fact):
        """That the channel was consented to, or not, was said in error: nothing is known of it."""

        channel: str

        def changes(self) -> Changes:
            return {("consents", self.channel): None}

    class Assigned(Fact):
        owner: str | None
        team: str | None

    class ParentSet(Fact):
        parent_id: UUID | None

    class ContactLinked(Fact):
        contact_id: UUID
        role: str
        primary: bool

        def changes(self) -> Changes:
            contact = str(self.contact_id)
            return {("contacts", contact): self.role, ("primary_contacts", contact): True if self.primary else None}

    class ContactUnlinked(Fact):
        contact_id: UUID

        def changes(self) -> Changes:
            contact = str(self.contact_id)
            return {("contacts", contact): None, ("primary_contacts", contact): None}

    class InteractionLogged(Event):
        instead = "What was logged cannot be undone; log what is right."

        channel: str
        direction: str
        subject: Personal[str]
        note: Personal[str]
        contact_id: UUID | None

    class Verified(Fact):
        method: str | None

        def changes(self) -> Changes:
            return {("verified_at",): self.timestamp, ("verified_by",): self.method}

    class VerificationCorrected(Fact):
        """When the data was last found right, and how, where another check was recorded in error."""

        verified_at: datetime | None
        verified_by: str | None

    class Deactivated(Move):
        axis = "standing"

        def changes(self) -> Changes:
            return {("active",): False}

        def take_back(self, aggregate: Customer, before: Customer) -> None:
            aggregate.reactivate()

    class Reactivated(Move):
        axis = "standing"

        def changes(self) -> Changes:
            return {("active",): True}

        def take_back(self, aggregate: Customer, before: Customer) -> None:
            aggregate.deactivate()

    class Absorbed(Move):
        """Another customer turned out to be this one: what is taken over of it, and nothing else."""

        axis = "merging"
        instead = "What was merged is parted by unmerging the two."

        merged_id: UUID
        merged_version: int
        fields: tuple[str, ...]
        particulars: Personal[Particulars]
        dealings: Dealings

        def changes(self) -> Changes:
            absorbed: Changes = {("absorbed", str(self.merged_id)): self.originator_version}
            return unpacked(self.fields or (), self.particulars, self.dealings) | absorbed

    class GaveBack(Return):
        """It was another customer after all: what was taken over of it goes back to what it was."""

        instead = "What was parted becomes one again by merging the two."

        merged_id: UUID
        fields: tuple[str, ...]
        particulars: Personal[Particulars]
        dealings: Dealings
        since: dict[str, Order]
        """Since when what they go back to was known; without an entry nobody had said anything"""
        undone: Order
        decided: tuple[str, ...]
        """Of the fields those that were changed since, and still had something in them that belongs to the other one"""
        kept: tuple[str, ...]
        """What was changed since, and stays"""

        says = ("kept",)

        def changes(self) -> Changes:
            absorbed: Changes = {("absorbed", str(self.merged_id)): None}
            return unpacked(self.fields or (), self.particulars, self.dealings) | absorbed

        def orders(self) -> dict[str, Order]:
            return self.since or {}

        def expected(self) -> dict[str, Order]:
            return dict.fromkeys(set(self.fields or ()) - set(self.decided or ()), self.undone)

    class MergedInto(Move):
        """It turned out to be another customer, which has taken over these fields; its own stay as they are."""

        axis = "merging"
        instead = "What was merged is parted by unmerging the two."

        into_id: UUID
        handed_over: tuple[str, ...]

        def changes(self) -> Changes:
            return {("merged_into",): self.into_id, ("handed_over",): self.handed_over}

    class Unmerged(Move):
        axis = "merging"
        instead = "What was parted becomes one again by merging the two."

        from_id: UUID

        def changes(self) -> Changes:
            return {("merged_into",): None, ("handed_over",): ()}

    class Shared(Sharing):
        pass

    class Unshared(Unsharing):
        pass

    class Undone(Undoing):
        pass

    class Retracted(Retraction):
        pass

    class Reinstated(Reinstatement):
        pass

    def __init__(self, id: UUID, now: datetime | None = None) -> None:
        super().__init__(id, now)
        self.kind = ""
        self.active = True
        self.name: str | None = None
        self.emails: tuple[str, ...] | None = ()
        self.phones: tuple[Phone, ...] | None = ()
        self.addresses: tuple[Address, ...] | None = ()
        self.birthday: date | None = None
        self.sex: str | None = None
        self.tax_id: str | None = None
        self.external_ids: dict[str, str] = {}
        self.industry: str | None = None
        self.region: str | None = None
        self.size: str | None = None
        self.tier: str | None = None
        self.tags: dict[str, bool] = {}
        self.preferences: dict[str, str] = {}
        self.consents: dict[str, str] = {}
        self.owner: str | None = None
        self.team: str | None = None
        self.shared_with: dict[str, str] = {}
        """Who may read it, or write it, besides those who may by their roles"""
        self.source: str | None = None
        self.parent_id: UUID | None = None
        self.contacts: dict[str, str] = {}
        """The role of each contact, by its customer id"""
        self.primary_contacts: dict[str, bool] = {}
        self.verified_at: datetime | None = None
        self.verified_by: str | None = None
        self.absorbed: dict[str, int] = {}
        """Who was merged into this customer, and the version of the event that says so"""
        self.merged_into: UUID | None = None
        self.handed_over: tuple[str, ...] = ()
        """The fields that the customer it was merged into has taken over, and with them what is claimed"""

    @property
    def claims(self) -> frozenset[tuple[str, str]]:
        if self.retracted:
            return frozenset()
        gone = self._handed_over
        claimed = [
            ("external-id", f"{source}:{id}")
            for source, id in self.external_ids.items()
            if f"external_ids.{source}" not in gone
        ]
        if self.tax_id and "tax_id" not in gone and (tax_id := tax_number(self.tax_id)):
            claimed.append(("tax-id", tax_id))
        if self.emails and "emails" not in gone:
            claimed += [("email", email.casefold()) for email in self.emails]
        return frozenset(claimed)

    @property
    def parent(self) -> UUID | None:
        """Merged into another customer it stands under that one: so no circle of parents closes through a merge."""
        return None if self.retracted else self.merged_into or self.parent_id

    @property
    def references(self) -> frozenset[Reference]:
        others = {*map(UUID, self.contacts), *filter(None, (self.parent_id, self.merged_into))}
        return frozenset(("customer", other) for other in others)

    @property
    def moves(self) -> list[str]:
        if not self.exists:
            return ["register-customer"]
        if self.merged_into:
            return ["unmerge-customers"]
        parting = ["unmerge-customers"] if self.absorbed else []
        if not self.active:
            return ["reactivate-customer", *CORRECTIONS, *parting]
        return [*DEALINGS, *CORRECTIONS, "deactivate-customer", *parting]

    def record(self, event_class: type[E], **values: Any) -> E:
        if event_class is not Customer.Unmerged:
            self.refuse_when_merged()
        return super().record(event_class, **values)

    def learn(self, event_class: type[F], **values: Any) -> F | None:
        self.refuse_when_merged()
        return super().learn(event_class, **values)

    def register(
        self,
        kind: str,
        name: str,
        *,
        emails: Sequence[str] = (),
        phones: Sequence[Phone] = (),
        addresses: Sequence[Address] = (),
        birthday: date | None = None,
        sex: str | None = None,
        tax_id: str | None = None,
        external_ids: Sequence[ExternalId] = (),
        industry: str | None = None,
        region: str | None = None,
        size: str | None = None,
        tier: str | None = None,
        tags: Sequence[str] = (),
        owner: str | None = None,
        team: str | None = None,
        source: str | None = None,
        given: Mapping[str, str] | None = None,
    ) -> None:
        if kind != "person" and (birthday or sex):
            raise NotAPerson(self)
        self.record(
            self.Registered,
            kind=kind,
            name=name,
            emails=tuple(emails),
            phones=tuple(phones),
            addresses=tuple(addresses),
            birthday=birthday,
            sex=sex,
            tax_id=tax_id,
            external_ids=tuple(external_ids),
            industry=industry,
            region=region,
            size=size,
            tier=tier,
            tags=tuple(tags),
            owner=owner,
            team=team,
            source=source,
            given=noted(given),
        )

    def rename(self, name: str, given: Mapping[str, str] | None = None) -> None:
        self.learn(self.Renamed, name=name, given=noted(given))

    def change_emails(self, emails: Sequence[str], given: Mapping[str, str] | None = None) -> None:
        self.learn(self.EmailsChanged, emails=tuple(emails), given=noted(given))

    def change_phones(self, phones: Sequence[Phone]) -> None:
        self.learn(self.PhonesChanged, phones=tuple(phones))

    def change_addresses(self, addresses: Sequence[Address], given: Mapping[str, str] | None = None) -> None:
        self.learn(self.AddressesChanged, addresses=tuple(addresses), given=noted(given))

    def change_person_details(self, birthday: date | None, sex: str | None) -> None:
        if self.kind != "person" and (birthday or sex):
            raise NotAPerson(self)
        self.learn(self.PersonDetailsChanged, birthday=birthday, sex=sex)

    def change_tax_id(self, tax_id: str | None) -> None:
        self.learn(self.TaxIdChanged, tax_id=tax_id)

    def set_external_id(self, source: str, external_id: str | None) -> None:
        self.learn(self.ExternalIdSet, source=source, external_id=external_id)

    def classify(self, classes: dict[str, str | None]) -> None:
        """Set the class in each of the dimensions given (see CLASSES); None clears it, the others stay."""
        self.refuse_when_inactive()
        for dimension, value in classes.items():
            self.learn(self.Classified, dimension=dimension, value=value)

    def tag(self, tag: str) -> None:
        self.refuse_when_inactive()
        self.learn(self.Tagged, tag=tag)

    def untag(self, tag: str) -> None:
        self.refuse_when_inactive()
        self.learn(self.Untagged, tag=tag)

    def set_preference(self, preference: str, value: str | None) -> None:
        self.refuse_when_inactive()
        self.learn(self.PreferenceSet, preference=preference, value=value)

    def give_consent(self, channel: str, source: str | None = None) -> None:
        self.refuse_when_inactive()
        self.learn(self.ConsentGiven, channel=channel, source=source)

    def withdraw_consent(self, channel: str, source: str | None = None) -> None:
        self.learn(self.ConsentWithdrawn, channel=channel, source=source)

    def assign(self, owner: str | None, team: str | None = None) -> None:
        self.refuse_when_inactive()
        self.learn(self.Assigned, owner=owner, team=team)

    def set_parent(self, parent: Customer | None) -> None:
        """Put the customer under an organisation, or under none. Longer circles are refused by the log (`parent`)."""
        self.refuse_when_inactive()
        if parent is not None:
            parent.refuse_when_merged()
        if parent is not None and parent.id == self.id:
            raise OwnParent(self)
        if parent is not None and parent.kind == "person":
            raise ParentIsAPerson(self, parent.id)
        self.learn(self.ParentSet, parent_id=parent.id if parent else None)

    def link_contact(self, contact_id: UUID, role: str, primary: bool = False) -> None:
        """Name a person's role at this account; linking again changes the role, or who is primary."""
        self.refuse_when_inactive()
        if contact_id == self.id:
            raise OwnContact(self)
        others = self.primary_contacts.keys() - {str(contact_id)}
        if primary and others:
            raise SecondPrimaryContact(self, min(others))
        self.learn(self.ContactLinked, contact_id=contact_id, role=role, primary=primary)

    def unlink_contact(self, contact_id: UUID) -> None:
        self.learn(self.ContactUnlinked, contact_id=contact_id)

    def log_interaction(
        self, channel: str, direction: str, subject: str, note: str | None = None, contact_id: UUID | None = None
    ) -> None:
        self.record(
            self.InteractionLogged,
            channel=channel,
            direction=direction,
            subject=subject,
            note=note,
            contact_id=contact_id,
        )

    def verify(self, method: str | None = None) -> None:
        """Record that somebody checked the data and found it right."""
        self.learn(self.Verified, method=method)

    def deactivate(self) -> None:
        self.refuse_when_merged()
        if self.active:
            self.record(self.Deactivated)

    def reactivate(self) -> None:
        self.refuse_when_merged()
        if not self.active:
            self.record(self.Reactivated)

    def said_instead(self, fact: Fact, values: Changes) -> Iterator[Statement]:
        for path, value in values.items():
            match path:
                case ("external_ids", source):
                    yield self.ExternalIdSet, {"source": source, "external_id": value}
                case (dimension,) if dimension in CLASSES:
                    yield self.Classified, {"dimension": dimension, "value": value}
                case ("tags", tag):
                    yield self.Tagged if value else self.Untagged, {"tag": tag}
                case ("preferences", preference):
                    yield self.PreferenceSet, {"preference": preference, "value": value}
                case ("consents", channel) if value is None:
                    yield self.ConsentCleared, {"channel": channel}
                case ("consents", channel):
                    said = self.ConsentGiven if value == "given" else self.ConsentWithdrawn
                    yield said, {"channel": channel, "source": None}
                case ("contacts", contact) if value is None:
                    yield self.ContactUnlinked, {"contact_id": UUID(contact)}
                case ("contacts", contact):
                    primary = bool(values["primary_contacts", contact])
                    yield self.ContactLinked, {"contact_id": UUID(contact), "role": value, "primary": primary}
                case ("primary_contacts", _):
                    pass  # said with the role
                case ("verified_at",):
                    verified_by = values["verified_by",]
                    yield self.VerificationCorrected, {"verified_at": value, "verified_by": verified_by}
                case ("verified_by",):
                    pass  # said with the moment
                case _:
                    yield from super().said_instead(fact, values)
                    return

    def refuse_corrections(self) -> None:
        if len(self.primary_contacts) > 1:
            raise SecondPrimaryContact(self, min(self.primary_contacts))

    def refuse_when_merged(self) -> None:
        if self.merged_into:
            raise CustomerMerged(self)

    def refuse_when_inactive(self) -> None:
        self.refuse_when_merged()
        if not self.active:
            raise CustomerInactive(self)

    def refuse_dealings(self) -> None:
        """Orders and opportunities; of one that was merged, where they go is for its survivor to say."""
        if not self.active and not self.merged_into:
            raise CustomerInactive(self)

    @property
    def _handed_over(self) -> tuple[str, ...]:
        return (self.handed_over or ()) if self.merged_into else ()


def tax_number(tax_id: str | None) -> str:
    """A tax id as it is compared: letters and digits only, in lower case."""
    return "".join(filter(str.isalnum, tax_id or "")).casefold()


def noted(given: Mapping[str, str] | None) -> dict[str, str] | None:
    return dict(given) if given else None


DEALINGS = (
    "classify-customer",
    "tag-customer",
    "untag-customer",
    "set-preference",
    "give-consent",
    "assign-customer",
    "set-parent",
    "link-contact",
    "merge-customers",
)
"""What only an active customer takes."""

CORRECTIONS = (
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
)
"""What is taken from any customer, deactivated ones included."""
