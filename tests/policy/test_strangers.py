"""Two tenants: whatever one of them asks, of the other it learns nothing, not even that there is anything."""

from __future__ import annotations

import pytest

from tests.api.conftest import app, house, key, project, settings, store
from tests.policy.strangers.leaking import strangers
from tests.policy.world import Place

__all__ = ["app", "house", "key", "project", "settings", "store"]

pytestmark = pytest.mark.anyio


async def test_ten_of_one_tenant_learn_nothing_of_another_by_any_operation(app, house, store, project):
    found = await strangers(Place(app, house, store, project), seed=1)
    documented = {f"{method.upper()} {path}" for path, item in app.openapi()["paths"].items() for method in item}
    assert found.operations == documented
    assert found.words > 100, "else there was nothing to be leaked"
    assert found.actors == 10
    assert not found.leaks, "\n".join(found.leaks[:5])
