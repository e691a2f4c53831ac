"""Who may call what. Which plans and reports it is about is decided by the caller's unit (domain/sight.py)."""

from shared.http.caller import Role
from shared.http.permissions import Permissions

_EVERYONE = frozenset(Role)
_SECRETARIAT = frozenset({Role.SECRETARIAT})
_LEADERS = frozenset({Role.LEADER, Role.ADMIN})
"""Whose endpoints, deliveries and notices it is about is decided by domain/webhooks/ownership.py."""

PERMISSIONS: Permissions = {
    "get_progress": _EVERYONE,
    "list_periods": _EVERYONE,
    "list_reports": _EVERYONE,
    "get_report": _EVERYONE,
    "get_document": _EVERYONE,
    "explain_figure": _EVERYONE,
    "create_report": _SECRETARIAT,
    "edit_report": _SECRETARIAT,
    "issue_report": _SECRETARIAT,
    "create_webhook_endpoint": _LEADERS,
    "list_webhook_endpoints": _LEADERS,
    "get_webhook_endpoint": _LEADERS,
    "change_webhook_endpoint": _LEADERS,
    "delete_webhook_endpoint": _LEADERS,
    "rotate_webhook_key": _LEADERS,
    "send_test_webhook": _LEADERS,
    "recover_webhook_deliveries": _LEADERS,
    "list_webhook_event_types": _LEADERS,
    "list_webhook_deliveries": _LEADERS,
    "get_webhook_delivery": _LEADERS,
    "resend_webhook_delivery": _LEADERS,
    "list_notices": _LEADERS,
    "see_notice": _LEADERS,
}
