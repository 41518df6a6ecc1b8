"""What can be asked of the lakehouse: its facts, and the views over them. Listing one here is all the registration it
needs."""

from projections.analytics.facts import (
    Events,
    Fact,
    OrderLines,
    Payments,
    Retractions,
    StageMoves,
    Stages,
    TicketSteps,
)
from projections.analytics.views import Funnel, Revenue, Rfm, ServiceCycles, View

FACTS: dict[str, Fact] = {
    fact.name: fact
    for fact in (Events(), Stages(), StageMoves(), OrderLines(), Payments(), TicketSteps(), Retractions())
}

VIEWS: dict[str, type[View]] = {view.name: view for view in (Funnel, Revenue, Rfm, ServiceCycles)}
