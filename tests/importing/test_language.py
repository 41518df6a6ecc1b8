"""Mapping files: every fault is told with file, line and column, all of them at once."""

from __future__ import annotations

from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commands.importing.language.mapping import MappingError, load_mapping, schema
from tests.importing.planned import mapping_of

SOUND = """
kronika: import/1
source: shop
time_zone: America/Sao_Paulo
files:
  customers: customers.csv
  orders: {path: orders.csv.gz, delimiter: ";"}
steps:
  - name: customers
    rows: customers
    key: "{customer_id}"
    join:
      orders: {file: orders, on: {customer: "{customer_id}"}}
    commands:
      - command: register-customer
        occurred_at: {date: "{since}", format: "%d.%m.%Y"}
        with:
          customer_id: {id: customer, key: "{customer_id}"}
          kind: person
          name: {name: "{name}"}
          phones: [{phone: "{phone}", region: BR}]
          tags: {each: orders, give: "{orders.tag}"}
"""
"""The text that each fault is put into."""

HEADERS = {"customers": ("customer_id", "name", "phone", "since"), "orders": ("customer", "tag")}


def faults(text: str, headers: dict[str, tuple[str, ...]] | None = None) -> list[str]:
    with pytest.raises(MappingError) as error:
        mapping_of(text).check(headers or HEADERS)
    assert str(error.value) == "\n".join(error.value.faults)
    return error.value.faults


def test_a_sound_mapping_is_taken():
    mapping = mapping_of(SOUND)
    mapping.check(HEADERS)
    assert (mapping.source, mapping.trust, list(mapping.files)) == ("shop", 50, ["customers", "orders"])


