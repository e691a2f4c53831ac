"""Requests and answers of the plans API."""

import datetime as dt
from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from services.plans.domain.deadline import DeadlineKind
from services.plans.domain.plan import CountsWhen, PlanState
from services.plans.domain.unit import UnitKind
from shared.http.models import RequestModel, ResponseModel

CODE = r"^[A-Z0-9][A-Z0-9.\-]{0,31}$"
Code = Annotated[str, Field(pattern=CODE, examples=["TV-SNV"])]
Name = Annotated[str, Field(min_length=1, max_length=500)]


class AccessKeyRequest(RequestModel):
    """A key for a program of a unit."""

    name: Name = Field(description="Tên phần mềm, để người quản lý nhận ra.", examples=["Quản lý văn bản Sở Y tế"])
    unit: Code
    verbs: tuple[Literal["read", "report"], ...] = Field(
        min_length=1, max_length=2, description="`read`: xem; `report`: báo cáo tiến độ và hoàn thành."
    )
    expires_on: date = Field(description="Ngày cuối cùng còn dùng được (giờ Việt Nam), không quá ba năm.")


class AccessKeyAnswer(ResponseModel):
    """A key without itself."""

    id: UUID
    name: str
    unit: str
    verbs: list[Literal["read", "report"]]
    expires_at: AwareDatetime
    created_at: AwareDatetime
    revoked_at: AwareDatetime | None
    last_used_on: date | None = Field(description="Ngày dùng gần nhất (giờ Việt Nam), ở bất kỳ dịch vụ nào.")


class AccessKeyCreatedAnswer(AccessKeyAnswer):
    """A key, told this once."""

    key: str | None = Field(description="Chỉ có trong câu trả lời đầu tiên.")


class AccessKeyListAnswer(ResponseModel):
    """A page of keys."""

    items: list[AccessKeyAnswer]
    next: str | None


class UnitRequest(RequestModel):
    """The whole state of a unit: what is left out is empty."""

    code: Code
    name: Name
    kind: UnitKind
    parent: Code | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    successors: tuple[Code, ...] = Field(default=(), max_length=20)
    aliases: tuple[Name, ...] = Field(default=(), max_length=50)


class UnitAnswer(ResponseModel):
    """A unit."""

    code: str
    name: str
    kind: UnitKind
    parent: str | None
    valid_from: date | None
    valid_to: date | None
    successors: list[str]
    aliases: list[str]
    version: int


class UnitListAnswer(ResponseModel):
    """A page of units."""

    items: list[UnitAnswer]
    next: str | None


class FieldAnswer(ResponseModel):
    """A field of a programme."""

    code: str
    name: str


class ProgrammeAnswer(ResponseModel):
    """A programme with its fields."""

    code: str
    name: str
    from_year: int
    to_year: int
    fields: list[FieldAnswer]


class ProgrammeListAnswer(ResponseModel):
    """All programmes."""

    items: list[ProgrammeAnswer]
    next: str | None


class DocumentRequest(RequestModel):
    """The document that issues a plan."""

    number: Name
    issued_on: date
    signed_by: Name | None = None


class IssueRequest(RequestModel):
    """By what a plan is issued."""

    document: DocumentRequest


class NamedUnitAnswer(ResponseModel):
    """A unit as it was called when the plan was made."""

    code: str
    name: str
    kind: UnitKind


class CoordinatorAnswer(ResponseModel):
    """A coordinating body; without a code where it is no unit of the catalogue."""

    code: str | None
    name: str


class DeadlineAnswer(ResponseModel):
    """The phrase as written and its reading."""

    phrase: str
    kind: DeadlineKind
    date: dt.date | None
    dates: list[dt.date]


class PlanTaskAnswer(ResponseModel):
    """A task of a plan."""

    id: UUID
    code: str
    number: str
    field: str
    group: str | None
    title: str
    deliverable: str | None
    note: str | None
    lead_units: list[NamedUnitAnswer]
    coordinating_units: list[CoordinatorAnswer]
    deadline: DeadlineAnswer


class DocumentAnswer(ResponseModel):
    """The document that issued a plan."""

    number: str
    issued_on: date
    signed_by: str | None


class ProgressAnswer(ResponseModel):
    """How many of the plan's tasks are done, as the task events tell."""

    total: int
    done: int


class PlanLineAnswer(ResponseModel):
    """A plan in a list."""

    id: UUID
    unit: NamedUnitAnswer
    year: int
    title: str
    programme: str
    state: PlanState
    counts_when: CountsWhen
    evidence_required: bool
    document: DocumentAnswer | None
    issued_at: AwareDatetime | None
    version: int
    progress: ProgressAnswer


class PlanAnswer(PlanLineAnswer):
    """A plan with its fields and tasks."""

    fields: list[FieldAnswer]
    tasks: list[PlanTaskAnswer]


class PlanListAnswer(ResponseModel):
    """A page of plans."""

    items: list[PlanLineAnswer]
    next: str | None


class FindingAnswer(ResponseModel):
    """Something in the file that a person should look at."""

    row: int
    column: str
    code: str
    message: str


class NewUnitAnswer(ResponseModel):
    """A unit that the import makes."""

    code: str
    name: str
    kind: UnitKind
    parent: str | None


class ImportAnswer(ResponseModel):
    """What was imported, or with `dry_run` would be; then `plan_id` is null and `preview` holds the tasks."""

    plan_id: UUID | None
    tasks: int
    targets: int
    warnings: list[FindingAnswer]
    new_units: list[NewUnitAnswer]
    preview: list[PlanTaskAnswer]
