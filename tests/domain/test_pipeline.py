"""Pipelines: stages in versions, the default one included."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from commands.opportunities import OpenOpportunity
from commands.pipelines import AmendPipeline, PublishPipeline, StageOfPipeline
from domain.pipeline import DEFAULT_PIPELINE_ID, DEFAULT_STAGES, Pipeline, Stage, UnknownStage, UnusableStages
from domain.refusals import AlreadyExists
from tests.domain.anything import ID, events_of, happenings, stream
from tests.scenario import Scenario

SALES = UUID(int=21)

demo = StageOfPipeline(label="Demo", probability=Decimal("0.25"))
talks = StageOfPipeline(label="Talks", probability=Decimal("0.7"), forecast_category="Commit")
won = StageOfPipeline(label="Signed", type="won", probability=Decimal(1), forecast_category="Closed")
lost = StageOfPipeline(label="Lost", type="lost", probability=Decimal(0), forecast_category="Omitted")

published = PublishPipeline(pipeline_id=SALES, name="Sales", stages=(demo, won, lost))


@pytest.fixture
def crm():
    return Scenario()


def test_publishing_gives_every_stage_its_rank(crm):
    crm.when(published).then(
        (
            Pipeline.Published,
            {
                "pipeline_version": 1,
                "name": "Sales",
                "stages": (
                    Stage("Demo", "open", Decimal("0.25"), "Pipeline", 1),
                    Stage("Signed", "won", Decimal(1), "Closed", 2),
                    Stage("Lost", "lost", Decimal(0), "Omitted", 3),
                ),
            },
        )
    )


def test_amending_makes_a_new_version_and_keeps_the_old_one(crm):
    crm.given(published)
    crm.when(AmendPipeline(pipeline_id=SALES, stages=(demo, talks, won, lost))).then(
        (Pipeline.Amended, {"pipeline_version": 2, "name": "Sales"})
    )
    pipeline = crm.streams[SALES]
    assert [stage.label for stage in pipeline.stages_of(1)] == ["Demo", "Signed", "Lost"]
    assert [stage.label for stage in pipeline.stages_of(2)] == ["Demo", "Talks", "Signed", "Lost"]


def test_amending_to_the_same_stages_records_nothing(crm):
    crm.given(published).when(AmendPipeline(pipeline_id=SALES, stages=published.stages)).then()


def test_a_tenant_has_the_default_stages_without_publishing_anything(crm):
    pipeline = Pipeline(DEFAULT_PIPELINE_ID)
    assert pipeline.stages == DEFAULT_STAGES
    assert [(stage.label, stage.probability) for stage in pipeline.stages] == [
        ("Prospecting", Decimal("0.1")),
        ("Qualification", Decimal("0.2")),
        ("Proposal", Decimal("0.5")),
        ("Negotiation", Decimal("0.8")),
        ("Won", Decimal(1)),
        ("Lost", Decimal(0)),
    ]


def test_amending_the_default_pipeline_makes_it_the_tenants_own(crm):
    crm.when(AmendPipeline(stages=(demo, won, lost))).then(
        (Pipeline.Amended, {"pipeline_version": 1, "name": "Default"})
    )
    assert crm.streams[DEFAULT_PIPELINE_ID].stages_of(0) == DEFAULT_STAGES


def test_a_pipeline_is_published_once(crm):
    pipeline = Pipeline(SALES, crm.occurred_at)
    pipeline.publish("Sales", DEFAULT_STAGES)
    with pytest.raises(AlreadyExists):
        pipeline.publish("Sales", DEFAULT_STAGES)


@pytest.mark.parametrize(
    "stages",
    [
        (won, lost, demo),
        (demo, won, won),
        (demo, lost, won, talks),
        (demo, demo, won, lost),
        (demo, won.model_copy(update={"probability": Decimal("0.9")}), lost),
        (demo, won, lost.model_copy(update={"probability": Decimal("0.1")})),
    ],
)
def test_stages_that_no_sale_could_go_through_are_refused(crm, stages):
    crm.when(PublishPipeline(name="Odd", stages=stages)).then_refused(UnusableStages, allowed=["publish-pipeline"])


def test_an_unknown_stage_is_answered_with_the_known_ones():
    with pytest.raises(UnknownStage, match="Prospecting, Qualification"):
        Pipeline(DEFAULT_PIPELINE_ID).stage("Haggling", 0)


@given(happenings(events_of(Pipeline), max_size=20), st.data())
@settings(deadline=None)
def test_any_events_in_any_order_fold_without_raising(happened, data):
    minutes = data.draw(st.permutations(range(len(happened))))
    pipeline = Pipeline.fold(ID, stream(happened, list(minutes)))
    assert pipeline.version == len(happened)
    assert isinstance(pipeline.stages, tuple)


@pytest.mark.parametrize(("type_", "forecast"), [("open", "Pipeline"), ("won", "Closed"), ("lost", "Omitted")])
def test_a_stage_that_names_no_forecast_has_that_of_its_type(type_, forecast):
    stage = StageOfPipeline(label="S", type=type_, probability=Decimal("0.5"))
    assert stage.value.forecast_category == forecast


def test_a_currency_is_one_that_there_is():
    with pytest.raises(ValidationError, match="'XYZ' is no currency's ISO 4217 code"):
        OpenOpportunity(title="t", amount=1, currency="XYZ")
