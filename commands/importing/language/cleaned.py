"""The forms of values that are cleaned: the normal form goes on, what the source said is kept beside it."""

from __future__ import annotations

from typing import Any

from commands.importing.language import cleaning, forms
from commands.importing.language.meaning import Making, bare, is_empty, raw, value
from commands.importing.language.rows import Cleaned, Row
from commands.importing.language.scope import Scope


def cleaned(given: str, normal: str | None) -> Cleaned:
    return Cleaned(normal or None, given if normal != given else None)


@value.register
def _(given: forms.Name, scope: Scope) -> Making:
    text = raw(given.name, scope.at("name"))
    return lambda row: cleaned(found := text(row), cleaning.name(found, given.repair))


@value.register
def _(given: forms.Country, scope: Scope) -> Making:
    text = raw(given.country, scope.at("country"))
    return lambda row: cleaned(found := text(row), cleaning.country(found))


@value.register
def _(given: forms.Phone, scope: Scope) -> Making:
    text = raw(given.phone, scope.at("phone"))
    if isinstance(given.region, str) and not scope.names(given.region):
        scope.at("region").region(given.region)
    default = scope.language.phone_region
    region = value(given.region, scope.at("region"))

    def phone(row: Row) -> Any:
        found = text(row).strip()
        if not found:
            return None
        called = bare(region(row)) or default
        if number := cleaning.phone(found, called):
            return {"raw": found, "e164": number}
        if not 3 <= sum(sign.isdecimal() for sign in found) <= 24 or len(found) > 40:
            row.warn(f"{given.phone}: {found!r} is no telephone number and is left out")
            return Cleaned(None, found)
        row.warn(f"{given.phone}: {found!r} is no valid number of {called or 'any country'}; kept as it is")
        return found

    return phone


@value.register
def _(given: forms.Email, scope: Scope) -> Making:
    text = raw(given.email, scope.at("email"))

    def email(row: Row) -> Any:
        found = text(row)
        if not found.strip():
            return None
        try:
            return cleaned(found, cleaning.email(found))
        except ValueError as error:
            row.warn(f"{given.email}: {found!r} is no e-mail address and is left out: {error}")
            return Cleaned(None, found)

    return email


@value.register
def _(given: forms.Address, scope: Scope) -> Making:
    parts = {
        name: value(one, scope.at("address", name)) if not isinstance(one, str) else raw(one, scope.at("address", name))
        for name, one in given.address.root.items()
    }

    def address(row: Row) -> dict[str, Any]:
        given_parts = {name: found for name, making in parts.items() if not is_empty(found := making(row))}
        country = bare(given_parts.get("country"))
        code = cleaning.country(country) if country else None
        normal: dict[str, Any] = {}
        for name, found in given_parts.items():
            if not isinstance(found, str):
                normal[name] = found
            elif name == "country":
                normal[name] = cleaned(found, code)
            elif name == "postcode":
                normal[name] = cleaned(found, cleaning.postcode(found, code))
            else:
                normal[name] = cleaned(found, cleaning.tidy(found))
        return normal if normal.keys() - {"label"} else {}

    return address
