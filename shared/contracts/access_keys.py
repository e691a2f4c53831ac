"""Access keys: what the plans service tells of them (topic `cchc.plans.v1`), and where the others saw them used."""

from datetime import date
from enum import StrEnum
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field, StringConstraints

from shared.contracts.envelope import Contract, Moment, UnitCode
from shared.contracts.topics import PLANS, REPORTS, TASKS, Topic

HIGHEST_VERSION = 2**31 - 1


class KeyVerb(StrEnum):
    """What a key may be used for."""

    READ = "read"
    REPORT = "report"


class AccessKeyChangedV1(Contract):
    """A key was made or revoked; the event carries its whole new state, and of the key itself its digest only."""

    event_type: ClassVar[str] = "cchc.access_key.changed.v1"
    topic: ClassVar[Topic] = PLANS
    description: ClassVar[str] = "Khóa truy cập của phần mềm đơn vị được cấp hoặc thu hồi."

    key_id: UUID
    version: int = Field(ge=1, le=HIGHEST_VERSION)
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    unit: UnitCode
    verbs: tuple[KeyVerb, ...] = Field(min_length=1)
    expires_at: Moment
    revoked: bool = False


class AccessKeyUsedInTasksV1(Contract):
    """The tasks service let a key in, for the first time on that Vietnamese calendar day."""

    event_type: ClassVar[str] = "cchc.access_key.used_in_tasks.v1"
    topic: ClassVar[Topic] = TASKS
    description: ClassVar[str] = "Khóa truy cập được dùng ở dịch vụ nhiệm vụ, lần đầu trong ngày."

    key_id: UUID
    used_on: date


class AccessKeyUsedInReportingV1(Contract):
    """The reporting service let a key in, for the first time on that Vietnamese calendar day."""

    event_type: ClassVar[str] = "cchc.access_key.used_in_reporting.v1"
    topic: ClassVar[Topic] = REPORTS
    description: ClassVar[str] = "Khóa truy cập được dùng ở dịch vụ báo cáo, lần đầu trong ngày."

    key_id: UUID
    used_on: date


UsedV1 = AccessKeyUsedInTasksV1 | AccessKeyUsedInReportingV1
