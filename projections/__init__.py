"""What can be read: one read model a file. Listing it here is all the registration a read model needs."""

from projections.api_keys import API_KEY_ROWS, API_KEYS
from projections.channel_costs import CHANNEL_COST_ROWS, CHANNEL_COSTS
from projections.customer_card import CUSTOMER_CARD, CUSTOMERS
from projections.customer_search import CUSTOMER_SEARCH, SEARCHED
from projections.duplicates.keys import DUPLICATE_KEYS
from projections.exports import EXPORT_ROWS, EXPORTS
from projections.imports import IMPORT_ROWS, IMPORTS
from projections.opportunities import OPPORTUNITIES, OPPORTUNITY_ROWS
from projections.orders import ORDER_ROWS, ORDERS
from projections.past import PastRows, past_of
from projections.pipelines import PIPELINE_ROWS, PIPELINES
from projections.projection import Projection
from projections.receivables import RECEIVABLE_ROWS, RECEIVABLES
from projections.resource import Resource
from projections.saved_queries import SAVED_QUERY_ROWS
from projections.scoring_runs import SCORING_RUN_ROWS, SCORING_RUNS
from projections.stage_durations import STAGE_DURATION_ROWS, STAGE_DURATIONS
from projections.stream_rows import StreamRows
from projections.targets import TARGET_ROWS, TARGETS
from projections.teams import TEAM_ROWS, TEAMS
from projections.tenants import TENANT_ROWS, TENANTS
from projections.tickets import TICKET_ROWS, TICKETS
from projections.timeline import TIMELINE, TIMELINE_ROWS
from projections.users import USER_ROWS, USERS

PROJECTIONS: tuple[Projection, ...] = (
    CUSTOMER_CARD,
    CUSTOMER_SEARCH,
    DUPLICATE_KEYS,
    TIMELINE_ROWS,
    PIPELINE_ROWS,
    OPPORTUNITY_ROWS,
    STAGE_DURATION_ROWS,
    ORDER_ROWS,
    RECEIVABLE_ROWS,
    TICKET_ROWS,
    IMPORT_ROWS,
    EXPORT_ROWS,
    SCORING_RUN_ROWS,
    SAVED_QUERY_ROWS,
    TARGET_ROWS,
    CHANNEL_COST_ROWS,
    TENANT_ROWS,
    USER_ROWS,
    TEAM_ROWS,
    API_KEY_ROWS,
)

RESOURCES: tuple[Resource, ...] = (
    CUSTOMERS,
    PIPELINES,
    OPPORTUNITIES,
    STAGE_DURATIONS,
    ORDERS,
    RECEIVABLES,
    TICKETS,
    IMPORTS,
    EXPORTS,
    SCORING_RUNS,
    TARGETS,
    CHANNEL_COSTS,
    TENANTS,
    USERS,
    TEAMS,
    API_KEYS,
    TIMELINE,
)

PASTS: tuple[PastRows, ...] = tuple(
    past_of(resource.projection) for resource in (*RESOURCES, SEARCHED) if isinstance(resource.projection, StreamRows)
)
"""Every read model that is shown or searched has its past, without being listed; where each event is a row, it is its
own past."""

TABLES: tuple[Projection, ...] = (*PROJECTIONS, *PASTS)
"""All that is kept in PostgreSQL."""
