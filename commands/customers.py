"""What can be asked about customers."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal, TypeVar
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from commands.command import Command, Crm, Day, Label, LongText, Text, handles
from domain.customer import CLASSES, Customer, ExternalId
from domain.values import Address, Phone

T = TypeVar("T")
SHAPE = r"[^\s@\x00-\x1f\x7f]{1,64}@[^\s@\x00-\x1f\x7f]+\.[^\s@\x00-\x1f\x7f]+"


def email(given: str) -> str:
    """The address with its domain in lower case. Raises ValueError unless it looks like one."""
    local, _, domain = given.rpartition("@")
    if not re.fullmatch(SHAPE, given) or ".." in domain or domain.startswith(".") or domain.endswith("."):
        raise ValueError("an e-mail address looks like li.wei@example.com")
    return f"{local}@{domain.lower()}"


def past(birthday: date) -> date:
    if birthday > datetime.now(UTC).date() + timedelta(days=1):  # somewhere it is tomorrow already
        raise ValueError("a birthday is not yet to come")
    return birthday


Birthday = Annotated[Day, AfterValidator(past)]


async def dealing_with(crm: Crm, id: UUID) -> Customer:
    """The customer of a new order or opportunity. Raises NotFound, and CustomerInactive unless an import tells it."""
    customer = await crm.load(Customer, id)
    if not crm.imported:
        customer.refuse_dealings()
    return customer


def phone(given: str) -> str:
    if not 3 <= sum(sign.isdecimal() for sign in given) <= 24:
        raise ValueError("a telephone number has 3 to 24 digits")
    return given


def distinct(given: tuple[T, ...]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(given))


def distinct_emails(given: tuple[str, ...]) -> tuple[str, ...]:
    return tuple({email.casefold(): email for email in reversed(given)}.values())[::-1]


Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=254),
    AfterValidator(email),
    Field(examples=["li.wei@example.com"]),
]
PhoneText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=40),
    AfterValidator(phone),
    Field(examples=["+86 21 5555 0123"]),
]
Emails = Annotated[tuple[Email, ...], Field(max_length=20), AfterValidator(distinct_emails)]
Tags = Annotated[tuple[Label, ...], Field(max_length=50), AfterValidator(distinct)]
SystemName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, to_lower=True, pattern=r"^[A-Za-z0-9._-]{1,40}$"),
    Field(examples=["shop"]),
]
"""Another system's short name; no colon, for claims join it to the id with one."""
Sex = Literal["female", "male", "other"]
Channel = Literal["email", "phone", "sms", "post", "chat"]
"""What a customer may or may not be addressed by."""


class Part(BaseModel):
    """A group of fields inside a command."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ReadPhone(Part):
    """A telephone number as it was given, and what it was read as, in the international form (E.164)."""

    raw: PhoneText
    e164: Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{2,14}$"), Field(examples=["+862155550123"])]

    @property
    def value(self) -> Phone:
        return Phone(self.raw, self.e164)


PhoneNumbers = Annotated[tuple[PhoneText | ReadPhone, ...], Field(max_length=20), AfterValidator(distinct)]
"""Each as text, or as text with what it was read as."""

Given = Annotated[dict[Label, Annotated[str, StringConstraints(max_length=20_000)]], Field(max_length=100)]
"""What a source said where cleaning made something else of it, by field: {"emails.1": " Li@EXAMPLE.com"}."""


class PostalAddress(Part):
    """Where a customer can be reached; give the lines that are known."""

    label: Label = "main"
    street: Text | None = None
    city: Label | None = None
    region: Label | None = None
    postcode: Label | None = None
    country: Label | None = None

    @property
    def value(self) -> Address:
        return Address(**dict(self))


Addresses = Annotated[tuple[PostalAddress, ...], Field(max_length=20), AfterValidator(distinct)]


class ExternalReference(Part):
    """What another system calls the customer; unique among customers."""

    source: SystemName
    id: Text


def one_per_system(given: tuple[ExternalReference, ...]) -> tuple[ExternalReference, ...]:
    if len({reference.source for reference in given}) < len(given):
        raise ValueError("give one id per system")
    return given


class RegisterCustomer(Command):
    """Register a person or an organisation as a customer; e-mails, tax id and external ids must be nobody else's."""

    customer_id: UUID | None = Field(None, description="Made by the caller, or for you.")
    kind: Literal["person", "organisation"]
    name: Text = Field(examples=["李伟"])
    emails: Emails = ()
    phones: PhoneNumbers = ()
    addresses: Addresses = ()
    birthday: Birthday | None = Field(None, description="Persons only.")
    sex: Sex | None = Field(None, description="Persons only.")
    tax_id: Label | None = None
    external_ids: Annotated[tuple[ExternalReference, ...], Field(max_length=20), AfterValidator(one_per_system)] = ()
    industry: Label | None = None
    region: Label | None = None
    size: Label | None = None
    tier: Label | None = None
    tags: Tags = ()
    owner: Label | None = None
    team: Label | None = None
    source: Label | None = Field(None, description="How the customer came to us.", examples=["web form"])
    given: Given | None = None


