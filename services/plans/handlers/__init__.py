"""Write side: one function per use case. API, console and seeding come through here, so every door makes one event.

Each opens one transaction, looks whether the request was answered before, lets the domain decide, writes state, event
and answer, and commits as its last line.
"""

from services.plans.handlers.access_keys import NewKey, create_access_key, revoke_access_key
from services.plans.handlers.desk import CREATED, OK, Ask, Desk
from services.plans.handlers.plans import PlanFile, import_plan, issue_plan, note_completion
from services.plans.handlers.units import change_programme, change_unit

__all__ = [
    "CREATED",
    "OK",
    "Ask",
    "Desk",
    "NewKey",
    "PlanFile",
    "change_programme",
    "change_unit",
    "create_access_key",
    "import_plan",
    "issue_plan",
    "note_completion",
    "revoke_access_key",
]
