"""Any organisation, any records, every route: what is answered to whom is what the page of rules says."""

from __future__ import annotations

from random import Random

import pytest

from projections.analytics import lake
from tests.api.conftest import app, house, key, project, settings, store
from tests.policy.comparing import compared, left_out, routes_of
from tests.policy.expected import cases
from tests.policy.world import Place, world

__all__ = ["app", "house", "key", "project", "settings", "store"]

pytestmark = pytest.mark.anyio

CASES = 150
"""Of each company: the campaign asks all."""


@pytest.fixture(scope="module")
def place(settings, app, house, store, project) -> Place:
    lake.prepare(str(settings.database_url), settings.lake_path)
    return Place(app, house, store, project)


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.long)])
async def test_everybody_is_answered_what_the_rules_say(place, seed):
    async with world(place, seed) as made:
        if seed == 1:
            unknown = left_out(routes_of(place.app), cases(made, routes_of(place.app), Random(seed)))
            assert not unknown, "say in tests/policy/expected.py by which rule these are answered"
        count, wrong = await compared(made, place.app, seed, CASES)
        assert count > CASES
        assert not wrong, "\n".join(wrong[:5])
