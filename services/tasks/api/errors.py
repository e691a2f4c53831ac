"""How the refusals of this service are told: status, stable code, Vietnamese and English."""

import json
from collections.abc import Mapping
from typing import Any

import structlog
from starlette.requests import Request

from services.tasks.domain import errors
from shared.http.problems import ProblemSpec, internal_error, problem_handlers

_log = structlog.get_logger(__name__)


PROBLEMS: Mapping[type[Exception], ProblemSpec] = {
    errors.TaskNotFound: ProblemSpec(
        404,
        "task-not-found",
        "Không tìm thấy nhiệm vụ",
        "Task not found",
        "Không có nhiệm vụ này trong phạm vi của anh/chị.",
        "There is no such task within your scope.",
    ),
    errors.CompletionNotFound: ProblemSpec(
        404,
        "completion-not-found",
        "Không tìm thấy báo cáo hoàn thành",
        "Completion not found",
        "Nhiệm vụ này không có báo cáo hoàn thành như vậy.",
        "The task has no such completion.",
    ),
    errors.NotALeadUnit: ProblemSpec(
        403,
        "not-a-lead-unit",
        "Không phải cơ quan chủ trì",
        "Not a lead unit",
        "Chỉ cơ quan chủ trì được báo cáo hoàn thành; với chủ trì tập thể là cơ quan thường trực.",
        "Only a lead unit reports a task done; for a collective lead the secretariat does.",
    ),
    errors.NotATaskUnit: ProblemSpec(
        403,
        "not-a-task-unit",
        "Không phải cơ quan chủ trì hoặc phối hợp",
        "Not a unit of the task",
        "Chỉ cơ quan chủ trì hoặc phối hợp được cập nhật tiến độ.",
        "Only a lead or coordinating unit notes progress.",
    ),
    errors.NotTheSecretariat: ProblemSpec(
        403,
        "not-the-secretariat",
        "Không phải cơ quan thường trực",
        "Not the secretariat",
        "Chỉ cơ quan thường trực của kế hoạch được xác nhận, trả lại hoặc mở lại.",
        "Only the plan's secretariat confirms, returns and reopens.",
    ),
    errors.TaskAlreadyCompleted: ProblemSpec(
        409,
        "task-already-completed",
        "Nhiệm vụ đã hoàn thành",
        "Task already completed",
        "Nhiệm vụ đã hoàn thành; muốn báo cáo lại, cơ quan thường trực phải mở lại nhiệm vụ.",
        "The task is done; the secretariat must reopen it before it can be reported again.",
    ),
    errors.CompletionAwaitsConfirmation: ProblemSpec(
        409,
        "completion-awaits-confirmation",
        "Báo cáo đang chờ xác nhận",
        "Completion awaits confirmation",
        "Nhiệm vụ đã có báo cáo hoàn thành đang chờ cơ quan thường trực xác nhận.",
        "A completion of this task waits for the secretariat's confirmation.",
    ),
    errors.TaskClosed: ProblemSpec(
        409,
        "task-closed",
        "Nhiệm vụ không nhận báo cáo",
        "Task takes no reports",
        "Nhiệm vụ đã từ chối, tạm hoãn hoặc đưa ra khỏi kế hoạch nên không nhận báo cáo.",
        "The task was declined, suspended or withdrawn and takes no reports.",
    ),
    errors.TaskNotDone: ProblemSpec(
        409,
        "task-not-done",
        "Nhiệm vụ chưa hoàn thành",
        "Task not done",
        "Chỉ nhiệm vụ đã hoàn thành mới mở lại được.",
        "Only a done task can be reopened.",
    ),
    errors.CompletionAlreadyConfirmed: ProblemSpec(
        409,
        "completion-already-confirmed",
        "Báo cáo đã được xác nhận",
        "Completion already confirmed",
        "Báo cáo hoàn thành đã được xác nhận; muốn sửa, hãy mở lại nhiệm vụ.",
        "The completion is confirmed; reopen the task to change it.",
    ),
    errors.CompletionNoLongerStands: ProblemSpec(
        409,
        "completion-no-longer-stands",
        "Báo cáo không còn hiệu lực",
        "Completion no longer stands",
        "Báo cáo hoàn thành này đã được trả lại hoặc nhiệm vụ đã được mở lại.",
        "The completion was returned, or its task reopened.",
    ),
    errors.ReasonMissing: ProblemSpec(
        422,
        "reason-missing",
        "Thiếu lý do",
        "Reason missing",
        "Trả lại hoặc mở lại phải nêu lý do.",
        "Returning and reopening need a reason.",
    ),
    errors.ProgressNoteMissing: ProblemSpec(
        422,
        "progress-note-missing",
        "Thiếu nội dung tiến độ",
        "Progress note missing",
        "Cập nhật tiến độ phải có nội dung.",
        "A progress note needs a text.",
    ),
    errors.CompletionInvalid: ProblemSpec(
        422,
        "completion-invalid",
        "Báo cáo hoàn thành không hợp lệ",
        "Completion not valid",
        "Ngày hoàn thành hoặc minh chứng chưa đúng quy định; xem từng lỗi trong `errors`.",
        "Dates or evidence break a rule; see `errors` for each.",
    ),
    errors.CalendarDayNotSet: ProblemSpec(
        404,
        "calendar-day-not-set",
        "Chưa đặt ngày này",
        "Calendar day not set",
        "Lịch làm việc của cơ quan không đặt riêng ngày này; ngày lễ theo luật không xóa được, chỉ đặt lại được.",
        "The office has set nothing for this day; a public holiday cannot be removed, only set otherwise.",
    ),
    errors.VersionDiffers: ProblemSpec(
        412,
        "version-differs",
        "Nhiệm vụ đã thay đổi",
        "Task has changed",
        "Nhiệm vụ đã thay đổi từ khi anh/chị xem (nay là phiên bản {current}); xin tải lại.",
        "The task has changed since you read it (it is at version {current} now); please read it again.",
    ),
}

_handlers = problem_handlers(PROBLEMS)


async def problem_of(request: Request, error: Exception) -> dict[str, Any]:
    """Return the problem that `error` would be answered with if it had stopped the whole request; for batches."""
    try:
        handler = next(_handlers[kind] for kind in type(error).__mro__ if kind in _handlers)
        response = await handler(request, error)
    except Exception as unexpected:  # noqa: BLE001 -- the handler hands back what it does not know
        _log.exception("batch item failed", error=type(unexpected).__qualname__)
        response = internal_error(request)
    body: dict[str, Any] = json.loads(bytes(response.body))
    return body
