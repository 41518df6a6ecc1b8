"""What the business decides: one aggregate a file. Listing it here is all the registration an aggregate needs."""

from domain.aggregate import Aggregate
from domain.api_key import ApiKey
from domain.channel_cost import ChannelCost
from domain.customer import Customer
from domain.data_import import Import
from domain.export import Export
from domain.opportunity import Opportunity
from domain.order import Order
from domain.pipeline import Pipeline
from domain.saved_query import SavedQuery
from domain.scoring import ScoringRun
from domain.target import Target
from domain.team import Team
from domain.tenant import Tenant
from domain.ticket import Ticket
from domain.user import User

AGGREGATES: tuple[type[Aggregate], ...] = (
    Customer,
    Pipeline,
    Opportunity,
    Order,
    Ticket,
    Import,
    Export,
    ScoringRun,
    SavedQuery,
    Target,
    ChannelCost,
    Tenant,
    User,
    Team,
    ApiKey,
)
