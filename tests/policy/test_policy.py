"""Any organisation, any records, every route: what is answered to whom is what the page of rules says."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from commands.command import Command, Crm, handles, registered
from domain.aggregate import Aggregate
from domain.user import User
from projections.analytics import lake
from tests.api.conftest import app, house, key, project, settings, store
from tests.policy.commanding import KINDS
from tests.policy.comparing import compared, left_out, routes_of
from tests.policy.questions import questions
from tests.policy.world import Place, world

__all__ = ["app", "house", "key", "project", "settings", "store"]

pytestmark = pytest.mark.anyio

CASES = 250
"""Of each company: the campaign asks more."""


@pytest.fixture(scope="module")
def place(settings, app, house, store, project) -> Place:
    lake.prepare(str(settings.database_url), settings.lake_path)
    return Place(app, house, store, project)


def test_every_command_has_a_rule():
    assert {registration.name for registration in registered()} == KINDS.keys(), (
        "say in tests/policy/commanding.py what these take and name, and in domain/POLICY.md if that is new"
    )


def test_a_command_of_which_no_policy_speaks_is_not_even_registered():
    class PaintTheFence(Command):
        """Whatever it is, it is nobody's to allow."""

    async def paint(command: PaintTheFence, crm: Crm) -> Aggregate:
        return crm.new(User, None)

    async def rename(command: PaintTheFence, crm: Crm) -> User:
        return crm.new(User, None)

    with pytest.raises(AssertionError, match="of no kind"):
        handles(PaintTheFence)(paint)
    with pytest.raises(AssertionError, match="not what a policy can say"):
        handles(PaintTheFence)(rename)
    assert "paint-the-fence" not in {registration.name for registration in registered()}


async def test_every_route_is_in_the_document_that_these_questions_are_made_from(app):
    documented = app.openapi()["paths"].keys()
    paths = {path for path in paths_of(app.router) if path.startswith("/v1/")}
    assert documented - paths == {path for path in documented if not path.startswith("/v1/")}
    assert paths - documented == {"/v1/commands/{name}"}, "that one says that there is no such command"


def paths_of(router: Any) -> Iterator[str]:
    """Of a router, and of those that are included in it."""
    for route in router.routes:
        if within := getattr(route, "original_router", None):
            yield from paths_of(within)
        else:
            yield route.path


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.long)])
async def test_everybody_is_answered_what_the_rules_say(place, seed):
    async with world(place, seed) as made:
        unknown = left_out(routes_of(place.app), await questions(made, routes_of(place.app), Random(seed)))
        assert not unknown, "say in tests/policy/questions by which rule these are answered"
        found = await compared(place, made, seed, CASES)
        assert found.count > CASES / 2
        assert not found.wrong, "\n".join(found.wrong[:5])
