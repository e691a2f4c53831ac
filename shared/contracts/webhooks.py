"""What a webhook's body says: `{"type", "timestamp", "data"}`, UTF-8 JSON with sorted keys and without blanks.

Published like the events: fields are only added. No subjects, names of people, notes or evidence: a receiver learns
that something happened and to which task, and asks the interface with its own token for more.
"""

import datetime as dt
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, ClassVar, Self
from uuid import UUID

from shared.contracts.envelope import Part, ShortText, Text, UnitCode
from shared.contracts.reports import PeriodV1

_PLAN = UUID("0192f5c0-6d1e-7a3b-8c4d-5e6f70819203")
_TASK = UUID("0192f5c0-6d1e-7a3b-8c4d-5e6f70819218")
_REPORT = UUID("0192f5c0-6d1e-7a3b-8c4d-5e6f708192f1")
_SAMPLE_TIME = datetime(2023, 10, 14, 2, 30, tzinfo=UTC)


class TaskState(StrEnum):
    """Where the task stands after the event; by `counts_when` a reported completion is done or awaits confirmation."""

    OPEN = "open"
    AWAITING_CONFIRMATION = "awaiting_confirmation"
    RETURNED = "returned"
    DONE = "done"


class TaskData(Part):
    """The task that an event is about, as its plan describes it."""

    plan_id: UUID
    unit: UnitCode
    """The plan's unit."""
    year: int
    task_id: UUID
    code: ShortText
    number: ShortText
    title: Text
    field: ShortText
    lead_units: tuple[UnitCode, ...]
    deadline: date | None
    completed_on: date | None = None
    """The day of the product; null where the event tells of no completion, or its report has not been heard yet."""
    state: TaskState


class ProgressData(Part):
    """A plan that has reached a mark: `done` of `total` tasks are at least `threshold` percent."""

    plan_id: UUID
    unit: UnitCode
    year: int
    threshold: int
    total: int
    done: int


class ReportData(Part):
    """An issued report. `sha256` (hex) by format lets a receiver know the frozen documents again."""

    plan_id: UUID
    report_id: UUID
    unit: UnitCode
    year: int
    period: PeriodV1
    number: ShortText
    issued_on: date
    total: int
    done: int
    sha256: dict[str, str]


class Webhook(Part):
    """One body. `timestamp` is the event's time; the moment of the attempt stands in the header `webhook-timestamp`."""

    event_type: ClassVar[str]
    description: ClassVar[str]

    timestamp: datetime
    data: Any

    @property
    def body(self) -> str:
        """The text that is signed and sent; equal content gives equal bytes."""
        data = self.data.model_dump(mode="json", by_alias=True)
        return body_text(self.event_type, self.timestamp, data)

    @classmethod
    def sample(cls) -> Self:
        """Return an example with invented figures."""
        raise NotImplementedError


def body_text(kind: str, timestamp: datetime, data: Mapping[str, Any]) -> str:
    """Return the body of an event of type `kind` (a published `data`, ready for JSON)."""
    moment = timestamp.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    said = {"type": kind, "timestamp": moment, "data": data}
    return json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


class TaskWebhook(Webhook):
    """What the bodies of all task events share."""

    after: ClassVar[TaskState | None]
    """The state that the event leaves the task in; None: the plan's rule decides."""

    data: TaskData

    @classmethod
    def sample(cls) -> Self:
        tells_of_completion = cls.after is not TaskState.OPEN
        data = TaskData(
            plan_id=_PLAN,
            unit="TV",
            year=2023,
            task_id=_TASK,
            code="TV-2023-18",
            number="18",
            title="Rà soát, cập nhật danh mục thủ tục hành chính thuộc thẩm quyền giải quyết",
            field="II",
            lead_units=("TV-SNV",),
            deadline=dt.date(2023, 10, 15),
            completed_on=dt.date(2023, 10, 13) if tells_of_completion else None,
            state=cls.after or TaskState.AWAITING_CONFIRMATION,
        )
        return cls(timestamp=_SAMPLE_TIME, data=data)


class TaskCompletedWebhook(TaskWebhook):
    """A unit reported a task done."""

    event_type: ClassVar[str] = "cchc.task.completed.v1"
    description: ClassVar[str] = "Cơ quan chủ trì báo cáo hoàn thành nhiệm vụ."
    after: ClassVar[TaskState | None] = None


