"""Requests, which hold exactly the named fields in exactly their types, and answers."""

import datetime as dt
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, PlainValidator, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from services.reporting.domain.facts import DocumentFact
from services.reporting.domain.method import Rounding, StandingTasks
from services.reporting.domain.periods import Scheme
from services.reporting.domain.report import ReportState
from shared.http.models import RequestModel, ResponseModel, refuse
from shared.text import nfc

FIRST_DAY, LAST_DAY = dt.date(2000, 1, 1), dt.date(2100, 12, 31)
FIRST_MOMENT = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
LONGEST_SECTION = 20_000

Line = Annotated[str, StringConstraints(min_length=1, max_length=500)]


def _in_bounds(day: dt.date) -> dt.date:
    if not FIRST_DAY <= day <= LAST_DAY:
        raise refuse("date_out_of_bounds", vi="Ngày phải từ năm 2000 đến năm 2100.", en="A day from 2000 to 2100.")
    return day


Day = Annotated[dt.date, AfterValidator(_in_bounds)]


def _paragraphs(value: object) -> str:
    """Paragraphs keep their line ends; each is composed and trimmed, empty ones are dropped."""
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "not a string")
    if len(value) > LONGEST_SECTION:
        raise PydanticCustomError("string_too_long", "too long", {"max_length": LONGEST_SECTION})
    try:
        lines = [nfc(line) for line in value.splitlines()]
    except ValueError as error:
        raise PydanticCustomError("string_characters", "control character or lone surrogate") from error
    return "\n".join(line for line in lines if line)


Section = Annotated[str, PlainValidator(_paragraphs), WithJsonSchema({"type": "string", "maxLength": LONGEST_SECTION})]


class PeriodRequest(RequestModel):
    """Kỳ báo cáo: khoảng ngày có tên, gồm cả hai đầu; `to` là ngày chốt số liệu."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)] = Field(examples=["10 tháng năm 2023"])
    from_: Day = Field(alias="from")
    to: Day


class ReportRequest(RequestModel):
    """Lập dự thảo báo cáo."""

    plan_id: UUID
    period: PeriodRequest
    method: StandingTasks | None = Field(default=None, description="Cách tính nhiệm vụ thường xuyên, định kỳ.")
    rounding: Rounding | None = Field(default=None, description="Cách lấy hai chữ số thập phân.")
    session_id: UUID | None = Field(default=None, description="Phiên họp mà báo cáo phục vụ.")
    corrects: UUID | None = Field(default=None, description="Báo cáo đã phát hành mà báo cáo này đính chính.")


class NarrativeRequest(RequestModel):
    """Các mục do người viết; chỉ mục được gửi mới thay đổi. Mỗi dòng là một đoạn."""

    results: Section | None = Field(default=None, description="Kết quả nổi bật.")
    shortcomings: Section | None = Field(default=None, description="Tồn tại, hạn chế.")
    causes: Section | None = Field(default=None, description="Nguyên nhân.")
    directions: Section | None = Field(default=None, description="Phương hướng, nhiệm vụ.")
    proposals: Section | None = Field(default=None, description="Kiến nghị, đề xuất.")

    def sections(self) -> dict[str, str]:
        """Return the sections that were sent."""
        return self.model_dump(exclude_none=True)


class DocumentRequest(RequestModel):
    """Số, ký hiệu, ngày và người ký báo cáo."""

    number: Line = Field(examples=["310/BC-UBND"])
    issued_on: Day
    signed_by: Line | None = None
    signature: list[Line] = Field(
        default_factory=list, max_length=4, description="Quyền hạn, chức vụ trên tên người ký, mỗi dòng một phần tử."
    )

    def document(self) -> DocumentFact:
        """Return the document in the words of the domain."""
        return DocumentFact(self.number, self.issued_on, self.signed_by)


class IssueRequest(RequestModel):
    """Phát hành báo cáo."""

    document: DocumentRequest


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
