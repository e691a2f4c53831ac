"""Requests, which hold exactly the named fields in exactly their types, and answers."""

import datetime as dt
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints

from services.tasks.domain.calendar import DaySource
from services.tasks.domain.completion import CompletionReport, CompletionState
from services.tasks.domain.evidence import Evidence
from services.tasks.domain.task import TaskState
from services.tasks.domain.timing import Timing
from shared.http.models import RequestModel, ResponseModel

MOST_ITEMS = 200
MOST_EVIDENCE = 50

Line = Annotated[str, StringConstraints(max_length=500)]
Prose = Annotated[str, StringConstraints(max_length=4000)]


class EvidenceItem(RequestModel):
    """Một văn bản minh chứng."""

    number: Line = Field(description="Số, ký hiệu văn bản.", examples=["123/BC-SYT"])
    issued_on: dt.date = Field(description="Ngày ban hành.")
    issuer: Line | None = Field(default=None, description="Cơ quan ban hành.")
    title: Prose | None = Field(default=None, description="Trích yếu.")
    url: Annotated[str, StringConstraints(max_length=2000, pattern=r"^https?://[!-~]+$")] | None = Field(
        default=None, description="Nơi xem văn bản."
    )
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        default=None, description="SHA-256 của tệp, chữ thường."
    )


class CompletionRequest(RequestModel):
    """Báo cáo hoàn thành một nhiệm vụ."""

    completed_on: dt.date = Field(description="Ngày hoàn thành sản phẩm; quyết định đúng hạn hay quá hạn.")
    evidence: list[EvidenceItem] = Field(default_factory=list, max_length=MOST_EVIDENCE)
    note: Prose | None = None
    reported_at: AwareDatetime | None = Field(
        default=None, description="Thời điểm cơ quan gửi báo cáo, nếu khác thời điểm hệ thống nhận."
    )

    def report(self) -> CompletionReport:
        """Return the report in the words of the domain; empty texts are no texts."""
        return CompletionReport(
            completed_on=self.completed_on,
            evidence=tuple(
                Evidence(
                    number=item.number,
                    issued_on=item.issued_on,
                    issuer=item.issuer or None,
                    title=item.title or None,
                    url=item.url,
                    sha256=item.sha256,
                )
                for item in self.evidence
            ),
            note=self.note or None,
            reported_at=self.reported_at,
        )


class BatchItem(CompletionRequest):
    """Một báo cáo trong lô."""

    task_id: UUID
    idempotency_key: Annotated[str, StringConstraints(pattern=r"^[ -~]{1,200}$")] | None = None


class BatchRequest(RequestModel):
    """Một lô báo cáo; mỗi báo cáo được kiểm tra và nhận riêng (xem BatchItem)."""

    items: list[Any] = Field(min_length=1, max_length=MOST_ITEMS, description="Các báo cáo theo mẫu BatchItem.")


class ProgressRequest(RequestModel):
    """Cập nhật tiến độ."""

    note: Prose
    percent: Annotated[int, Field(ge=0, le=100)] | None = None


class ReasonRequest(RequestModel):
    """Lý do trả lại hoặc mở lại."""

    reason: Line


class EmptyRequest(RequestModel):
    """Không có nội dung."""


class UnitAnswer(ResponseModel):
    """Một cơ quan, theo tên gọi trong văn bản."""

    code: str | None
    name: str


class DeadlineAnswer(ResponseModel):
    """Thời hạn như văn bản ghi và cách hiểu."""

    phrase: str
    kind: str
    date: dt.date | None
    dates: list[dt.date]


class TaskAnswer(ResponseModel):
    """Một nhiệm vụ."""

    id: UUID
    plan_id: UUID
    code: str
    number: str
    title: str
    field: str
    lead_units: list[UnitAnswer]
    coordinating_units: list[UnitAnswer]
    deadline: DeadlineAnswer
    state: TaskState
    timing: Timing
    version: int


class ActorAnswer(ResponseModel):
    """Ai thực hiện: định danh trong mã truy cập và đơn vị."""

    subject: str
    unit: str | None


class EvidenceAnswer(ResponseModel):
    """Một văn bản minh chứng; trường không có giá trị thì không có mặt."""

    number: str
    issued_on: dt.date
    issuer: str | None = None
    title: str | None = None
    url: str | None = None
    sha256: str | None = None


class CompletionAnswer(ResponseModel):
    """Một lần báo cáo hoàn thành và kết quả xử lý."""

    id: UUID
    state: CompletionState
    completed_on: dt.date
    reported_at: AwareDatetime
    recorded_at: AwareDatetime
    reported_by: ActorAnswer
    evidence: list[EvidenceAnswer]
    note: str | None
    decided_at: AwareDatetime | None
    decided_by: str | None
    reason: str | None


class HappeningAnswer(ResponseModel):
    """Một thay đổi trong lịch sử nhiệm vụ."""

    version: int
    kind: str
    actor: ActorAnswer
    moment: AwareDatetime
    details: dict[str, Any]


class TaskDetailAnswer(TaskAnswer):
    """Một nhiệm vụ với các lần báo cáo và toàn bộ lịch sử."""

    completions: list[CompletionAnswer]
    history: list[HappeningAnswer]


class TaskListAnswer(ResponseModel):
    """Một trang nhiệm vụ."""

    items: list[TaskAnswer]
    next: str | None


class ReceiptAnswer(ResponseModel):
    """Biên nhận; cách tính sha256 được mô tả trong tài liệu API."""

    event_id: UUID
    recorded_at: AwareDatetime
    task_code: str
    completion_id: UUID
    sha256: str


class CompletionAcceptedAnswer(ResponseModel):
    """Báo cáo đã được nhận; `state` là trạng thái của nhiệm vụ."""

    completion_id: UUID
    state: TaskState
    receipt: ReceiptAnswer


class BatchResultAnswer(ResponseModel):
    """Kết quả của một báo cáo trong lô: `body` khi được nhận, `problem` khi bị từ chối."""

    index: int
    status: int
    body: CompletionAcceptedAnswer | None = None
    problem: dict[str, Any] | None = None


class BatchAnswer(ResponseModel):
    """Kết quả theo thứ tự của lô."""

    results: list[BatchResultAnswer]


class CalendarDayRequest(RequestModel):
    """Cơ quan làm việc hay nghỉ trong một ngày."""

    is_working: bool = Field(description="Ngày làm việc (true) hay ngày nghỉ (false).")
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)] = Field(
        description="Lý do, văn bản.", examples=["Nghỉ hoán đổi theo Công văn 123/SNV"]
    )


class CalendarDayAnswer(ResponseModel):
    """Một ngày khác với thứ của nó; `source` là `public` (theo luật, Chính phủ) hoặc `office` (đặt tại đây)."""

    day: dt.date
    is_working: bool
    name: str
    source: DaySource


class CalendarAnswer(ResponseModel):
    """Các ngày trong năm khác với thứ của chúng; thứ Hai đến thứ Sáu là ngày làm việc, thứ Bảy, Chủ nhật nghỉ."""

    year: int
    items: list[CalendarDayAnswer]
