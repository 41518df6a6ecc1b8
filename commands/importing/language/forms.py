"""The words of the mapping language: the forms in which a value can be given, and the conditions."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    RootModel,
    Tag,
    model_validator,
)

from commands.importing.language.template import well_formed


class Word(BaseModel):
    """A construct of the language; unknown keys are faults."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


def as_text(given: Any) -> Any:
    return str(given) if isinstance(given, int | float) and not isinstance(given, bool) else given


def one_or_many(given: Any) -> Any:
    return given if isinstance(given, list | tuple) else [given]


Template = Annotated[str, BeforeValidator(as_text), AfterValidator(well_formed)]
"""Text with columns in braces: "{street} {number}"; a joined row's column is "{join.column}"."""
Templates = Annotated[tuple[Template, ...], BeforeValidator(one_or_many)]


YEARS = frozenset("YyGcx")


def of_dates(format: str) -> str:
    letters = frozenset(re.findall("%(.)", format))
    if not letters:
        raise ValueError(f"{format!r} names no part of a date; it is written with Python's letters, as %d.%m.%Y")
    if not letters & YEARS:
        raise ValueError(f"{format!r} names no year; %Y is one of four digits, %y one of two")
    if "Z" in letters:
        raise ValueError(f"{format!r}: %Z is a name without an offset; write the name itself, and say its `time_zone`")
    try:
        datetime.strptime("", format)
    except re.error:
        raise ValueError(f"{format!r} names a part of a date twice") from None
    except ValueError as error:
        if "directive" in str(error) or "stray" in str(error):  # and not only that nothing is no date
            raise ValueError(f"{format!r} is no format of dates: {error}") from None
    return format


Formats = Annotated[tuple[Annotated[str, AfterValidator(of_dates)], ...], BeforeValidator(one_or_many)]
Places = Annotated[Annotated[int, Field(ge=0, le=12)] | None, Field(description="Round to so many decimals.")]
Separator = Annotated[Literal[".", ","], Field(description="Stands before the decimals.")]


class Text(Word):
    """Text in another case, or cut to a length (with a warning where something was cut off)."""

    text: Template
    case: Literal["upper", "lower"] | None = None
    cut: Annotated[int, Field(ge=1)] | None = None


class Date(Word):
    """A moment, by the first format (as of strptime) that fits, else ISO 8601; without offset it is local time."""

    date: Template
    format: Formats = ()
    time_zone: str | None = None


class Day(Word):
    """A day of the calendar."""

    day: Template
    format: Formats = ()


class Decimal(Word):
    """A number: `separator` stands before its decimals, the other sign may group its thousands."""

    decimal: Template
    separator: Separator = "."
    places: Places = None


class Product(Word):
    """Numbers multiplied: a quantity and a price."""

    product: Annotated[tuple[Value, ...], Field(min_length=2)]
    places: Places = None


class Sum(Word):
    """Numbers added up; a list (of `each`) counts with all it has."""

    sum: Value
    places: Places = None


class Choose(Word):
    """One of several values, by what the text is."""

    choose: Template
    from_: dict[str, Value] = Field(alias="from")
    else_: Value = Field("fail", alias="else", description="fail, keep (the text itself), empty, or a value.")


class Band(Word):
    """One of several values, by how large a number is: that of the highest limit it reaches."""

    band: Template
    separator: Separator = "."
    from_: dict[str, Value] = Field(alias="from")


class Lookup(Word):
    """From the one row of another file whose columns have these values: `give` names columns of that row."""

    lookup: str
    on: Annotated[dict[str, Value], Field(min_length=1)]
    give: Template
    else_: Value = Field("fail", alias="else", description="fail, empty, or a value.")


class Id(Word):
    """The id of the thing of this kind and natural key; the same in every step and every run."""

    id: str
    key: Template


class First(Word):
    """The first of these values that is not empty."""

    first: tuple[Value, ...]


class Each(Word):
    """A list: one value for each joined row."""

    each: str
    when: Condition | None = None
    give: Value


class Choice(Word):
    """One value under a condition, else the other."""

    when: Condition
    give: Value
    else_: Value = Field(None, alias="else")


class Give(Word):
    """Named values; only needed where one of the names is a word of this language."""

    give: Fields


