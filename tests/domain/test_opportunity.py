"""Opportunities: through the stages, forwards and backwards, until they are won or lost."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from commands.customers import RegisterCustomer
from commands.opportunities import (
    AddCompetitor,
    AssignOpportunity,
    ChangeAmount,
    ChangeCloseDate,
    ChangeForecastCategory,
    LinkOpportunityToCustomer,
    LoseOpportunity,
    MoveOpportunity,
    OfferedLine,
    OpenOpportunity,
    RemoveCompetitor,
    RenameOpportunity,
    ReopenOpportunity,
    SetProductLines,
    WinOpportunity,
)
from commands.pipelines import AmendPipeline, StageOfPipeline
from domain.aggregate import Fact
from domain.opportunity import (
    WHILE_OPEN,
    AmountUnknown,
    LossUnexplained,
    Opportunity,
    OpportunityClosed,
    OpportunityStillOpen,
    ProductLine,
    StageClosesTheSale,
)
from domain.pipeline import DEFAULT_PIPELINE_ID, DEFAULT_STAGES, UnknownStage
from domain.refusals import MoveOutOfOrder
from tests.domain.anything import ID, events_of, happenings, known, stream
from tests.scenario import Scenario

PUMPS, LI = UUID(int=31), UUID(int=32)

li = RegisterCustomer(customer_id=LI, kind="person", name="李伟")
opened = OpenOpportunity(
    opportunity_id=PUMPS, title="20 pumps", amount=Decimal("1200.00"), currency="CNY", owner="anna"
)
bare = OpenOpportunity(opportunity_id=PUMPS, title="20 pumps")
won = WinOpportunity(opportunity_id=PUMPS)
lost = LoseOpportunity(opportunity_id=PUMPS, lost_reason="price")
reopened = ReopenOpportunity(opportunity_id=PUMPS)
hose = OfferedLine(sku="hose", quantity=Decimal(3), unit_price=Decimal("9.99"), discount=Decimal("0.15"))
pump = OfferedLine(sku="pump", quantity=Decimal(2), unit_price=Decimal(100))


def moved(stage: str) -> MoveOpportunity:
    return MoveOpportunity(opportunity_id=PUMPS, stage=stage)


def forecast(category: str | None) -> ChangeForecastCategory:
    return ChangeForecastCategory(opportunity_id=PUMPS, forecast_category=category)


@pytest.fixture
def crm():
    return Scenario()


def test_an_opportunity_opens_at_the_first_stage_of_the_default_pipeline(crm):
    crm.when(opened).then(
        (
            Opportunity.Opened,
            {
                "title": "20 pumps",
                "customer_id": None,
                "pipeline_id": DEFAULT_PIPELINE_ID,
                "pipeline_version": 0,
                "stage": "Prospecting",
                "stage_rank": 1,
                "stage_type": "open",
                "probability": Decimal("0.1"),
                "forecast_category": "Pipeline",
                "amount": Decimal("1200.00"),
                "currency": "CNY",
                "owner": "anna",
            },
        )
    )


def test_an_opportunity_can_open_at_a_later_stage_but_not_closed(crm):
    crm.when(OpenOpportunity(title="x", stage="proposal")).then((Opportunity.Opened, {"stage": "Proposal"}))
    crm.when(OpenOpportunity(title="x", stage="Won")).then_refused(StageClosesTheSale, allowed=["open-opportunity"])


def test_an_amount_needs_its_currency():
    with pytest.raises(ValidationError, match="currency"):
        OpenOpportunity(title="x", amount=Decimal(1))


def test_an_opportunity_concerns_the_customer_known_when_it_opened_for_ever(crm):
    crm.given(li, bare)
    assert crm.streams[PUMPS].concerns == PUMPS
    crm.when(LinkOpportunityToCustomer(opportunity_id=PUMPS, customer_id=LI)).then(
        (Opportunity.CustomerLinked, {"customer_id": LI})
    )
    assert crm.streams[PUMPS].concerns == PUMPS
    crm.given(OpenOpportunity(opportunity_id=ID, title="x", customer_id=LI))
    assert crm.streams[ID].concerns == LI


def test_moving_forwards_and_backwards_says_where_from_and_where_to(crm):
    crm.given(opened)
    crm.when(moved("Negotiation")).then(
        (
            Opportunity.StageMoved,
            {
                "stage": "Negotiation",
                "stage_rank": 4,
                "probability": Decimal("0.8"),
                "forecast_category": "Commit",
                "from_stage": "Prospecting",
                "from_stage_rank": 1,
            },
        )
    )
    crm.when(moved("Qualification")).then((Opportunity.StageMoved, {"stage_rank": 2, "from_stage_rank": 4}))


def test_moving_to_the_same_stage_records_nothing(crm):
    crm.given(opened, moved("Proposal")).when(moved("proposal")).then()


def test_moving_to_an_unknown_stage_is_refused(crm):
    crm.given(opened).when(moved("Haggling")).then_refused(UnknownStage, allowed=list(WHILE_OPEN))


@pytest.mark.parametrize("stage", ["Won", "Lost"])
def test_winning_and_losing_are_not_moves_to_a_stage(crm, stage):
    crm.given(opened).when(moved(stage)).then_refused(StageClosesTheSale, allowed=list(WHILE_OPEN))


def test_an_opportunity_keeps_the_pipeline_version_that_it_entered(crm):
    haggling = StageOfPipeline(label="Haggling", probability=Decimal("0.5"))
    signed = StageOfPipeline(label="Signed", type="won", probability=Decimal(1))
    gone = StageOfPipeline(label="Gone", type="lost", probability=Decimal(0))
    crm.given(opened, AmendPipeline(stages=(haggling, signed, gone)))
    crm.when(moved("Haggling")).then_refused(UnknownStage)
    crm.when(won).then((Opportunity.Won, {"stage": "Won", "pipeline_version": 0}))
    crm.when(OpenOpportunity(title="y")).then((Opportunity.Opened, {"stage": "Haggling", "pipeline_version": 1}))


def test_a_move_does_not_precede_the_last_one(crm):
    crm.given(opened)
    back = MoveOpportunity(opportunity_id=PUMPS, stage="Proposal", occurred_at=datetime(2020, 1, 1, tzinfo=UTC))
    crm.when(back).then_refused(MoveOutOfOrder)


def test_an_amount_from_before_a_win_does_not_displace_what_it_was_won_for(crm):
    crm.given(opened)
    before = crm.occurred_at
    crm.given(WinOpportunity(opportunity_id=PUMPS, amount=Decimal(900)), reopened)
    crm.when(ChangeAmount(opportunity_id=PUMPS, amount=Decimal(700), currency="CNY", occurred_at=before)).then(
        Opportunity.AmountChanged
    )
    assert crm.streams[PUMPS].amount == Decimal(900)


def test_an_override_of_the_forecast_holds_through_the_stages_until_taken_back(crm):
    crm.given(opened)
    crm.when(forecast("Omitted")).then(
        (Opportunity.ForecastCategoryChanged, {"forecast_category": "Omitted", "override": True})
    )
    crm.when(moved("Negotiation")).then((Opportunity.StageMoved, {"forecast_category": "Omitted"}))
    crm.when(forecast("Omitted")).then()
    crm.when(forecast(None)).then(
        (Opportunity.ForecastCategoryChanged, {"forecast_category": "Commit", "override": False})
    )
    crm.when(forecast(None)).then()


def test_closing_ends_an_override_of_the_forecast(crm):
    crm.given(opened, forecast("Omitted"))
    crm.when(won).then((Opportunity.Won, {"forecast_category": "Closed"}))
    crm.when(reopened).then((Opportunity.Reopened, {"forecast_category": "Pipeline"}))


def test_product_lines_set_the_amount_to_their_sum(crm):
    crm.given(opened)
    crm.when(SetProductLines(opportunity_id=PUMPS, lines=(pump, hose))).then(
        (
            Opportunity.ProductLinesSet,
            {
                "lines": (
                    ProductLine("pump", Decimal(2), Decimal(100)),
                    ProductLine("hose", Decimal(3), Decimal("9.99"), Decimal("0.15")),
                ),
                "amount": Decimal("225.47"),
                "currency": "CNY",
            },
        )
    )
    crm.when(SetProductLines(opportunity_id=PUMPS, lines=(pump, hose))).then()
    crm.given(SetProductLines(opportunity_id=PUMPS, lines=()))
    crm.when(won).then((Opportunity.Won, {"amount": Decimal("225.47"), "lines": ()}))


def test_lines_without_a_currency_are_refused(crm):
    crm.given(bare).when(SetProductLines(opportunity_id=PUMPS, lines=(pump,))).then_refused(AmountUnknown)
    crm.when(SetProductLines(opportunity_id=PUMPS, lines=(pump,), currency="EUR")).then(Opportunity.ProductLinesSet)


def test_competitors_come_and_go(crm):
    crm.given(opened).when(RemoveCompetitor(opportunity_id=PUMPS, competitor="Rival")).then()
    crm.when(AddCompetitor(opportunity_id=PUMPS, competitor="Rival")).then(Opportunity.CompetitorAdded)
    crm.when(AddCompetitor(opportunity_id=PUMPS, competitor="Rival")).then()
    crm.when(RemoveCompetitor(opportunity_id=PUMPS, competitor="Rival")).then(Opportunity.CompetitorRemoved)


def test_winning_says_all_that_an_order_needs(crm):
    crm.given(li, opened, LinkOpportunityToCustomer(opportunity_id=PUMPS, customer_id=LI))
    crm.given(SetProductLines(opportunity_id=PUMPS, lines=(pump,)), moved("Proposal"))
    crm.when(won).then(
        (
            Opportunity.Won,
            {
                "amount": Decimal(200),
                "currency": "CNY",
                "closed_on": date(2026, 1, 5),
                "stage": "Won",
                "stage_type": "won",
                "probability": Decimal(1),
                "forecast_category": "Closed",
                "from_stage": "Proposal",
                "customer_id": LI,
                "lines": (ProductLine("pump", Decimal(2), Decimal(100)),),
                "owner": "anna",
            },
        )
    )


def test_nothing_is_won_for_an_unknown_amount(crm):
    crm.given(bare).when(won).then_refused(AmountUnknown, allowed=list(WHILE_OPEN))
    crm.when(
        WinOpportunity(opportunity_id=PUMPS, amount=Decimal(0), currency="USD", closed_on=date(2025, 12, 31))
    ).then((Opportunity.Won, {"amount": Decimal(0), "currency": "USD", "closed_on": date(2025, 12, 31)}))


def test_a_loss_says_why(crm):
    crm.given(opened).when(LoseOpportunity(opportunity_id=PUMPS, lost_reason="Other")).then_refused(LossUnexplained)
    crm.when(LoseOpportunity(opportunity_id=PUMPS, lost_reason="Other", explanation="moved away")).then(
        (Opportunity.Lost, {"reason": "Other", "explanation": "moved away", "stage": "Lost", "probability": Decimal(0)})
    )


@pytest.mark.parametrize("closing", [won, lost], ids=["won", "lost"])
@pytest.mark.parametrize(
    "command",
    [
        LinkOpportunityToCustomer(opportunity_id=PUMPS, customer_id=LI),
        RenameOpportunity(opportunity_id=PUMPS, title="40 pumps"),
        moved("Proposal"),
        ChangeAmount(opportunity_id=PUMPS, amount=Decimal(1), currency="CNY"),
        ChangeCloseDate(opportunity_id=PUMPS, expected_close=date(2026, 3, 1)),
        forecast("Commit"),
        SetProductLines(opportunity_id=PUMPS, lines=()),
        AddCompetitor(opportunity_id=PUMPS, competitor="Rival"),
        RemoveCompetitor(opportunity_id=PUMPS, competitor="Rival"),
        AssignOpportunity(opportunity_id=PUMPS, owner="bob"),
        won,
        lost,
    ],
    ids=lambda command: type(command).__name__,
)
def test_a_closed_opportunity_changes_only_by_reopening(crm, closing, command):
    crm.given(li, opened, closing)
    crm.when(command).then_refused(OpportunityClosed, allowed=["reopen-opportunity"])


@pytest.mark.parametrize("closing", [won, lost], ids=["won", "lost"])
def test_reopening_goes_back_to_the_stage_it_left(crm, closing):
    crm.given(opened, moved("Negotiation"), closing)
    crm.when(reopened).then(
        (
            Opportunity.Reopened,
            {"stage": "Negotiation", "stage_rank": 4, "stage_type": "open", "forecast_category": "Commit"},
        )
    )
    crm.when(moved("Qualification")).then(Opportunity.StageMoved)


def test_an_open_opportunity_cannot_be_reopened(crm):
    crm.given(opened).when(reopened).then_refused(OpportunityStillOpen, allowed=list(WHILE_OPEN))


STAGES = {stage.label: stage for stage in DEFAULT_STAGES}
OPEN = [label for label, stage in STAGES.items() if stage.type == "open"]
steps = st.lists(
    st.one_of(
        st.sampled_from(OPEN).map(moved),
        st.sampled_from(["Commit", "Omitted", None]).map(forecast),
        st.integers(0, 3).map(lambda n: ChangeAmount(opportunity_id=PUMPS, amount=Decimal(n), currency="CNY")),
        st.sampled_from([won, lost, reopened]),
    ),
    max_size=20,
)


@given(steps)
@settings(max_examples=150, deadline=None)
def test_an_opportunity_behaves_like_a_plain_model_of_a_sale(commands):
    crm = Scenario().given(opened)
    stage, amount = "Prospecting", Decimal(1200)
    left: str | None = None
    override: str | None = None
    for command in commands:
        crm.when(command)
        if isinstance(command, ReopenOpportunity):
            assert isinstance(crm.refused, OpportunityStillOpen) == (left is None)
            stage, left = left or stage, None
        elif left:
            assert isinstance(crm.refused, OpportunityClosed)
            assert crm.refused.allowed == ["reopen-opportunity"]
            assert crm.recorded == []
        elif isinstance(command, MoveOpportunity):
            assert len(crm.recorded) == (command.stage != stage)
            stage = command.stage
        elif isinstance(command, ChangeForecastCategory):
            assert len(crm.recorded) == (command.forecast_category != override)
            override = command.forecast_category
        elif isinstance(command, ChangeAmount):
            assert len(crm.recorded) == (command.amount != amount)
            amount = command.amount
        else:
            stage, left, override = ("Won" if command is won else "Lost"), stage, None
        deal = crm.streams[PUMPS]
        assert isinstance(deal, Opportunity)
        assert (deal.stage, deal.probability) == (stage, STAGES[stage].probability)
        assert deal.forecast_category == (override or STAGES[stage].forecast_category)
        assert deal.amount == amount
        assert deal.moves == (["reopen-opportunity"] if left else list(WHILE_OPEN))
        assert (deal.closed_on is None) == (left is None)


@given(happenings(events_of(Opportunity), max_size=20), st.data())
@settings(deadline=None)
def test_any_events_in_any_order_fold_without_raising(happened, data):
    minutes = data.draw(st.permutations(range(len(happened))))
    opportunity = Opportunity.fold(ID, stream(happened, list(minutes)))
    assert opportunity.version == len(happened)
    assert isinstance(opportunity.moves, list)
    assert isinstance(opportunity.concerns, UUID)


@given(
    happenings([event for event in events_of(Opportunity) if issubclass(event, Fact)], min_size=2, max_size=15),
    st.data(),
)
@settings(max_examples=200, deadline=None)
def test_facts_say_the_same_in_whatever_order_they_become_known(happened, data):
    order = data.draw(st.permutations(range(len(happened))))
    straight = Opportunity.fold(ID, stream(happened))
    shuffled = Opportunity.fold(ID, stream([happened[n] for n in order], list(order)))
    assert known(straight) == known(shuffled)
