"""Writes docs/api.md from the applications themselves: every endpoint, who may call it, what it refuses and how."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from fastapi import FastAPI
from pydantic import SecretStr

from deploy.embedded.settings import OFFSETS
from services.plans.api.errors import PROBLEMS as OF_PLANS
from services.plans.main import create_app as create_plans
from services.plans.settings import PlansSettings
from services.reporting.api.errors import PROBLEMS as OF_REPORTING
from services.reporting.main import create_app as create_reporting
from services.reporting.settings import ReportingSettings
from services.tasks.api.errors import PROBLEMS as OF_TASKS
from services.tasks.main import create_app as create_tasks
from services.tasks.settings import TasksSettings
from shared.http import known_problems
from shared.http.caller import Role
from shared.http.permissions import permission_matrix
from shared.http.problem_spec import ProblemSpec

_NOWHERE: Final = SecretStr("postgresql://nobody@127.0.0.1:1/none")
_BASE_PORT: Final = 8000
_ROLES: Final = {
    Role.DEPARTMENT: "đơn vị",
    Role.SECRETARIAT: "cơ quan thường trực",
    Role.LEADER: "lãnh đạo",
    Role.ADMIN: "quản trị",
}
_HEAD: Final = """\
# API

Generated from the applications by `make docs`; do not edit. The exact shapes of requests and answers are in
`/openapi.json` of each service.

* **Ai gọi.** `Authorization: Bearer <JWT>` với `sub`, `roles`, `unit`. Vai trò: `department` (đơn vị),
  `secretariat` (cơ quan thường trực), `leader` (lãnh đạo), `admin` (quản trị). Không thấy được thì 404, thấy mà
  không được làm thì 403 kèm lý do. `/health/live`, `/health/ready`, `/metrics`, `/openapi.json` không cần mã truy
  cập.
* **Gửi lại an toàn.** Ghi kèm `Idempotency-Key`: cùng khóa, cùng nội dung thì nhận lại đúng câu trả lời đầu; cùng
  khóa, nội dung khác thì 422 `idempotency-key-reused`.
* **Không ghi đè.** `ETag` là phiên bản; gửi `If-Match` khi sửa, đã đổi thì 412.
* **Danh sách** trả `{"items": [...], "next": "..."}`; gửi `cursor=<next>` để lấy trang sau, `limit` từ 1 đến 200.
* **Lỗi** là `application/problem+json` (RFC 9457): `type` là `urn:cchc:problem:<code>`, `title` và `detail` tiếng
  Việt (tiếng Anh khi `Accept-Language: en`), `errors` chỉ từng trường hoặc từng dòng, `instance` là mã tra cứu
  trong nhật ký.
"""


def _applications() -> dict[str, tuple[FastAPI, Mapping[type[Exception], ProblemSpec]]]:
    return {
        "plans": (create_plans(PlansSettings(plans_database_url=_NOWHERE)), OF_PLANS),
        "tasks": (create_tasks(TasksSettings(tasks_database_url=_NOWHERE)), OF_TASKS),
        "reporting": (create_reporting(ReportingSettings(reporting_database_url=_NOWHERE)), OF_REPORTING),
    }


def common_problems() -> list[ProblemSpec]:
    """Return the problems that every service can answer with."""
    named = [value for value in vars(known_problems).values() if isinstance(value, ProblemSpec)]
    told = list(known_problems.REFUSALS.values())
    return list({spec.code: spec for spec in [*named, *told]}.values())


def _problem_table(specs: Iterable[ProblemSpec]) -> Iterator[str]:
    yield "| mã (code) | HTTP | nghĩa | meaning |"
    yield "|---|---|---|---|"
    for spec in sorted(specs, key=lambda each: (each.status, each.code)):
        yield f"| `{spec.code}` | {spec.status} | {spec.title_vi} | {spec.title_en} |"


def _parameters(operation: Mapping[str, Any]) -> str:
    named = [f"`{found['name']}`" for found in operation.get("parameters", ()) if found["in"] == "query"]
    return ", ".join(named)


def _endpoints(app: FastAPI) -> Iterator[str]:
    paths = app.openapi()["paths"]
    yield "| lời gọi | làm gì | ai | tham số | trả về |"
    yield "|---|---|---|---|---|"
    for method, path, _, roles in sorted(permission_matrix(app), key=lambda row: (row[1], row[0])):
        operation = paths[path][method.lower()]
        who = "mọi vai trò" if roles == frozenset(Role) else ", ".join(_ROLES[role] for role in Role if role in roles)
        given = ", ".join(status for status in sorted(operation["responses"]) if status.startswith("2"))
        yield f"| `{method} {path}` | {operation['summary']} | {who} | {_parameters(operation)} | {given} |"


def api_markdown() -> str:
    """Return docs/api.md."""
    lines = [_HEAD]
    for service, (app, problems) in _applications().items():
        lines += [f"## {service} (:{_BASE_PORT + OFFSETS[service]})", "", *_endpoints(app), ""]
        lines += [f"Lỗi riêng của {service}:", "", *_problem_table(problems.values()), ""]
    lines += ["## Lỗi chung", "", *_problem_table(common_problems()), ""]
    return "\n".join(lines)