class Name(Word):
    """A name: composed letters, single blanks; with `repair`, not all capital or all small."""

    name: Template
    repair: bool = False


class Phone(Word):
    """A telephone number in E.164, beside what was given; `region` is the country of numbers that name none."""

    phone: Template
    region: Value = None


class Email(Word):
    """An e-mail address, in its normal form."""

    email: Template


class Address(Word):
    """A postal address: blanks, the postcode's form and the country (as ISO code) are put in order."""

    address: Fields


class Country(Word):
    """A country's ISO code, where its name leaves no doubt."""

    country: Template


class Several(RootModel[tuple["Value", ...]]):
    """A list of values; lists within it (of `each`) are joined to one."""

    model_config = ConfigDict(frozen=True)


class Fields(RootModel[dict[str, "Value"]]):
    """Named values."""

    model_config = ConfigDict(frozen=True)


FORMS: dict[str, type[Word]] = {
    "each": Each,
    "lookup": Lookup,
    "when": Choice,
    "choose": Choose,
    "band": Band,
    "date": Date,
    "day": Day,
    "decimal": Decimal,
    "product": Product,
    "sum": Sum,
    "first": First,
    "text": Text,
    "name": Name,
    "phone": Phone,
    "email": Email,
    "address": Address,
    "country": Country,
    "give": Give,
}
"""A value is of the first form whose word is among its keys; one with `id` and `key` is an id."""


def form_of(given: Any) -> str:
    """The tag of a value's form. Tags hold a blank, as no key does that a fault is looked up by."""
    if isinstance(given, dict):
        if {"id", "key"} <= given.keys():
            return "form id"
        return next((f"form {word}" for word in FORMS if word in given), "its fields")
    return "a list" if isinstance(given, list | tuple) else "a text"


Value = Annotated[
    Annotated[str | int | float | bool | None, Tag("a text")]
    | Annotated[Several, Tag("a list")]
    | Annotated[Fields, Tag("its fields")]
    | Annotated[Id, Tag("form id")]
    | Annotated[Each, Tag("form each")]
    | Annotated[Lookup, Tag("form lookup")]
    | Annotated[Choice, Tag("form when")]
    | Annotated[Choose, Tag("form choose")]
    | Annotated[Band, Tag("form band")]
    | Annotated[Date, Tag("form date")]
    | Annotated[Day, Tag("form day")]
    | Annotated[Decimal, Tag("form decimal")]
    | Annotated[Product, Tag("form product")]
    | Annotated[Sum, Tag("form sum")]
    | Annotated[First, Tag("form first")]
    | Annotated[Text, Tag("form text")]
    | Annotated[Name, Tag("form name")]
    | Annotated[Phone, Tag("form phone")]
    | Annotated[Email, Tag("form email")]
    | Annotated[Address, Tag("form address")]
    | Annotated[Country, Tag("form country")]
    | Annotated[Give, Tag("form give")],
    Discriminator(form_of),
]
"""A text (constant or template), a number, true or false; a list; named values; or one of the forms."""


class After(Word):
    """An earlier row of the unit is so, and none since then is otherwise."""

    row: Condition
    but_not: Condition | None = None


class Condition(Word):
    """Holds when everything it says holds."""

    is_: dict[Template, Templates] = Field({}, alias="is", description="A text is one of these.")
    present: Templates = ()
    absent: Templates = ()
    changed: Templates = Field((), description="Any of these differs from the row before in the unit.")
    first: bool | None = Field(None, description="The row is the first of its unit.")
    last: bool | None = None
    before: tuple[Value, Value] | None = Field(None, description="Both moments are known; the first one is earlier.")
    at_least: dict[str, int] = Field({}, description="So many rows are joined.")
    at_most: dict[str, int] = {}
    after: After | None = None
    any: tuple[Condition, ...] = ()
    all: tuple[Condition, ...] = ()
    not_: Condition | None = Field(None, alias="not")

    @model_validator(mode="after")
    def says_something(self) -> Condition:
        if not self.model_fields_set:
            raise ValueError("a condition says at least one thing")
        return self


REBUILT: tuple[type[BaseModel], ...] = (*FORMS.values(), Id, Several, Fields, After, Condition)
for form in REBUILT:
    form.model_rebuild()
