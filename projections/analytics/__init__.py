"""What can be asked of the lakehouse: its facts, and the views over them. Listing one here is all the registration it
needs."""

from projections.analytics.fact import Fact
from projections.analytics.facts import (
    ChannelCosts,
    CustomerSteps,
    Events,
    OfferedLines,
    OpportunityTerms,
    OrderLines,
    OrderSteps,
    Payments,
    Retractions,
    StageMoves,
    Stages,
    Targets,
    TicketSteps,
)
from projections.analytics.views import EVERY, View

FACTS: dict[str, Fact] = {
    fact.name: fact
    for fact in (
        Events(),
        CustomerSteps(),
        Stages(),
        StageMoves(),
        OpportunityTerms(),
        OfferedLines(),
        OrderSteps(),
        OrderLines(),
        Payments(),
        TicketSteps(),
        Targets(),
        ChannelCosts(),
        Retractions(),
    )
}

VIEWS: dict[str, type[View]] = {view.name: view for view in EVERY}
