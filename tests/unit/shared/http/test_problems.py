"""Every refusal is an RFC 9457 problem, in the caller's language, without exception texts."""

from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.tiny_service import SECRET_TEXT, TinyService

JSON = {"content-type": "application/json"}
COMPLETION: dict[str, Any] = {"completed_on": "2023-10-14", "share": 100}


async def complete(tiny: TinyService, content: object = None, **options: Any) -> httpx2.Response:  # noqa: ANN401 -- handed on
    async with tiny.client("department", unit="SNV") as caller:
        if isinstance(content, bytes):
            return await caller.post("/v1/tasks/18/completions", content=content, headers=JSON, **options)
        return await caller.post("/v1/tasks/18/completions", json=content, **options)


async def fail(tiny: TinyService, how: str, language: str = "vi") -> httpx2.Response:
    async with tiny.client() as caller:
        return await caller.post(f"/v1/fail/{how}", headers={"accept-language": language})


@pytest.fixture
def tiny(tmp_path: Path) -> TinyService:
    return TinyService(tmp_path)


async def test_domain_error_is_told_as_its_table_says(tiny: TinyService) -> None:
    answer = await fail(tiny, "domain")
    body = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["content-language"] == "vi"
    trace = body.pop("instance")
    assert body == {
        "type": "urn:cchc:problem:task-already-done",
        "title": "Nhiệm vụ đã hoàn thành",
        "status": 409,
        "detail": "Nhiệm vụ 18 đã hoàn thành ngày 14/10/2023.",
        "code": "task-already-done",
    }
    assert trace.startswith("urn:cchc:trace:")
    assert int(trace.rpartition(":")[2], 16) > 0


async def test_language_of_the_caller_is_spoken(tiny: TinyService) -> None:
    answer = await fail(tiny, "domain", "en;q=0.9, vi;q=0.8")
    assert answer.headers["content-language"] == "en"
    assert answer.json()["detail"] == "Task 18 was done on 2023-10-14."


async def test_rows_of_a_refused_file_are_named(tiny: TinyService) -> None:
    answer = await fail(tiny, "rows")
    assert answer.json()["errors"] == [
        {"row": 7, "column": "C", "code": "unit-unknown", "message": "Không có đơn vị này."}
    ]


async def test_reused_idempotency_key_is_a_problem_of_every_service(tiny: TinyService) -> None:
    answer = await fail(tiny, "key")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")


@pytest.mark.parametrize("how", ["unknown", "file"])
async def test_unexpected_error_tells_nothing_but_its_trace(tiny: TinyService, how: str) -> None:
    answer = await fail(tiny, how)
    body = answer.json()
    assert (answer.status_code, body["code"]) == (500, "internal-error")
    assert body["instance"].rpartition(":")[2] in body["detail"]
    assert SECRET_TEXT not in answer.text
    assert "Error" not in answer.text


async def test_unreachable_database_asks_to_come_again(tiny: TinyService) -> None:
    answer = await fail(tiny, "sql")
    assert (answer.status_code, answer.json()["code"]) == (503, "database-unavailable")
    assert answer.headers["retry-after"] == "5"


@pytest.mark.parametrize(
    ("changes", "pointer", "code", "message"),
    [
        ({"share": True}, "/body/share", "int-type", "Phải là số nguyên."),
        ({"share": 101}, "/body/share", "less-than-equal", "Không được lớn hơn 100."),
        ({"completed_on": "2023-02-30"}, "/body/completed_on", "date-from-datetime-parsing", None),
        ({"extra~/x": 1}, "/body/extra~0~1x", "extra-forbidden", "Trường này không được phép."),
        ({"note": "\x00"}, "/body/note", "string-characters", "Chuỗi có ký tự điều khiển."),
        (
            {"evidence": [{"number": " ", "issued_on": "2023-10-14"}]},
            "/body/evidence/0/number",
            "string-too-short",
            "Phải có ít nhất 1 ký tự.",
        ),
        ({"evidence": [{"number": "1"}]}, "/body/evidence/0/issued_on", "missing", "Thiếu trường bắt buộc."),
    ],
)
async def test_wrong_field_is_pointed_at(
    tiny: TinyService, changes: dict[str, object], pointer: str, code: str, message: str | None
) -> None:
    answer = await complete(tiny, {**COMPLETION, **changes})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")
    error = answer.json()["errors"][0]
    assert (error["pointer"], error["code"]) == (pointer, code)
    assert message is None or error["message"] == message


async def test_fields_are_told_in_english_when_asked(tiny: TinyService) -> None:
    answer = await complete(tiny, {**COMPLETION, "share": 101})
    async with tiny.client("department", unit="SNV") as caller:
        answer = await caller.post(
            "/v1/tasks/18/completions", json={**COMPLETION, "share": 101}, headers={"accept-language": "en"}
        )
    assert answer.json()["errors"][0]["message"] == "Must be at most 100."


async def test_what_the_caller_sent_is_not_sent_back(tiny: TinyService) -> None:
    answer = await complete(tiny, {**COMPLETION, "share": SECRET_TEXT, "x" * 500: 1})
    assert SECRET_TEXT not in answer.text
    assert "x" * 65 not in answer.text


