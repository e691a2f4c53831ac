"""The reporting service as others meet it: HTTP with tokens on one side, events of plans and tasks on the other."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.reporting.consumers import take_in
from services.reporting.main import create_app
from services.reporting.settings import ReportingSettings
from shared.clock import FixedClock, SystemClock
from shared.contracts.envelope import Contract, Event, event, to_headers
from shared.contracts.plans import (
    DeadlineKind,
    DeadlineV1,
    DocumentV1,
    PlanIssuedV1,
    PlanTaskV1,
    ProgrammeField,
    UnitChangedV1,
    UnitKind,
    UnitRef,
)
from shared.contracts.tasks import (
    ActorV1,
    CompletionConfirmedV1,
    CompletionReturnedV1,
    EvidenceV1,
    TaskCompletedV1,
    TaskReopenedV1,
)
from shared.ids import TimeOrderedIds
from shared.messaging.transports.port import Received
from shared.security import issue_token
from tests.unit.reporting import sample_plan

NOW = datetime(2024, 1, 10, 2, 0, tzinfo=UTC)
IDS = TimeOrderedIds()
PROVINCE = (
    ("VN", "Chính phủ", UnitKind.CENTRAL_AGENCY, None),
    ("TV", "Ủy ban nhân dân tỉnh Trà Vinh", UnitKind.PROVINCE, None),
    ("TV-SNV", "Sở Nội vụ", UnitKind.DEPARTMENT, "TV"),
    ("TV-SYT", "Sở Y tế", UnitKind.DEPARTMENT, "TV"),
    ("TV-SYT-CC", "Chi cục Dân số", UnitKind.DEPARTMENT, "TV-SYT"),
    ("LD", "Ủy ban nhân dân tỉnh Lâm Đồng", UnitKind.PROVINCE, None),
    ("LD-SYT", "Sở Y tế", UnitKind.DEPARTMENT, "LD"),
)
TEN_MONTHS = {"name": "10 tháng năm 2023", "from": "2023-01-01", "to": "2023-10-31"}
DOCUMENT = {"number": "310/BC-UBND", "issued_on": "2023-11-03", "signed_by": "Người Ký Mẫu"}
CODES = {"Sở Nội vụ": "TV-SNV", "Sở Y tế": "TV-SYT"}
ACTOR = ActorV1(subject="can-bo", unit="TV-SNV")


@dataclass(frozen=True)
class Told:
    """An event on its way: what, when recorded, under which id."""

    data: Contract
    at: datetime
    event_id: UUID = field(default_factory=IDS.new)


def unit_changed(code: str, name: str, kind: UnitKind, parent: str | None, version: int = 1) -> Told:
    return Told(
        UnitChangedV1(code=code, version=version, name=name, kind=kind, parent=parent),
        datetime(2022, 12, 1, tzinfo=UTC),
    )


def the_sample_plan(plan_id: UUID, *, unit: str = "TV", **changed: Any) -> Told:  # noqa: ANN401 -- any field
    """The model plan of 38 tasks, issued on 28/12/2022; tasks get ids that are this plan's own."""
    facts = sample_plan.the_plan()
    tasks = tuple(
        PlanTaskV1(
            id=task_id(plan_id, task.code),
            code=task.code,
            number=task.number,
            field=task.field,
            title=task.title,
            lead_units=tuple(
                UnitRef(code=CODES.get(each.name, each.code), name=each.name, kind=UnitKind.DEPARTMENT)
                for each in task.lead_units
            ),
            deadline=DeadlineV1(
                phrase=task.deadline.phrase, kind=DeadlineKind(task.deadline.kind), date=task.deadline.day
            ),
        )
        for task in facts.tasks
    )
    plan = PlanIssuedV1(
        **{
            "plan_id": plan_id,
            "version": 1,
            "unit": UnitRef(code=unit, name="Ủy ban nhân dân tỉnh Trà Vinh", kind=UnitKind.PROVINCE),
            "year": facts.year,
            "title": facts.title,
            "programme": "NQ76",
            "fields": tuple(ProgrammeField(code=each.code, name=each.name) for each in facts.fields),
            "document": DocumentV1(number=facts.document.number, issued_on=facts.document.issued_on),
            "issued_at": datetime(2022, 12, 28, 5, tzinfo=UTC),
            "tasks": tasks,
            **changed,
        }
    )
    return Told(plan, datetime(2022, 12, 28, 5, tzinfo=UTC))


def task_id(plan_id: UUID, code: str) -> UUID:
    return UUID(int=plan_id.int ^ sample_plan.identifier(code).int)


def completed(plan_id: UUID, code: str, day: date, evidence: str, *, at: datetime | None = None) -> list[Told]:
    """A completion recorded on its own day (or at `at`) and confirmed two days later."""
    moment = at or sample_plan.midday(day)
    base = {"plan_id": plan_id, "task_id": task_id(plan_id, code), "actor": ACTOR}
    completion_id = IDS.new()
    confirmed_at = moment + timedelta(days=2)
    return [
        Told(
            TaskCompletedV1(
                **base,
                version=1,
                completion_id=completion_id,
                completed_on=day,
                reported_at=moment,
                recorded_at=moment,
                evidence=(EvidenceV1(number=evidence, issued_on=day),),
            ),
            moment,
        ),
        Told(
            CompletionConfirmedV1(**base, version=2, completion_id=completion_id, recorded_at=confirmed_at),
            confirmed_at,
        ),
    ]


