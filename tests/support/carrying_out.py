"""Builders in the words of the field for tests of the tasks service."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from services.tasks.domain.actor import Actor, ActorRole
from services.tasks.domain.completion import CompletionReport
from services.tasks.domain.evidence import Evidence
from services.tasks.domain.plan import Deadline
from services.tasks.domain.task import PlanRules, Task, TaskState
from services.tasks.domain.unit import TaskUnit

NOW = datetime(2023, 10, 20, 2, 0, tzinfo=UTC)
TODAY = date(2023, 10, 20)
TASK = UUID(int=1)
PLAN = UUID(int=2)
COMPLETION = UUID(int=3)


def a_unit(code: str, *above: str, kind: str = "department") -> TaskUnit:
    return TaskUnit(name=f"Đơn vị {code}", code=code, kind=kind, lineage=(code, *above))


HEALTH = a_unit("TV-SYT", "TV")
HEALTH_OFFICE = a_unit("TV-SYT-VP", "TV-SYT", "TV")
JUSTICE = a_unit("TV-STP", "TV")
ALL_UNITS = a_unit("TV-CSBN", "TV", kind="group")


def a_department(unit: str | None = "TV-SYT") -> Actor:
    return Actor("can-bo", frozenset({ActorRole.DEPARTMENT}), unit)


def a_secretariat(unit: str | None = "TV") -> Actor:
    return Actor("to-giup-viec", frozenset({ActorRole.SECRETARIAT}), unit)


def a_task(**changed: Any) -> Task:  # noqa: ANN401 -- any field of the aggregate
    due = changed.pop("due", date(2023, 11, 30))
    rules = {
        "unit_lineage": ("TV",),
        "year": 2023,
        "counts_when_reported": changed.pop("counts_when_reported", False),
        "evidence_required": changed.pop("evidence_required", True),
    }
    return Task(
        **{
            "id": TASK,
            "plan_id": PLAN,
            "plan": PlanRules(**rules),
            "code": "TV23-12",
            "number": "12",
            "title": "Rà soát thủ tục hành chính",
            "field": "II",
            "leads": (HEALTH,),
            "coordinating": (JUSTICE,),
            "deadline": Deadline(phrase="Trước ngày 30/11/2023", kind="date", date=due),
            "state": TaskState.NOT_STARTED,
            "version": 0,
            **changed,
        }
    )


def a_report(**changed: Any) -> CompletionReport:  # noqa: ANN401 -- any field of the report
    document = Evidence(number="123/BC-SYT", issued_on=date(2023, 10, 18))
    return CompletionReport(**{"completed_on": date(2023, 10, 18), "evidence": (document,), **changed})
