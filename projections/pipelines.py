"""Pipelines: the ordered stages that opportunities go through, as of their latest version."""

from __future__ import annotations

from domain.pipeline import DEFAULT_PIPELINE_ID, DEFAULT_STAGES, Pipeline
from eventlog.envelope import Recorded
from projections.projection import Row, Table, on
from projections.resource import Resource
from projections.stream_rows import BY_CREATED, ROW_KEY, STREAM_COLUMNS, StreamRows


class Pipelines(StreamRows):
    """Each published pipeline; a tenant that never published one sells by the default, which has no row before it is
    amended. Then it tells the stages of version 0, too: opportunities may still go through these."""

    version = 3
    aggregate = Pipeline
    table = Table(
        "pipelines",
        key=ROW_KEY,
        columns=STREAM_COLUMNS
        | {"name": "text", "pipeline_version": "integer", "stages": "jsonb", "stages_by_version": "jsonb"},
        indexes=(BY_CREATED,),
    )

    @on(Pipeline.Published, Pipeline.Amended)
    def staged(self, row: Row, event: Pipeline.Published | Pipeline.Amended, recorded: Recorded) -> None:
        row["stages"] = self.plain("stages", event.stages)
        if event.originator_id == DEFAULT_PIPELINE_ID and not row["stages_by_version"]:
            row["stages_by_version"] = {"0": self.plain("stages", DEFAULT_STAGES)}


PIPELINE_ROWS = Pipelines()
PIPELINES = Resource("pipelines", PIPELINE_ROWS, stream="pipeline")
