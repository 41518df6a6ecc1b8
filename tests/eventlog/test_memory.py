"""What a process remembers of the streams it loaded saves reading them again, and never decides anything."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.customers import DeactivateCustomer, ReactivateCustomer, RenameCustomer
from commands.dispatch import NotFound
from commands.opportunities import OpenOpportunity
from commands.pipelines import AmendPipeline
from domain import AGGREGATES
from domain.customer import Customer
from domain.opportunity import Opportunity
from eventlog.log import Log
from tests.domain.anything import ID, events_of, happenings, stream
from tests.log_helpers import ask, registering

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def here(database_url, keys):
    async with Log.open(database_url, keys) as opened:
        yield opened


@pytest.fixture(scope="module")
async def elsewhere(database_url, keys):
    """The same log, as another process has it."""
    async with Log.open(database_url, keys) as opened:
        yield opened


@pytest.fixture
async def customer(here, elsewhere):
    """Known in both processes."""
    id = uuid4()
    await ask(here, registering(id))
    await ask(elsewhere, RenameCustomer(customer_id=id, name="李"))
    await ask(here, RenameCustomer(customer_id=id, name="李雷"))
    return id


async def test_a_second_command_about_a_stream_does_not_read_it_again(here, customer):
    assert here.remembers("acme", customer)
    remembered, _ = await here.load(Customer, "acme", customer, datetime.now(UTC))
    here.forget("acme", [customer])
    read, _ = await here.load(Customer, "acme", customer, datetime.now(UTC))
    assert same(remembered, read)


async def test_a_change_made_elsewhere_is_seen_by_the_next_decision(here, elsewhere, customer):
    await ask(elsewhere, RenameCustomer(customer_id=customer, name="韩梅梅"))
    answer = await ask(here, RenameCustomer(customer_id=customer, name="Ana"))
    assert answer.version == 5


async def test_what_says_nothing_new_is_measured_by_the_log_not_by_memory(here, elsewhere, customer):
    await ask(elsewhere, RenameCustomer(customer_id=customer, name="韩梅梅"))
    answer = await ask(here, RenameCustomer(customer_id=customer, name="李雷"))
    assert answer.types == ["customer.renamed"], "it was 李雷 here, and is something else by now"


async def test_a_state_left_elsewhere_is_left_here_too(here, elsewhere, customer):
    await ask(here, DeactivateCustomer(customer_id=customer))
    await ask(elsewhere, ReactivateCustomer(customer_id=customer))
    assert (await ask(here, DeactivateCustomer(customer_id=customer))).types == ["customer.deactivated"]
    assert (await ask(elsewhere, DeactivateCustomer(customer_id=customer))).types == []


async def test_a_stream_that_was_missing_is_found_once_it_is_there(here, elsewhere):
    id = uuid4()
    with pytest.raises(NotFound):
        await ask(here, RenameCustomer(customer_id=id, name="Ana"))
    await ask(elsewhere, registering(id))
    assert (await ask(here, RenameCustomer(customer_id=id, name="Ana"))).version == 2


async def test_what_was_merely_read_counts_as_it_is_when_the_command_is_recorded(here, elsewhere):
    """An opportunity enters the pipeline's present version, also when this process remembers an older one."""
    await ask(here, OpenOpportunity(title="Ten pumps"))
    stages = [
        {"label": "First talk", "type": "open", "probability": "0.2"},
        {"label": "Won", "type": "won", "probability": "1"},
        {"label": "Lost", "type": "lost", "probability": "0"},
    ]
    await ask(elsewhere, AmendPipeline.model_validate({"stages": stages}))
    answer = await ask(here, OpenOpportunity(title="Ten more pumps"))
    opened, _ = await elsewhere.load(Opportunity, "acme", answer.stream_id, datetime.now(UTC))
    assert opened.stage == "First talk"


@given(st.data(), st.sampled_from(AGGREGATES))
def test_a_copy_goes_its_own_way(data, kind):
    events = stream(data.draw(happenings(events_of(kind), max_size=12)))
    now_known = data.draw(st.integers(0, len(events)))
    original, undisturbed = kind.fold(ID, events[:now_known]), kind.fold(ID, events[:now_known])
    copied = original.copied(None)
    for event in events[now_known:]:
        event.mutate(copied)
    assert same(original, undisturbed)


def same(one, other):
    return vars(one) | {"now": None} == vars(other) | {"now": None}