@pytest.mark.parametrize(
    ("sound", "faulty", "fault"),
    [
        # the text
        ("source: shop", "source: [shop", "shop.yaml:3:10: expected ',' or ']', but got ':'"),
        ("source: shop", "source: shop\nsource: shop", "shop.yaml:3:1: found duplicate key"),
        ("source: shop", "source: shop\nsorce: shop", "shop.yaml:3:1: unknown key 'sorce'; did you mean source?"),
        ("kronika: import/1", "kronika: import/9", "shop.yaml:1:1: kronika is 'import/1', not 'import/9'"),
        ("source: shop", "source: My Shop", "shop.yaml:2:1: 'My Shop': a source is named in up to 40"),
        ("source: shop", "source: shop\ntrust: 101", "shop.yaml:3:1: trust is at most 100, not 101"),
        ("source: shop", "source: 7", "shop.yaml:2:1: source is a text, not 7; put it in quotes"),
        ("source: shop", "source:", "shop.yaml:2:1: source is a text, not nothing"),
        ("source: shop", "source: shop\ntrust: -1", "shop.yaml:3:1: trust is at least 0, not -1"),
        ("source: shop", "source: shop\ntrust: 1.5", "shop.yaml:3:1: trust is a whole number, not 1.5"),
        ("source: shop", "source: shop\ntrust: .inf", "shop.yaml:3:1: trust is a whole number, not inf"),
        ("source: shop", "source: shop\ntrust: high", "shop.yaml:3:1: trust is a whole number, not 'high'"),
        ("source: shop", "source: shop\ntrust: []", "shop.yaml:3:1: trust is a whole number, not a list"),
        # files
        ("customers.csv", "../customers.csv", "shop.yaml:5:3: '../customers.csv' is no path inside the directory"),
        ("customers.csv", "/etc/passwd", "shop.yaml:5:3: '/etc/passwd' is no path inside the directory"),
        ("delimiter", "delimeter", "shop.yaml:6:33: unknown key 'delimeter'; did you mean delimiter?"),
        ('delimiter: ";"', "encoding: utf8000", "shop.yaml:6:33: there is no encoding 'utf8000'"),
        ('delimiter: ";"', "encoding: rot13", "shop.yaml:6:33: there is no encoding 'rot13'"),
        ('delimiter: ";"', "header: false", "shop.yaml:6:3: without a header, `columns` says what they are called"),
        ('delimiter: ";"', "columns: [a, a]", "shop.yaml:6:3: two columns are called the same"),
        ("rows: customers", "rows: customer", "shop.yaml:9:5: unknown file 'customer'; did you mean customers?"),
        ("file: orders", "file: order", "shop.yaml:12:16: unknown file 'order'; did you mean orders?"),
        ("customers: customers.csv", "customers: [x]", "shop.yaml:5:3: a file is its path, or has keys and values"),
        ("customers: customers.csv", "a.b: x", "shop.yaml:5:3: 'a.b' is no name; one has up to 40 letters, digits"),
        ('delimiter: ";"', 'delimiter: ""', "shop.yaml:6:33: delimiter is one sign, not ''"),
        ('delimiter: ";"', "quote: ab", "shop.yaml:6:33: quote is one sign, not 'ab'"),
        ('delimiter: ";"', "format: xls", "shop.yaml:6:33: format is 'csv', 'tsv' or 'blanks', not 'xls'"),
        ('delimiter: ";"', "header: perhaps", "shop.yaml:6:33: header is true or false, not 'perhaps'"),
        ('delimiter: ";"', "header: []", "shop.yaml:6:33: header is true or false, not a list"),
        ('delimiter: ";"', "columns: a", "shop.yaml:6:33: columns is a list, as [a, b], not 'a'"),
        ('delimiter: ";"', "columns: [a, 1]", "shop.yaml:6:46: entry 2 of columns is a text, not 1; put it in quotes"),
        # what a step is
        ("name: customers", "name: a/b", "shop.yaml:8:5: 'a/b' is no name; one has up to 40 letters, digits, blanks"),
        ("{customer_id}\"}}", "{customer_id}\"}, one: maybe}", "one is true or false, not 'maybe'"),
        ('on: {customer: "{customer_id}"}', "on: {}", "shop.yaml:12:30: on has 1 or more entries, not 0"),
        ('on: {customer: "{customer_id}"}', "on: who", "shop.yaml:12:30: on has keys and values, not 'who'"),
        ('key: "{customer_id}"\n    join', "join", "shop.yaml:8:5: a step has a `key`"),
        ("America/Sao_Paulo", "Sao_Paulo", "shop.yaml:3:1: there is no time zone 'Sao_Paulo'"),
        ("join:", "joins:", "shop.yaml:11:5: unknown key 'joins'; did you mean join?"),
        # commands and their fields
        ("register-customer", "register-custmer", "unknown command 'register-custmer'; did you mean regist"),
        ("tags:", "tag:", "shop.yaml:21:11: unknown field of register-customer 'tag'; did you mean tags?"),
        ("          kind: person\n", "", "shop.yaml:16:9: register-customer needs kind"),
        ("kind: person", "kind: person\n          occurred_at: x", "occurred_at stands beside `with`, not in it"),
        # values
        ("format:", "fromat:", "shop.yaml:15:40: unknown key 'fromat'; did you mean format?"),
        ('name: "{name}"', 'name: "{name"', "shop.yaml:19:18: a lonely { in '{name'"),
        ('name: "{name}"', 'name: "{}"', "shop.yaml:19:18: braces without a column in '{}'"),
        ('format: "%d.%m.%Y"', 'format: "%d.%m"', "'%d.%m' names no year; %Y is one of four digits"),
        ('format: "%d.%m.%Y"', 'format: "%d.%m.%Y %Z"', "write the name itself, and say its `time_zone`"),
        ('format: "%d.%m.%Y"', 'format: "%d.%d.%Y"', "names a part of a date twice"),
        ('format: "%d.%m.%Y"', 'format: "%d.%Q.%Y"', "'%d.%Q.%Y' is no format of dates"),
        ('format: "%d.%m.%Y"', 'format: "dd.mm.yyyy"', "'dd.mm.yyyy' names no part of a date; it is written with"),
        ("kind: person", "kind: {nombre: x}", "shop.yaml:18:11: kind is a single value, and nombre is no form of one"),
        ("region: BR", "region: Brasil", "shop.yaml:20:39: 'Brasil' is no country's ISO code"),
        ("{each: orders, give", "{each: order, give", "unknown join 'order'; did you mean orders?"),
        ("{each: orders, give: ", "{text: ", "orders may be many rows; name orders.tag within `each: orders`"),
        ("kind: person", "kind: {choose: x, from: {}, esle: y}", "unknown key 'esle'; did you mean else?"),
        ("kind: person", "kind: {when: {}, give: x}", "a condition says at least one thing"),
        ("kind: person", "kind: {band: x, from: {few: y}}", "'few' is no number"),
        ("kind: person", "kind: {text: [x]}", "shop.yaml:18:18: text is a text, not a list"),
        ("kind: person", "kind: {first: {a: b}}", "shop.yaml:18:18: first is a list, as [a, b], not keys and values"),
        ("kind: person", "kind: {product: [a]}", "shop.yaml:18:18: product has 2 or more entries, not 1"),
        ("kind: person", "kind: {when: {before: [a]}, give: x}", "shop.yaml:18:25: entry 2 of before is missing"),
        ("kind: person", "kind: {when: {before: [a, b, c]}, give: x}", "18:25: before has 2 entries, not 3"),
        # columns, which only the files know
        ("{phone}", "{phon}", "shop.yaml:20:21: unknown column 'phon' of file customers; did you mean phone?"),
        ("{orders.tag}", "{orders.tags}", "shop.yaml:21:32: unknown column 'tags' of file orders; did you mean tag?"),
        ("{orders.tag}", "{order.tag}", "unknown join 'order'; did you mean orders?; joined here: orders"),
        ("on: {customer:", "on: {who:", "shop.yaml:12:35: unknown column 'who' of file orders; it has customer, tag"),
        ("{since}", "{custmer_id}", "unknown column 'custmer_id' of file customers; did you mean customer_id?"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_line(sound, faulty, fault):
    assert sound in SOUND
    (told,) = faults(SOUND.replace(sound, faulty, 1))
    assert told.startswith("shop.yaml:")
    assert fault in told


def test_all_faults_are_told_at_once_by_line():
    text = (
        SOUND.replace("kind: person", "kind: '{knd}'")
        .replace("{since}", "{sincce}")
        .replace("{orders.tag}", "{orders.t}")
    )
    assert [fault.split(":")[1] for fault in faults(text)] == ["15", "18", "21"]
    text = SOUND.replace("kind: person", "kid: person").replace("America", "Amerika").replace("tags:", "tgas:")
    assert [fault.split(":")[1] for fault in faults(text)] == ["3", "16", "18", "21"]


def test_columns_are_only_known_with_the_files():
    mapping = mapping_of(SOUND.replace("{phone}", "{phon}"))
    with pytest.raises(MappingError):
        mapping.check(HEADERS)


def test_what_is_said_twice_by_an_anchor_is_checked_where_it_was_written():
    text = SOUND.replace('{id: customer, key: "{customer_id}"}', '&id {id: customer, key: "{custmer_id}"}')
    text += "      - {command: deactivate-customer, with: {customer_id: *id}}\n"
    assert {fault.partition(": ")[2] for fault in faults(text)} == {
        "unknown column 'custmer_id' of file customers; did you mean customer_id?"
    }


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "shop.yaml:1:1: a mapping has keys and values"),
        ("- a\n- b\n", "shop.yaml:1:1: a mapping has keys and values"),
        ("a: &a [*a]\n", "shop.yaml"),
        ("x" * 2_000_000, "shop.yaml: is longer than 1,048,576 characters"),
        ("a: !!python/object/apply:os.system [ls]\n", "shop.yaml"),
        ("[" * 5_000, "shop.yaml: is nested too deeply"),
    ],
)
def test_what_is_no_mapping_at_all_is_told(text, fault):
    with pytest.raises(MappingError) as error:
        load_mapping(text, "shop.yaml")
    assert error.value.faults[0].startswith(fault)


