"""Completions: report, in a batch as well; confirm; return."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.tasks import handlers
from services.tasks.api.dependencies import WriterDep, WriteResponse, actor_of, desk_of, task_response
from services.tasks.api.errors import problem_of
from services.tasks.api.schemas import (
    BatchAnswer,
    BatchItem,
    BatchRequest,
    CompletionAcceptedAnswer,
    CompletionRequest,
    EmptyRequest,
    ReasonRequest,
    TaskAnswer,
)
from services.tasks.domain.actor import Actor
from services.tasks.domain.receipt import __doc__ as how_the_digest_is_made
from services.tasks.handlers import Ask, CompletionAsk
from shared.database.idempotency import RequestKey, StoredAnswer
from shared.http.caller import current_caller
from shared.http.idempotency import key_of_plain_request
from shared.http.short_way import PLAIN_UUID, ShortRequest, ShortWay

router = APIRouter(prefix="/v1", tags=["completions"])


@router.post(
    "/tasks/{task_id}/completions",
    summary="Báo cáo hoàn thành",
    status_code=201,
    response_model=CompletionAcceptedAnswer,
    description=f"Cơ quan chủ trì báo cáo hoàn thành kèm minh chứng; trả về biên nhận.\n\n{how_the_digest_is_made}",
)
async def report_completion(writer: WriterDep, task_id: UUID, body: CompletionRequest) -> Response:
    answer = await handlers.report_completion(writer.desk, CompletionAsk(ask=writer.ask(task_id), report=body.report()))
    return WriteResponse(answer)


async def report_completion_shortly(asked: ShortRequest) -> Response | None:
    """Do what report_completion does, for a body that holds to its model and a caller who has read no version."""
    request = asked.request
    task_id = asked.path["task_id"]
    if PLAIN_UUID.fullmatch(task_id) is None or "if-match" in request.headers:
        return None
    try:
        body = CompletionRequest.model_validate(json.loads(asked.body))
    except (ValueError, RecursionError):  # told by the framework's way
        return None
    caller = await current_caller(request)
    key = key_of_plain_request(request, caller, asked.body)
    ask = Ask(actor=actor_of(caller), task_id=UUID(task_id), request=key)
    answer = await handlers.report_completion(desk_of(request), CompletionAsk(ask=ask, report=body.report()))
    return WriteResponse(answer)


@router.post(
    "/tasks/{task_id}/completions/{completion_id}/confirm",
    summary="Xác nhận hoàn thành",
    response_model=TaskAnswer,
)
async def confirm_completion(writer: WriterDep, task_id: UUID, completion_id: UUID, body: EmptyRequest) -> Response:
    """Cơ quan thường trực xác nhận theo văn bản minh chứng; trả về nhiệm vụ."""
    del body  # only its emptiness is asked for
    answer = await handlers.confirm_completion(writer.desk, writer.ask(task_id), completion_id=completion_id)
    return task_response(answer)


@router.post(
    "/tasks/{task_id}/completions/{completion_id}/return",
    summary="Trả lại báo cáo hoàn thành",
    response_model=TaskAnswer,
)
async def return_completion(writer: WriterDep, task_id: UUID, completion_id: UUID, body: ReasonRequest) -> Response:
    """Cơ quan thường trực trả lại, nêu lý do; trả về nhiệm vụ."""
    answer = await handlers.return_completion(
        writer.desk, writer.ask(task_id), completion_id=completion_id, reason=body.reason
    )
    return task_response(answer)


@router.post("/completions/batch", summary="Báo cáo hoàn thành theo lô", response_model=BatchAnswer)
async def report_batch(request: Request, writer: WriterDep, body: BatchRequest) -> Response:
    """Nhận tối đa 200 báo cáo, mỗi báo cáo một giao dịch riêng và một kết quả riêng, theo thứ tự.

    Báo cáo không có `idempotency_key` dùng `Idempotency-Key` của cả lô cộng số thứ tự, nếu lô có.
    """
    asks: list[CompletionAsk | Exception] = [
        _ask(item, index, writer.actor, writer.request) for index, item in enumerate(body.items)
    ]
    readable = [ask for ask in asks if isinstance(ask, CompletionAsk)]
    results = iter(await handlers.report_batch(writer.desk, readable))
    told = [
        await _told(request, index, ask if isinstance(ask, Exception) else next(results))
        for index, ask in enumerate(asks)
    ]
    return JSONResponse({"results": told})


SHORT_WAYS: Mapping[str, ShortWay] = {report_completion.__name__: report_completion_shortly}


def _ask(item: object, index: int, actor: Actor, batch: RequestKey | None) -> CompletionAsk | Exception:
    try:
        read = BatchItem.model_validate(item)
    except ValidationError as error:
        places = [{**found, "loc": ("body", *found["loc"])} for found in error.errors(include_url=False)]
        return RequestValidationError(places)
    key = read.idempotency_key or (f"{batch.key}#{index}" if batch is not None else None)
    request = None if key is None else RequestKey(actor.subject, key, _fingerprint(item))
    ask = Ask(actor=actor, task_id=read.task_id, request=request)
    return CompletionAsk(ask=ask, report=read.report())


def _fingerprint(item: object) -> bytes:
    canonical = json.dumps(item, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"batch item {canonical}".encode()).digest()


async def _told(request: Request, index: int, result: StoredAnswer | Exception) -> dict[str, Any]:
    if isinstance(result, StoredAnswer):
        return {"index": index, "status": result.status, "body": result.body}
    problem = await problem_of(request, result)
    for fault in problem.get("errors", []):
        fault["pointer"] = fault["pointer"].replace("/body", f"/body/items/{index}", 1)
    return {"index": index, "status": problem["status"], "problem": problem}
