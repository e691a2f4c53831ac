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

__all__ = [
    "GROUP",
    "DocumentFile",
    "Engine",
    "Question",
    "ReportFilter",
    "behind_seconds",
    "explain_figure",
    "get_document",
    "get_report",
    "list_reports",
    "progress",
]
