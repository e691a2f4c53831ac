"""Who may call what. Which units and plans it may be about is decided by their place in the tree (domain/access)."""

from shared.access_keys import Verb
from shared.http.caller import Role
from shared.http.permissions import Permissions, Verbs

_EVERYONE = frozenset(Role)
_SECRETARIAT = frozenset({Role.SECRETARIAT})
_ADMIN = frozenset({Role.ADMIN})
_KEEPERS = frozenset({Role.ADMIN, Role.DEPARTMENT})

PERMISSIONS: Permissions = {
    "list_units": _EVERYONE,
    "get_unit": _EVERYONE,
    "change_unit": _ADMIN,
    "list_programmes": _EVERYONE,
    "list_plans": _EVERYONE,
    "get_plan": _EVERYONE,
    "import_plan": _SECRETARIAT,
    "issue_plan": _SECRETARIAT,
    "create_access_key": _KEEPERS,
    "list_access_keys": _KEEPERS,
    "revoke_access_key": _KEEPERS,
}

VERBS: Verbs = dict.fromkeys(("list_units", "get_unit", "list_programmes", "list_plans", "get_plan"), Verb.READ)
"""For what an access key must be made to call it. What is not here takes a person: a key cannot make another."""
