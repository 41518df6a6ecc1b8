"""The forms of values: what each makes of a row."""

from __future__ import annotations

from uuid import UUID

import pytest

from commands.importing.language.rows import Fault
from tests.importing.planned import made, told


def test_plain_text_is_a_constant_and_braces_are_columns():
    assert made("organisation", a="x") == "organisation"
    assert made('"{a}"', a=" x ") == "x"
    assert made('"{street} {number}"', street="Main St", number="12") == "Main St 12"
    assert made('"{{a}} is {a}"', a="x") == "{a} is x"
    assert made("{name: House of X}", a="x") == "House of X"
    assert made("7", a="x") == 7
    assert made("true", a="x") is True


def test_text_whose_columns_are_all_empty_is_empty():
    assert made('"Customer {a}"', a=" ") == ""
    assert made('"{a} {b}"', a="x", b="") == "x"


def test_a_column_may_have_any_name():
    assert made('"{Case ID}"', **{"Case ID": "7"}) == "7"
    assert made('"{a.b}"', **{"a.b": "7"}) == "7"


def test_text_is_cut_with_a_warning():
    assert told('{text: "{a}", cut: 5, case: upper}', a="too long") == (
        "TOO L",
        ["{a} is cut to 5 of its 8 characters"],
    )


@pytest.mark.parametrize(
    ("form", "cell", "moment"),
    [
        ("{date: '{a}'}", "2017-03-01", "2017-02-28T23:00:00+00:00"),
        ("{date: '{a}'}", "2017-07-01 12:30:00", "2017-07-01T10:30:00+00:00"),
        ("{date: '{a}'}", "2017-07-01T12:30:00Z", "2017-07-01T12:30:00+00:00"),
        ("{date: '{a}', time_zone: UTC}", "2017-07-01 12:30", "2017-07-01T12:30:00+00:00"),
        ("{date: '{a}', format: '%d.%m.%Y'}", "1.7.2017", "2017-06-30T22:00:00+00:00"),
        ("{date: '{a}', format: ['%d.%m.%Y', '%d.%m.%y']}", "1.7.17", "2017-06-30T22:00:00+00:00"),
        ("{date: '{a}', format: '%Y/%m/%d %H:%M:%S.%f'}", "2012/10/09 14:50:17.000", "2012-10-09T12:50:17+00:00"),
        ("{date: '{a}', format: '%Y-%m-%d %z'}", "2017-07-01 +0800", "2017-06-30T16:00:00+00:00"),
        ("{date: '{a}', time_zone: UTC}", "1517-10-31", "1517-10-31T00:00:00+00:00"),
    ],
)  # fmt: skip
def test_a_date_is_a_moment_by_its_format_and_time_zone(form, cell, moment):
    assert made(form, a=cell) == moment


def test_no_date_is_nothing():
    assert made("{date: '{a}'}", a="") is None


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("0917-03-01", "{a}: '0917-03-01': a moment lies between the years 1000 and 9998"),
        ("9999-12-31", "{a}: '9999-12-31': a moment lies between the years 1000 and 9998"),
        ("31.2.2017", "{a}: '31.2.2017' is no date as ISO 8601"),
        ("2017-02-30", "{a}: '2017-02-30' is no date as ISO 8601"),
    ],
)
def test_what_is_no_date_or_too_far_away_is_told_with_its_column(cell, message):
    with pytest.raises(Fault) as fault:
        made("{date: '{a}'}", a=cell)
    assert fault.value.message.startswith(message)


def test_a_time_that_came_twice_or_never_is_settled_and_warned_of():
    twice, warned = told("{date: '{a}'}", a="2017-10-29 02:30")
    assert twice == "2017-10-29T00:30:00+00:00"
    assert warned == ["2017-10-29 02:30 came twice in Europe/Berlin, when the clocks were set back; the first is taken"]
    never, warned = told("{date: '{a}'}", a="2017-03-26 02:30")
    assert never == "2017-03-26T01:30:00+00:00"
    assert warned == ["2017-03-26 02:30 never was in Europe/Berlin, as the clocks were set forward; 03:30 is taken"]


def test_a_day_knows_no_time_zone():
    assert made("{day: '{a}'}", a="2017-03-01 00:00:00") == "2017-03-01"
    assert made("{day: '{a}', format: '%m/%d/%Y'}", a="3/1/2017") == "2017-03-01"


@pytest.mark.parametrize(
    ("form", "cell", "number"),
    [
        ("{decimal: '{a}'}", "1,234.50", "1234.50"),
        ("{decimal: '{a}', separator: ','}", "1.234,50", "1234.50"),
        ("{decimal: '{a}', separator: ','}", "1 234,50 €", "1234.50"),
        ("{decimal: '{a}', separator: ','}", "R$ 0,5", "0.5"),
        ("{decimal: '{a}'}", "-12 EUR", "-12"),
        ("{decimal: '{a}'}", "1e-05", "0.00001"),
        ("{decimal: '{a}', places: 2}", "0.125", "0.12"),
        ("{decimal: '{a}', places: 2}", "7", "7.00"),
    ],
)
def test_a_decimal_is_read_with_either_separator(form, cell, number):
    assert made(form, a=cell) == number


