"""Requests, which hold exactly the named fields in exactly their types; what is answered stands in answers.py."""

import datetime as dt
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, PlainValidator, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from services.reporting.domain.facts import DocumentFact
from services.reporting.domain.method import Rounding, StandingTasks
from shared.http.models import RequestModel, refuse
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
