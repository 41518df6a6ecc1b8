"""Five public data sets, imported by mappings that ship with Kronika: the read models give the published figures."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from deploy.importing import Asked, desk, imported
from domain.data_import import Import
from eventlog import feed
from eventlog.envelope import Caller
from projections.as_of import settled
from projections.asking import Filter
from projections.cut import Cut
from tests.data.sending import DATA
from tests.projections.remembered import KEPT, all_of, told_by_the_log

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(1_800)]  # the largest set has 110,000 orders

SMALL = ("northwind",)
"""The others are imported by `make import-sets`."""
CUTS = 200 if "TESTS_SETS" in os.environ else 40
"""At so many moments of both clocks the past of a set is looked at."""

Rows = list[tuple[Any, ...]]
D = Decimal

# What is asked of the read models of a set's own tenant, and what its description says.
FIGURES: dict[str, dict[str, tuple[str, Rows]]] = {
    "northwind": {
        "orders, lines and sales after discount": (
            "SELECT count(*), sum(jsonb_array_length(lines)), round(sum(sales), 2) FROM read.orders WHERE tenant = $t",
            [(830, 2_155, D("1265793.04"))],
        ),
        "sales before discount": (
            "SELECT sum((line ->> 'unit_price')::numeric * (line ->> 'quantity')::numeric)"
            " FROM read.orders, jsonb_array_elements(lines) line WHERE tenant = $t",
            [(D("1354458.59"),)],
        ),
        "customers, and those with orders": (
            "SELECT (SELECT count(*) FROM read.customers WHERE tenant = $t AND kind = 'organisation'),"
            " count(DISTINCT customer_id) FROM read.orders WHERE tenant = $t",
            [(91, 89)],
        ),
        "orders that are not shipped": (
            "SELECT count(*) FROM read.orders WHERE tenant = $t AND shipped_percent = 0",
            [(21,)],
        ),
    },
    "crm_sales_opportunities": {
        "opportunities by stage": (
            "SELECT stage, count(*) FROM read.opportunities WHERE tenant = $t GROUP BY 1 ORDER BY 2 DESC",
            [("Won", 4_238), ("Lost", 2_473), ("Engaging", 1_589), ("Prospecting", 500)],
        ),
        "won value and win rate": (
            "SELECT sum(amount) FILTER (WHERE stage_type = 'won'),"
            " round(100 * avg((stage_type = 'won')::int) FILTER (WHERE stage_type <> 'open'), 2)"
            " FROM read.opportunities WHERE tenant = $t",
            [(D(10_005_534), D("63.15"))],
        ),
        "days from engaging to the end": (
            "SELECT o.stage_type, round(avg(extract(epoch FROM o.closed_at - s.entered_at) / 86400), 3)"
            " FROM read.opportunities o JOIN read.stage_durations s ON s.opportunity_id = o.id"
            " AND s.tenant = o.tenant AND s.stage = 'Engaging'"
            " WHERE o.tenant = $t AND o.stage_type <> 'open' GROUP BY 1 ORDER BY 1",
            [("lost", D("41.479")), ("won", D("51.782"))],
        ),
        "won value and win rate by office": (
            "SELECT team, sum(amount) FILTER (WHERE stage_type = 'won'),"
            " round(avg((stage_type = 'won')::int) FILTER (WHERE stage_type <> 'open'), 4)"
            " FROM read.opportunities WHERE tenant = $t GROUP BY 1 ORDER BY 2 DESC",
            [
                ("West", D(3_568_647), D("0.6394")),
                ("Central", D(3_346_293), D("0.6256")),
                ("East", D(3_090_594), D("0.6302")),
            ],
        ),
        "the best agent of thirty": (
            "SELECT owner, sum(amount) FILTER (WHERE stage_type = 'won'), count(*) OVER () FROM read.opportunities"
            " WHERE tenant = $t GROUP BY 1 ORDER BY 2 DESC LIMIT 1",
            [("Darcel Schlecht", D(1_153_214), 30)],
        ),
        "won in each quarter of 2017": (
            "SELECT count(*) FROM read.opportunities WHERE tenant = $t AND stage_type = 'won'"
            " AND extract(year FROM closed_on) = 2017 GROUP BY extract(quarter FROM closed_on)"
            " ORDER BY extract(quarter FROM closed_on)",
            [(531,), (1_254,), (1_257,), (1_196,)],
        ),
        "won by product": (
            "SELECT lines -> 0 ->> 'sku', count(*), sum(amount) FROM read.opportunities"
            " WHERE tenant = $t AND stage_type = 'won' GROUP BY 1 ORDER BY 3 DESC",
            [
                ("GTXPro", 729, D(3_510_578)),
                ("GTX Plus Pro", 479, D(2_629_651)),
                ("MG Advanced", 654, D(2_216_387)),
                ("GTX Plus Basic", 653, D(705_275)),
                ("GTX Basic", 915, D(499_263)),
                ("GTK 500", 15, D(400_612)),
                ("MG Special", 793, D(43_768)),
            ],
        ),
        "opportunities without an account": (
            "SELECT stage, count(*) FROM read.opportunities WHERE tenant = $t AND customer_id IS NULL"
            " GROUP BY 1 ORDER BY 1",
            [("Engaging", 1_088), ("Prospecting", 337)],
        ),
        "accounts": ("SELECT count(*) FROM read.customers WHERE tenant = $t", [(85,)]),
    },
    "cdnow_sample": {
        "customers": ("SELECT count(*) FROM read.customers WHERE tenant = $t", [(2_357,)]),
        "purchases and dollars": (
            "SELECT count(*), sum(total), sum(paid), min(created_at)::date::text, max(created_at)::date::text"
            " FROM read.orders WHERE tenant = $t",
            [(6_919, D("244091.94"), D("244091.94"), "1997-01-01", "1998-06-30")],
        ),
        "discs": (
            "SELECT sum(split_part(lines -> 0 ->> 'sku', ' ', 1)::int) FROM read.orders WHERE tenant = $t",
            [(16_479,)],
        ),
        "purchases that cost nothing": ("SELECT count(*) FROM read.orders WHERE tenant = $t AND total = 0", [(8,)]),
        "second purchases on a day": (
            "SELECT sum(times - 1) FROM (SELECT count(*) AS times FROM read.orders WHERE tenant = $t"
            " GROUP BY customer_id, created_at::date) days",
            [(223,)],
        ),
        "customers who came again in weeks 1 to 39, and on how many days": (
            "SELECT count(*) FILTER (WHERE days > 1), sum(days - 1)"
            " FROM (SELECT count(DISTINCT created_at::date) AS days FROM read.orders"
            " WHERE tenant = $t AND created_at < '1997-10-01' GROUP BY customer_id) own",
            [(946, 2_457)],
        ),
        "customers of weeks 40 to 78, and their purchase days": (
            "SELECT count(*), sum(days) FROM (SELECT count(DISTINCT created_at::date) AS days FROM read.orders"
            " WHERE tenant = $t AND created_at >= '1997-10-01' GROUP BY customer_id) own",
            [(684, 1_882)],
        ),
    },
    "helpdesk": {
        "cases, products and customers": (
            "SELECT count(*), count(DISTINCT product), (SELECT count(*) FROM read.customers WHERE tenant = $t)"
            " FROM read.tickets WHERE tenant = $t",
            [(4_580, 21, 397)],
        ),
        "how often they were resolved and escalated": (
            "SELECT type, count(*) FROM read.timeline WHERE tenant = $t"
            " AND type IN ('ticket.resolved', 'ticket.escalated') GROUP BY 1 ORDER BY 2 DESC",
            [("ticket.resolved", 4_983), ("ticket.escalated", 119)],
        ),
        "cases that wait, are resolved more than once, are never closed": (
            "SELECT count(*) FILTER (WHERE paused > 0), count(*) FILTER (WHERE resolved > 1),"
            " count(*) FILTER (WHERE closed = 0) FROM (SELECT count(*) FILTER (WHERE type = 'ticket.paused') AS paused,"
            " count(*) FILTER (WHERE type = 'ticket.resolved') AS resolved,"
            " count(*) FILTER (WHERE type = 'ticket.closed') AS closed FROM read.timeline"
            " WHERE tenant = $t AND stream_type = 'ticket' GROUP BY stream_id) own",
            [(1_236, 386, 21)],
        ),
        # 4,557 end in Closed; one more has a last row that is no step of a ticket, and stays closed.
        "cases that are closed": (
            "SELECT count(*) FROM read.tickets WHERE tenant = $t AND state = 'closed'",
            [(4_558,)],
        ),
    },
    "olist": {
        "persons, and those with several orders": (
            "SELECT (SELECT count(*) FROM read.customers WHERE tenant = $t), count(*) FILTER (WHERE orders > 1)"
            " FROM (SELECT count(*) AS orders FROM read.orders WHERE tenant = $t GROUP BY customer_id) own",
            [(16_833, 144)],
        ),
        "orders, items and freight": (
            "SELECT count(DISTINCT id),"
            " sum((line ->> 'unit_price')::numeric) FILTER (WHERE line ->> 'sku' <> 'freight'),"
            " sum((line ->> 'unit_price')::numeric) FILTER (WHERE line ->> 'sku' = 'freight')"
            " FROM read.orders, jsonb_array_elements(lines) line WHERE tenant = $t",
            [(16_984, D("2312026.39"), D("379531.79"))],
        ),
        "payments": ("SELECT sum(paid) FROM read.orders WHERE tenant = $t", [(D("2729407.33"),)]),
        "payments by their kind": (
            "SELECT payment ->> 'method', count(*) FROM read.receivables, jsonb_array_elements(payments) payment"
            " WHERE tenant = $t GROUP BY 1 ORDER BY 2 DESC",
            [("credit_card", 13_083), ("boleto", 3_426), ("voucher", 1_102), ("debit_card", 217), ("not_defined", 1)],
        ),
        "reviews": (
            "SELECT last_score, count(*) FROM read.tickets WHERE tenant = $t AND last_score IS NOT NULL"
            " GROUP BY 1 ORDER BY 1",
            [(1, 310), (2, 83), (3, 209), (4, 495), (5, 1_500)],
        ),
        "delivered, after how many days, and how often too late": (
            "SELECT count(*), round(avg(extract(epoch FROM delivered_at - created_at) / 86400), 3),"
            " round(100 * avg(((delivered_at AT TIME ZONE 'America/Sao_Paulo')::date > wanted_by)::int), 2)"
            " FROM read.orders WHERE tenant = $t AND delivered_at IS NOT NULL",
            [(16_371, D("12.748"), D("6.25"))],
        ),
        "cancelled or unavailable": (
            "SELECT count(*) FROM read.orders WHERE tenant = $t AND state = 'cancelled'",
            [(126 + 148,)],
        ),
    },
}
ASKED = [(name, what) for name, figures in FIGURES.items() for what in figures]


@pytest.fixture(scope="module")
async def figures(settings, house, project) -> Callable[[str, str], Awaitable[Rows]]:
    """Has a set imported, once, for a tenant of its own; then asks its read models."""
    done: dict[str, Import] = {}

    async def asked(name: str, query: str) -> Rows:
        tenant = name.replace("_", "-")
        if name not in done:
            async with desk(settings) as opened:
                asked = Asked(name, DATA / name, False, None, Caller(tenant, "operator"))
                done[name] = (await imported(opened, asked, lambda _: None)).data_import
            await project()
        ended = done[name]
        assert (ended.state, ended.failed) == ("finished", 0), ended.why
        async with house.log.connection() as connection:
            cursor = await connection.execute(query.replace("$t", f"'{tenant}'"))
            found: Rows = await cursor.fetchall()
            return found

    return asked


@pytest.mark.parametrize(("name", "what"), ASKED, ids=[f"{name}: {what}" for name, what in ASKED])
async def test_the_read_models_give_the_figure_of_the_set(figures, name, what):
    skip_unless_asked(name)
    query, expected = FIGURES[name][what]
    assert await figures(name, query) == expected


@pytest.mark.parametrize("name", FIGURES)
async def test_at_any_moment_of_both_clocks_what_was_imported_is_what_the_log_tells(figures, house, name):
    skip_unless_asked(name)
    events = await figures(
        name, "SELECT stream_id, stream_type, occurred_at, position, recorded_at FROM log.events WHERE tenant = $t"
    )
    caller, chance, seen = Caller(name.replace("_", "-"), "operator"), Random(6), 0
    kept = [one for one in KEPT if any(kind == one.stream for _, kind, *_ in events)]
    async with house.log.connection() as own:
        for number in range(CUTS):
            as_of, known = chance.choice(events)[2], chance.choice(events)
            cut = (Cut(as_of), Cut(None, known[3]), Cut(as_of, known[3]), Cut(None, known[4]))[number % 4]
            resource = chance.choice(kept)
            ids = sorted({id for id, kind, *_ in events if kind == resource.stream})
            streams = await feed.streams(own, house.log.codec, caller.tenant, chance.sample(ids, min(20, len(ids))))
            some = Filter("id", "in", tuple(streams))
            found = await all_of(
                own, resource, await settled(own, cut), some, sort=chance.choice(resource.sortable), caller=caller
            )
            told = told_by_the_log(resource, cut, streams)
            assert {row["id"]: row for row in found} == told, (resource.name, cut)
            seen += len(found)
    assert seen > CUTS


def skip_unless_asked(name: str) -> None:
    if not (DATA / name).is_dir():
        pytest.skip(f"real data: there is no ../shared/data/{name} beside the checkout")
    if name not in SMALL and "TESTS_SETS" not in os.environ:
        pytest.skip("takes long: `make import-sets` asks for it")
