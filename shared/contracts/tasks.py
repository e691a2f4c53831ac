"""Events of the tasks service (topic `cchc.tasks.v1`)."""

from datetime import date
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field, StringConstraints

from shared.contracts.envelope import Contract, Moment, Part, ShortText, Text, UnitCode
from shared.contracts.topics import TASKS, Topic


class ActorV1(Part):
    """Who did it: the token's subject and unit. No name: names are looked up, not spread."""

    subject: ShortText
    unit: UnitCode | None = None


class EvidenceV1(Part):
    """A document that proves a completion."""

    number: ShortText
    issued_on: date
    issuer: ShortText | None = None
    title: Text | None = None
    url: Annotated[str, StringConstraints(max_length=2000)] | None = None
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None


class OfTask(Contract):
    """What every event of a task carries. `version` counts the task's changes from 1 on, so a receiver sees a gap."""

    topic: ClassVar[Topic] = TASKS

    plan_id: UUID
    task_id: UUID
    version: int = Field(ge=1)


class TaskEvent(OfTask):
    """What somebody did."""

    actor: ActorV1


class TaskProgressedV1(TaskEvent):
    """A unit noted progress."""

    event_type: ClassVar[str] = "cchc.task.progressed.v1"
    description: ClassVar[str] = "Cơ quan chủ trì cập nhật tiến độ."

    note: Text
    percent: int | None = Field(default=None, ge=0, le=100)
    recorded_at: Moment


class TaskCompletedV1(TaskEvent):
    """A lead unit reported the task done. Whether it counts yet is the plan's rule (`counts_when`)."""

    event_type: ClassVar[str] = "cchc.task.completed.v1"
    description: ClassVar[str] = "Cơ quan chủ trì báo cáo hoàn thành, kèm minh chứng."

    completion_id: UUID
    completed_on: date
    """The day of the product, which decides on lateness."""
    reported_at: Moment
    """The department's own time of sending."""
    recorded_at: Moment
    """The moment at which this system had it on disk, which decides what was known at a past moment."""
    evidence: tuple[EvidenceV1, ...] = ()
    note: Text | None = None


class CompletionConfirmedV1(TaskEvent):
    """The secretariat confirmed a completion against its documents."""

    event_type: ClassVar[str] = "cchc.completion.confirmed.v1"
    description: ClassVar[str] = "Cơ quan thường trực xác nhận hoàn thành."

    completion_id: UUID
    recorded_at: Moment


class CompletionReturnedV1(TaskEvent):
    """The secretariat returned a completion; it counts as not done and keeps its history."""

    event_type: ClassVar[str] = "cchc.completion.returned.v1"
    description: ClassVar[str] = "Cơ quan thường trực trả lại báo cáo hoàn thành, nêu lý do."

    completion_id: UUID
    reason: ShortText
    recorded_at: Moment


class TaskReopenedV1(TaskEvent):
    """A task that was done is open again."""

    event_type: ClassVar[str] = "cchc.task.reopened.v1"
    description: ClassVar[str] = "Nhiệm vụ đã hoàn thành được mở lại, nêu lý do."

    completion_id: UUID
    reason: ShortText
    recorded_at: Moment


class TaskReminder(OfTask):
    """What time itself tells of a task; nobody does it, so there is no actor.

    `version` counts on with the task's other changes: a receiver sees no gap. Each is told once; `day` is the
    Vietnamese day on which it was found to be so, however late the scheduler came.
    """

    day: date
    recorded_at: Moment


class TaskDueSoonV1(TaskReminder):
    """A task that is not done nears its deadline. Once a deadline, and once more after each reopening."""

    event_type: ClassVar[str] = "cchc.task.due_soon.v1"
    description: ClassVar[str] = "Nhiệm vụ chưa hoàn thành sắp đến hạn."

    deadline: date
    days: int = Field(ge=0)
    """Calendar days left on `day`; 0 on the deadline itself."""


class TaskOverdueV1(TaskReminder):
    """A task that is not done has passed its deadline. Once a deadline, and once more after each reopening."""

    event_type: ClassVar[str] = "cchc.task.overdue.v1"
    description: ClassVar[str] = "Nhiệm vụ chưa hoàn thành đã quá hạn."

    deadline: date
    days: int = Field(ge=1)
    """Calendar days past on `day`."""


class CompletionUnconfirmedV1(TaskReminder):
    """A completion has awaited confirmation for too long. Once a completion."""

    event_type: ClassVar[str] = "cchc.completion.unconfirmed.v1"
    description: ClassVar[str] = "Báo cáo hoàn thành chờ xác nhận quá lâu."

    completion_id: UUID
    deadline: date | None = None
    """The task's; none is a task that is never late."""
    days: int = Field(ge=1)
    """Working days awaited, the day of the report not counted."""