def undone(done: Told, contract: type[CompletionReturnedV1] | type[TaskReopenedV1], version: int, at: datetime) -> Told:
    """Return or reopen what `done` (a completion) reported."""
    assert isinstance(done.data, TaskCompletedV1)
    return Told(
        contract(
            plan_id=done.data.plan_id,
            task_id=done.data.task_id,
            actor=ACTOR,
            version=version,
            completion_id=done.data.completion_id,
            reason="Thiếu văn bản",
            recorded_at=at,
        ),
        at,
    )


def the_completions(plan_id: UUID) -> list[Told]:
    """The 32 completions of the model plan, each recorded on its day and confirmed two days later."""
    told: list[Told] = []
    for row in sample_plan.rows(sample_plan.PLAN_FILE):
        if row["ngay_hoan_thanh"]:
            told += completed(plan_id, row["ma"], date.fromisoformat(row["ngay_hoan_thanh"]), row["minh_chung"])
    return told


def message(told: Told, position: int = 0, **headers: str | bytes) -> tuple[Event[Any], Received]:
    """Return the event and the message that carries it."""
    key = str(getattr(told.data, "plan_id", "TV"))
    subject = str(getattr(told.data, "task_id", key))
    made = event(told.data, event_id=told.event_id, time=told.at, source="/cchc/tests", subject=subject, key=key)
    value = told.data.model_dump_json(by_alias=True, exclude_none=True).encode()
    given: dict[str, str | bytes] = {**to_headers(made.attributes), **headers}
    return made, Received(told.data.topic.name, 0, position, key.encode(), given, value)


@dataclass
class ReportingService:
    """One running application with its database."""

    app: FastAPI
    dsn: str
    keys: Path
    clock: FixedClock
    settings: ReportingSettings

    @classmethod
    def start(cls, dsn: str, keys: Path, **settings: Any) -> "ReportingService":  # noqa: ANN401 -- any setting
        chosen = ReportingSettings(
            reporting_database_url=SecretStr(dsn), jwks_url=f"file://{keys / 'jwks.json'}", _env_file=None, **settings
        )
        clock = FixedClock(NOW)
        return cls(create_app(chosen, clock=clock), dsn, keys, clock, chosen)

    async def stop(self) -> None:
        await self.engine.dispose()

    @property
    def engine(self) -> AsyncEngine:
        engine: AsyncEngine = self.app.state.engine
        return engine

    async def hear(self, *told: Told | Sequence[Told]) -> None:
        """Take events in as the consumer does, those of one topic together."""
        every = [one for each in told for one in ([each] if isinstance(each, Told) else each)]
        by_topic: dict[str, list[tuple[Event[Any], Received]]] = {}
        for position, one in enumerate(every):
            by_topic.setdefault(one.data.topic.name, []).append(message(one, position))
        async with self.engine.begin() as connection:
            for batch in by_topic.values():
                await take_in(connection, batch)

    async def a_plan(self, *, unit: str = "TV", completions: bool = True) -> UUID:
        """Hear the model plan and, if asked, its completions; return its id."""
        plan_id = IDS.new()
        await self.hear(the_sample_plan(plan_id, unit=unit), the_completions(plan_id) if completions else [])
        return plan_id

    def caller(self, role: str, unit: str | None = "TV", **headers: str) -> httpx2.AsyncClient:
        """Return a client with that person's token; it talks to the application without a network."""
        token = issue_token(
            self.keys,
            issuer=self.settings.issuer,
            audience=self.settings.audience,
            role=role,
            unit=unit,
            name="Nguyễn Thị Thử",
            expires=timedelta(hours=1),
            now=SystemClock().now(),
        )
        return httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=self.app, raise_app_exceptions=False),
            base_url="http://reporting",
            headers={"Authorization": f"Bearer {token}", **headers},
        )

    async def get(self, path: str, *, role: str = "secretariat", unit: str | None = "TV", **query: Any) -> Any:  # noqa: ANN401 -- JSON
        """Return the body of a successful answer."""
        async with self.caller(role, unit) as caller:
            answer = await caller.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def a_draft(self, plan_id: UUID, **changed: Any) -> str:  # noqa: ANN401 -- any field of the body
        """Make a draft and return its id."""
        async with self.caller("secretariat") as secretariat:
            answer = await secretariat.post(
                "/v1/reports", json={"plan_id": str(plan_id), "period": TEN_MONTHS, **changed}
            )
        assert answer.status_code == 201, answer.text
        report_id: str = answer.json()["id"]
        return report_id

    async def issue(self, report_id: str, **document: Any) -> httpx2.Response:  # noqa: ANN401 -- any field
        async with self.caller("secretariat") as secretariat:
            return await secretariat.post(f"/v1/reports/{report_id}/issue", json={"document": {**DOCUMENT, **document}})

    async def document(self, report_id: str, file_format: str) -> httpx2.Response:
        async with self.caller("secretariat") as secretariat:
            return await secretariat.get(f"/v1/reports/{report_id}/document", params={"format": file_format})

    async def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:  # noqa: ANN401 -- bound values
        async with self.engine.connect() as connection:
            return [dict(row) for row in (await connection.execute(text(query), values)).mappings()]
