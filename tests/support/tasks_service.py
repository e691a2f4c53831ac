"""The tasks service as its callers meet it: HTTP with tokens on one side, events of the plans service on the other."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.tasks.adapters.plan_repository import SqlPlanRepository
from services.tasks.domain.plan import Deadline, LearnedPlan, LearnedTask
from services.tasks.domain.unit import TaskUnit, Unit
from services.tasks.handlers import learn_plan, learn_unit
from services.tasks.main import create_app
from services.tasks.settings import TasksSettings
from shared.clock import FixedClock, SystemClock
from shared.ids import TimeOrderedIds
from shared.security import issue_token

NOW = datetime(2023, 10, 20, 2, 0, tzinfo=UTC)
IDS = TimeOrderedIds()
PROVINCE = (
    Unit("TV", 1, "UBND tỉnh Trà Vinh", "province"),
    Unit("TV-SNV", 1, "Sở Nội vụ", "department", "TV"),
    Unit("TV-SYT", 1, "Sở Y tế", "department", "TV"),
    Unit("TV-SYT-CC", 1, "Chi cục Dân số", "department", "TV-SYT"),
    Unit("TV-STP", 1, "Sở Tư pháp", "department", "TV"),
    Unit("TV-CSBN", 1, "Các sở, ban, ngành", "group", "TV"),
    Unit("LD", 1, "UBND tỉnh Lâm Đồng", "province"),
    Unit("LD-SYT", 1, "Sở Y tế", "department", "LD"),
)
NAMES = {unit.code: unit for unit in PROVINCE}


def named(code: str) -> TaskUnit:
    """Return the unit as a plan's document calls it."""
    return TaskUnit(name=NAMES[code].name, code=code, kind=NAMES[code].kind)


def a_planned_task(number: str = "1", **changed: Any) -> LearnedTask:  # noqa: ANN401 -- any field
    """A task of a plan: led by the health department, coordinated by justice and a body that is no unit."""
    due = changed.pop("due", date(2023, 11, 30))
    leads = tuple(named(code) for code in changed.pop("leads", ("TV-SYT",)))
    coordinating = tuple(named(code) for code in changed.pop("coordinating", ("TV-STP",)))
    return LearnedTask(
        **{
            "id": IDS.new(),
            "code": f"TV23-{number}",
            "number": number,
            "title": f"Nhiệm vụ số {number}",
            "field": "I",
            "leads": leads,
            "coordinating": (*coordinating, TaskUnit(name="Hội Nông dân tỉnh")),
            "deadline": Deadline(
                phrase="Trước ngày 30/11/2023", kind="date", date=due, dates=() if due is None else (due,)
            ),
            **changed,
        }
    )


def a_plan(*tasks: LearnedTask, **changed: Any) -> LearnedPlan:  # noqa: ANN401 -- any field
    """An issued plan of the province."""
    return LearnedPlan(
        **{
            "id": IDS.new(),
            "version": 1,
            "unit": named("TV"),
            "year": 2023,
            "title": "Kế hoạch cải cách hành chính năm 2023",
            "counts_when": "confirmed",
            "evidence_required": True,
            "tasks": tasks,
            **changed,
        }
    )


def a_completion(**changed: Any) -> dict[str, Any]:  # noqa: ANN401 -- any field of the body
    """The body of a completion that is accepted on 20/10/2023."""
    document = {"number": "123/BC-SYT", "issued_on": "2023-10-18", "title": "Báo cáo kết quả"}
    return {"completed_on": "2023-10-18", "evidence": [document], "note": "Đã gửi văn bản", **changed}


@dataclass
class TasksService:
    """One running application with its database."""

    app: FastAPI
    dsn: str
    keys: Path
    clock: FixedClock
    settings: TasksSettings

    @classmethod
    def start(cls, dsn: str, keys: Path, **settings: Any) -> "TasksService":  # noqa: ANN401 -- any setting
        chosen = TasksSettings(
            tasks_database_url=SecretStr(dsn), jwks_url=f"file://{keys / 'jwks.json'}", _env_file=None, **settings
        )
        clock = FixedClock(NOW)
        return cls(create_app(chosen, clock=clock), dsn, keys, clock, chosen)

    async def stop(self) -> None:
        await self.engine.dispose()

    @property
    def engine(self) -> AsyncEngine:
        engine: AsyncEngine = self.app.state.engine
        return engine

    async def learn_units(self, *units: Unit) -> None:
        async with self.engine.begin() as connection:
            for unit in units or PROVINCE:
                await learn_unit(SqlPlanRepository(connection), unit)

    async def learn(self, plan: LearnedPlan) -> LearnedPlan:
        async with self.engine.begin() as connection:
            await learn_plan(SqlPlanRepository(connection), plan)
        return plan

    async def a_task(self, **changed: Any) -> UUID:  # noqa: ANN401 -- any field
        """Learn a plan of one task and return the task's id."""
        rules = {name: changed.pop(name) for name in ("counts_when", "evidence_required") if name in changed}
        plan = await self.learn(a_plan(a_planned_task(**changed), **rules))
        return plan.tasks[0].id

    def token(self, role: str, unit: str | None) -> str:
        return issue_token(
            self.keys,
            issuer=self.settings.issuer,
            audience=self.settings.audience,
            role=role,
            unit=unit,
            name="Nguyễn Thị Thử",
            expires=timedelta(hours=1),
            now=SystemClock().now(),
        )

    def caller(self, role: str, unit: str | None = "TV") -> httpx2.AsyncClient:
        """Return a client with that person's token; it talks to the application without a network."""
        return httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=self.app, raise_app_exceptions=False),
            base_url="http://tasks",
            headers={"Authorization": f"Bearer {self.token(role, unit)}"},
        )

    def department(self, unit: str = "TV-SYT") -> httpx2.AsyncClient:
        return self.caller("department", unit)

    def secretariat(self, unit: str | None = "TV") -> httpx2.AsyncClient:
        return self.caller("secretariat", unit)

    async def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:  # noqa: ANN401 -- bound values
        async with self.engine.connect() as connection:
            return [dict(row) for row in (await connection.execute(text(query), values)).mappings()]

    async def count(self, table: str) -> int:
        [row] = await self.rows(f"SELECT count(*) AS n FROM {table}")  # noqa: S608 -- a table's name from a test
        counted: int = row["n"]
        return counted

    async def report(self, task_id: UUID, **changed: Any) -> str:  # noqa: ANN401 -- any field of the body
        """Report the task done by its lead and return the completion's id."""
        async with self.department() as health:
            answer = await health.post(f"/v1/tasks/{task_id}/completions", json=a_completion(**changed))
        assert answer.status_code == 201, answer.text
        completion_id: str = answer.json()["completion_id"]
        return completion_id