@handles(RegisterCustomer, creates=True)
async def register_customer(command: RegisterCustomer, crm: Crm) -> Customer:
    customer = crm.new(Customer, command.customer_id)
    customer.register(
        command.kind,
        command.name,
        emails=command.emails,
        phones=phones_of(command.phones),
        addresses=[address.value for address in command.addresses],
        birthday=command.birthday,
        sex=command.sex,
        tax_id=command.tax_id,
        external_ids=[ExternalId(reference.source, reference.id) for reference in command.external_ids],
        industry=command.industry,
        region=command.region,
        size=command.size,
        tier=command.tier,
        tags=command.tags,
        owner=command.owner,
        team=command.team,
        source=command.source,
        given=command.given,
    )
    return customer


def phones_of(numbers: tuple[str | ReadPhone, ...]) -> list[Phone]:
    return [Phone.parse(number) if isinstance(number, str) else number.value for number in numbers]


class RenameCustomer(Command):
    """Give a customer another name; the old one stays in its history."""

    customer_id: UUID
    name: Text
    given: Given | None = None


@handles(RenameCustomer)
async def rename_customer(command: RenameCustomer, crm: Crm) -> Customer:
    customer = await crm.load(Customer, command.customer_id)
    customer.rename(command.name, command.given)
    return customer


class ChangeEmails(Command):
    """Replace a customer's e-mail addresses by this list; the first one is the one to write to."""

    customer_id: UUID
    emails: Emails
    given: Given | None = None


@handles(ChangeEmails)
async def change_emails(command: ChangeEmails, crm: Crm) -> Customer:
    customer = await crm.load(Customer, command.customer_id)
    customer.change_emails(command.emails, command.given)
    return customer


class ChangePhones(Command):
    """Replace a customer's telephone numbers by this list; the first one is the one to call."""

    customer_id: UUID
    phones: PhoneNumbers


@handles(ChangePhones)
async def change_phones(command: ChangePhones, crm: Crm) -> Customer:
    customer = await crm.load(Customer, command.customer_id)
    customer.change_phones(phones_of(command.phones))
    return customer


class ChangeAddresses(Command):
    """Replace a customer's postal addresses by this list; the old ones stay in its history."""

    customer_id: UUID
    addresses: Addresses
    given: Given | None = None


@handles(ChangeAddresses)
async def change_addresses(command: ChangeAddresses, crm: Crm) -> Customer:
    customer = await crm.load(Customer, command.customer_id)
    customer.change_addresses([address.value for address in command.addresses], command.given)
    return customer


class ChangePersonDetails(Command):
    """Set a person's birthday and sex; null where it is not known."""

    customer_id: UUID
    birthday: Birthday | None
    sex: Sex | None


@handles(ChangePersonDetails)
async def change_person_details(command: ChangePersonDetails, crm: Crm) -> Customer:
    customer = await crm.load(Customer, command.customer_id)
    customer.change_person_details(command.birthday, command.sex)
    return customer


class ChangeTaxId(Command):
    """Set a customer's tax id, or clear it with null; it must be nobody else's."""

    customer_id: UUID
    tax_id: Label | None


@handles(ChangeTaxId)
async def change_tax_id(command: ChangeTaxId, crm: Crm) -> Customer:
    customer = await crm.load(Customer, command.customer_id)
    customer.change_tax_id(command.tax_id)
    return customer


class SetExternalId(Command):
    """Say what another system calls a customer, or clear it with null; it must be nobody else's."""

    customer_id: UUID
    source: SystemName
    external_id: Text | None


@handles(SetExternalId)
async def set_external_id(command: SetExternalId, crm: Crm) -> Customer:
    customer = await crm.load(Customer, command.customer_id)
    customer.set_external_id(command.source, command.external_id)
    return customer


class ClassifyCustomer(Command):
    """Set a customer's industry, region, size or tier; null clears one, and what is left out stays as it is."""

    customer_id: UUID
    industry: Label | None = None
    region: Label | None = None
    size: Label | None = None
    tier: Label | None = None


@handles(ClassifyCustomer)
async def classify_customer(command: ClassifyCustomer, crm: Crm) -> Customer:
    customer = await crm.load(Customer, command.customer_id)
    customer.classify({name: getattr(command, name) for name in CLASSES if name in command.model_fields_set})
    return customer


class TagCustomer(Command):
    """Put a tag on a customer."""

    customer_id: UUID
    tag: Label


@handles(TagCustomer)
async def tag_customer(command: TagCustomer, crm: Crm) -> Customer:
    customer = await crm.load(Customer, command.customer_id)
    customer.tag(command.tag)
    return customer


class UntagCustomer(Command):
    """Take a tag off a customer."""

    customer_id: UUID
    tag: Label


@handles(UntagCustomer)
async def untag_customer(command: UntagCustomer, crm: Crm) -> Customer:
    customer = await crm.load(Customer, command.customer_id)
    customer.untag(command.tag)
    return customer


