"""Events of the plans service (topic `cchc.plans.v1`)."""

import datetime as dt
from datetime import date
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from pydantic import Field

from shared.contracts.envelope import Contract, Moment, Part, ShortText, Text, UnitCode
from shared.contracts.topics import PLANS, Topic


class UnitKind(StrEnum):
    """What sort of body a unit is."""

    PROVINCE = "province"
    DEPARTMENT = "department"
    DISTRICT = "district"
    COMMUNE = "commune"
    CENTRAL_AGENCY = "central_agency"
    ORGANISATION = "organisation"
    GROUP = "group"
    """A collective lead ("các sở, ban, ngành"); the secretariat reports for it."""


class DeadlineKind(StrEnum):
    """How a deadline was written."""

    DATE = "date"
    MONTH = "month"
    QUARTER = "quarter"
    RANGE = "range"
    MILESTONES = "milestones"
    CONTINUOUS = "continuous"
    RECURRING = "recurring"
    EVENT = "event"
    RELATIVE = "relative"
    YEAR = "year"
    NONE = "none"


class CountsWhen(StrEnum):
    """When a completion starts to count: as soon as it is reported, or once the secretariat has confirmed it."""

    REPORTED = "reported"
    CONFIRMED = "confirmed"


class UnitRef(Part):
    """A unit as it was called when the event was made: old documents keep the old name."""

    code: UnitCode
    name: ShortText
    kind: UnitKind


class CoordinatingUnit(Part):
    """A coordinating unit; without a code where the appendix names a body that is no unit of ours."""

    code: UnitCode | None = None
    name: ShortText


class DeadlineV1(Part):
    """The phrase as written and its reading. `date` is the day that decides on lateness; none means never late."""

    phrase: Text
    kind: DeadlineKind
    date: dt.date | None = None
    dates: tuple[dt.date, ...] = ()


class ProgrammeField(Part):
    """A field (lĩnh vực) of a programme."""

    code: ShortText
    name: ShortText


class DocumentV1(Part):
    """The document that decided something."""

    number: ShortText
    issued_on: date
    signed_by: ShortText | None = None


class PlanTaskV1(Part):
    """One numbered task of a plan."""

    id: UUID
    code: ShortText
    number: ShortText
    field: ShortText
    """Code of the field within the plan's programme."""
    group: Text | None = None
    title: Text
    deliverable: Text | None = None
    lead_units: tuple[UnitRef, ...] = Field(min_length=1)
    coordinating_units: tuple[CoordinatingUnit, ...] = ()
    deadline: DeadlineV1
    note: Text | None = None


class PlanIssuedV1(Contract):
    """A plan was issued; from now on its tasks can be reported on."""

    event_type: ClassVar[str] = "cchc.plan.issued.v1"
    topic: ClassVar[Topic] = PLANS
    description: ClassVar[str] = "Kế hoạch đã được ban hành, kèm toàn bộ nhiệm vụ."

    plan_id: UUID
    version: int = Field(ge=1)
    unit: UnitRef
    year: int = Field(ge=2000, le=2100)
    title: ShortText
    programme: ShortText
    fields: tuple[ProgrammeField, ...]
    counts_when: CountsWhen = CountsWhen.CONFIRMED
    evidence_required: bool = True
    document: DocumentV1
    issued_at: Moment
    tasks: tuple[PlanTaskV1, ...] = Field(min_length=1)


class UnitChangedV1(Contract):
    """A unit was added or changed; the event carries its whole new state."""

    event_type: ClassVar[str] = "cchc.unit.changed.v1"
    topic: ClassVar[Topic] = PLANS
    description: ClassVar[str] = "Đơn vị được thêm hoặc thay đổi; sự kiện mang toàn bộ trạng thái mới."

    code: UnitCode
    version: int = Field(ge=1)
    name: ShortText
    kind: UnitKind
    parent: UnitCode | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    successors: tuple[UnitCode, ...] = ()
