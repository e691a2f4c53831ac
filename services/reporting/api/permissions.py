"""Who may call what. Which plans and reports it is about is decided by the caller's unit (domain/sight.py)."""

from shared.access_keys import Verb
from shared.http.caller import Role
from shared.http.permissions import Permissions, Verbs

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

VERBS: Verbs = dict.fromkeys(
    ("get_progress", "list_periods", "list_reports", "get_report", "get_document", "explain_figure"), Verb.READ
)
"""For what an access key must be made to call it. What is not here takes a person."""
