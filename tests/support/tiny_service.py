"""A small service over the real application factory, with an issuer of its own."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import httpx2
from fastapi import APIRouter, FastAPI, Form, Query, Request, UploadFile
from pydantic import Field, SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.clock import SystemClock
from shared.database.engine import create_engine
from shared.database.idempotency import IdempotencyKeyReused
from shared.http.app import create_service_app
from shared.http.caller import CallerDep, Role
from shared.http.idempotency import IdempotencyKeyDep
from shared.http.models import RequestModel, ResponseModel
from shared.http.paging import DEFAULT_PAGE_LIMIT, CursorParameter, PageLimit, decode_cursor
from shared.http.permissions import Permissions, Verbs
from shared.http.problems import ProblemSpec
from shared.security import issue_token, make_issuer
from shared.settings import SharedSettings

SECRET_TEXT = "CCCD 001099012345 của Nguyễn Văn A"
EVERYBODY = frozenset(Role)
SECRETARIAT = frozenset({Role.SECRETARIAT})


class TaskAlreadyDone(Exception):  # noqa: N818 -- errors say the refusal
    """What a domain refuses."""

    def __init__(self, number: str, done_on: date) -> None:
        super().__init__(SECRET_TEXT)
        self.number = number
        self.done_on = done_on


class RowsRefused(Exception):  # noqa: N818 -- errors say the refusal
    """An import that names its rows."""

    def __init__(self) -> None:
        super().__init__(SECRET_TEXT)
        self.errors = [{"row": 7, "column": "C", "code": "unit-unknown", "message": "Không có đơn vị này."}]


PROBLEMS: Mapping[type[Exception], ProblemSpec] = {
    TaskAlreadyDone: ProblemSpec(
        409,
        "task-already-done",
        "Nhiệm vụ đã hoàn thành",
        "Task already done",
        "Nhiệm vụ {number} đã hoàn thành ngày {done_on:%d/%m/%Y}.",
        "Task {number} was done on {done_on:%Y-%m-%d}.",
    ),
    RowsRefused: ProblemSpec(422, "rows-refused", "Tệp có lỗi", "File refused", "Xem lỗi.", "See errors."),
}


class Evidence(RequestModel):
    """A part of a request."""

    number: str = Field(min_length=1, max_length=20)
    issued_on: date


class Report(RequestModel):
    """A request."""

    completed_on: date
    share: int = Field(ge=0, le=100)
    evidence: list[Evidence] = Field(default_factory=list, max_length=3)
    note: str = ""


class Seen(ResponseModel):
    """An answer."""

    unit: str | None
    note: str


router = APIRouter(prefix="/v1")


@router.get("/tasks")
async def list_tasks(
    state: Annotated[str | None, Query()] = None, limit: PageLimit = DEFAULT_PAGE_LIMIT, cursor: CursorParameter = None
) -> dict[str, object]:
    return {"state": state, "limit": limit, "after": decode_cursor(cursor, (str, int))}


@router.get("/tasks/{number}")
async def read_task(number: int, caller: CallerDep) -> Seen:
    return Seen(unit=caller.unit, note=str(number))


@router.post("/tasks/{number}/completions", status_code=201)
async def report_completion(number: int, report: Report, caller: CallerDep, key: IdempotencyKeyDep) -> Seen:
    del number, key
    return Seen(unit=caller.unit, note=report.note)


@router.post("/keys")
async def read_key(key: IdempotencyKeyDep, request: Request) -> dict[str, str | None]:
    del request
    return {"sha256": key.request_sha256.hex() if key else None, "caller": key.caller if key else None}


@router.post("/forms")
async def take_form(file: UploadFile, unit: Annotated[str, Form()], key: IdempotencyKeyDep) -> dict[str, object]:
    sha256 = key.request_sha256.hex() if key else None
    return {"bytes": len(await file.read()), "unit": unit, "sha256": sha256}


@router.post("/files", max_body_size=200_000)
async def take_file(request: Request) -> dict[str, int]:
    return {"bytes": len(await request.body())}


@router.post("/fail/{how}")
async def fail(how: str, request: Request) -> None:
    if how == "domain":
        raise TaskAlreadyDone("18", date(2023, 10, 14))
    if how == "rows":
        raise RowsRefused
    if how == "key":
        raise IdempotencyKeyReused
    if how == "file":
        raise FileNotFoundError(SECRET_TEXT)
    if how in {"sql", "lock"}:
        engine: AsyncEngine = request.app.state.engine
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1/0" if how == "sql" else "SELECT pg_sleep(60)"))
    raise RuntimeError(SECRET_TEXT)


PERMISSIONS: Permissions = {
    "list_tasks": EVERYBODY,
    "read_task": EVERYBODY,
    "report_completion": frozenset({Role.DEPARTMENT}),
    "read_key": EVERYBODY,
    "take_form": SECRETARIAT,
    "take_file": SECRETARIAT,
    "fail": EVERYBODY,
}


class TinyService:
    """The application, and tokens for it."""

    def __init__(
        self,
        directory: Path,
        dsn: str = "postgresql://nobody@127.0.0.1:1/nothing",
        *,
        histories: Sequence[str] = (),
        routers: Sequence[APIRouter] = (router,),
        permissions: Permissions = PERMISSIONS,
        verbs: Verbs | None = None,
        **settings: Any,  # noqa: ANN401 -- any setting
    ) -> None:
        self.directory = directory
        self.settings = SharedSettings(
            **{"jwks_url": f"file://{make_issuer(directory)}", "max_body_bytes": 10_000, **settings}
        )
        self.engine = create_engine(SecretStr(dsn), application_name="cchc-test")
        self.app: FastAPI = create_service_app(
            title="Dịch vụ nhỏ",
            service="tiny",
            settings=self.settings,
            engine=self.engine,
            histories=histories,
            routers=routers,
            permissions=permissions,
            verbs=verbs,
            problems=PROBLEMS,
        )

    def token(self, role: str = "secretariat", *, unit: str | None = None, expires: float = 1.0) -> str:
        return issue_token(
            self.directory,
            issuer=self.settings.issuer,
            audience=self.settings.audience,
            role=role,
            unit=unit,
            name="Nguyễn Văn A",
            expires=timedelta(hours=expires),
            now=SystemClock().now(),
        )

    @asynccontextmanager
    async def client(
        self, role: str | None = "secretariat", unit: str | None = None
    ) -> AsyncIterator[httpx2.AsyncClient]:
        """Calls the application in this process, as `role`; None calls without a token."""
        headers = {"authorization": f"Bearer {self.token(role, unit=unit)}"} if role else {}
        transport = httpx2.ASGITransport(app=self.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://tiny", headers=headers) as client:
            yield client
