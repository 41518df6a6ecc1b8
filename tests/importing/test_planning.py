"""Planning: what becomes of rows, which belong together, and what is told of those that cannot be taken."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commands.command import registered
from commands.importing.planning import Unit, rows_to_go, units
from commands.importing.problems import Unreadable
from commands.importing.staging import LINE, Staged
from tests.importing.planned import bodies, mapping_of, planned, problems, warnings, written

SHOP = """
kronika: import/1
source: shop
trust: 40
phone_region: DE
files: {customers: customers.csv, orders: orders.csv, items: items.csv, agents: agents.csv}
steps:
  - name: customers
    rows: customers
    key: "{id}"
    occurred_at: {date: "{since}"}
    commands:
      - command: register-customer
        with:
          customer_id: {id: customer, key: "{id}"}
          kind: person
          name: {name: "{name}"}
          emails: [{email: "{mail}"}]
          addresses: [{address: {city: "{city}", country: "{country}"}}]
  - name: orders
    rows: orders
    key: "{number}"
    join:
      customer: {file: customers, on: {id: "{customer}"}, one: true}
      items: {file: items, on: {order: "{number}"}}
      agent: {file: agents, on: {id: "{agent}"}, one: true, missing: warn}
    occurred_at: {date: "{day}"}
    commands:
      - command: place-order
        with:
          order_id: &order {id: order, key: "{number}"}
          customer_id: {id: customer, key: "{customer.id}"}
          currency: EUR
          owner: "{agent.name}"
          lines:
            each: items
            give: {sku: "{items.sku}", quantity: "{items.count}", unit_price: {decimal: "{items.price}"}}
      - command: record-payment
        each: items
        when: {present: "{items.paid}"}
        trust: 90
        with: {order_id: *order, method: cash, amount: "{items.paid}"}
