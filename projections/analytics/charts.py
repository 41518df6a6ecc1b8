"""Draws the rows of a view: a Vega-Lite picture as SVG, or as a page that needs neither a server nor the internet."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import cache
from html import escape
from typing import Any

import orjson
import pyarrow as pa

from projections.analytics.painting import PAINTER
from projections.analytics.views.view import COUNT, Column, View

Asked = View | type[View]
"""A view, as it was asked where that is known"""

Point = dict[str, Any]
"""One mark of a picture: `x`, `value`, and where there are such `group` (told apart by colour), `line` (of a heat map)
and `facet`."""

MOST_GROUPS, MOST_BARS = 10, 40
"""So many colours, or bars, can be told apart; of groups the smaller ones are drawn as others, of bars the first."""
WIDTH, HEIGHT, STEP = 560, 320, 26
NOBODY, OTHERS = "(none)", "(others)"
FONT = "Helvetica, Arial, sans-serif"
COLOURS = ("#2f5d8c", "#e08e2b", "#4f9d69", "#b5475b", "#7d6bb0", "#8a8d91", "#2a9d9d", "#c9a227", "#6b8e23", "#a0522d")
ONE = COLOURS[0]
STYLE = {
    "view": {"stroke": None},
    "axis": {"labelFont": FONT, "titleFont": FONT, "gridColor": "#e6e6e6", "domainColor": "#999", "labelLimit": 200},
    "title": {"font": FONT, "subtitleFont": FONT, "fontSize": 16, "subtitleColor": "#555", "offset": 12},
    "legend": {"labelFont": FONT, "titleFont": FONT},
    "header": {"labelFont": FONT, "titleFont": FONT},
    "range": {"category": list(COLOURS)},
}

UNDRAWABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Signs that XML has no place for."""


def drawn(view: Asked, rows: pa.Table, kind: str) -> bytes:
    """The picture as `svg` or `html`. Raises Undrawable."""
    specification = spec(view, rows)
    if kind == "svg":
        return PAINTER.paint(specification)
    # What a customer is called may look like markup; in JSON a `<` can be written otherwise.
    told = orjson.dumps(specification).decode().replace("<", "\\u003c")
    return PAGE.format(title=escape(view.name), library=library(), specification=told).encode()


PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><script>{library}</script></head>
<body><div id="chart"></div><script>vegaEmbed("#chart", {specification}, {{actions: true}});</script></body></html>
"""


@cache
def library() -> str:
    """The script that draws in a browser; it takes seconds to put together, so it is kept."""
    import vl_convert  # takes its time to load

    return str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")).replace("</script", "<\\/script")


def spec(view: Asked, rows: pa.Table) -> dict[str, Any]:
    """The picture as a Vega-Lite specification, with its data."""
    import altair as alt  # as above

    points = points_of(view, view.chart.counted(rows).to_pylist())
    currencies = set(rows["currency"].to_pylist()) if "currency" in view.columns else set()
    currency = f"{currencies.pop()}" if len(currencies) == 1 else "money"
    picture: Any = alt.Chart(alt.InlineData(values=points or [{}])).properties(width=WIDTH, height=HEIGHT)
    if not points:  # a text needs something that it is of
        picture = picture.mark_text(text="Nothing to show", fontSize=14, color="#777")
    else:
        picture = MARKS[view.chart.mark](alt, view, points, picture)
        if len({point["facet"] for point in points}) > 1:
            row = alt.Row("facet:N", title=None, sort=None)
            picture = picture.facet(row=row).resolve_scale(**dict.fromkeys(OWN[view.chart.mark], "independent"))
    said = (view.__doc__ or "").strip().partition("\n")[0]
    subtitle = [said, *missing] if (missing := left_out(view, rows, points)) else said
    name = view.name.upper() if view.name == "rfm" else view.name.replace("_", " ").capitalize()
    told: dict[str, Any] = picture.properties(title=alt.TitleParams(name, subtitle=subtitle, anchor="start")).to_dict()
    told = with_currency(told, currency)
    return told | {"config": STYLE}


def left_out(view: Asked, rows: pa.Table, points: list[Point]) -> list[str]:
    """What is to be said of bars, or lines, for which a picture has no room."""
    told = []
    for axis, column, most in (("x", view.chart.x, MOST_BARS), ("group", view.chart.by, MOST_GROUPS - 1)):
        if column in view.columns:
            drawn, whole = {point[axis] for point in points}, set(rows[column].to_pylist())
            if most <= len(drawn) < len(whole) and OTHERS not in drawn:
                told.append(f"{name_of(view, column).capitalize()}: {len(drawn)} of {len(whole)} are drawn.")
    return told


def with_currency(specification: Any, currency: str) -> Any:
    """The specification, with the currency of all rows where a title speaks of that of each."""
    if isinstance(specification, dict):
        return {name: with_currency(value, currency) for name, value in specification.items() if name != "values"} | (
            {"values": specification["values"]} if "values" in specification else {}
        )
    if isinstance(specification, list):
        return [with_currency(value, currency) for value in specification]
    return specification.replace("currency of the row", currency) if isinstance(specification, str) else specification


def points_of(view: Asked, rows: list[dict[str, Any]]) -> list[Point]:
    """The rows as marks; several measures are groups of their own."""
    chart, columns = view.chart, view.columns
    heat = chart.mark == "heat"
    measures = (chart.by,) if heat else (chart.y,) if isinstance(chart.y, str) else chart.y
    several = len(measures) > 1
    points = [
        {
            "x": plain(row[chart.x]),
            "value": plain(row[str(measure)]),
            "group": words(measure) if several else plain(row[chart.by]) if chart.by and not heat else None,
            "line": plain(row[str(chart.y)]) if heat else None,
            "facet": plain(row[chart.facet]) if chart.facet else None,
        }
        for row in rows
        for measure in measures
    ]
    points = [point for point in points if point["value"] is not None]
    named(points, "x", is_day=columns[chart.x].kind == "date")
    if chart.by and not heat:
        named(points, "group", is_day=not several and columns[chart.by].kind == "date")
        points = points if several or chart.mark == "steps" else fewer(points, others=chart.stacked)
    if chart.mark == "bars" and columns[chart.x].kind != "date":
        first = list(dict.fromkeys(point["x"] for point in points))
        if in_order(view):
            first.sort(key=lambda x: (isinstance(x, str), x))  # those without a number come last
        first = first[:MOST_BARS]
        points = [point for point in points if point["x"] in first]
    return points


def in_order(view: Asked) -> bool:
    """Whether what stands below the bars is numbers."""
    return view.columns[view.chart.x].kind in ("integer", "real")


def named(points: list[Point], axis: str, *, is_day: bool = False) -> None:
    """Give what has no name one: `all` where nothing has."""
    nothing = all(point[axis] is None for point in points)
    for point in points:
        if point[axis] is None:
            point[axis] = "all" if nothing else NOBODY
        elif is_day:
            point[axis] = point[axis][:7]


def fewer(points: list[Point], *, others: bool) -> list[Point]:
    """The largest groups; the smaller ones together, where they can be added up."""
    weight: Counter[str] = Counter()
    for point in points:
        weight[point["group"]] += abs(point["value"])
    if len(weight) <= MOST_GROUPS:
        return points
    kept = {group for group, _ in weight.most_common(MOST_GROUPS - 1)}
    told = [point for point in points if point["group"] in kept]
    rest = [point | {"group": OTHERS} for point in points if point["group"] not in kept]
    return told + (rest if others else [])


# -- marks


def bars(alt: Any, view: Asked, points: list[Point], picture: Any) -> Any:
    chart = view.chart
    measure = chart.y if isinstance(chart.y, str) else chart.y[0]
    grouped = points[0]["group"] is not None and {point["group"] for point in points} != {"all"}
    axis = alt.Axis(title=name_of(view, chart.x), labelAngle=0 if chart.lying else -40)
    length = {
        "axis": number_axis(alt, view, measure, single=isinstance(chart.y, str)),
        "stack": "zero" if chart.stacked else None,
    }
    across, along = ("y", "x") if chart.lying else ("x", "y")
    channels: dict[str, Any] = {
        across: (alt.Y if chart.lying else alt.X)(
            "x:O", sort="ascending" if view.columns[chart.x].kind == "date" or in_order(view) else None, axis=axis
        ),
        along: (alt.X if chart.lying else alt.Y)("value:Q", **length),
        "color": alt.Color("group:N", title=name_of(view, chart.by) or None, sort=None) if grouped else alt.value(ONE),
        "tooltip": ["x:N", "group:N", "value:Q"],
    }
    if grouped and not chart.stacked:
        channels[f"{across}Offset"] = (alt.YOffset if chart.lying else alt.XOffset)("group:N", sort=None)
    if chart.lying:
        picture = picture.properties(height=alt.Step(STEP if not grouped else 16))
    return picture.mark_bar(cornerRadiusEnd=2).encode(**channels)


def lines(alt: Any, view: Asked, points: list[Point], picture: Any) -> Any:
    chart, steps = view.chart, view.chart.mark == "steps"
    measure = chart.y if isinstance(chart.y, str) else chart.y[0]
    column = view.columns[measure]
    if steps:  # every curve begins with all of them
        starts = {point["group"]: point | {"x": 0, "value": 1} for point in reversed(points)}
        picture = picture.properties(data=alt.InlineData(values=[*reversed(starts.values()), *points]))
    day = view.columns[chart.x].kind == "date"
    title = words(chart.x) if day else with_unit(words(chart.x), view.columns[chart.x])
    scale = alt.Scale(domain=[0, 1]) if column.unit.startswith("share") else alt.Undefined
    one = {point["group"] for point in points} <= {None, "all"}
    order = "descending" if chart.countdown else alt.Undefined
    return picture.mark_line(interpolate="step-after" if steps else "linear", point=not steps, strokeWidth=2).encode(
        x=alt.X("x:O" if day else "x:Q", axis=alt.Axis(title=title, labelAngle=-40 if day else 0), sort=order),
        y=alt.Y("value:Q", scale=scale, axis=number_axis(alt, view, measure, single=isinstance(chart.y, str))),
        color=alt.value(ONE) if one else alt.Color("group:N", title=name_of(view, chart.by) or None, sort=None),
        tooltip=["x:N", "group:N", "value:Q"],
    )


def heat(alt: Any, view: Asked, points: list[Point], picture: Any) -> Any:
    chart = view.chart
    assert isinstance(chart.y, str)
    column = chart.measure(chart.by or "", view.columns)
    text, days = view.columns[chart.x].kind == "text", view.columns[chart.y].kind == "date"
    if days:
        for point in points:
            point["line"] = point["line"][:7]
    shape = {"format": ".0%"} if column.unit.startswith("share") else {"format": ",~s"}
    wide = len({point["x"] for point in points})
    tiles = picture.properties(width=alt.Step(max(STEP, min(60, 900 // wide))), height=alt.Step(STEP)).encode(
        x=alt.X("x:O", sort=None if text else "ascending",
                axis=alt.Axis(title=with_unit(words(chart.x), view.columns[chart.x]), labelAngle=-40 if text else 0)),
        y=alt.Y("line:O", sort="descending" if chart.y == "r" else "ascending",
                axis=alt.Axis(title=with_unit(words(chart.y), view.columns[chart.y]))),
        tooltip=["x:N", "line:N", "value:Q"],
    )  # fmt: skip
    legend = alt.Legend(title=with_unit(words(chart.by), column), **shape)
    painted = tiles.mark_rect(stroke="white").encode(
        color=alt.Color("value:Q", scale=alt.Scale(range=["#f4f7fb", "#1f4e7a"]), legend=legend)
    )
    if wide > 18 or text:
        return painted
    middle = (max(point["value"] for point in points) + min(point["value"] for point in points)) / 2
    ink = alt.condition(alt.datum.value > middle, alt.value("white"), alt.value("#333"))
    return painted + tiles.mark_text(fontSize=10).encode(text=alt.Text("value:Q", **shape), color=ink)


MARKS: dict[str, Callable[..., Any]] = {"bars": bars, "lines": lines, "steps": lines, "heat": heat}
OWN = {"bars": ("x", "y", "xOffset", "yOffset"), "lines": ("x", "y"), "steps": ("x", "y"), "heat": ()}
"""The scales that each of several pictures has to itself; heat maps are compared place by place."""


def number_axis(alt: Any, view: Asked, measure: str, *, single: bool) -> Any:
    column = view.chart.measure(measure, view.columns)
    title = with_unit(words(measure), column) if single else column.unit.partition(",")[0]
    return alt.Axis(title=title, format="%" if "share" in column.unit or column.unit.startswith("1 -") else ",~s")


def name_of(view: Asked, column: str | None) -> str:
    """What a column is called; the dimension by what was asked for."""
    asked: str | None = getattr(view, "by", None) if column == "dimension" else None
    return words(asked or column)


def words(name: str | None) -> str:
    """A column's name as a person would write it."""
    return (name or "").removesuffix("_days").removesuffix("_s").replace("_", " ")


def with_unit(name: str, column: Column) -> str:
    unit = column.unit.partition(",")[0]
    if name == COUNT or name in unit:
        return unit
    return f"{name} ({unit})" if unit and unit not in name else name


def plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, str):
        return UNDRAWABLE.sub("\ufffd", value)
    return value.isoformat() if isinstance(value, date) else value
