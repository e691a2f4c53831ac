"""Events of the reporting service (topic `cchc.reports.v1`)."""

from datetime import date
from typing import ClassVar
from uuid import UUID

from pydantic import Field

from shared.contracts.envelope import Contract, Moment, Part, ShortText
from shared.contracts.plans import DocumentV1
from shared.contracts.topics import REPORTS, Topic


class PeriodV1(Part):
    """A named range of days; `to` is the cut-off, both ends included."""

    name: ShortText
    from_: date = Field(alias="from")
    to: date


class ReportIssuedV1(Contract):
    """A report was issued: its figures and bytes are frozen."""

    event_type: ClassVar[str] = "cchc.report.issued.v1"
    topic: ClassVar[Topic] = REPORTS
    description: ClassVar[str] = "Báo cáo đã phát hành; số liệu và văn bản không đổi nữa."

    report_id: UUID
    version: int = Field(ge=1)
    plan_id: UUID
    period: PeriodV1
    document: DocumentV1
    total: int = Field(ge=0)
    done: int = Field(ge=0)
    sha256: dict[str, str]
    """SHA-256 (hex) of the frozen bytes, by format."""
    issued_at: Moment


class PlanProgressReachedV1(Contract):
    """A plan's done tasks have reached a share of its total for the first time. Told once per plan and threshold."""

    event_type: ClassVar[str] = "cchc.plan.progress_reached.v1"
    topic: ClassVar[Topic] = REPORTS
    description: ClassVar[str] = "Kế hoạch lần đầu đạt một mốc tiến độ (phần trăm nhiệm vụ hoàn thành)."

    plan_id: UUID
    threshold: int = Field(ge=1, le=100)
    """Percent."""
    total: int = Field(ge=0)
    done: int = Field(ge=0)