"""

HEADER = "id,name,mail,city,country,since\n"

FILES = {
    "customers.csv": HEADER + ""
    "7,  Li   Wei ,LI@EXAMPLE.com ,Berlin,Deutschland,2020-01-31\n"
    "8,Acme,nobody,,,2020-02-01\n",
    "orders.csv": "number,customer,agent,day\nA1,7,,2020-03-01\nA2,8,x,2020-03-02\n",
    "items.csv": "order,sku,count,price,paid\nA1,pump,2,10.50,21.00\nA2,hose,1,5,\nA1,valve,1,3,\n",
    "agents.csv": "id,name\ny,Anna\n",
}


def with_file(name: str, content: str) -> dict[str, str]:
    return {**FILES, name: content}


def test_rows_become_commands_with_what_was_joined(tmp_path):
    li, acme, first, second = planned(tmp_path, SHOP, FILES)
    (registered,) = li.wanted
    assert (registered.command, registered.at, registered.trust) == ("register-customer", "customers.csv:2", 40)
    assert registered.body["occurred_at"] == "2020-01-31T00:00:00+00:00"
    (place, payment) = first.wanted
    assert place.body["customer_id"] == registered.body["customer_id"]
    assert place.body["lines"] == [
        {"sku": "pump", "quantity": "2", "unit_price": "10.50"},
        {"sku": "valve", "quantity": "1", "unit_price": "3"},
    ]
    assert (payment.body["amount"], payment.at, payment.trust) == ("21.00", "items.csv:2", 90)
    assert first.lines == (("orders", 2), ("customers", 2), ("items", 2), ("items", 4))
    assert [unit.number for unit in (li, acme, first, second)] == [1, 2, 3, 4]
    assert [unit.key for unit in (li, acme, first, second)] == ["7", "8", "A1", "A2"]
    assert (
        second.wanted[0].asked.model_dump(mode="json", exclude_unset=True)["order_id"]
        == second.wanted[0].body["order_id"]
    )


def test_what_is_empty_is_left_out(tmp_path):
    _, acme, first, _ = planned(tmp_path, SHOP, FILES)
    assert acme.wanted[0].body.keys() == {"customer_id", "kind", "name", "occurred_at", "given"}
    assert "owner" not in first.wanted[0].body


def test_what_the_source_said_is_kept_where_cleaning_changed_it(tmp_path):
    li, acme, *_ = planned(tmp_path, SHOP, FILES)
    body = li.wanted[0].body
    assert (body["name"], body["emails"], body["addresses"][0]["country"]) == ("Li Wei", ["LI@example.com"], "DE")
    assert body["given"] == {
        "name": "  Li   Wei ",
        "emails.1": "LI@EXAMPLE.com ",
        "addresses.1.country": "Deutschland",
    }
    assert acme.wanted[0].body["given"] == {"emails.1": "nobody"}


def test_what_is_noteworthy_is_warned_of_and_taken(tmp_path):
    found = planned(tmp_path, SHOP, FILES)
    (mail, agent) = warnings(found)
    assert mail[0] == 3
    assert mail[1].startswith("{mail}: 'nobody' is no e-mail address and is left out")
    assert agent == (3, "no row of agents has id 'x'")
    assert all(unit.wanted for unit in found)


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("customers.csv", HEADER + "7,Li,,,,2020-13-01\n8,Acme,,,,2020-01-01\n",
         ("customers", 2, "validation", "{since}: '2020-13-01' is no date as ISO 8601, as 2017-03-01 or "
          "2017-03-01T14:30:00; say its `format`")),
        ("customers.csv", HEADER + "7,Li,,,,\n8,Acme,,,,2020-01-01\n",
         ("customers", 2, "validation", "register-customer has no date: since is empty")),
        ("customers.csv", HEADER + "7,,,,,2020-01-01\n8,Acme,,,,2020-01-01\n",
         ("customers", 2, "validation", "register-customer: name: Field required (from name)")),
        ("customers.csv", HEADER + "7,Li,,,,2020-01-01\n8,Acme,,,,2020-01-01\n8,Acme,,,,2020-01-01\n",
         ("customers", 4, "duplicate", "the key '8' is that of line 3, too")),
        ("customers.csv", HEADER + "7,Li,,,,2020-01-01\n8,Acme,,,,2020-01-01\n,X,,,,2020-01-01\n",
         ("customers", 4, "validation", "has no key: {id} is empty")),
        ("orders.csv", "number,customer,agent,day\nA1,9,,2020-03-01\n",
         ("orders", 2, "not found", "no row of customers has id '9'")),
        ("agents.csv", "id,name\nx,Anna\nx,Bert\n",
         ("orders", 3, "duplicate", "2 rows of agents have id 'x'")),
        ("items.csv", "order,sku,count,price,paid\nA1,pump,2,10.50,21.001\nA2,hose,1,5,\n",
         ("items", 2, "validation", "record-payment: amount: Decimal input should have no more than 2 decimal places, "
          "not '21.001' (from items.paid)")),
        ("items.csv", "order,sku,count,price,paid\nA1,pump,0,10.50,\nA2,hose,1,5,\n",
         ("orders", 2, "validation", "place-order: lines.1.quantity: Input should be greater than 0, not '0' "
          "(from items.sku, items.count, items.price)")),
        ("items.csv", "order,sku,count,price,paid\nA2,hose,1,5,\nA1,pump,1,ten,\n",
         ("items", 3, "validation", "{items.price}: 'ten' is no number with '.' before its decimals")),
        ("items.csv", "order,sku,count,price,paid\nA1,pump,2,10.50,21.00\nA2,hose,1,5,\nA1,valve\n",
         ("items", 4, "validation", "the row has 2 cells where there are 5 columns")),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_taken_is_told_and_nothing_is_wanted_of_it(tmp_path, file, content, told):
    found = planned(tmp_path, SHOP, with_file(file, content))
    assert told in problems(found)
    failed = [unit for unit in found if any(not problem.warning for problem in unit.problems)]
    assert failed
    assert all(unit.wanted == () for unit in failed)
    assert any(unit.wanted for unit in found)


def test_all_that_is_wrong_with_a_unit_is_told_at_once(tmp_path):
    files = with_file("orders.csv", "number,customer,agent,day\nA1,9,,31.12.\n")
    assert [message.partition(":")[0] for *_, message in problems(planned(tmp_path, SHOP, files))] == [
        "no row of customers has id '9'",
        "{day}",
    ]


GROUPED = """
kronika: import/1
source: shop
files: {visits: {path: visits.txt, format: blanks, columns: [customer, day, zip, what]}}
steps:
  - name: customers
    rows: visits
    where: {not: {is: {"{what}": test}}}
    group: "{customer}"
    sort: &day {date: "{day}"}
    occurred_at: *day
    checks:
      - {when: {is: {"{what}": error}}, fail: "{customer} had an error"}
      - {when: {last: true, is: {"{what}": open}}, warn: "{customer} was left open"}
    commands:
      - command: register-customer
        when: {first: true}
        with: {customer_id: &id {id: customer, key: "{customer}"}, kind: person, name: "{customer}"}
      - command: change-addresses
        when: {changed: "{zip}"}
        with: {customer_id: *id, addresses: [{postcode: "{zip}"}]}
      - command: tag-customer
        when: {after: {row: {is: {"{what}": open}}, but_not: {is: {"{what}": shut}}}, is: {"{what}": shut}}
        with: {customer_id: *id, tag: "visit {#}"}
