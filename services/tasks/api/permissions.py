"""Who may call what. Which task it is about, and whether the caller's unit leads it, is decided by the domain."""

from shared.access_keys import Verb
from shared.http.caller import Role
from shared.http.permissions import Permissions, Verbs

_EVERYONE = frozenset(Role)
_REPORTERS = frozenset({Role.DEPARTMENT, Role.SECRETARIAT})
_SECRETARIAT = frozenset({Role.SECRETARIAT})
_ADMIN = frozenset({Role.ADMIN})

PERMISSIONS: Permissions = {
    "list_tasks": _EVERYONE,
    "get_task": _EVERYONE,
    "report_progress": _REPORTERS,
    "report_completion": _REPORTERS,
    "report_batch": _REPORTERS,
    "confirm_completion": _SECRETARIAT,
    "return_completion": _SECRETARIAT,
    "reopen_task": _SECRETARIAT,
    "list_calendar_days": _EVERYONE,
    "set_calendar_day": _ADMIN,
    "remove_calendar_day": _ADMIN,
}

VERBS: Verbs = {
    **dict.fromkeys(("list_tasks", "get_task"), Verb.READ),
    **dict.fromkeys(("report_progress", "report_completion", "report_batch"), Verb.REPORT),
}
"""For what an access key must be made to call it. What is not here takes a person."""
