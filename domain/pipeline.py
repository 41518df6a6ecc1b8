"""The ways in which a company sells: ordered stages that an opportunity goes through until it is won or lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from domain.aggregate import Aggregate, Changes, Move
from domain.refusals import AlreadyExists, Refusal

DEFAULT_PIPELINE_ID = UUID("6b0f2c7e-5d43-5f0a-9c1b-0a5a1e5c0d01")
"""The pipeline every tenant has without publishing one; amending it makes it the tenant's own."""


@dataclass(frozen=True)
class Stage:
    """One step of a pipeline. `probability` is between 0 and 1; `rank` counts from 1 and is given when published."""

    label: str
    type: str
    """open, won or lost"""
    probability: Decimal
    forecast_category: str
    """The default; who owns an opportunity may override it"""
    rank: int = 0


DEFAULT_STAGES = (
    Stage("Prospecting", "open", Decimal("0.10"), "Pipeline", 1),
    Stage("Qualification", "open", Decimal("0.20"), "Pipeline", 2),
    Stage("Proposal", "open", Decimal("0.50"), "Best Case", 3),
    Stage("Negotiation", "open", Decimal("0.80"), "Commit", 4),
    Stage("Won", "won", Decimal(1), "Closed", 5),
    Stage("Lost", "lost", Decimal(0), "Omitted", 6),
)


class UnusableStages(Refusal):
    """A pipeline has differently named stages: some open, then exactly one won (100 %) and exactly one lost (0 %)."""


class UnknownStage(Refusal):
    """The pipeline has no stage of that name."""

    def __init__(self, label: str, stages: Sequence[Stage], allowed: Sequence[str]) -> None:
        known = ", ".join(stage.label for stage in stages)
        super().__init__(f'There is no stage "{label}"; this version of the pipeline has {known}.', allowed)


class Pipeline(Aggregate):
    """The stages of one way to sell, in versions: amending makes a new one; opportunities keep the one they entered.

    A blank pipeline is version 0 and has the default stages, so that a tenant can sell before it publishes anything.
    """

    class Published(Move):
        axis = "stages"

        pipeline_version: int
        name: str
        stages: tuple[Stage, ...]

        def changes(self) -> Changes:
            return edition(self.pipeline_version, self.name, self.stages)

    class Amended(Move):
        axis = "stages"

        pipeline_version: int
        name: str
        stages: tuple[Stage, ...]

        def changes(self) -> Changes:
            return edition(self.pipeline_version, self.name, self.stages)

    def __init__(self, id: UUID, now: datetime | None = None) -> None:
        super().__init__(id, now)
        self.name = "Default"
        self.pipeline_version = 0
        self.stages_by_version: dict[str, tuple[Stage, ...]] = {"0": DEFAULT_STAGES}

    @property
    def stages(self) -> tuple[Stage, ...]:
        return self.stages_of(self.pipeline_version)

    @property
    def moves(self) -> list[str]:
        if self.exists:
            return ["amend-pipeline"]
        return ["publish-pipeline", "amend-pipeline"] if self.id == DEFAULT_PIPELINE_ID else ["publish-pipeline"]

    def stages_of(self, pipeline_version: int) -> tuple[Stage, ...]:
        """The stages as of a version of the pipeline."""
        return self.stages_by_version.get(str(pipeline_version), DEFAULT_STAGES)

    def stage(self, label: str, pipeline_version: int, allowed: Sequence[str] = ()) -> Stage:
        """The stage of that name; raises UnknownStage, naming what is `allowed` instead."""
        stages = self.stages_of(pipeline_version)
        found = next((stage for stage in stages if stage.label.casefold() == label.casefold()), None)
        if found is None:
            raise UnknownStage(label, stages, allowed)
        return found

    def first_of(self, type: str, pipeline_version: int) -> Stage:
        """The first stage of a type: where an opportunity begins (open), or ends (won, lost)."""
        return next(stage for stage in self.stages_of(pipeline_version) if stage.type == type)

    def publish(self, name: str, stages: Sequence[Stage]) -> None:
        if self.exists:
            raise AlreadyExists("pipeline", self.id)
        self.record(self.Published, pipeline_version=1, name=name, stages=ranked(stages, self.moves))

    def amend(self, name: str | None, stages: Sequence[Stage]) -> None:
        """Make a new version, for opportunities that enter from now on; the name stays unless a new one is given."""
        name, stages = name or self.name, ranked(stages, self.moves)
        if (name, stages) != (self.name, self.stages):
            self.record(self.Amended, pipeline_version=self.pipeline_version + 1, name=name, stages=stages)


def edition(pipeline_version: int, name: str, stages: tuple[Stage, ...]) -> Changes:
    return {
        ("name",): name,
        ("pipeline_version",): pipeline_version,
        ("stages_by_version", str(pipeline_version)): stages,
    }


def ranked(stages: Sequence[Stage], allowed: Sequence[str]) -> tuple[Stage, ...]:
    """The stages with their ranks; raises UnusableStages when opportunities could not go through them."""
    types = [stage.type for stage in stages]
    labels = {stage.label.casefold() for stage in stages}
    if types.count("won") != 1 or types.count("lost") != 1 or types[:1] != ["open"] or "open" in types[-2:]:
        raise UnusableStages("A pipeline has one or more open stages, then exactly one won and one lost.", allowed)
    if len(labels) != len(stages):
        raise UnusableStages("The stages of a pipeline have different names.", allowed)
    certain = {"won": Decimal(1), "lost": Decimal(0)}
    for stage in stages:
        if not 0 <= stage.probability <= 1 or stage.probability != certain.get(stage.type, stage.probability):
            raise UnusableStages(f'The probability of "{stage.label}" cannot be {stage.probability}.', allowed)
    return tuple(replace(stage, rank=rank) for rank, stage in enumerate(stages, 1))