"""


def test_rows_with_the_same_key_are_one_unit_in_the_order_asked_for(tmp_path):
    visits = "b 2020-02-03 Z1 x\na 2020-02-02 Z2 x\nb 2020-02-01 Z0 x\na 2020-02-01 Z2 x\nb 2020-02-02 Z0 x\n"
    b, a = planned(tmp_path, GROUPED, {"visits.txt": visits})
    assert (b.key, a.key) == ("b", "a")
    assert b.lines == (("visits", 3), ("visits", 5), ("visits", 1))
    assert [(wanted.command, wanted.at, wanted.body["occurred_at"][:10]) for wanted in b.wanted] == [
        ("register-customer", "visits.txt:3", "2020-02-01"),
        ("change-addresses", "visits.txt:1", "2020-02-03"),
    ]
    assert [wanted.command for wanted in a.wanted] == ["register-customer"]


def test_what_came_before_decides(tmp_path):
    what = ["shut", "open", "x", "shut", "shut", "open", "shut", "open"]
    visits = "".join(f"a 2020-02-0{day} Z {one}\n" for day, one in enumerate(what, 1))
    (unit,) = planned(tmp_path, GROUPED, {"visits.txt": visits})
    assert [wanted.body["tag"] for wanted in unit.wanted[1:]] == ["visit 4", "visit 7"]
    assert warnings([unit]) == [(8, "a was left open")]


def test_rows_of_no_concern_are_passed_over_and_checks_stop_a_unit(tmp_path):
    visits = "a 2020-02-01 Z x\na 2020-02-02 Z error\nb 2020-02-01 Z test\nc 2020-02-01 Z x\nd today Z x\n"
    a, c, d = planned(tmp_path, GROUPED, {"visits.txt": visits})
    assert (a.key, a.wanted, problems([a])) == ("a", (), [("visits", 2, "validation", "a had an error")])
    assert (c.key, len(c.wanted)) == ("c", 1)
    ((file, line, _, message),) = problems([d])
    assert (file, line) == ("visits", 5)
    assert message.startswith("{day}: 'today' is no date")


def test_a_row_of_which_nothing_is_made_is_told(tmp_path):
    mapping = SHOP.replace(
        "- command: register-customer\n", "- command: register-customer\n        when: {present: '{mail}'}\n"
    )
    files = with_file("customers.csv", HEADER + "7,Li,,,,2020-01-01\n8,A,a@b.cn,,,2020-01-01\n")
    nothing, something, *_ = planned(tmp_path, mapping, files)
    assert warnings([nothing, something]) == [(2, "nothing is made of it in customers")]


def test_two_groups_of_one_natural_key_are_told(tmp_path):
    mapping = GROUPED.replace('group: "{customer}"', 'group: "{customer}"\n    key: "{zip}"')
    a, b = planned(tmp_path, mapping, {"visits.txt": "a 2020-02-01 Z x\nb 2020-02-01 Z x\na 2020-02-02 Z x\n"})
    assert (a.key, len(a.wanted)) == ("Z", 1)
    assert problems([b]) == [("visits", 2, "duplicate", "the key 'Z' is that of line 1, too")]


def test_what_stands_for_nothing_is_nothing_in_corrected_rows_too(tmp_path):
    mapping = mapping_of(SHOP.replace("agents: agents.csv", "agents: {path: agents.csv, empty: [NULL, '-']}"))
    with Staged(mapping, written(tmp_path, with_file("agents.csv", "id,name\nx, NULL \n"))) as staged:
        assert staged.row("agents", 2) == ("x", "")
        staged.correct("agents", [(1, {LINE: "2", "id": "x", "name": "-"})])
        assert staged.row("agents", 2) == ("x", "")


def test_a_unit_and_a_join_have_an_end(tmp_path):
    many = "a 2020-02-01 Z x\n" * 10_001
    (unit,) = planned(tmp_path, GROUPED, {"visits.txt": many})
    assert problems([unit]) == [("visits", 1, "validation", "more than 10,000 rows have its {customer}")]
    items = "order,sku,count,price,paid\n" + "A1,pump,1,1,\n" * 10_001
    *_, first, _ = planned(tmp_path, SHOP, with_file("items.csv", items))
    assert ("orders", 2, "validation", "more than 10,000 rows of items have order 'A1'") in problems([first])


CUT_OFF = with_file("items.csv", "order,sku,count,price,paid\nA1,pump,2,10.50,21.00\nA2,hose,1,5,\nA1,valve\n")


def test_what_a_row_belongs_to_that_cannot_be_taken_is_not_done_without_it(tmp_path):
    assert problems(planned(tmp_path, SHOP, CUT_OFF)) == [
        ("items", 4, "validation", "the row has 2 cells where there are 5 columns"),
        ("orders", 2, "validation", "line 4 of items, which has order 'A1', cannot be taken"),
    ]


def test_the_mapping_may_say_that_a_joined_row_can_be_done_without(tmp_path):
    mapping = SHOP.replace('{order: "{number}"}}', '{order: "{number}"}, broken: warn}')
    found = planned(tmp_path, mapping, CUT_OFF)
    assert [place[:2] for place in problems(found)] == [("items", 4)]
    assert (2, "line 4 of items, which has order 'A1', cannot be taken; done without it") in warnings(found)
    assert [len(unit.wanted[0].body["lines"]) for unit in found if unit.step == "orders"] == [1, 1]


def test_a_look_up_does_not_pass_over_a_row_that_cannot_be_taken(tmp_path):
    mapping = SHOP.replace(
        'owner: "{agent.name}"', 'owner: {lookup: agents, on: {id: "{agent}"}, give: "{name}", else: empty}'
    )
    found = problems(planned(tmp_path, mapping, with_file("agents.csv", "id,name\nx\n")))
    assert ("orders", 3, "validation", "line 2 of agents, which has id 'x', cannot be taken") in found


def test_a_group_with_a_row_that_cannot_be_taken_is_not_done_without_it(tmp_path):
    visits = "a 2020-02-01 Z x\na 2020-02-02 Z\nb 2020-02-01 Z x\n"
    found = planned(tmp_path, GROUPED, {"visits.txt": visits})
    assert problems(found) == [
        ("visits", 2, "validation", "the row has 3 cells where there are 4 columns"),
        ("visits", 1, "validation", "line 2, which belongs to it, cannot be taken"),
    ]
    assert [unit.key for unit in found if unit.wanted] == ["b"]


def test_a_step_without_rows_is_done_once(tmp_path):
    mapping = """
    kronika: import/1
    source: shop
    files: {customers: customers.csv}
    steps:
      - name: house
        occurred_at: {date: 2016-01-01}
        commands:
          - {command: register-customer, with: {kind: organisation, name: House}}
    """
    (unit,) = planned(tmp_path, mapping, {"customers.csv": "a\n1\n2\n"})
    assert (unit.lines, unit.wanted[0].at) == ((), "shop.yaml:5")
    assert bodies([unit]) == [
        ("register-customer", {"kind": "organisation", "name": "House", "occurred_at": "2016-01-01T00:00:00+00:00"})
    ]


def test_failed_rows_are_corrected_and_planned_alone(tmp_path):
    files = with_file("items.csv", "order,sku,count,price,paid\nA1,pump,2,10.50,21.00\nA2,hose,zero,5,\nA1,valve\n")
    mapping = mapping_of(SHOP)
    with Staged(mapping, written(tmp_path, files)) as staged:
        before = list(units(mapping, staged))
        broken = [(file, line) for file, line, *_ in problems(before)]
        assert broken == [("items", 4), ("orders", 2), ("orders", 3)]
        assert staged.row("items", 4) == ("A1", "valve", "", "", "")
        hose = dict(zip(staged.columns("items"), staged.row("items", 3), strict=True))
        lines = staged.correct("items", [(1, {**hose, LINE: "3", "count": "1"})])
        (again,) = units(mapping, staged, only=lines)
        assert (again.step, again.key, len(again.wanted)) == ("orders", "A2", 1)
        lines = staged.correct(
            "items", [(1, dict(zip((LINE, *staged.columns("items")), ("4", "A1", "valve", "1", "3", ""), strict=True)))]
        )
        (again,) = units(mapping, staged, only=lines)
        assert (again.key, len(again.wanted[0].body["lines"])) == ("A1", 2)
        assert [unit for unit in units(mapping, staged) if not unit.wanted] == []
        assert rows_to_go(mapping, staged) == 4


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {"kronika_line": "99", "id": "x", "name": "y"},
            "kronika_line '99' is no line on which a row of the file begins",
        ),
        ({"id": "x", "name": "y"}, "kronika_line '' is no line"),
        ({"kronika_line": "2", "id": "x"}, "corrected row 1 has no name"),
    ],
)
def test_a_correction_of_no_row_is_refused(tmp_path, row, message):
    with Staged(mapping_of(SHOP), written(tmp_path, FILES)) as staged:
        with pytest.raises(Unreadable, match=message):
            staged.correct("agents", [(1, row)])
        with pytest.raises(Unreadable, match="the mapping has no file 'agent'; it has customers, orders"):
            staged.correct("agent", [(1, row)])


def test_of_the_copies_of_a_row_the_mended_one_counts_and_two_that_differ_are_told(tmp_path):
    mapping = mapping_of(SHOP)
    with Staged(mapping, written(tmp_path, FILES)) as staged:
        acme = {LINE: "3", **dict(zip(staged.columns("customers"), staged.row("customers", 3), strict=True))}
        mended, otherwise = {**acme, "mail": "a@example.com"}, {**acme, "mail": "b@example.com"}
        with pytest.raises(Unreadable, match="corrected rows 1 and 3 both stand for it and say different things"):
            staged.correct("customers", [(1, mended), (2, acme), (3, otherwise)])
        lines = staged.correct("customers", [(1, mended), (2, mended), (3, acme)])
        assert staged.row("customers", 3)[2] == "a@example.com"
        assert [unit.key for unit in units(mapping, staged, only=lines)] == ["8", "A2"]


def test_a_joined_row_that_is_given_back_unchanged_draws_nothing_else_in(tmp_path):
    mapping = mapping_of(SHOP)
    with Staged(mapping, written(tmp_path, FILES)) as staged:
        li = {LINE: "2", **dict(zip(staged.columns("customers"), staged.row("customers", 2), strict=True))}
        assert [unit.key for unit in units(mapping, staged, only=staged.correct("customers", [(1, li)]))] == ["7"]


def test_every_file_that_cannot_be_read_is_told_at_once_and_nothing_stays_behind(tmp_path):
    place = tmp_path / "place"
    place.mkdir()
    files = with_file("items.csv", "") | {"agents.csv": "id;name\n"}
    del files["orders.csv"]
    with pytest.raises(Unreadable) as error:
        Staged(mapping_of(SHOP), written(tmp_path / "in", files), place)
    assert [problem.file for problem in error.value.problems] == ["orders", "items", "agents"]
    assert list(place.iterdir()) == []


def test_a_staged_import_leaves_nothing_behind(tmp_path):
    place = tmp_path / "place"
    place.mkdir()
    with Staged(mapping_of(SHOP), written(tmp_path / "in", FILES), place) as staged:
        assert list(place.iterdir())
        assert len(list(units(mapping_of(SHOP), staged))) == len(list(units(mapping_of(SHOP), staged))) == 4
    assert list(place.iterdir()) == []


def ids(found: list[Unit]) -> list[str]:
    return [wanted.id for unit in found for wanted in unit.wanted]


def test_ids_stay_what_they_were(tmp_path):
    """Ids that were once given stand in logs for ever: an import that is run again must find them."""
    assert ids(planned(tmp_path, SHOP, FILES))[0] == (
        "import:3fa21b7fcfdaf765c75da7d8932d42f39857047c7a519616cdd319b6e950b38f"
    )


NAME = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(NAME, NAME), min_size=1, max_size=8, unique_by=lambda row: row[0]), st.data())
def test_the_same_rows_give_the_same_ids_in_whatever_order_and_company(rows, data):
    mapping = """
    kronika: import/1
    source: shop
    files: {customers: {path: customers.csv, quote: ""}}
    steps:
      - name: customers
        rows: customers
        key: "{id}"
        occurred_at: {date: 2016-01-01}
        commands:
          - command: register-customer
            with: {customer_id: {id: customer, key: "{id}"}, kind: person, name: "{name}"}
          - command: tag-customer
            with: {customer_id: {id: customer, key: "{id}"}, tag: "{name}"}
    """

    def ids_of(some: list[tuple[str, str]]) -> dict[str, list[str]]:
        with TemporaryDirectory() as directory:
            content = "id,name\n" + "".join(f"{id},{name}\n" for id, name in some)
            found = planned(Path(directory), mapping, {"customers.csv": content})
        return {unit.key: ids([unit]) for unit in found}

    whole = ids_of(rows)
    some = data.draw(st.lists(st.sampled_from(rows), unique_by=lambda row: row[0]))
    assert ids_of(some).items() <= whole.items()
    assert len({id for unit in whole.values() for id in unit}) == 2 * len(rows)
    changed = ids_of([(id, f"{name}x") for id, name in rows])
    assert all(set(changed[key]).isdisjoint(whole[key]) for key in whole)


def test_every_command_is_known_by_name():
    assert {"register-customer", "place-order", "open-ticket"} <= {registration.name for registration in registered()}
