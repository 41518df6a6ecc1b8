"""Questions to every route, and what the rules say is to be answered to whom; one file for each kind of answer."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from uuid import uuid4

from tests.policy.questions.across import across
from tests.policy.questions.case import Case
from tests.policy.questions.commands import of_commands, of_other_changes
from tests.policy.questions.customers import of_customer
from tests.policy.questions.figures import of_figures
from tests.policy.questions.files import of_files
from tests.policy.questions.itself import of_itself
from tests.policy.questions.opportunities import of_opportunity
from tests.policy.questions.resources import of_resources
from tests.policy.world import World


async def questions(world: World, routes: Iterable[str], random: Random) -> list[Case]:
    """Questions to every route, about some of all there is."""
    found = [*of_resources(world, random), *across(world, random), *of_files(world), *of_itself(world, random)]
    found += [*of_figures(world, routes, random), *of_commands(world, random), *await of_other_changes(world, random)]
    customers = [thing.id for thing in world.company.of("customer")]
    survivor, merged = random.choice(world.company.merges)
    for id in (*random.sample(customers, 3), survivor.id, merged.id, uuid4()):
        found += of_customer(world, id, random)
    opportunities = [thing.id for thing in world.company.of("opportunity")]
    for id in (*random.sample(opportunities, 3), uuid4()):
        found += of_opportunity(id)
    return found
