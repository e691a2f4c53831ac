"""What the API document says beyond what the framework reads from the routes: every refusal, and no null parameters."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from shared.http.problems import MEDIA_TYPE, Problem

_PROBLEM: Final = {"$ref": "#/components/schemas/Problem"}
_DESCRIPTIONS: Final[Mapping[int, str]] = {
    400: "Không đọc được yêu cầu, con trỏ trang hoặc một tiêu đề",
    401: "Không có mã truy cập hợp lệ",
    403: "Vai trò hoặc đơn vị không được phép",
    404: "Không tìm thấy trong phạm vi của người gọi",
    409: "Trái với trạng thái hiện tại",
    412: "Đã thay đổi từ lần xem ghi trong If-Match",
    413: "Nội dung quá lớn",
    415: "Sai kiểu nội dung",
    422: "Yêu cầu không hợp lệ",
    429: "Quá nhiều yêu cầu; Retry-After cho biết phải đợi bao lâu",
    431: "Địa chỉ và tiêu đề quá dài",
    503: "Tạm thời chưa phục vụ được, xin thử lại",
}
_OF_ANY: Final = (400, 431)
"""What is no HTTP, or begins too long, is refused before anybody knows what it asks for."""
_FRAMEWORKS_OWN: Final = 422
"""The framework describes it by a model of its own, with which nothing here is answered."""


def refusal(status: int, description: str = "") -> dict[int | str, dict[str, Any]]:
    """Return the `responses=` entry of a refusal that only this route has."""
    return {
        status: {
            "description": description or _DESCRIPTIONS[status],
            "content": {MEDIA_TYPE: {"schema": _PROBLEM}},
        }
    }


def complete_document(document: dict[str, Any]) -> None:
    """Add to every operation the refusals that it can answer with, as problem details; safe to call again."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs", {}))
    schemas["Problem"] = problem
    for path in document.get("paths", {}).values():
        for method, operation in path.items():
            for parameter in operation.get("parameters", []):
                _without_null(parameter)
            responses = operation["responses"]
            is_open = not operation.get("security")  # probes
            for status in _OF_ANY if is_open else _refusals(method, operation):
                if str(status) not in responses or status == _FRAMEWORKS_OWN:
                    responses[str(status)] = refusal(status)[status]
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)


def _refusals(method: str, operation: Mapping[str, Any]) -> Iterator[int]:
    yield from (*_OF_ANY, 401, 403, 422, 429, 503)
    parameters = operation.get("parameters", [])
    names = {parameter["name"].lower() for parameter in parameters}
    has_body = "requestBody" in operation
    is_write = method != "get"
    if is_write or any(parameter["in"] == "path" for parameter in parameters):
        yield 404
    if is_write:
        yield 409
    if "if-match" in names:
        yield 412
    if has_body:
        yield from (413, 415)


def _without_null(parameter: dict[str, Any]) -> None:
    """Say what is true of a query and a head: a parameter is there or it is not."""
    schema = parameter["schema"]
    kinds = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
    if len(kinds) == 1:
        del schema["anyOf"]
        parameter["schema"] = {**kinds[0], **schema}
