"""What can be asked about pipelines."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from commands.command import Command, Crm, Label, Text, handles
from domain.pipeline import DEFAULT_PIPELINE_ID, Pipeline, Stage

ForecastCategory = Literal["Pipeline", "Best Case", "Commit", "Closed", "Omitted"]


async def pipeline_named(crm: Crm, pipeline_id: UUID) -> Pipeline:
    """The pipeline of that id; the default one exists for every tenant, published or not."""
    if pipeline_id == DEFAULT_PIPELINE_ID:
        return await crm.load_or_new(Pipeline, DEFAULT_PIPELINE_ID)
    return await crm.load(Pipeline, pipeline_id)


async def pipeline_of(crm: Crm, pipeline_id: UUID | None) -> Pipeline:
    """The pipeline that an opportunity goes through, else the default one; whether the caller sees it or not, for a
    command about the opportunity does not name it."""
    return await crm.look_up(Pipeline, pipeline_id or DEFAULT_PIPELINE_ID)


FORECASTS = {"open": "Pipeline", "won": "Closed", "lost": "Omitted"}
"""What a stage says of the forecast, by its type, where it says nothing else."""


class StageOfPipeline(BaseModel):
    """One stage: what it is called, what it means, how likely a sale is from here, and its default forecast."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    label: Label
    type: Literal["open", "won", "lost"] = "open"
    probability: Annotated[Decimal, Field(ge=0, le=1, decimal_places=4)] = Field(examples=["0.25"])
    forecast_category: ForecastCategory | None = Field(
        None, description="Default: Closed where the sale is won, Omitted where it is lost, else Pipeline."
    )

    @property
    def value(self) -> Stage:
        return Stage(self.label, self.type, self.probability, self.forecast_category or FORECASTS[self.type])


Stages = Annotated[tuple[StageOfPipeline, ...], Field(min_length=3, max_length=50)]
"""In the order that a sale goes through them; the last two are the won and the lost one."""


class PublishPipeline(Command):
    """Publish a way to sell: ordered stages, of which the last two are one won (1) and one lost (0)."""

    pipeline_id: UUID | None = Field(None, description="Made by the caller, or for you.")
    name: Text
    stages: Stages


@handles(PublishPipeline, creates=True)
async def publish_pipeline(command: PublishPipeline, crm: Crm) -> Pipeline:
    pipeline = crm.new(Pipeline, command.pipeline_id)
    pipeline.publish(command.name, [stage.value for stage in command.stages])
    return pipeline


class AmendPipeline(Command):
    """Make a new version of a pipeline for opportunities to come; those already open keep the version they entered."""

    pipeline_id: UUID = DEFAULT_PIPELINE_ID
    name: Text | None = Field(None, description="Left out, the name stays.")
    stages: Stages


@handles(AmendPipeline)
async def amend_pipeline(command: AmendPipeline, crm: Crm) -> Pipeline:
    pipeline = await pipeline_named(crm, command.pipeline_id)
    pipeline.amend(command.name, [stage.value for stage in command.stages])
    return pipeline
