"""Who may call what. Which plans and reports it is about is decided by the caller's unit (domain/sight.py)."""

from shared.http.caller import Role
from shared.http.permissions import Permissions

_EVERYONE = frozenset(Role)
_SECRETARIAT = frozenset({Role.SECRETARIAT})

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
}
