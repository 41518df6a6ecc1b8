"""The questions that the lakehouse answers, each with its parameters; what a figure means stands above its SQL."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from functools import cache
from importlib.resources import files
from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, NonNegativeInt

from domain.pipeline import DEFAULT_PIPELINE_ID, DEFAULT_STAGES
from eventlog.envelope import Caller


class View(BaseModel):
    """A question with its parameters. All days are days in UTC."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]

    as_of: AwareDatetime | date | None = Field(
        None,
        union_mode="left_to_right",
        description="Only what had happened by this moment, or the end of this day.",
    )
    known_at: NonNegativeInt | AwareDatetime | None = Field(
        None, description="Only what the log knew at this position, or at this moment."
    )

    @classmethod
    def sql(cls) -> str:
        """A query that begins with WITH, over facts by their bare names."""
        return read(cls.name)

    def parameters(self) -> dict[str, Any]:
        """What the query names with a `$`, beyond the scope."""
        return self.model_dump(exclude={"as_of", "known_at"})


class Funnel(View):
    """How many opportunities reached each stage of their pipeline, and what part of them went on."""

    name = "funnel"

    entered_from: date | None = Field(None, description="Opened on this day or later.")
    entered_before: date | None = Field(None, description="Opened before this day.")
    cohort: Literal["month", "quarter", "year"] | None = Field(None, description="By when opened; else all in one.")
    pipeline_id: UUID | None = None
    owner: str | None = None
    team: str | None = None
    source: str | None = None

    def parameters(self) -> dict[str, Any]:
        default = [{"rank": stage.rank, "stage": stage.label, "stage_type": stage.type} for stage in DEFAULT_STAGES]
        return super().parameters() | {"default_pipeline": DEFAULT_PIPELINE_ID, "default_stages": default}


class Revenue(View):
    """Revenue by month and currency, with the orders booked and cancelled."""

    name = "revenue"

    month_from: date | None = Field(None, description="Months that begin on this day or later.")
    month_before: date | None = Field(None, description="Months that begin before this day.")
    currency: str | None = None
    owner: str | None = None
    team: str | None = None


class Rfm(View):
    """Recency, frequency and monetary value of each customer, with their quintiles, as of a day (today)."""

    name = "rfm"

    as_of: AwareDatetime | date | None = Field(
        default_factory=lambda: datetime.now(UTC).date(), union_mode="left_to_right"
    )
    currency: str | None = None

    def parameters(self) -> dict[str, Any]:
        as_of = self.as_of.astimezone(UTC).date() if isinstance(self.as_of, datetime) else self.as_of
        return super().parameters() | {"day": as_of or datetime.now(UTC).date()}


class ServiceCycles(View):
    """Every service cycle of every ticket, with its response and resolution times."""

    name = "service_cycles"

    started_from: date | None = None
    started_before: date | None = None
    kind: str | None = None
    team: str | None = None


def scope(caller: Caller, view: View, facts: Iterable[str]) -> tuple[str, dict[str, Any]]:
    """The view's query, and its parameters, over nothing but what this caller may see, by the day and the position
    asked for. The one way to the facts: a view cannot name the tables themselves."""
    conditions: list[str] = ["tenant = $tenant"]
    values: dict[str, Any] = {"tenant": caller.tenant}
    if view.as_of is not None:
        moment = isinstance(view.as_of, datetime)
        conditions.append("occurred_at <= $as_of" if moment else "occurred_at < $as_of + INTERVAL 1 DAY")
        values["as_of"] = view.as_of
    if view.known_at is not None:
        conditions.append(f"{'position' if isinstance(view.known_at, int) else 'recorded_at'} <= $known_at")
        values["known_at"] = view.known_at
    query, seen = view.sql(), " AND ".join(conditions)
    stands = f"{seen} AND stream_id NOT IN (FROM retracted)"
    parts = [f"retractions AS (SELECT * FROM lake.retractions WHERE {seen})", RETRACTED]  # noqa: S608  # names of our own
    parts += [
        f"{fact} AS (SELECT * FROM lake.{fact} WHERE {stands})"  # noqa: S608  # as above
        for fact in facts
        if fact != "retractions" and re.search(rf"\b{fact}\b", query)
    ]
    together = ",\n".join(parts)
    return f"WITH {together},\n{query.removeprefix('WITH ')}", view.parameters() | values


# A retraction is dated at the beginning of what was entered in error: of any day, nothing of it counts.
RETRACTED = """retracted AS (
    SELECT stream_id FROM retractions GROUP BY stream_id HAVING arg_max(what, position) = 'retracted')"""


@cache
def read(name: str) -> str:
    text = (files("projections.analytics") / f"{name}.sql").read_text(encoding="utf-8")
    return re.sub(r"--.*", "", text).strip()
