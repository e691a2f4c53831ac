"""Write side: one function per use case, each one transaction that commits as its last line."""

from services.reporting.handlers.desk import Ask, Desk, Mailroom, Office, sight_of
from services.reporting.handlers.notices import see_notice
from services.reporting.handlers.reports import Draft, compose, create_report, edit_report, issue_report
from services.reporting.handlers.webhook_deliveries import recover_deliveries, resend_delivery, send_test
from services.reporting.handlers.webhook_endpoints import (
    EndpointChange,
    NewEndpoint,
    change_endpoint,
    create_endpoint,
    delete_endpoint,
    rotate_key,
)

__all__ = [
    "Ask",
    "Desk",
    "Draft",
    "EndpointChange",
    "Mailroom",
    "NewEndpoint",
    "Office",
    "change_endpoint",
    "compose",
    "create_endpoint",
    "create_report",
    "delete_endpoint",
    "edit_report",
    "issue_report",
    "recover_deliveries",
    "resend_delivery",
    "rotate_key",
    "see_notice",
    "send_test",
    "sight_of",
]
