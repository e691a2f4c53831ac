"""Who may call what. Which units and plans it may be about is decided by their place in the tree (domain/access)."""

from shared.http.caller import Role
from shared.http.permissions import Permissions

_EVERYONE = frozenset(Role)
_SECRETARIAT = frozenset({Role.SECRETARIAT})
_ADMIN = frozenset({Role.ADMIN})

PERMISSIONS: Permissions = {
    "list_units": _EVERYONE,
    "get_unit": _EVERYONE,
    "change_unit": _ADMIN,
    "list_programmes": _EVERYONE,
    "list_plans": _EVERYONE,
    "get_plan": _EVERYONE,
    "import_plan": _SECRETARIAT,
    "issue_plan": _SECRETARIAT,
}
