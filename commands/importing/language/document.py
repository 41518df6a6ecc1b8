"""What a mapping file consists of: the files, how their rows join, and the steps that make commands of them."""

from __future__ import annotations

import codecs
import re
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from commands.importing.language.forms import Condition, Template, Value, Word, as_text

PLAINLY = "^[a-z0-9._-]{1,40}$"
Called = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_ -]{0,39}$")]
Trust = Annotated[int, Field(ge=0, le=100)]
Sign = Annotated[str, Field(min_length=1, max_length=1)]


def within(path: str) -> str:
    """A file of the directory that is imported, and of no other place."""
    parts = PurePosixPath(path.replace("\\", "/"))
    if not path.strip() or parts.is_absolute() or ".." in parts.parts or "\0" in path or ":" in parts.parts[0]:
        raise ValueError(f"{path!r} is no path inside the directory")
    return path


NOT_OF_FILES = {"idna", "punycode", "raw_unicode_escape", "undefined", "unicode_escape"}


def known_encoding(name: str) -> str:
    try:
        found = codecs.lookup(name)
        if not found._is_text_encoding or found.name.replace("-", "_") in NOT_OF_FILES:
            raise LookupError
    except LookupError:
        raise ValueError(f"there is no encoding {name!r}; some are utf-8, cp1252, latin-1, utf-16, gb18030") from None
    return name


def as_cells(given: Any) -> Any:
    """What YAML reads as a number or as nothing was meant as the text of a cell."""
    if not isinstance(given, list):
        return given
    return [text for one in given for text in (("NULL", "Null", "null") if one is None else (as_text(one),))]


class File(Word):
    """One file: where it lies in the directory, and how it is written."""

    path: Annotated[str, AfterValidator(within)]
    format: Literal["csv", "tsv", "blanks"] = Field("csv", description="Default: tsv where the path says so, else csv.")
    delimiter: Sign | None = Field(None, description="Default: a comma, in tsv a tab.")
    quote: Annotated[str, Field(max_length=1)] = Field('"', description="Around cells; empty where no sign is.")
    escape: Sign | None = Field(None, description="What makes the next sign plain text, such as a backslash.")
    encoding: Annotated[str, AfterValidator(known_encoding)] = "utf-8-sig"
    header: bool | None = Field(None, description="The first line names the columns. Default: yes, unless columns do.")
    columns: tuple[str, ...] = Field((), description="What the columns are called, in the place of the header.")
    empty: Annotated[tuple[str, ...], BeforeValidator(as_cells)] = Field(
        (), description='What stands for nothing, such as "NULL".'
    )

    @model_validator(mode="before")
    @classmethod
    def tsv_by_its_name(cls, given: Any) -> Any:
        if isinstance(given, str):
            given = {"path": given}
        if not isinstance(given, dict):
            raise ValueError("a file is its path, or has keys and values, as {path: customers.csv}")
        if "format" not in given:
            name = str(given.get("path", "")).lower().removesuffix(".gz")
            return {**given, "format": "tsv"} if name.endswith((".tsv", ".tab")) else given
        return given

    @model_validator(mode="after")
    def has_names_for_its_columns(self) -> File:
        if self.header is False and not self.columns:
            raise ValueError("without a header, `columns` says what they are called")
        if len(set(self.columns)) < len(self.columns):
            raise ValueError("two columns are called the same")
        return self

    @property
    def has_header(self) -> bool:
        return not self.columns if self.header is None else self.header

    @property
    def separator(self) -> str:
        return self.delimiter or ("\t" if self.format == "tsv" else ",")


class Join(Word):
    """Rows of another file: those whose columns have these values. With `one`, the one row there must be."""

    file: str
    on: Annotated[dict[str, Template], Field(min_length=1)]
    one: bool = False
    missing: Literal["fail", "warn", "empty"] = Field("fail", description="What to do where the one row is not there.")
    broken: Literal["fail", "warn"] = Field("fail", description="What to do where such a row cannot be taken.")


class Check(Word):
    """Something to be told of a row: as a warning, or as the reason why nothing comes of it."""

    when: Condition
    each: str | None = None
    warn: Template | None = None
    fail: Template | None = None

    @model_validator(mode="after")
    def one_outcome(self) -> Check:
        if (self.warn is None) == (self.fail is None):
            raise ValueError("a check says either warn or fail")
        return self


class Wish(Word):
    """A command that a row becomes, under its condition; with `each`, once for each joined row."""

    command: str
    when: Condition | None = None
    each: str | None = None
    occurred_at: Value = None
    trust: Trust | None = None
    with_: dict[str, Value] = Field({}, alias="with")


class Step(Word):
    """One walk through the rows of a file. Rows with the same `group` are one unit, else each is its own; `key` is the
    unit's natural key. A step without rows is done once."""

    name: Called
    rows: str | None = None
    where: Condition | None = Field(None, description="Rows that are not so are none of this step's.")
    join: dict[Called, Join] = Field({})
    group: Template | None = None
    sort: Value = Field(None, description="The order of rows in their unit; default: that of the file.")
    key: Template | None = Field(None, description="Default: the group.")
    occurred_at: Value = None
    trust: Trust | None = None
    checks: tuple[Check, ...] = ()
    commands: Annotated[tuple[Wish, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def has_a_key(self) -> Step:
        if self.rows is None and (self.join or self.group or self.where or self.checks):
            raise ValueError("join, group, where and checks are about rows; name the file of the rows")
        if self.rows is not None and not (self.key or self.group):
            raise ValueError("a step has a `key`, the natural key of its rows (or a `group`)")
        return self

    @property
    def natural_key(self) -> str:
        return self.key or self.group or self.name


def called_plainly(source: str) -> str:
    if not re.fullmatch(PLAINLY, source):
        raise ValueError(
            f"{source!r}: a source is named in up to 40 small letters, digits, dots, _ and -, such as shop"
        )
    return source


class Language(Word):
    """A mapping file."""

    kronika: Literal["import/1"]
    source: Annotated[
        str,
        AfterValidator(called_plainly),
        Field(description="The system that the files come from.", json_schema_extra={"pattern": PLAINLY}),
    ]
    trust: Trust = 50
    time_zone: str = Field("UTC", description="Of moments without offset, by its IANA name.")
    phone_region: str | None = Field(None, description="The country (ISO code) of numbers that name none.")
    files: Annotated[dict[Called, File], Field(min_length=1)]
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]
