"""Pipelines: the ordered stages that opportunities go through, as of their latest version."""

from __future__ import annotations

from domain.pipeline import Pipeline
from eventlog.envelope import Recorded
from projections.projection import Row, Table, on
from projections.resource import Resource
from projections.stream_rows import BY_CREATED, ROW_KEY, STREAM_COLUMNS, StreamRows


class Pipelines(StreamRows):
    """Each published pipeline; a tenant that never published one sells by the default, which has no row."""

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


PIPELINE_ROWS = Pipelines()
PIPELINES = Resource("pipelines", PIPELINE_ROWS, stream="pipeline")
