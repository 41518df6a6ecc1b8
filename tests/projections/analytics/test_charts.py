"""Pictures of views: each says what it shows and in which unit, and can be drawn whatever the rows are."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from projections.analytics import VIEWS
from projections.analytics.charts import drawn, spec
from projections.analytics.painting import Painter, Undrawable
from projections.analytics.views.view import DEFINITIONS, words

ANY = {
    "text": ["li", "</script><b>", None],
    "texts": [["CNY"], [], None],
    "flag": [True, False, None],
    "id": ["6b0f2c7e-5d43-5f0a-9c1b-0a5a1e5c0d01"] * 3,
    "date": [date(2025, 1, 1), date(2025, 2, 1), None],
    "moment": [datetime(2025, 1, 1, tzinfo=UTC)] * 3,
    "integer": [3, 1, None],
    "real": [0.5, 0.25, None],
    "money": [Decimal("12.50"), Decimal(-7), None],
    "quantity": [Decimal(2), Decimal(0), None],
}


def rows(view) -> pa.Table:
    columns = {name: ANY[column.kind] for name, column in view.columns.items()}
    return pa.table(columns | ({"currency": ["CNY"] * 3} if "currency" in columns else {}))


@pytest.mark.parametrize("view", VIEWS.values(), ids=list(VIEWS))
def test_every_view_is_drawn_with_a_title_and_named_axes(view):
    told = spec(view, rows(view))
    assert told["title"]["text"]
    assert told["title"]["subtitle"] == view.__doc__.partition("\n")[0]
    encodings = [
        found["encoding"] for found in (told, told.get("spec", {}), *told.get("layer", [])) if "encoding" in found
    ]
    titled = {channel: encoding[channel] for encoding in encodings for channel in ("x", "y") if channel in encoding}
    assert set(titled) == {"x", "y"}
    assert all(axis["axis"]["title"] for axis in titled.values())
    assert "currency of the row" not in json.dumps(told), "it is named, or there is none"


@pytest.mark.parametrize("view", VIEWS.values(), ids=list(VIEWS))
def test_where_there_is_nothing_the_picture_says_so(view):
    assert "Nothing to show" in json.dumps(spec(view, rows(view).slice(0, 0)))


def test_nobody_is_shown_an_empty_picture():
    assert "Nothing to show" in drawn(VIEWS["channels"], rows(VIEWS["channels"]).slice(0, 0), "svg").decode()


@pytest.mark.parametrize("name", ["channels", "rfm"])
def test_each_currency_has_a_picture_of_its_own(name):
    view = VIEWS[name]
    both = {name: [ANY[column.kind][0]] * 2 for name, column in view.columns.items()} | {"currency": ["CNY", "EUR"]}
    picture = drawn(view, pa.table(both), "svg").decode()
    assert all(f">{currency}</text>" in picture for currency in both["currency"])


def test_what_is_counted_is_named_and_counted_once_for_each_place():
    view = VIEWS["deal_outlook"]
    told = {name: [ANY[column.kind][0]] * 3 for name, column in view.columns.items()}
    told |= {"stage": ["Proposal"] * 3, "state": ["open", "won", "open"]}
    picture = spec(view, pa.table(told))
    assert picture["encoding"]["y"]["axis"]["title"] == "opportunities"
    (points,) = picture["datasets"].values()
    assert [(point["group"], point["value"]) for point in points] == [("open", 2), ("won", 1)]


def test_days_before_the_month_ends_run_down_to_its_end():
    encoding = spec(VIEWS["forecast_accuracy"], rows(VIEWS["forecast_accuracy"]))["encoding"]
    assert (encoding["x"]["sort"], encoding["x"]["axis"]["title"]) == (
        "descending",
        "days before the end of the month",
    )


def test_months_for_which_there_is_no_room_are_told():
    view = VIEWS["forecast_accuracy"]
    months = [date(2025, month, 1) for month in range(1, 13)]
    told = {name: [ANY[column.kind][0]] * 12 for name, column in view.columns.items()} | {"month": months}
    assert spec(view, pa.table(told))["title"]["subtitle"][1] == "Month: 9 of 12 are drawn."


def test_bars_for_which_there_is_no_room_are_told():
    view = VIEWS["top_customers"]
    told = {name: [ANY[column.kind][0]] * 50 for name, column in view.columns.items()} | {"place": list(range(1, 51))}
    assert spec(view, pa.table(told))["title"]["subtitle"][1] == "Place: 40 of 50 are drawn."


def test_bars_of_several_currencies_are_as_wide_as_those_of_one():
    view = VIEWS["forecast"]
    both = {name: [ANY[column.kind][0]] * 2 for name, column in view.columns.items()} | {"currency": ["CNY", "EUR"]}
    picture = drawn(view, pa.table(both), "svg").decode()
    bars = [
        re.findall(r"[-\d.]+", path) for path in re.findall(r'aria-roledescription="bar"[^>]* d="([^"]+)"', picture)
    ]
    assert len(bars) == 8
    assert all(max(map(float, bar[::2])) - min(map(float, bar[::2])) > 10 for bar in bars)


def test_numbers_below_bars_stand_in_their_order():
    view = VIEWS["purchase_histories"]
    told = {name: [ANY[column.kind][0]] * 4 for name, column in view.columns.items()} | {view.chart.x: [8, 1, 45, 2]}
    encoding = spec(view, pa.table(told))["encoding"]
    assert encoding["x"]["sort"] == "ascending"


def test_what_was_asked_for_is_named():
    view = VIEWS["win_rate"]
    told = {name: [ANY[column.kind][0]] * 2 for name, column in view.columns.items()} | {"dimension": ["li", "han"]}
    assert spec(view(by="owner"), pa.table(told))["encoding"]["color"]["title"] == "owner"


def test_lines_for_which_there_is_no_room_are_told():
    view = VIEWS["win_rate"]
    owners = [f"owner {n}" for n in range(14)]
    told = {name: [ANY[column.kind][0]] * 14 for name, column in view.columns.items()} | {view.chart.by: owners}
    assert spec(view, pa.table(told))["title"]["subtitle"][1].endswith(": 9 of 14 are drawn.")


def test_an_svg_is_a_picture_and_no_markup_of_others():
    picture = drawn(VIEWS["slippage"], rows(VIEWS["slippage"]), "svg").decode()
    assert picture.startswith("<svg")
    assert "</script><b>" not in picture
    assert "&lt;/script&gt;" in picture


def test_signs_that_no_picture_can_show_are_drawn_as_unknown():
    table = rows(VIEWS["slippage"])
    names = [name for name, column in VIEWS["slippage"].columns.items() if column.kind == "text"]
    odd = table.to_pydict() | {name: ["a\x15\x00b", "\uffff", "\x0b"] for name in names}
    assert "a\ufffd\ufffdb" in drawn(VIEWS["slippage"], pa.table(odd), "svg").decode()


def test_a_renderer_that_ends_takes_nobody_with_it_and_the_next_picture_is_drawn():
    painter, fatal = (
        Painter(),
        {"data": {"values": [{"x": "\x15"}]}, "mark": "text", "encoding": {"text": {"field": "x"}}},
    )
    for unfit in (fatal, {"mark": 7}):
        with pytest.raises(Undrawable):
            painter.paint(unfit)
    assert painter.paint(spec(VIEWS["slippage"], rows(VIEWS["slippage"]))).startswith(b"<svg")


@pytest.mark.parametrize("name", sorted(DEFINITIONS))
def test_every_definition_is_written_above_its_sql(name):
    assert len(words(f"definitions/{name}")) > 80
