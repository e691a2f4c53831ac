"""Denied by default: no route is reachable without a row, a token and a role."""

from pathlib import Path

import pytest
from fastapi import APIRouter, FastAPI
from starlette.responses import Response
from starlette.routing import Mount

from shared.http.caller import Role
from shared.http.permissions import PermissionTableError, open_paths, permission_matrix
from tests.support.tiny_service import PERMISSIONS, TinyService

ADMIN = frozenset({Role.ADMIN})


def a_router(name: str = "read_thing", path: str = "/v1/things", method: str = "GET") -> APIRouter:
    router = APIRouter()

    async def route() -> None:
        return None

    route.__name__ = name
    router.add_api_route(path, route, methods=[method])
    return router


async def test_no_route_is_reachable_without_a_token(tmp_path: Path) -> None:
    tiny = TinyService(tmp_path)
    async with tiny.client(None) as stranger:
        for method, path, _, _ in permission_matrix(tiny.app):
            answer = await stranger.request(method, path.replace("{number}", "1").replace("{how}", "x"))
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), path
            assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_every_cell_of_the_matrix_is_what_the_table_says(tmp_path: Path) -> None:
    tiny = TinyService(tmp_path)
    for role in Role:
        async with tiny.client(role, unit="SNV") as caller:
            for method, path, name, roles in permission_matrix(tiny.app):
                url = path.replace("{number}", "1").replace("{how}", "domain")
                status = (await caller.request(method, url)).status_code
                assert (status == 403) == (role not in roles), f"{role} {name}"


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "bearer x.y.z", "Token abc", "Bearer a b"],
)
async def test_header_that_is_no_token_is_refused(tmp_path: Path, header: str) -> None:
    async with TinyService(tmp_path).client(None) as stranger:
        answer = await stranger.get("/v1/tasks/1", headers={"authorization": header})
    assert answer.status_code == 401


async def test_two_tokens_are_no_token(tmp_path: Path) -> None:
    tiny = TinyService(tmp_path)
    header = ("authorization", f"Bearer {tiny.token()}")
    async with tiny.client(None) as stranger:
        assert (await stranger.get("/v1/tasks/1", headers=[header])).status_code == 200
        assert (await stranger.get("/v1/tasks/1", headers=[header, header])).status_code == 401


async def test_expired_token_is_refused(tmp_path: Path) -> None:
    tiny = TinyService(tmp_path)
    async with tiny.client(None) as stranger:
        old = {"authorization": f"Bearer {tiny.token(expires=-1)}"}
        answer = await stranger.get("/v1/tasks/1", headers=old)
    assert answer.status_code == 401
    assert "invalid_token" in answer.headers["www-authenticate"]


async def test_department_without_unit_is_refused(tmp_path: Path) -> None:
    async with TinyService(tmp_path).client("department") as caller:
        answer = await caller.get("/v1/tasks/1")
    assert (answer.status_code, answer.json()["code"]) == (403, "unit-required")


async def test_unknown_role_may_do_nothing(tmp_path: Path) -> None:
    async with TinyService(tmp_path).client("superuser") as caller:
        assert (await caller.get("/v1/tasks/1")).json()["code"] == "forbidden"


async def test_whole_installation_is_none_for_other_roles(tmp_path: Path) -> None:
    tiny = TinyService(tmp_path)
    async with tiny.client("leader") as leader, tiny.client("department", unit="SNV") as department:
        assert (await leader.get("/v1/tasks/1")).json()["unit"] is None
        assert (await department.get("/v1/tasks/1")).json()["unit"] == "SNV"


async def test_refusal_comes_before_the_body_is_looked_at(tmp_path: Path) -> None:
    tiny = TinyService(tmp_path)
    nonsense = {"content": b"{" * 50_000, "headers": {"content-type": "application/json"}}
    async with tiny.client(None) as stranger, tiny.client("leader") as leader:
        assert (await stranger.post("/v1/tasks/1/completions", **nonsense)).status_code == 401  # type: ignore[arg-type]
        assert (await leader.post("/v1/tasks/1/completions", **nonsense)).status_code == 403  # type: ignore[arg-type]


