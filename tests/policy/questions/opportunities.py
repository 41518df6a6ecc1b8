"""What one opportunity is asked about besides what every record is: its way through the stages, its scores."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from tests.policy.company import Person
from tests.policy.questions.case import Case, denied
from tests.policy.world import Answer, World


def of_opportunity(id: UUID) -> Iterator[Case]:
    for name in ("stages", "scores"):
        path = f"/v1/opportunities/{id}/{name}"

        async def expect(world: World, person: Person, path: str = path) -> Answer:
            return denied(world, person, "opportunity", id) or await world.raw(path)

        yield Case(f"/v1/opportunities/{{id}}/{name}", path, expect)
