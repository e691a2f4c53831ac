"""Tasks: list, one, progress, reopen."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.tasks import handlers, queries
from services.tasks.api.dependencies import ActorDep, TodayDep, WriterDep, task_response
from services.tasks.api.schemas import ProgressRequest, ReasonRequest, TaskAnswer, TaskDetailAnswer, TaskListAnswer
from services.tasks.domain.task import TaskState
from services.tasks.domain.timing import Timing
from shared.http.models import QueryText
from shared.http.paging import (
    DEFAULT_PAGE_LIMIT,
    BadCursor,
    CursorParameter,
    PageLimit,
    decode_cursor,
    encode_cursor,
)
from shared.http.preconditions import entity_tag

router = APIRouter(prefix="/v1/tasks", tags=["tasks"])


@router.get("", summary="Danh sách nhiệm vụ", response_model=TaskListAnswer)
async def list_tasks(
    *,
    request: Request,
    actor: ActorDep,
    today: TodayDep,
    plan_id: UUID | None = None,
    unit: Annotated[
        QueryText | None,
        Query(max_length=32, description="Mã đơn vị: nhiệm vụ mà đơn vị này hoặc cấp dưới chủ trì, phối hợp."),
    ] = None,
    state: TaskState | None = None,
    number: Annotated[QueryText | None, Query(max_length=500, description="Số thứ tự trong kế hoạch.")] = None,
    timing: Timing | None = None,
    cursor: CursorParameter = None,
    limit: PageLimit = DEFAULT_PAGE_LIMIT,
) -> Response:
    """Nhiệm vụ trong phạm vi của người gọi, theo thứ tự trong kế hoạch."""
    wanted = queries.TaskFilter(plan_id=plan_id, unit=unit, state=state, number=number, timing=timing)
    items, following = await queries.list_tasks(
        request.app.state.engine, actor, wanted, today=today, after=_position(cursor), limit=limit
    )
    next_page = None if following is None else encode_cursor([str(following[0]), following[1], str(following[2])])
    return JSONResponse({"items": items, "next": next_page})


@router.get("/{task_id}", summary="Một nhiệm vụ với các lần báo cáo và lịch sử", response_model=TaskDetailAnswer)
async def get_task(request: Request, task_id: UUID, actor: ActorDep, today: TodayDep) -> Response:
    """Trả kèm ETag là phiên bản của nhiệm vụ."""
    found = await queries.get_task(request.app.state.engine, actor, task_id, today=today)
    return JSONResponse(found, headers=entity_tag(found["version"]))


@router.post("/{task_id}/progress", summary="Cập nhật tiến độ", response_model=TaskAnswer)
async def report_progress(writer: WriterDep, task_id: UUID, body: ProgressRequest) -> Response:
    """Cơ quan chủ trì hoặc phối hợp ghi tiến độ; trả về nhiệm vụ."""
    answer = await handlers.report_progress(writer.desk, writer.ask(task_id), note=body.note, percent=body.percent)
    return task_response(answer)


@router.post("/{task_id}/reopen", summary="Mở lại nhiệm vụ đã hoàn thành", response_model=TaskAnswer)
async def reopen_task(writer: WriterDep, task_id: UUID, body: ReasonRequest) -> Response:
    """Cơ quan thường trực mở lại, nêu lý do; trả về nhiệm vụ."""
    answer = await handlers.reopen_task(writer.desk, writer.ask(task_id), reason=body.reason)
    return task_response(answer)


def _position(cursor: str | None) -> queries.TaskPosition | None:
    match decode_cursor(cursor, (str, int, str)):
        case None:
            return None
        case (str(plan), int(place), str(task)) if 0 <= place < 2**31:
            try:
                return UUID(plan), place, UUID(task)
            except ValueError as error:
                raise BadCursor from error
        case _:
            raise BadCursor
