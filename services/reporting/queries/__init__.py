"""Read side: figures, reports and what stands behind them, as this caller may see them."""

from services.reporting.queries.engine import Engine
from services.reporting.queries.figures import GROUP, Question, behind_seconds, progress
from services.reporting.queries.reports import (
    DocumentFile,
    ReportFilter,
    explain_figure,
    get_document,
    get_report,
    list_reports,
)
from services.reporting.queries.webhooks import (
    DeliveryFilter,
    DeliveryState,
    Page,
    get_delivery,
    get_endpoint,
    list_deliveries,
    list_endpoints,
    list_notices,
)

__all__ = [
    "GROUP",
    "DeliveryFilter",
    "DeliveryState",
    "DocumentFile",
    "Engine",
    "Page",
    "Question",
    "ReportFilter",
    "behind_seconds",
    "explain_figure",
    "get_delivery",
    "get_document",
    "get_endpoint",
    "get_report",
    "list_deliveries",
    "list_endpoints",
    "list_notices",
    "list_reports",
    "progress",
]
