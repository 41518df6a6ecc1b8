"""The mappings that ship, on their data: as many commands as the data's own figures say, and every trap told."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from decimal import Decimal
from typing import Any

import pytest

from commands.importing.language.mapping import load_mapping
from commands.importing.planning import units
from commands.importing.problems import Problem
from commands.importing.shipped import names, shipped
from commands.importing.staging import Staged
from tests.data.sending import DATA, needs

pytestmark = pytest.mark.timeout(600)


class Found:
    """What a mapping makes of its data, counted as it comes by; the bodies of chosen commands are kept."""

    def __init__(self, folder: str, *kept: str) -> None:
        mapping = load_mapping(shipped(folder), folder)
        self.commands: Counter[str] = Counter()
        self.warnings: Counter[str] = Counter()
        self.bodies: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.failed: list[Problem] = []
        ids = set()
        with Staged(mapping, DATA / folder) as staged:
            for unit in units(mapping, staged):
                for wanted in unit.wanted:
                    self.commands[wanted.command] += 1
                    ids.add(wanted.id)
                    if wanted.command in kept:
                        self.bodies[wanted.command].append(wanted.body)
                for problem in unit.problems:
                    if problem.warning:
                        self.warnings[re.sub(r"\b[0-9a-f]{32}\b|'[^']*'|\d+", "…", problem.message)] += 1
                    else:
                        self.failed.append(problem)
        self.unique = len(ids) == self.commands.total()

    def warned(self, words: str) -> int:
        """How often something with these words was warned of."""
        return sum(count for message, count in self.warnings.items() if words in message)

    def total(self, command: str, field: str) -> Decimal:
        return sum((Decimal(body[field]) for body in self.bodies[command]), Decimal(0))


def of(folder: str, *kept: str) -> Any:
    """The fixture of a class of tests on this data."""

    @pytest.fixture(scope="class")
    def found(self) -> Found:
        return Found(folder, *kept)

    return found


def test_every_mapping_that_ships_is_sound():
    assert names() == [
        "cdnow_sample",
        "crm_sales_opportunities",
        "helpdesk",
        "northwind",
        "olist",
    ]
    for name in names():
        assert load_mapping(shipped(name), name).source == name


@needs("crm_sales_opportunities")
class TestHardwareSales:
    found = of("crm_sales_opportunities", "win-opportunity", "open-opportunity")

    def test_each_row_is_an_opportunity_as_far_as_it_came(self, found):
        assert found.commands == {
            "publish-pipeline": 1,
            "register-customer": 85,
            "set-parent": 15,
            "open-opportunity": 8_800,
            "set-product-lines": 8_800,
            "move-opportunity": 8_800 - 500,
            "win-opportunity": 4_238,
            "lose-opportunity": 2_473,
        }
        assert found.total("win-opportunity", "amount") == 10_005_534
        assert (found.failed, found.unique) == ([], True)

    def test_its_traps_are_told(self, found):
        assert found.warned("has no account") == 1_425
        assert sum("customer_id" not in body for body in found.bodies["open-opportunity"]) == 1_425
        assert found.warned("has no engage_date") == 500
        assert found.warned("product is spelled GTXPro") == 1_480
        assert found.warned("sector is spelled technolgy") == 12
        assert found.warned("office_location is spelled Philipines") == 1
        assert found.warnings.total() == 1_425 + 500 + 1_480 + 12 + 1


@needs("northwind")
class TestFoodWholesale:
    found = of("northwind", "place-order")

    def test_orders_and_their_worth_are_those_published(self, found):
        assert found.commands == {
            "register-customer": 2 * 91,
            "link-contact": 91,
            "place-order": 830,
            "confirm-order": 830,
            "ship-order": 830 - 21,
        }
        lines = [line for body in found.bodies["place-order"] for line in body["lines"]]
        worth = [(Decimal(x["unit_price"]) * Decimal(x["quantity"]), Decimal(x["discount"])) for x in lines]
        assert len(lines) == 2_155
        assert sum(full for full, _ in worth) == Decimal("1354458.59")
        assert round(sum(full * (1 - discount) for full, discount in worth), 2) == Decimal("1265793.04")
        assert len({body["customer_id"] for body in found.bodies["place-order"]}) == 89
        assert (found.failed, found.unique) == ([], True)

    def test_only_telephone_numbers_of_no_plan_are_told(self, found):
        assert found.warned("is no valid number of") == found.warnings.total() == 43


@needs("cdnow_sample")
class TestMusicShop:
    found = of("cdnow_sample", "record-payment", "place-order")

    def test_every_purchase_is_an_order_that_was_paid_and_handed_over(self, found):
        of_an_order = ("place-order", "confirm-order", "record-payment", "ship-order", "deliver-order")
        assert found.commands == {"register-customer": 2_357, **dict.fromkeys(of_an_order, 6_919)}
        assert found.total("record-payment", "amount") == Decimal("244091.94")
        discs = (int(body["lines"][0]["sku"].removesuffix(" CD")) for body in found.bodies["place-order"])
        assert sum(discs) == 16_479
        days = sorted(body["occurred_at"][:10] for body in found.bodies["place-order"])
        assert (days[0], days[-1]) == ("1997-01-01", "1998-06-30")
        assert (found.failed, found.unique) == ([], True)

    def test_second_purchases_of_a_day_and_gifts_are_told(self, found):
        assert found.warned("a second purchase of customer") == 223
        assert found.warned("cost nothing") == 8
        assert found.warnings.total() == 223 + 8


@needs("helpdesk")
class TestHelpDesk:
    found = of("helpdesk", "open-ticket")

    def test_every_activity_is_a_step_of_its_ticket(self, found):
        assert found.commands == {
            "register-customer": 397,
            "open-ticket": 4_580,
            "assign-ticket": 5_060,
            "resolve-ticket": 4_983,
            "change-ticket-priority": 4_938,
            "close-ticket": 4_574,
            "pause-ticket": 1_463,
            "escalate-ticket": 119,
            "reply-to-ticket": 67 + 13 + 5 + 3 + 2 + 2 + 1 - 1,
            "reopen-ticket": 254 + 156 + 3 + 1 + 1,
            "resume-ticket": 568,
        }
        assert (found.failed, found.unique) == ([], True)

    def test_cases_that_go_another_way_are_told(self, found):
        assert found.warned("after the case was settled") == 415
        assert found.warned("kept as an internal note") == 92
        assert found.warned("a closed one takes no notes") == 1
        assert found.warned("the case begins with") == 4_580 - 4_384 - 118
        assert found.warned("the case ends with") == 4_580 - 4_557


@needs("olist")
@pytest.mark.skipif("TESTS_SETS" not in os.environ, reason="takes long: `make import-sets` asks for it")
class TestWebShops:
    found = of("olist", "place-order", "record-payment", "record-satisfaction")

    def test_persons_orders_payments_and_parcels_are_as_many_as_published(self, found):
        assert found.commands == {
            "register-customer": 16_833,
            "change-addresses": 17,
            "place-order": 16_984,
            "confirm-order": 16_984 - 39 + 5,
            "record-payment": 17_829,
            "ship-order": 16_372 + 206 + 7,
            "deliver-order": 16_371,
            "cancel-order": 126 + 148,
            "open-ticket": 2_597 + 297,
            "resolve-ticket": 2_597,
            "record-satisfaction": 2_597,
        }
        assert (found.failed, found.unique) == ([], True)

    def test_they_are_worth_what_was_published(self, found):
        lines = [line for body in found.bodies["place-order"] for line in body["lines"]]
        freight = [Decimal(line["unit_price"]) for line in lines if line["sku"] == "freight"]
        assert sum(freight) == Decimal("379531.79")
        assert sum(Decimal(line["unit_price"]) for line in lines) == Decimal("2312026.39") + Decimal("379531.79")
        assert found.total("record-payment", "amount") == Decimal("2729407.33")
        methods = Counter(body["method"] for body in found.bodies["record-payment"])
        assert methods == {
            "credit_card": 13_083,
            "boleto": 3_426,
            "voucher": 1_102,
            "debit_card": 217,
            "not_defined": 1,
        }
        scores = Counter(body["score"] for body in found.bodies["record-satisfaction"])
        assert scores == {"1": 310, "2": 83, "3": 209, "4": 495, "5": 1_500}

    def test_its_traps_are_told(self, found):
        assert found.warned("was with the carrier before it was approved") == 141
        assert found.warned("was delivered before it was with the carrier") == 5
        assert found.warned("was never approved") == 39
        assert found.warned("is delivered, but not said when") == 1
        assert found.warned("has no items") == 184
        assert found.warned("has no payments") == 1
        assert found.warned("is canceled") == 126
        assert found.warned("is unavailable") == 148
        assert found.warned("is a second review of order") == 12
        assert found.warned("is on several orders") == 2
        assert found.warned("the kind of payment is not defined") == 1