class CompletionConfirmedWebhook(TaskWebhook):
    """The secretariat confirmed it."""

    event_type: ClassVar[str] = "cchc.completion.confirmed.v1"
    description: ClassVar[str] = "Cơ quan thường trực xác nhận hoàn thành."
    after: ClassVar[TaskState | None] = TaskState.DONE


class CompletionReturnedWebhook(TaskWebhook):
    """The secretariat returned it."""

    event_type: ClassVar[str] = "cchc.completion.returned.v1"
    description: ClassVar[str] = "Cơ quan thường trực trả lại báo cáo hoàn thành."
    after: ClassVar[TaskState | None] = TaskState.RETURNED


class TaskReopenedWebhook(TaskWebhook):
    """A task that was done is open again."""

    event_type: ClassVar[str] = "cchc.task.reopened.v1"
    description: ClassVar[str] = "Nhiệm vụ đã hoàn thành được mở lại."
    after: ClassVar[TaskState | None] = TaskState.OPEN


class TaskDueSoonWebhook(TaskWebhook):
    """The deadline is near."""

    event_type: ClassVar[str] = "cchc.task.due_soon.v1"
    description: ClassVar[str] = "Nhiệm vụ sắp đến hạn mà chưa hoàn thành."
    after: ClassVar[TaskState | None] = TaskState.OPEN


class TaskOverdueWebhook(TaskWebhook):
    """The deadline has passed."""

    event_type: ClassVar[str] = "cchc.task.overdue.v1"
    description: ClassVar[str] = "Nhiệm vụ đã quá hạn mà chưa hoàn thành."
    after: ClassVar[TaskState | None] = TaskState.OPEN


class CompletionUnconfirmedWebhook(TaskWebhook):
    """A completion has awaited its confirmation for too long."""

    event_type: ClassVar[str] = "cchc.completion.unconfirmed.v1"
    description: ClassVar[str] = "Báo cáo hoàn thành chờ xác nhận quá lâu."
    after: ClassVar[TaskState | None] = TaskState.AWAITING_CONFIRMATION


class ProgressReachedWebhook(Webhook):
    """A plan has reached a mark of its progress for the first time."""

    event_type: ClassVar[str] = "cchc.plan.progress_reached.v1"
    description: ClassVar[str] = "Kế hoạch lần đầu đạt một mốc tiến độ."

    data: ProgressData

    @classmethod
    def sample(cls) -> Self:
        data = ProgressData(plan_id=_PLAN, unit="TV", year=2023, threshold=80, total=38, done=32)
        return cls(timestamp=_SAMPLE_TIME, data=data)


class ReportIssuedWebhook(Webhook):
    """A report was issued."""

    event_type: ClassVar[str] = "cchc.report.issued.v1"
    description: ClassVar[str] = "Báo cáo đã phát hành; số liệu và văn bản không đổi nữa."

    data: ReportData

    @classmethod
    def sample(cls) -> Self:
        period = {"name": "10 tháng năm 2023", "from": dt.date(2023, 1, 1), "to": dt.date(2023, 10, 31)}
        data = ReportData(
            plan_id=_PLAN,
            report_id=_REPORT,
            unit="TV",
            year=2023,
            period=PeriodV1.model_validate(period),
            number="310/BC-UBND",
            issued_on=dt.date(2023, 11, 3),
            total=38,
            done=32,
            sha256={"docx": "d" * 64, "json": "a" * 64},
        )
        return cls(timestamp=_SAMPLE_TIME, data=data)


TASK_WEBHOOKS: Mapping[str, type[TaskWebhook]] = {
    each.event_type: each
    for each in (
        TaskCompletedWebhook,
        CompletionConfirmedWebhook,
        CompletionReturnedWebhook,
        TaskReopenedWebhook,
        TaskDueSoonWebhook,
        TaskOverdueWebhook,
        CompletionUnconfirmedWebhook,
    )
}
WEBHOOKS: Mapping[str, type[Webhook]] = {
    **TASK_WEBHOOKS,
    ProgressReachedWebhook.event_type: ProgressReachedWebhook,
    ReportIssuedWebhook.event_type: ReportIssuedWebhook,
}
"""Every type that can be subscribed to."""
