"""The plans service as its callers meet it: HTTP with tokens, a database of its own."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.plans.handlers import Desk
from services.plans.main import create_app
from services.plans.settings import PlansSettings
from shared.clock import FixedClock, SystemClock
from shared.security import issue_token
from tests.support.plan_tables import PROVINCE_PLAN

NOW = datetime(2023, 1, 4, 2, 0, tzinfo=UTC)
DOCUMENT = {"number": "2715/QĐ-UBND", "issued_on": "2022-12-28", "signed_by": "Chủ tịch UBND tỉnh"}
TITLE = "Kế hoạch cải cách hành chính năm 2023"


@dataclass
class PlansService:
    """One running application with its database."""

    app: FastAPI
    dsn: str
    keys: Path
    clock: FixedClock
    settings: PlansSettings

    @classmethod
    def start(cls, dsn: str, keys: Path, **settings: Any) -> "PlansService":  # noqa: ANN401 -- any setting
        chosen = PlansSettings(
            plans_database_url=SecretStr(dsn), jwks_url=f"file://{keys / 'jwks.json'}", _env_file=None, **settings
        )
        clock = FixedClock(NOW)
        return cls(create_app(chosen, clock=clock), dsn, keys, clock, chosen)

    async def stop(self) -> None:
        await self.engine.dispose()

    @property
    def engine(self) -> AsyncEngine:
        engine: AsyncEngine = self.app.state.engine
        return engine

    @property
    def desk(self) -> Desk:
        desk: Desk = self.app.state.desk
        return desk

    def caller(self, role: str, unit: str | None = "TV") -> httpx2.AsyncClient:
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
            base_url="http://plans",
            headers={"Authorization": f"Bearer {token}"},
        )

    def secretariat(self, unit: str | None = "TV") -> httpx2.AsyncClient:
        return self.caller("secretariat", unit)

    async def import_file(
        self,
        content: bytes,
        *,
        role: str = "secretariat",
        caller_unit: str | None = "TV",
        **asked: Any,  # noqa: ANN401
    ) -> httpx2.Response:
        """Import a plan file; name what differs from the province's plan of 2023."""
        headers = {"Idempotency-Key": asked.pop("key")} if "key" in asked else {}
        query = {"dry_run": "true"} if asked.pop("dry_run", False) else {}
        name = asked.pop("name", "ke-hoach.tsv")
        fields = {"unit": "TV", "year": "2023", "title": TITLE, **{key: str(value) for key, value in asked.items()}}
        async with self.caller(role, caller_unit) as person:
            return await person.post(
                "/v1/plans/import", params=query, data=fields, files={"file": (name, content)}, headers=headers
            )

    async def a_draft(self, content: bytes = b"", **asked: Any) -> str:  # noqa: ANN401 -- any field of the form
        """Import a plan (the sample, unless given) and return its id."""
        answer = await self.import_file(content or PROVINCE_PLAN.read_bytes(), **asked)
        assert answer.status_code == 201, answer.text
        plan_id: str = answer.json()["plan_id"]
        return plan_id

    async def an_issued_plan(self, content: bytes = b"", **asked: Any) -> str:  # noqa: ANN401 -- any field of the form
        """Import and issue a plan and return its id."""
        plan_id = await self.a_draft(content, **asked)
        async with self.secretariat(None) as secretariat:
            answer = await secretariat.post(f"/v1/plans/{plan_id}/issue", json={"document": DOCUMENT})
        assert answer.status_code == 200, answer.text
        return plan_id

    async def plan(self, plan_id: str) -> dict[str, Any]:
        async with self.secretariat(None) as secretariat:
            answer = await secretariat.get(f"/v1/plans/{plan_id}")
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:  # noqa: ANN401 -- bound values
        async with self.engine.connect() as connection:
            return [dict(row) for row in (await connection.execute(text(query), values)).mappings()]

    async def counts(self) -> dict[str, int]:
        """Return how many rows every table that an import could write has."""
        [row] = await self.rows(
            "SELECT (SELECT count(*) FROM units) AS units, (SELECT count(*) FROM plans) AS plans,"
            " (SELECT count(*) FROM plan_tasks) AS plan_tasks, (SELECT count(*) FROM outbox) AS outbox,"
            " (SELECT count(*) FROM plan_task_units) AS plan_task_units,"
            " (SELECT count(*) FROM idempotency_keys) AS idempotency_keys"
        )
        return row

    async def events(self, kind: str) -> list[dict[str, Any]]:
        """Return the data of the outbox's events of one type, the oldest first."""
        rows = await self.rows("SELECT value FROM outbox WHERE type = :kind ORDER BY id", kind=kind)
        return [json.loads(row["value"]) for row in rows]
