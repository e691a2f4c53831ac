"""Write side: one function per use case, each one transaction that commits as its last line."""

from services.reporting.handlers.desk import Ask, Desk, Office, sight_of
from services.reporting.handlers.reports import Draft, compose, create_report, edit_report, issue_report

__all__ = [
    "Ask",
    "Desk",
    "Draft",
    "Office",
    "compose",
    "create_report",
    "edit_report",
    "issue_report",
    "sight_of",
]