async def test_many_wrong_fields_make_no_large_answer(tiny: TinyService) -> None:
    answer = await complete(tiny, {f"f{number}": 1 for number in range(600)})
    assert answer.status_code == 422
    assert len(answer.json()["errors"]) == 100


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 422),
        (b"", 422),
        (b"null", 422),
        (b"[]", 422),
        (b'{"completed_on":"2023-10-14","share":1,"note":"\\ud800"}', 422),
        (b'{"completed_on":"2023-10-14","share":1,"\\ud800":1}', 422),
        (b'{"completed_on":"2023-10-14","share":NaN}', 422),
        (b'{"completed_on":"2023-10-14","share":1,"note":"\\u0000"}', 422),
        (b"\xff\xfe\x00", 400),
        (b'{"note":"\xc3"}', 400),
        (b"1" * 5000, 400),
        (b"[" * 9000, 400),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_body_that_cannot_be_read_is_the_callers_fault(tiny: TinyService, content: bytes, status: int) -> None:
    answer = await complete(tiny, content)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/x-www-form-urlencoded", ""])
async def test_body_must_be_called_json(tiny: TinyService, kind: str) -> None:
    async with tiny.client("department", unit="SNV") as caller:
        answer = await caller.post("/v1/tasks/1/completions", content=b'{"a":1}', headers={"content-type": kind})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported-media-type")


@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
async def test_body_that_is_too_large_is_refused(tiny: TinyService, *, chunked: bool) -> None:
    async def parts() -> Any:  # noqa: ANN401 -- an async generator
        for _ in range(20):
            yield b" " * 1000

    content: Any = parts() if chunked else b" " * 20_000
    async with tiny.client("department", unit="SNV") as caller:
        answer = await caller.post("/v1/tasks/1/completions", content=content, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (413, "content-too-large")
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_route_for_files_takes_more(tiny: TinyService) -> None:
    async with tiny.client() as caller:
        assert (await caller.post("/v1/files", content=b" " * 150_000)).json() == {"bytes": 150_000}
        assert (await caller.post("/v1/files", content=b" " * 250_000)).status_code == 413


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("stat=done", "/query/stat"),
        ("state=done&x=1", "/query/x"),
        ("state=a%00b", "/query/state"),
        ("state=a%0Ab", "/query/state"),
        ("state=%C3%28", "/query/"),
        ("limit=0", "/query/limit"),
        ("limit=201", "/query/limit"),
        ("limit=many", "/query/limit"),
        ("&".join(f"x{number}=1" for number in range(200)), "/query/"),
    ],
)
async def test_query_that_is_not_known_is_refused(tiny: TinyService, query: str, pointer: str) -> None:
    async with tiny.client() as caller:
        answer = await caller.get(f"/v1/tasks?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_known_query_is_taken(tiny: TinyService) -> None:
    async with tiny.client() as caller:
        answer = await caller.get("/v1/tasks", params={"state": "đã xong", "limit": "200"})
        assert answer.json() == {"state": "đã xong", "limit": 200, "after": None}
        assert (await caller.get("/v1/tasks?cursor=nonsense")).json()["code"] == "bad-cursor"


async def test_wrong_path_parameter_is_pointed_at(tiny: TinyService) -> None:
    async with tiny.client() as caller:
        answer = await caller.get("/v1/tasks/abc")
        halved = await caller.get("/v1/tasks/%ff")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/path/number")
    assert halved.status_code == 422


@pytest.mark.parametrize("address", ["/v1/tasks/%00", "/v1/fail/a%0Ab", "/v1/fail/%7F"])
async def test_nothing_is_at_an_address_with_control_characters(tiny: TinyService, address: str) -> None:
    async with tiny.client() as caller:
        assert (await caller.post(address)).json()["code"] == "not-found"


async def test_wrong_method_names_the_right_ones(tiny: TinyService) -> None:
    async with tiny.client() as caller:
        answer = await caller.put("/v1/tasks")
    assert (answer.status_code, answer.json()["code"], answer.headers["allow"]) == (405, "method-not-allowed", "GET")


async def test_every_answer_carries_the_security_headers(tiny: TinyService) -> None:
    async with tiny.client() as caller, tiny.client(None) as stranger:
        answers = [
            await caller.get("/v1/tasks/1"),
            await caller.get("/v1/none"),
            await stranger.get("/v1/tasks/1"),
            await stranger.get("/health/live"),
            await caller.post("/v1/fail/unknown"),
        ]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_api_document_tells_how_refusals_look_and_that_a_token_is_needed(tiny: TinyService) -> None:
    async with tiny.client(None) as stranger:
        document = (await stranger.get("/openapi.json")).json()
    operation = document["paths"]["/v1/tasks/{number}/completions"]["post"]
    for status in ("401", "403", "404", "409", "422"):
        schema = operation["responses"][status]["content"]["application/problem+json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/Problem"}
    assert operation["security"] == [{"HTTPBearer": []}]
    assert document["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
    assert "HTTPValidationError" not in document["components"]["schemas"]
    assert {"Problem", "ProblemError"} <= document["components"]["schemas"].keys()
    assert "security" not in document["paths"]["/health/live"]["get"]
