"""Names, numbers, telephone numbers, e-mail addresses and postal addresses, put into their normal form.

Nothing here refuses to keep what a source said: a caller keeps the raw value beside the normal one.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from functools import cache, lru_cache
from unicodedata import category, combining, normalize

import phonenumbers
from babel import Locale
from email_validator import EmailNotValidError, validate_email

SMALL = {
    "af",
    "al",
    "and",
    "av",
    "bin",
    "da",
    "das",
    "de",
    "degli",
    "dei",
    "del",
    "della",
    "den",
    "der",
    "des",
    "di",
} | {
    *("do", "dos", "du", "e", "et", "ibn", "la", "las", "le", "los", "of", "op", "the", "und", "van", "vom", "von"),
    *("y", "zu", "zum", "zur"),
}
"""Words within a name that stay small."""
FIRMS = {
    form.lower(): form for form in ("AB", "AG", "AS", "BV", "GmbH", "Inc", "KG", "LLC", "Ltd", "NV", "Oy", "SA", "SpA")
}

LANGUAGES = (
    *("ar", "bn", "cs", "da", "de", "el", "en", "es", "fa", "fi", "fr", "he", "hi", "hu", "id", "it", "ja", "ko", "ms"),
    *("nl", "no", "pl", "pt", "ro", "ru", "sv", "th", "tr", "uk", "ur", "vi", "zh", "zh_Hant"),
)
"""Those in which the names of countries are known."""

OTHER_COUNTRY_NAMES = {
    "america": "US",
    "england": "GB",
    "great britain": "GB",
    "holland": "NL",
    "northern ireland": "GB",
    "republic of ireland": "IE",
    "scotland": "GB",
    "the netherlands": "NL",
    "u.k.": "GB",
    "u.s.": "US",
    "u.s.a.": "US",
    "uae": "AE",
    "uk": "GB",
    "united states of america": "US",
    "usa": "US",
    "wales": "GB",
    "中国": "CN",
    "中华人民共和国": "CN",
}

LONGEST_NUMBER = 100

POSTCODES = {
    "BR": (r"(\d{5})(\d{3})", r"\1-\2"),
    "CA": (r"([A-Z]\d[A-Z])(\d[A-Z]\d)", r"\1 \2"),
    "GB": (r"([A-Z]{1,2}\d[A-Z\d]?)(\d[A-Z]{2})", r"\1 \2"),
    "IE": (r"([A-Z]\d[\dW])([A-Z\d]{4})", r"\1 \2"),
    "JP": (r"(\d{3})(\d{4})", r"\1-\2"),
    "NL": (r"(\d{4})([A-Z]{2})", r"\1 \2"),
    "PL": (r"(\d{2})(\d{3})", r"\1-\2"),
    "PT": (r"(\d{4})(\d{3})", r"\1-\2"),
    "SE": (r"(\d{3})(\d{2})", r"\1 \2"),
    "US": (r"(\d{5})(\d{4})", r"\1-\2"),
}
"""Where a country's postcodes are divided."""


def tidy(text: str) -> str:
    """Composed letters, single blanks within and none around."""
    return " ".join(normalize("NFC", text).split())


def name(text: str, repair: bool = False) -> str:
    """With `repair`, a name all in capitals or all in small letters is written as names are."""
    clean = tidy(text)
    if not repair or not (clean.isupper() or clean.islower()) or (clean.isupper() and len(clean) <= 4):
        return clean  # a short one in capitals is an acronym more likely than a shout
    return " ".join(written(word, place) for place, word in enumerate(clean.lower().split()))


def written(word: str, place: int) -> str:
    bare = word.strip(".,")
    if place and word in SMALL:
        return word
    if place and bare in FIRMS:
        return word.replace(bare, FIRMS[bare])
    return "".join(capitalised(part, before) for before, part in re.findall(r"([^\w]*)(\w+|$)", word))


def capitalised(part: str, before: str) -> str:
    if before in ("'", "’") and len(part) < 3:
        return before + part  # men's
    if part.startswith("mc") and len(part) > 4:
        return f"{before}Mc{part[2:].capitalize()}"
    return before + part[:1].upper() + part[1:]


@lru_cache(maxsize=4_096)
def phone(text: str, region: str | None = None) -> str | None:
    """The number in E.164; None when it is no valid one."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def email(text: str) -> str:
    """The address in its normal form. Raises ValueError with what is wrong."""
    try:
        return validate_email(text.strip(), check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise ValueError(str(error)) from None


def country(text: str) -> str:
    """The country's ISO 3166 code where the name (in any of many languages) or code is clear, else the tidied text."""
    clean = tidy(text)
    if clean.upper() in phonenumbers.SUPPORTED_REGIONS:
        return clean.upper()
    return countries().get(plain(clean)) or clean


@cache
def countries() -> dict[str, str]:
    """Country codes by name, without the names that several countries have."""
    named: dict[str, set[str]] = {}
    for language in LANGUAGES:
        for code, called in Locale.parse(language).territories.items():
            if code in phonenumbers.SUPPORTED_REGIONS:
                named.setdefault(plain(called), set()).add(code)
    clear = {called: next(iter(codes)) for called, codes in named.items() if len(codes) == 1}
    return clear | OTHER_COUNTRY_NAMES


def plain(text: str) -> str:
    """For comparison: small letters without accents."""
    return "".join(sign for sign in normalize("NFKD", text.casefold()) if not combining(sign))


def postcode(text: str, of_country: str | None = None) -> str:
    """In capitals, divided as in its country."""
    clean = tidy(text).upper()
    if of_country in POSTCODES:
        shape, written = POSTCODES[of_country]
        if found := re.fullmatch(shape, re.sub(r"[\s-]", "", clean)):
            return found.expand(written)
    return clean


def number(text: str, separator: str = ".") -> Decimal:
    """The number, whatever groups its thousands and whichever currency sign stands beside it. Raises ValueError."""
    if len(text) > LONGEST_NUMBER:
        raise ValueError(f"{text[:LONGEST_NUMBER]!r}... is no number")
    grouping = {".": r"[,'’\s]", ",": r"[.'’\s]"}[separator]
    bare = without_currency(text)
    mark = re.escape(separator)
    plainly = rf"(\d{{1,3}}({grouping}\d{{3}})+|\d+)?({mark}\d+)?"
    if not re.fullmatch(rf"[+-]?({plainly}|\d+({mark}\d+)?[eE][+-]?\d\d?)", bare):
        other = {".": ",", ",": "."}[separator]
        fits = re.fullmatch(rf"[+-]?\d+{re.escape(other)}\d+", bare)
        hint = f"; with `separator: {other!r}` it is one" if fits else ""
        raise ValueError(f"{text!r} is no number with {separator!r} before its decimals{hint}")
    try:
        return Decimal(re.sub(grouping, "", bare).replace(separator, "."))
    except InvalidOperation:
        raise ValueError(f"{text!r} is no number") from None


def without_currency(text: str) -> str:
    """ "R$ 12" and "12 EUR" without what names the currency."""
    bare = text.strip()
    told = re.fullmatch(r"([+-]?)([A-Z]{0,3})([^\w\s+-]?)\s*([+-]?[\d.,].*?)\s*([^\w\s]?)([A-Z]{0,3})", bare)
    if told and all(category(sign) == "Sc" for sign in told[3] + told[5]):
        return told[1] + told[4]
    return bare
