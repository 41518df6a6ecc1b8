"""What a ticket allows and refuses, in sentences; and how long service took, from its events alone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from pydantic import ValidationError

from commands.command import Command
from commands.customers import RegisterCustomer
from commands.tickets import (
    AssignTicket,
    ChangeTicketPriority,
    CloseTicket,
    EscalateTicket,
    MergeTicket,
    OpenTicket,
    PauseTicket,
    RecordSatisfaction,
    ReopenTicket,
    ReplyToTicket,
    ResolveTicket,
    ResumeTicket,
)
from domain.aggregate import Event
from domain.refusals import MoveOutOfOrder
from domain.service_times import Cycle, service_times
from domain.ticket import (
    HIGHEST_LEVEL,
    AtHighestLevel,
    MergedIntoItself,
    NotHigher,
    Ticket,
    TicketAlreadyResolved,
    TicketClosed,
    TicketMerged,
    TicketStillOpen,
)
from tests.domain.anything import ID, events_of, happenings, stream
from tests.scenario import Scenario

LI, T, OTHER = UUID(int=20), UUID(int=21), UUID(int=22)

registered = RegisterCustomer(customer_id=LI, kind="person", name="李伟")
opened = OpenTicket(
    ticket_id=T, customer_id=LI, kind="fault", priority="high", channel="email", subject="Pump leaks", text="Since noon"
)
another = OpenTicket(ticket_id=OTHER, kind="question", channel="phone", subject="Leaking pump")
paused = PauseTicket(ticket_id=T)
resumed = ResumeTicket(ticket_id=T)
resolved = ResolveTicket(ticket_id=T, resolution="New seal")
closed = CloseTicket(ticket_id=T)
reopened = ReopenTicket(ticket_id=T, reason="leaks again")
merged = MergeTicket(ticket_id=T, into_id=OTHER)
rated = RecordSatisfaction(ticket_id=T, score=4, comment="Quick")
answered = ReplyToTicket(ticket_id=T, text="We are on our way")
noted = ReplyToTicket(ticket_id=T, text="He is right", public=False)
customer_wrote = ReplyToTicket(ticket_id=T, text="Which valve?", author="customer")
urgent = ChangeTicketPriority(ticket_id=T, priority="urgent")
escalated = EscalateTicket(ticket_id=T, reason="No spare part", team="factory")
assigned = AssignTicket(ticket_id=T, owner="ann", team="service")


@pytest.fixture
def crm() -> Scenario:
    return Scenario().given(registered)


def ticket(crm: Scenario, id: UUID = T) -> Ticket:
    found = crm.streams[id]
    assert isinstance(found, Ticket)
    return found


def test_a_ticket_is_opened_for_a_customer(crm: Scenario) -> None:
    crm.when(opened).then(
        (Ticket.Opened, {"kind": "fault", "priority": "high", "subject": "Pump leaks", "customer_id": LI})
    )
    assert ticket(crm).concerns == LI


def test_a_ticket_may_be_opened_before_the_customer_is_known(crm: Scenario) -> None:
    crm.when(another).then((Ticket.Opened, {"customer_id": None, "priority": "normal"}))
    assert ticket(crm, OTHER).concerns == OTHER


def test_a_case_number_at_its_source_is_one_ticket(crm: Scenario) -> None:
    crm.given(opened.model_copy(update={"number": "7", "source": "helpdesk"}))
    assert ticket(crm).claims == {("ticket-number", "helpdesk:7")}


def test_an_unknown_kind_or_priority_is_not_a_command() -> None:
    for wrong in ({"kind": "praise"}, {"kind": "fault", "priority": "extreme"}):
        with pytest.raises(ValidationError):
            OpenTicket.model_validate({"channel": "email", "subject": "?"} | wrong)


def test_a_ticket_is_assigned_and_its_priority_changed_once(crm: Scenario) -> None:
    crm.given(opened)
    crm.when(assigned).then((Ticket.Assigned, {"owner": "ann", "team": "service"}))
    crm.when(assigned).then()
    crm.when(urgent).then((Ticket.PriorityChanged, {"priority": "urgent"}))
    crm.when(urgent).then()


def test_a_ticket_is_escalated_upwards_only(crm: Scenario) -> None:
    crm.given(opened, assigned)
    crm.when(escalated).then((Ticket.Escalated, {"level": 2, "team": "factory", "reason": "No spare part"}))
    crm.when(EscalateTicket(ticket_id=T, reason="Still none", level=4)).then(
        (Ticket.Escalated, {"level": 4, "team": None})
    )
    crm.when(EscalateTicket(ticket_id=T, reason="?", level=4)).then_refused(NotHigher)
    crm.given(EscalateTicket(ticket_id=T, reason="Still none", level=HIGHEST_LEVEL))
    crm.when(EscalateTicket(ticket_id=T, reason="?")).then_refused(AtHighestLevel)
    assert ticket(crm).team == "factory"


def test_a_customers_reply_ends_the_waiting(crm: Scenario) -> None:
    crm.given(opened, paused).when(customer_wrote).then(Ticket.Replied, (Ticket.Resumed, {"answered": True}))
    crm.when(customer_wrote).then(Ticket.Replied)


def test_our_own_replies_do_not_end_the_waiting(crm: Scenario) -> None:
    crm.given(opened, paused)
    crm.when(answered).then((Ticket.Replied, {"author": "agent", "public": True}))
    crm.when(noted).then((Ticket.Replied, {"public": False}))
    crm.when(paused).then()
    crm.when(resumed).then((Ticket.Resumed, {"answered": False}))
    crm.when(resumed).then()


def test_a_reply_written_before_we_began_to_wait_does_not_end_the_waiting(crm: Scenario) -> None:
    before = crm.given(opened).occurred_at + timedelta(minutes=1)
    crm.given(paused).when(customer_wrote.model_copy(update={"occurred_at": before})).then(Ticket.Replied)
    assert ticket(crm).state == "waiting"


def test_customers_speak_openly() -> None:
    with pytest.raises(ValidationError):
        ReplyToTicket(ticket_id=T, text="psst", author="customer", public=False)


def test_a_resolved_ticket_takes_thanks_but_no_work(crm: Scenario) -> None:
    crm.given(opened, paused).when(resolved).then((Ticket.Resolved, {"cycle": 1, "resolution": "New seal"}))
    crm.when(customer_wrote).then(Ticket.Replied)
    for asked in (resolved, paused, resumed, urgent, escalated):
        crm.when(asked).then_refused(
            TicketAlreadyResolved,
            allowed=[
                "assign-ticket",
                "close-ticket",
                "merge-ticket",
                "record-satisfaction",
                "reopen-ticket",
                "reply-to-ticket",
            ],
        )


def test_a_closed_ticket_can_only_be_rated_or_reopened(crm: Scenario) -> None:
    crm.given(opened, resolved).when(closed).then((Ticket.Closed, {"cycle": 1, "outcome": "resolved"}))
    crm.when(closed).then()
    for asked in (resolved, paused, resumed, urgent, escalated, answered, assigned):
        crm.when(asked).then_refused(TicketClosed, allowed=["record-satisfaction", "reopen-ticket"])


def test_a_ticket_closed_without_a_resolution_is_unresolved(crm: Scenario) -> None:
    crm.given(opened).when(closed).then((Ticket.Closed, {"outcome": "unresolved"}))


def test_reopening_starts_a_new_cycle_and_keeps_how_the_old_one_ended(crm: Scenario) -> None:
    crm.given(opened).when(reopened).then_refused(TicketStillOpen)
    crm.given(resolved, closed)
    crm.when(reopened).then((Ticket.Reopened, {"cycle": 2, "outcome": "resolved", "reason": "leaks again"}))
    crm.given(closed).when(reopened).then((Ticket.Reopened, {"cycle": 3, "outcome": "unresolved"}))
    assert ticket(crm).outcomes == {"1": "resolved", "2": "unresolved"}


def test_a_merged_ticket_goes_on_in_the_other(crm: Scenario) -> None:
    crm.given(another, opened).when(merged).then(
        (Ticket.Absorbed, {"ticket_id": T}), (Ticket.Merged, {"into_id": OTHER})
    )
    for asked in (resolved, closed, reopened, answered, assigned, urgent, escalated, rated, paused, resumed, merged):
        crm.when(asked).then_refused(TicketMerged, allowed=[])
    crm.when(MergeTicket(ticket_id=OTHER, into_id=T)).then_refused(TicketMerged)


def test_a_ticket_is_merged_neither_into_itself_nor_into_a_closed_one(crm: Scenario) -> None:
    crm.given(another, opened, CloseTicket(ticket_id=OTHER))
    crm.when(MergeTicket(ticket_id=T, into_id=T)).then_refused(MergedIntoItself)
    crm.when(merged).then_refused(TicketClosed)
    crm.when(MergeTicket(ticket_id=OTHER, into_id=T)).then_refused(TicketClosed)


def test_satisfaction_is_about_the_last_cycle_that_ended(crm: Scenario) -> None:
    crm.given(opened).when(rated).then_refused(TicketStillOpen)
    crm.given(resolved).when(rated).then((Ticket.SatisfactionRecorded, {"score": 4, "comment": "Quick", "cycle": 1}))
    crm.given(reopened).when(rated).then((Ticket.SatisfactionRecorded, {"cycle": 1}))
    crm.given(resolved, closed).when(rated).then((Ticket.SatisfactionRecorded, {"cycle": 2}))


def test_the_history_of_a_ticket_runs_forward(crm: Scenario) -> None:
    before = crm.occurred_at
    crm.given(opened).when(resolved.model_copy(update={"occurred_at": before})).then_refused(MoveOutOfOrder)


# Service times: every command below occurs an hour after the one before.


def times(*commands: Command) -> list[Cycle]:
    crm, history = Scenario().given(registered), list[Event]()
    for command in commands:
        history += crm.given(command).recorded
    return service_times([(event.timestamp, event) for event in history])


def hours(*numbers: float) -> list[timedelta]:
    return [timedelta(hours=number) for number in numbers]


def test_the_first_response_is_our_first_public_reply() -> None:
    (cycle,) = times(opened, noted, customer_wrote, answered, answered)
    assert (cycle.first_response, cycle.next_responses) == (timedelta(hours=3), [])
    assert cycle.unanswered_since is None


def test_each_next_response_runs_from_the_first_unanswered_word_of_the_customer() -> None:
    (cycle,) = times(opened, answered, customer_wrote, customer_wrote, noted, answered, customer_wrote, answered)
    assert cycle.next_responses == hours(3, 1)


def test_waiting_for_the_customer_is_nobodys_time() -> None:
    (cycle,) = times(opened, paused, resumed, paused, answered, customer_wrote, answered, resolved)
    assert cycle.first_response == timedelta(hours=2)
    assert cycle.next_responses == hours(1)
    assert cycle.resolution == timedelta(hours=4)


def test_a_ticket_resolved_while_waiting_is_resolved_as_of_the_pause() -> None:
    (cycle,) = times(opened, paused, resolved)
    assert cycle.resolution == timedelta(hours=1)


def test_every_cycle_has_its_own_times() -> None:
    first, second, third = times(opened, answered, resolved, closed, reopened, closed, reopened, answered)
    assert (first.number, first.first_response, first.resolution) == (1, *hours(1, 2))
    assert (second.number, second.first_response, second.resolution) == (2, None, None)
    assert second.ended_at is not None
    assert (third.number, third.first_response, third.ended_at) == (3, timedelta(hours=1), None)


def test_a_reply_recorded_late_counts_when_it_was_written() -> None:
    crm = Scenario().given(registered)
    history = [*crm.given(opened).recorded]
    written = crm.occurred_at + timedelta(minutes=10)
    history += crm.given(resolved).recorded
    history += crm.given(answered.model_copy(update={"occurred_at": written})).recorded
    (cycle,) = service_times([(event.timestamp, event) for event in history])
    assert cycle.first_response == timedelta(minutes=10)


def test_another_clock_counts_other_hours() -> None:
    def by_day(start: datetime, end: datetime) -> timedelta:
        return timedelta(days=(end.date() - start.date()).days)

    crm, history = Scenario().given(registered), list[Event]()
    for command in (opened, resolved):
        history += crm.given(command).recorded
    (cycle,) = service_times([(event.timestamp, event) for event in history], by_day)
    assert cycle.resolution == timedelta(0)


# Laws


@given(happenings(events_of(Ticket), max_size=12), st.data())
def test_any_events_fold_in_any_order_and_can_be_timed(
    happened: list[tuple[type[Event], dict[str, Any]]], data: st.DataObject
) -> None:
    minutes = data.draw(st.lists(st.integers(0, 9), min_size=len(happened), max_size=len(happened)))
    events = stream(happened, minutes)
    folded = Ticket.fold(ID, events)
    assert folded.version == len(events)
    assert isinstance(folded.moves, list)
    assert isinstance(folded.claims, frozenset)
    for cycle in service_times([(event.timestamp, event) for event in events]):
        assert min([timedelta(0), *filter(None, (cycle.first_response, cycle.resolution))]) == timedelta(0)


STATES_AFTER: dict[str, dict[str, str | None]] = {
    "assign-ticket": dict.fromkeys(("open", "waiting", "resolved")),
    "change-ticket-priority": dict.fromkeys(("open", "waiting")),
    "close-ticket": dict.fromkeys(("open", "waiting", "resolved"), "closed"),
    "escalate-ticket": dict.fromkeys(("open", "waiting")),
    "merge-ticket": dict.fromkeys(("open", "waiting", "resolved"), "merged"),
    "pause-ticket": {"open": "waiting"},
    "reopen-ticket": dict.fromkeys(("resolved", "closed"), "open"),
    "reply-to-ticket": dict.fromkeys(("open", "waiting", "resolved")),
    "resolve-ticket": dict.fromkeys(("open", "waiting"), "resolved"),
    "resume-ticket": {"waiting": "open"},
}
"""A plain model: from which state each command leads to which; None stays."""

NO_CHANGE = {("close-ticket", "closed"), ("pause-ticket", "waiting"), ("resume-ticket", "open")}


class AnyLifeOfATicket(RuleBasedStateMachine):
    """Two tickets live any lives, and may be merged; a plain table of states says what must be possible."""

    @initialize()
    def begin(self) -> None:
        self.crm = Scenario().given(registered)
        self.history: list[Event] = []
        self.states = {T: "open", OTHER: "open"}
        self.cycles = {T: 1, OTHER: 1}
        for command in (opened, another):
            self.history += self.crm.given(command).recorded

    def ask(self, command: Any, name: str, target_ready: bool = True) -> None:
        id = command.ticket_id
        state = self.states[id]
        possible = state in STATES_AFTER[name]
        assert (name in ticket(self.crm, id).moves) == possible
        self.crm.when(command)
        self.history += self.crm.recorded
        if possible and target_ready:
            assert self.crm.refused is None
            self.states[id] = STATES_AFTER[name][state] or state
        else:
            assert self.crm.recorded == []
            assert (self.crm.refused is None) == ((name, state) in NO_CHANGE)

    @rule(id=st.sampled_from([T, OTHER]), kind=st.sampled_from([PauseTicket, ResumeTicket, CloseTicket, ReopenTicket]))
    def move(self, id: UUID, kind: type[Any]) -> None:
        name = kind.__name__.removesuffix("Ticket").lower() + "-ticket"
        self.ask(kind(ticket_id=id), name)
        if kind is ReopenTicket and self.crm.recorded:
            self.cycles[id] += 1

    @rule(id=st.sampled_from([T, OTHER]))
    def resolve(self, id: UUID) -> None:
        self.ask(ResolveTicket(ticket_id=id, resolution="done"), "resolve-ticket")

    @rule(id=st.sampled_from([T, OTHER]), author=st.sampled_from(["agent", "customer"]))
    def reply(self, id: UUID, author: Any) -> None:
        self.ask(ReplyToTicket(ticket_id=id, text="hello", author=author), "reply-to-ticket")
        if author == "customer" and self.states[id] == "waiting":
            self.states[id] = "open"

    @rule(id=st.sampled_from([T, OTHER]), priority=st.sampled_from(["low", "urgent"]))
    def change_priority(self, id: UUID, priority: Any) -> None:
        self.ask(ChangeTicketPriority(ticket_id=id, priority=priority), "change-ticket-priority")

    @rule(id=st.sampled_from([T, OTHER]))
    def escalate(self, id: UUID) -> None:
        if ticket(self.crm, id).level < HIGHEST_LEVEL:
            self.ask(EscalateTicket(ticket_id=id, reason="stuck"), "escalate-ticket")

    @rule(id=st.sampled_from([T, OTHER]), owner=st.sampled_from(["ann", "bo", None]))
    def assign(self, id: UUID, owner: str | None) -> None:
        self.ask(AssignTicket(ticket_id=id, owner=owner), "assign-ticket")

    @rule(id=st.sampled_from([T, OTHER]), score=st.integers(1, 5))
    def rate(self, id: UUID, score: int) -> None:
        ended = self.states[id] in ("resolved", "closed")
        possible = self.states[id] != "merged" and (ended or self.cycles[id] > 1)
        assert ("record-satisfaction" in ticket(self.crm, id).moves) == possible
        self.crm.when(RecordSatisfaction(ticket_id=id, score=score))
        assert (self.crm.refused is None) == possible
        self.history += self.crm.recorded

    @rule(id=st.sampled_from([T, OTHER]))
    def merge(self, id: UUID) -> None:
        into = OTHER if id == T else T
        ready = self.states[into] in STATES_AFTER["merge-ticket"]
        self.ask(MergeTicket(ticket_id=id, into_id=into), "merge-ticket", ready)

    @invariant()
    def each_is_where_the_table_says(self) -> None:
        for id in (T, OTHER):
            assert (ticket(self.crm, id).state, ticket(self.crm, id).cycle) == (self.states[id], self.cycles[id])
        assert list(self.states.values()).count("merged") <= 1

    @invariant()
    def every_cycle_but_the_last_has_its_outcome_and_its_end(self) -> None:
        for id in (T, OTHER):
            own = [event for event in self.history if event.originator_id == id]
            assert ticket(self.crm, id).outcomes.keys() >= {str(cycle) for cycle in range(1, self.cycles[id])}
            timed = service_times([(event.timestamp, event) for event in own])
            assert [cycle.number for cycle in timed] == list(range(1, self.cycles[id] + 1))
            assert all(cycle.ended_at for cycle in timed[:-1])

    @invariant()
    def the_state_is_nothing_but_the_fold(self) -> None:
        for id in (T, OTHER):
            live = {
                name: value for name, value in vars(ticket(self.crm, id)).items() if name not in {"now", "_pending"}
            }
            again = vars(Ticket.fold(id, [event for event in self.history if event.originator_id == id]))
            assert live == {name: again[name] for name in live}


TestAnyLifeOfATicket = AnyLifeOfATicket.TestCase
TestAnyLifeOfATicket.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
