"""The questions that the lakehouse answers, each with its parameters; what a figure means stands above its SQL."""

from projections.analytics.views.baskets import Baskets, NextProducts
from projections.analytics.views.customers import (
    Channels,
    CohortRetention,
    CustomerDistribution,
    CustomerGrowth,
    MasterData,
    Rfm,
    TopCustomers,
    WhiteSpace,
)
from projections.analytics.views.money import ReceivablesAgeing, Revenue
from projections.analytics.views.outlook import DealOutlook, NextBestActions, PurchaseHistories
from projections.analytics.views.reports import SalesResults, SalesTrend
from projections.analytics.views.sales import (
    Attainment,
    Forecast,
    ForecastAccuracy,
    Funnel,
    Slippage,
    StageSurvival,
    StageTimes,
    Velocity,
    WinRate,
)
from projections.analytics.views.service import Backlog, ServiceAttainment, ServiceCycles, ServiceQuality
from projections.analytics.views.view import Chart, Column, View, permit_view, scope

EVERY: tuple[type[View], ...] = (
    Funnel,
    StageTimes,
    StageSurvival,
    WinRate,
    Velocity,
    Forecast,
    ForecastAccuracy,
    Attainment,
    Slippage,
    SalesResults,
    SalesTrend,
    Revenue,
    ReceivablesAgeing,
    Rfm,
    CohortRetention,
    TopCustomers,
    WhiteSpace,
    Baskets,
    NextProducts,
    CustomerDistribution,
    CustomerGrowth,
    Channels,
    MasterData,
    ServiceCycles,
    ServiceQuality,
    ServiceAttainment,
    Backlog,
    NextBestActions,
    PurchaseHistories,
    DealOutlook,
)

__all__ = ["EVERY", "Chart", "Column", "Funnel", "Revenue", "Rfm", "ServiceCycles", "View", "permit_view", "scope"]
