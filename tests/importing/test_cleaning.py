"""Cleaning: the normal form of names, places and numbers."""

from __future__ import annotations

from contextlib import suppress
from unicodedata import is_normalized

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commands.importing.language import cleaning


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("  Acme   Corp ", "Acme Corp"),
        ("Jose\u0301", "José"),
        ("李 伟", "李 伟"),
        ("ACME", "ACME"),
        ("iPhone Shop", "iPhone Shop"),
    ],
)
def test_a_name_has_composed_letters_and_single_blanks(said, name):
    assert cleaning.name(said) == name


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("ALFREDS FUTTERKISTE GMBH", "Alfreds Futterkiste GmbH"),
        ("joão da silva", "João da Silva"),
        ("MCDONALD O'NEIL", "McDonald O'Neil"),
        ("müller-lüdenscheidt", "Müller-Lüdenscheidt"),
        ("VAN DER BERG", "Van der Berg"),
        ("men's club & co.", "Men's Club & Co."),
        ("IBM", "IBM"),
        ("Leon DA", "Leon DA"),
        ("李伟", "李伟"),
    ],
)
def test_a_name_all_in_one_case_is_repaired_when_asked(said, name):
    assert cleaning.name(said, repair=True) == name


@settings(deadline=None)
@given(st.text(), st.booleans())
def test_cleaning_a_name_twice_changes_nothing_more(said, repair):
    once = cleaning.name(said, repair)
    assert cleaning.tidy(once) == once
    assert is_normalized("NFC", cleaning.name(said))
    assert not repair or once.isupper() or once.islower() or cleaning.name(once, repair) == once


@pytest.mark.parametrize(
    ("said", "country"),
    [("Brasil", "BR"), ("brazil", "BR"), ("USA", "US"), ("UK", "GB"), ("de", "DE"), ("España", "ES"), ("中国", "CN")],
)
def test_a_country_is_its_code(said, country):
    assert cleaning.country(said) == country


def test_a_country_in_doubt_stays_as_it_was_said():
    assert cleaning.country(" Philipines ") == "Philipines"


@pytest.mark.parametrize(
    ("said", "country", "postcode"),
    [
        ("sw1a1aa", "GB", "SW1A 1AA"),
        ("01310100", "BR", "01310-100"),
        ("13272", "BR", "13272"),
        ("1234ab", "NL", "1234 AB"),
        (" 12 345 ", "SE", "123 45"),
        ("D-10115", "DE", "D-10115"),
        ("ec1 4sd", None, "EC1 4SD"),
    ],
)
def test_a_postcode_is_written_as_in_its_country(said, country, postcode):
    assert cleaning.postcode(said, country) == postcode


@settings(deadline=None)
@given(st.text())
def test_whatever_is_said_is_cleaned_or_told(said):
    cleaning.country(said)
    cleaning.postcode(said, "BR")
    cleaning.phone(said, "BR")
    for clean in (cleaning.email, cleaning.number):
        with suppress(ValueError):
            clean(said)


@settings(deadline=None)
@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=3))
def test_a_number_reads_the_same_with_either_separator_and_with_thousands(number):
    said = f"{number:,}"
    assert cleaning.number(said) == number
    assert cleaning.number(said.translate(str.maketrans(",.", ".,")), ",") == number