@pytest.mark.parametrize(
    "cell", ["1,23", "12x", "1.2.3", "NaN", "Infinity", "(5)", "--5", "-", "1e999", f"1{' ' * 100_000}x"]
)
def test_what_is_no_number_is_told(cell):
    with pytest.raises(Fault, match="is no number"):
        made("{decimal: '{a}'}", a=cell)


def test_the_other_separator_is_hinted_at():
    with pytest.raises(Fault, match=r"'9,95' is no number with '\.' .*; with `separator: ','` it is one"):
        made("{decimal: '{a}'}", a="9,95")


def test_numbers_are_multiplied_and_added_up_exactly():
    price = "{decimal: '{b}', separator: ','}"
    assert made(f"{{product: ['{{a}}', {price}]}}", a="3", b="29,90") == "89.70"
    assert made(f"{{product: ['{{a}}', {price}, 0.015], places: 2}}", a="3", b="29,90") == "1.35"
    assert made(f"{{sum: ['{{a}}', {price}, '']}}", a="0.1", b="0,2") == "0.3"
    assert made(f"{{product: ['{{a}}', {price}]}}", a="", b="1,5") is None
    assert made("{sum: ['{a}', '']}", a="") is None
    many = "9" * 40
    assert made("{product: ['{a}', '{a}']}", a=many) == str(int(many) ** 2), "to the last digit"
    with pytest.raises(Fault, match="is too large a number"):
        made("{product: ['{a}', '{a}', '{a}', '{a}', '{a}', '{a}'], places: 12}", a="9e99")
    with pytest.raises(Fault, match="product: 'x' is no number"):
        made("{product: ['{a}', 2]}", a="x")


def test_one_of_several_values_is_chosen():
    form = "{choose: '{a}', from: {w: Won, l: Lost, o: '{b}'}"
    assert made(form + "}", a="w", b="x") == "Won"
    assert made(form + "}", a="o", b="x") == "x"
    assert made(form + ", else: keep}", a="other", b="x") == "other"
    assert made(form + ", else: empty}", a="other", b="x") is None
    assert made(form + ", else: Open}", a="other", b="x") == "Open"
    with pytest.raises(Fault, match=r"\{a\} is 'other', none of 'w', 'l', 'o'"):
        made(form + "}", a="other", b="x")


def test_a_number_is_classed():
    form = "{band: '{a}', from: {0: small, 500: medium, 5000: large}}"
    assert [made(form, a=cell) for cell in ("0", "499", "500", "5000", "99,999")] == [
        *("small", "small", "medium", "large", "large")
    ]
    with pytest.raises(Fault, match="under every limit"):
        made(form, a="-1")
    assert made("{band: '{a}', separator: ',', from: {0: small, 500: medium}}", a="1.499,50") == "medium"


def test_an_id_is_that_of_its_source_kind_and_key():
    first = made("{id: customer, key: '{a}'}", a="7")
    assert UUID(first) == UUID(made("{id: customer, key: '{a}'}", a=" 7 "))
    assert len({first, made("{id: order, key: '{a}'}", a="7"), made("{id: customer, key: '{a}'}", a="8")}) == 3
    assert made("{id: customer, key: '{a}'}", a="") is None


def test_the_ids_stay_what_they_were():
    """Ids that were once given away stand in logs for ever."""
    assert made("{id: customer, key: '{a}'}", a="7") == "77ee1a86-bcdc-5580-810d-3225a6a6c704"


def test_the_first_that_is_not_empty_is_taken():
    assert made("{first: ['{a}', '{b}', none]}", a="", b="x") == "x"
    assert made("{first: ['{a}', none]}", a="") == "none"


def test_a_condition_chooses_between_two_values():
    form = "{when: {present: '{a}'}, give: '{a}', else: {text: '{b}', case: lower}}"
    assert (made(form, a="x", b="Y"), made(form, a="", b="Y")) == ("x", "y")


def test_named_values_may_be_called_like_a_form():
    assert made("{give: {name: '{a}', date: '{b}'}}", a="x", b="y") == {"name": "x", "date": "y"}


def test_a_phone_number_is_read_by_its_region_and_kept_as_given():
    assert made("{phone: '{a}'}", a="030 901820") == {"raw": "030 901820", "e164": "+4930901820"}
    assert made("{phone: '{a}', region: US}", a="(206) 555-9857") == {"raw": "(206) 555-9857", "e164": "+12065559857"}
    by_country = "{phone: '{a}', region: {country: '{land}'}}"
    assert made(by_country, a="11 3277-2000", land="Brasil") == {"raw": "11 3277-2000", "e164": "+551132772000"}


def test_a_phone_number_that_is_none_is_warned_of():
    kept, warned = told("{phone: '{a}'}", a="555-12")
    assert (kept, warned) == ("555-12", ["{a}: '555-12' is no valid number of DE; kept as it is"])
    left_out, warned = told("{phone: '{a}'}", a="none")
    assert (left_out, warned) == (None, ["{a}: 'none' is no telephone number and is left out"])


def test_an_email_that_is_none_is_left_out_and_warned_of():
    assert made("{email: '{a}'}", a=" Li.Wei@EXAMPLE.com ") == "Li.Wei@example.com"
    left_out, (warning,) = told("{email: '{a}'}", a="li at example")
    assert left_out is None
    assert warning.startswith("{a}: 'li at example' is no e-mail address and is left out")