class SetPreference(Command):
    """Say what a customer prefers (a product, a brand, a channel, a language), or clear it with null."""

    customer_id: UUID
    preference: Label = Field(examples=["language"])
    value: Text | None = Field(examples=["zh"])


@handles(SetPreference)
async def set_preference(command: SetPreference, crm: Crm) -> Customer:
    customer = await crm.load(Customer, command.customer_id)
    customer.set_preference(command.preference, command.value)
    return customer


class GiveConsent(Command):
    """Record that a customer consents to be addressed on a channel, and where the proof lies."""

    customer_id: UUID
    channel: Channel
    source: Label | None = Field(None, description="Where it was given.", examples=["web form 12"])


@handles(GiveConsent)
async def give_consent(command: GiveConsent, crm: Crm) -> Customer:
    customer = await crm.load(Customer, command.customer_id)
    customer.give_consent(command.channel, command.source)
    return customer


class WithdrawConsent(Command):
    """Record that a customer no longer wants to be addressed on a channel; taken from deactivated customers, too."""

    customer_id: UUID
    channel: Channel
    source: Label | None = Field(None, description="Where it was withdrawn.")


@handles(WithdrawConsent)
async def withdraw_consent(command: WithdrawConsent, crm: Crm) -> Customer:
    customer = await crm.load(Customer, command.customer_id)
    customer.withdraw_consent(command.channel, command.source)
    return customer


class AssignCustomer(Command):
    """Put a customer into somebody's hands, and a team's; null where it is nobody's."""

    customer_id: UUID
    owner: Label | None
    team: Label | None = None


@handles(AssignCustomer)
async def assign_customer(command: AssignCustomer, crm: Crm) -> Customer:
    customer = await crm.load(Customer, command.customer_id)
    customer.assign(command.owner, command.team)
    return customer


class SetParent(Command):
    """Put a customer under a parent organisation, or under none with null; a circle of parents is refused."""

    customer_id: UUID
    parent_id: UUID | None


@handles(SetParent)
async def set_parent(command: SetParent, crm: Crm) -> Customer:
    customer = await crm.load(Customer, command.customer_id)
    customer.set_parent(await crm.load(Customer, command.parent_id) if command.parent_id else None)
    return customer


class LinkContact(Command):
    """Name another customer's role at this one, or change it; one contact of each account may be the primary one."""

    customer_id: UUID
    contact_id: UUID
    role: Label = Field(examples=["purchasing"])
    primary: bool = False


@handles(LinkContact)
async def link_contact(command: LinkContact, crm: Crm) -> Customer:
    customer = await crm.load(Customer, command.customer_id)
    contact = await crm.load(Customer, command.contact_id)
    contact.refuse_when_merged()
    customer.link_contact(contact.id, command.role, command.primary)
    return customer


class UnlinkContact(Command):
    """End a contact's role at a customer."""

    customer_id: UUID
    contact_id: UUID


@handles(UnlinkContact)
async def unlink_contact(command: UnlinkContact, crm: Crm) -> Customer:
    customer = await crm.load(Customer, command.customer_id)
    customer.unlink_contact(command.contact_id)
    return customer


class LogInteraction(Command):
    """Log a call, mail, meeting or chat with a customer: who began it, what it was about, and whom it was with."""

    customer_id: UUID
    channel: Literal["call", "mail", "meeting", "chat"]
    direction: Literal["in", "out"] = Field(description="in: the customer began it; out: we did.")
    subject: Text
    note: LongText | None = None
    contact_id: UUID | None = Field(None, description="The customer's contact whom it was with.")


@handles(LogInteraction)
async def log_interaction(command: LogInteraction, crm: Crm) -> Customer:
    customer = await crm.load(Customer, command.customer_id)
    contact = await crm.load(Customer, command.contact_id) if command.contact_id else None
    if contact:
        contact.refuse_when_merged()
    customer.log_interaction(
        command.channel, command.direction, command.subject, command.note, contact.id if contact else None
    )
    return customer


class VerifyCustomer(Command):
    """Record that a customer's data was checked and found right."""

    customer_id: UUID
    method: Label | None = Field(None, examples=["business register"])


@handles(VerifyCustomer)
async def verify_customer(command: VerifyCustomer, crm: Crm) -> Customer:
    customer = await crm.load(Customer, command.customer_id)
    customer.verify(command.method)
    return customer


class DeactivateCustomer(Command):
    """End the dealings with a customer, for a `reason` if you give one; corrections are still taken."""

    customer_id: UUID


@handles(DeactivateCustomer)
async def deactivate_customer(command: DeactivateCustomer, crm: Crm) -> Customer:
    customer = await crm.load(Customer, command.customer_id)
    customer.deactivate()
    return customer


class ReactivateCustomer(Command):
    """Take up the dealings with a deactivated customer again."""

    customer_id: UUID


@handles(ReactivateCustomer)
async def reactivate_customer(command: ReactivateCustomer, crm: Crm) -> Customer:
    customer = await crm.load(Customer, command.customer_id)
    customer.reactivate()
    return customer