async def test_unknown_addresses_are_hidden_from_strangers(tmp_path: Path) -> None:
    tiny = TinyService(tmp_path)
    async with tiny.client(None) as stranger, tiny.client() as caller:
        assert (await stranger.get("/v1/nothing")).status_code == 401
        assert (await caller.get("/v1/nothing")).status_code == 404
        assert (await caller.get("/v1/tasks/")).status_code == 404
        assert (await caller.post("/health/live")).status_code == 405
        assert (await stranger.post("/health/live")).status_code == 401


async def test_open_paths_need_no_token(tmp_path: Path) -> None:
    tiny = TinyService(tmp_path)
    assert list(open_paths(tiny.app)) == ["/health/live", "/health/ready", "/metrics", "/openapi.json"]
    async with tiny.client(None) as stranger:
        for path in ("/health/live", "/metrics", "/openapi.json"):
            assert (await stranger.get(path)).status_code == 200


def test_route_without_a_row_keeps_the_service_from_starting(tmp_path: Path) -> None:
    with pytest.raises(PermissionTableError, match="read_thing"):
        TinyService(tmp_path, routers=[a_router()], permissions={})


def test_row_without_a_route_keeps_the_service_from_starting(tmp_path: Path) -> None:
    with pytest.raises(PermissionTableError, match="read_thin"):
        TinyService(tmp_path, routers=[a_router()], permissions={"read_thing": ADMIN, "read_thin": ADMIN})


def test_two_routes_of_one_name_keep_the_service_from_starting(tmp_path: Path) -> None:
    routers = [a_router(), a_router(path="/v1/others")]
    with pytest.raises(PermissionTableError, match="share a name"):
        TinyService(tmp_path, routers=routers, permissions={"read_thing": ADMIN})


@pytest.mark.parametrize("path", ["/metrics", "/{anything}/live", "/{rest:path}"])
def test_route_on_an_open_path_keeps_the_service_from_starting(tmp_path: Path, path: str) -> None:
    with pytest.raises(PermissionTableError, match="open path"):
        TinyService(tmp_path, routers=[a_router(path=path, method="POST")], permissions={"read_thing": ADMIN})


def test_what_cannot_be_guarded_keeps_the_service_from_starting(tmp_path: Path) -> None:
    mounted = APIRouter(routes=[Mount("/v1/files", app=FastAPI())])
    plain = APIRouter()

    async def read_plain(_: object) -> Response:
        return Response("everything")

    plain.add_route("/v1/plain", read_plain)
    for router in (mounted, plain):
        with pytest.raises(PermissionTableError, match="can be guarded"):
            TinyService(tmp_path, routers=[router], permissions={})


async def test_route_added_after_the_start_stays_shut(tmp_path: Path) -> None:
    late = a_router("read_late", "/v1/late")
    tiny = TinyService(tmp_path, routers=[late], permissions={"read_late": ADMIN})

    @late.get("/v1/later")
    async def read_later() -> str:
        return "everything"

    async with tiny.client("admin") as caller:
        assert (await caller.get("/v1/late")).status_code == 200
        assert (await caller.get("/v1/later")).status_code == 403


async def test_routers_in_routers_are_guarded_like_all(tmp_path: Path) -> None:
    outer, inner = APIRouter(prefix="/v1"), a_router("read_inner", "/inner/{id}")
    outer.include_router(inner, prefix="/outer")
    tiny = TinyService(tmp_path, routers=[outer], permissions={"read_inner": ADMIN})
    assert permission_matrix(tiny.app) == [("GET", "/v1/outer/inner/{id}", "read_inner", ADMIN)]
    async with tiny.client("leader") as leader, tiny.client("admin") as admin:
        assert (await leader.get("/v1/outer/inner/5")).status_code == 403
        assert (await admin.get("/v1/outer/inner/5")).status_code == 200


async def test_keys_away_from_the_start_is_no_refusal_of_the_caller(tmp_path: Path) -> None:
    tiny = TinyService(tmp_path)
    token = tiny.token()
    (tmp_path / "jwks.json").unlink()
    async with tiny.client(None) as caller:
        answer = await caller.get("/v1/tasks/1", headers={"authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["code"]) == (503, "signing-keys-unavailable")
    assert answer.headers["retry-after"]


def test_matrix_names_every_route_with_its_roles(tmp_path: Path) -> None:
    matrix = permission_matrix(TinyService(tmp_path).app)
    assert {name: roles for _, _, name, roles in matrix} == dict(PERMISSIONS)
    assert ("POST", "/v1/tasks/{number}/completions", "report_completion", frozenset({Role.DEPARTMENT})) in matrix
