"""What is answered, for the API document and for the tests that hold the answers to it."""

import datetime as dt
from uuid import UUID

from pydantic import Field

from services.reporting.domain.method import Rounding, StandingTasks
from services.reporting.domain.periods import Scheme
from services.reporting.domain.report import ReportState
from shared.http.models import ResponseModel


class RateAnswer(ResponseModel):
    """Tỷ lệ, luôn kèm tử số và mẫu số; không có gì để chia thì `percent` là null."""

    numerator: int
    denominator: int
    percent: float | None
    text: str = Field(examples=["84,21 %"])


class RatesAnswer(ResponseModel):
    """Ba tỷ lệ."""

    done_of_total: RateAnswer
    done_of_due: RateAnswer
    on_time_of_done: RateAnswer


class CountsAnswer(ResponseModel):
    """Số liệu của một nhóm nhiệm vụ."""

    total: int
    done: int
    done_on_time: int
    done_late: int
    overdue: int
    due: int
    due_soon: int
    in_time: int
    no_deadline: int
    awaiting_confirmation: int
    returned: int
    in_progress: int
    not_started: int
    unfinished: int
    rates: RatesAnswer


class GroupAnswer(CountsAnswer):
    """Số liệu của một lĩnh vực hoặc một cơ quan chủ trì."""

    code: str
    name: str


class MethodAnswer(ResponseModel):
    """Phương pháp tính."""

    code: StandingTasks
    name: str
    text: str
    rounding: Rounding
    rounding_text: str


class ScoreAnswer(ResponseModel):
    """Điểm mức độ hoàn thành kế hoạch."""

    rule: str
    text: str
    points: float | None
    max_points: float


class MarginAnswer(ResponseModel):
    """Kế hoạch còn cách mức không điểm bao nhiêu nhiệm vụ."""

    allowed_unfinished: int = Field(description="Số nhiệm vụ được phép chưa hoàn thành mà điểm chưa về 0.")
    unfinished: int = Field(description="Số nhiệm vụ chưa hoàn thành.")
    to_spare: int = Field(description="Số nhiệm vụ hoàn thành vượt mức tối thiểu.")
    needed: int = Field(description="Số nhiệm vụ còn phải hoàn thành để đạt mức tối thiểu.")


class FiguresAnswer(CountsAnswer):
    """Toàn bộ số liệu. Nhiệm vụ có nhiều cơ quan chủ trì có mặt trong dòng của từng cơ quan."""

    by_field: list[GroupAnswer]
    by_unit: list[GroupAnswer]
    method: MethodAnswer
    score: ScoreAnswer
    margin: MarginAnswer
    cutoff: dt.date


class PlanAnswer(ResponseModel):
    """Kế hoạch được tính."""

    id: UUID
    title: str
    unit: str
    year: int


class ProgressAnswer(FiguresAnswer):
    """Số liệu của một kế hoạch."""

    plan: PlanAnswer
    as_of: dt.datetime
    behind_seconds: float | None = Field(description="Số liệu có thể cũ hơn hiện tại bao nhiêu giây; null: chưa rõ.")


class PeriodAnswer(ResponseModel):
    """Kỳ báo cáo."""

    name: str
    from_: dt.date = Field(alias="from")
    to: dt.date


class SchemePeriodAnswer(PeriodAnswer):
    """Kỳ báo cáo theo một bộ quy tắc."""

    code: str
    send_by: dt.date | None
    scheme: Scheme


class PeriodListAnswer(ResponseModel):
    """Các kỳ của một năm."""

    items: list[SchemePeriodAnswer]


class DocumentAnswer(ResponseModel):
    """Văn bản phát hành."""

    number: str
    issued_on: dt.date
    signed_by: str | None


class NarrativeAnswer(ResponseModel):
    """Các mục do người viết."""

    results: str
    shortcomings: str
    causes: str
    directions: str
    proposals: str


class ReportAnswer(ResponseModel):
    """Một báo cáo, không kèm số liệu."""

    id: UUID
    state: ReportState
    version: int
    plan_id: UUID
    period: PeriodAnswer
    method: MethodAnswer
    narrative: NarrativeAnswer
    session_id: UUID | None
    corrects: UUID | None
    created_at: dt.datetime
    document: DocumentAnswer | None
    issued_at: dt.datetime | None
    as_of: dt.datetime | None
    sha256: dict[str, str] | None = Field(description="SHA-256 của từng bản đã phát hành.")


class ReportListAnswer(ResponseModel):
    """Một trang báo cáo, mới nhất trước."""

    items: list[ReportAnswer]
    next: str | None


class UnitAnswer(ResponseModel):
    """Đơn vị."""

    code: str
    name: str


class DeadlineAnswer(ResponseModel):
    """Thời hạn: cụm từ trong kế hoạch, ngày quyết định, và ngày dùng để tính đến hạn."""

    phrase: str
    kind: str
    date: dt.date | None
    due_on: dt.date | None


class EvidenceAnswer(ResponseModel):
    """Văn bản minh chứng."""

    number: str
    issued_on: dt.date
    issuer: str | None
    title: str | None
    url: str | None
    sha256: str | None


class TaskAnswer(ResponseModel):
    """Một nhiệm vụ được tính, kèm minh chứng và mã các sự kiện đã nghe."""

    id: UUID
    code: str
    number: str
    title: str
    field: str
    lead_units: list[UnitAnswer]
    deadline: DeadlineAnswer
    state: str
    timing: str
    is_due: bool
    completed_on: dt.date | None
    completion_id: UUID | None
    evidence: list[EvidenceAnswer]
    events: list[UUID]


class ReportedPlanAnswer(ResponseModel):
    """Kế hoạch của báo cáo."""

    id: UUID
    version: int
    unit: UnitAnswer
    year: int
    title: str
    document: DocumentAnswer


class CountedAnswer(ResponseModel):
    """Một nhiệm vụ được tính ra sao."""

    is_done: bool
    timing: str
    is_due: bool
    completed_on: dt.date | None


class ErratumAnswer(ResponseModel):
    """Một điều biết sau khi phát hành làm thay đổi cách tính một nhiệm vụ."""

    task_id: UUID
    number: str
    title: str
    then: CountedAnswer | None
    now: CountedAnswer | None
    events: list[UUID]
    evidence: list[EvidenceAnswer]


class FullReportAnswer(ReportAnswer):
    """Một báo cáo với số liệu, nhiệm vụ và đính chính."""

    plan: ReportedPlanAnswer
    figures: FiguresAnswer
    tasks: list[TaskAnswer]
    errata: list[ErratumAnswer]


class FigureAnswer(ResponseModel):
    """Cách tính một số liệu và những nhiệm vụ đứng sau nó."""

    id: str
    name: str
    formula: str
    filter: str
    value: float | None
    rate: RateAnswer | None
    tasks: list[TaskAnswer]
