"""The realm that docker-compose.yml brings into Keycloak writes into its tokens what we read from them."""

import json

from shared.http.caller import Role
from shared.settings import SharedSettings
from tests.support.system import ROOT

REALM = json.loads((ROOT / "deploy" / "keycloak" / "cchc-realm.json").read_text(encoding="utf-8"))
(SCOPE,) = REALM["clientScopes"]


def test_the_realm_knows_our_roles_and_no_others() -> None:
    assert {role["name"] for role in REALM["roles"]["realm"]} == {role.value for role in Role}


def test_its_claims_are_where_the_settings_look_by_default() -> None:
    fields = SharedSettings.model_fields
    mappers = {mapper["name"]: mapper["config"] for mapper in SCOPE["protocolMappers"]}
    assert mappers["roles"]["claim.name"] == fields["roles_claim"].default
    assert mappers["roles"]["multivalued"] == "true"
    assert mappers["unit"]["claim.name"] == fields["unit_claim"].default
    assert mappers["aud"]["included.custom.audience"] == fields["audience"].default
    assert all(config["access.token.claim"] == "true" for config in mappers.values())
    assert "sub" in mappers


def test_every_client_has_the_scope_and_no_secret_that_others_know() -> None:
    assert REALM["defaultDefaultClientScopes"] == [SCOPE["name"]]
    for client in REALM["clients"]:
        assert SCOPE["name"] in client["defaultClientScopes"]
        assert "secret" not in client  # Keycloak makes one when it brings the realm in


def test_a_service_account_has_a_role_and_a_unit() -> None:
    accounts = {user["serviceAccountClientId"]: user for user in REALM["users"]}
    assert accounts.keys() == {client["clientId"] for client in REALM["clients"]}
    for account in accounts.values():
        assert account["realmRoles"] == ["department"]
        assert account["attributes"]["unit"]