def test_anchors_that_multiply_are_given_up_early():
    doubling = "".join(f"a{n + 1}: &a{n + 1} [*a{n}, *a{n}]\n" for n in range(40))
    with pytest.raises(MappingError, match="has more than 100,000 values"):
        load_mapping(f"a0: &a0 [x, x]\n{doubling}", "shop.yaml")


@settings(deadline=None)
@given(st.text(st.sampled_from("abc:{}[]&*-\"' \n#|>!%@,?"), max_size=60))
def test_any_text_is_a_mapping_or_told_what_is_wrong(text):
    with pytest.raises(MappingError) as error:
        load_mapping(text, "any.yaml")
    assert all(fault.startswith("any.yaml") for fault in error.value.faults)


def test_days_and_numbers_in_a_mapping_are_what_was_written():
    text = dedent("""
        kronika: import/1
        source: shop
        files: {customers: customers.csv}
        steps:
          - name: nobody
            occurred_at: {date: 2016-01-01}
            commands: [{command: register-customer, with: {kind: person, name: 1984, birthday: {day: 2000-02-29}}}]
    """)
    load_mapping(text, "shop.yaml")


def test_editors_get_a_schema_with_every_form():
    told = schema()
    assert {"Step", "Wish", "Join", "Condition", "Choose", "Lookup", "Each", "Phone"} <= told["$defs"].keys()
    assert {"is", "not", "at_least"} <= told["$defs"]["Condition"]["properties"].keys()
