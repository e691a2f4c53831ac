"""Liveness and readiness. Open to probes, so the sentences tell states and never addresses, names or error texts."""

import asyncio
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final

import structlog
from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.responses import Response

from shared.database.revisions import pending
from shared.http.plumbing_state import PlumbingState, WorkerPart, read_plumbing_state
from shared.messaging.transports.port import LOG_TRIMMED
from shared.signing_keys import KeySource

STALE_HEARTBEAT_SECONDS: Final = 15
OLD_UNPUBLISHED_SECONDS: Final = 60
LARGE_LAG_MESSAGES: Final = 1000  # more than a province's events of a day
_PROBE_SECONDS: Final = 4.0  # probes give up after five

_log = structlog.get_logger(__name__)


class Status(StrEnum):
    """`degraded` serves every request, while figures elsewhere fall behind; `unready` cannot serve."""

    READY = "ready"
    DEGRADED = "degraded"
    UNREADY = "unready"


class Check(BaseModel):
    """One thing that was looked at."""

    name: str
    status: Status
    detail: str = Field(description="Một câu tiếng Việt.")


class Readiness(BaseModel):
    """The worst of the checks, and the checks."""

    status: Status
    checks: list[Check]


class Liveness(BaseModel):
    """The event loop runs."""

    status: str = "alive"


class Probe:
    """Looks at everything that a service needs."""

    def __init__(self, engine: AsyncEngine, histories: Sequence[str], keys: KeySource) -> None:
        self._engine = engine
        self._histories = histories
        self._keys = keys
        self._migrated = False

    async def readiness(self) -> Readiness:
        """Return the state of the service now."""
        database, keys = await asyncio.gather(self._database(), self._signing_keys())
        checks = [*database, keys]
        worst = max(list(Status).index(check.status) for check in checks)
        return Readiness(status=list(Status)[worst], checks=checks)

    async def _database(self) -> list[Check]:
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                migrations = await self._migrations()
                if migrations.status is Status.UNREADY:
                    return [_reachable(), migrations]
                async with self._engine.connect() as connection:
                    state = await read_plumbing_state(connection)
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            _log.warning("database not ready", reason=type(error).__name__)
            return [Check(name="database", status=Status.UNREADY, detail="Không truy vấn được cơ sở dữ liệu.")]
        return [_reachable(), migrations, *_flow(state)]

    async def _migrations(self) -> Check:
        """Once at head, always at head: a running program's migrations do not go back."""
        if not self._migrated:
            for history in self._histories:
                if sentence := await pending(self._engine, history):
                    _log.warning("migrations pending", detail=sentence)
                    return Check(
                        name="migrations",
                        status=Status.UNREADY,
                        detail=f"Cơ sở dữ liệu chưa được nâng cấp ({history}); hãy chạy lệnh cchc migrate.",
                    )
            self._migrated = True
        return Check(name="migrations", status=Status.READY, detail="Cơ sở dữ liệu đúng phiên bản.")

    async def _signing_keys(self) -> Check:
        await self._keys.refresh()
        if self._keys.generation:
            return Check(name="signing-keys", status=Status.READY, detail="Đã có khoá kiểm tra mã truy cập.")
        detail = "Chưa đọc được khoá công khai của nơi cấp mã truy cập."
        return Check(name="signing-keys", status=Status.UNREADY, detail=detail)


def _reachable() -> Check:
    return Check(name="database", status=Status.READY, detail="Cơ sở dữ liệu trả lời bình thường.")


def _flow(state: PlumbingState) -> Iterator[Check]:
    yield _worker(state)
    yield _outbox(state)
    yield _consumers(state)


def _worker(state: PlumbingState) -> Check:
    troubles = [trouble for worker in state.workers if (trouble := _trouble(worker))]
    if not state.workers:
        troubles = ["Tiến trình nền chưa chạy lần nào."]
    if troubles:
        return Check(name="worker", status=Status.DEGRADED, detail=" ".join(troubles))
    return Check(name="worker", status=Status.READY, detail="Tiến trình nền đang chạy.")


def _trouble(worker: WorkerPart) -> str | None:
    if worker.state == "halted":
        return f"Phần {worker.part} của tiến trình nền đã dừng vì lỗi; cần người xem."
    if worker.age >= STALE_HEARTBEAT_SECONDS:
        return f"Phần {worker.part} không báo tín hiệu đã {worker.age:.0f} giây."
    if worker.state == "retrying":
        return f"Phần {worker.part} đang thử lại: {worker.detail}."
    if worker.detail:
        return f"Phần {worker.part} chạy, nhưng {worker.detail}."
    return None


def _outbox(state: PlumbingState) -> Check:
    late = state.oldest_unpublished >= OLD_UNPUBLISHED_SECONDS
    detail = f"Còn {state.unpublished} sự kiện chưa phát, cũ nhất {state.oldest_unpublished:.0f} giây."
    return Check(name="outbox", status=Status.DEGRADED if late else Status.READY, detail=detail)


def _consumers(state: PlumbingState) -> Check:
    behind = sum(lag.messages for lag in state.lags)
    dead = sum(count for _, _, count in state.dead_letters)
    detail = f"Còn {behind} thông điệp chưa đọc; {dead} thông điệp hỏng chờ xử lý."
    if any(reason == LOG_TRIMMED for _, reason, _ in state.dead_letters):
        detail += " Nhật ký đã xoá sự kiện trước khi chúng được đọc; hãy chạy lệnh cchc refill, rồi cchc dead-letters."
        return Check(name="consumer", status=Status.DEGRADED, detail=detail)
    return Check(
        name="consumer", status=Status.DEGRADED if behind >= LARGE_LAG_MESSAGES else Status.READY, detail=detail
    )


def health_router(probe: Probe) -> APIRouter:
    """Return the routes `/health/live` and `/health/ready`; open, see permissions.OPEN_PATHS."""
    router = APIRouter(tags=["health"])

    @router.get("/health/live")
    async def read_liveness() -> Liveness:
        """Luôn trả lời 200 khi tiến trình còn chạy; không cần mã truy cập."""
        return Liveness()

    @router.get("/health/ready", responses={503: {"model": Readiness, "description": "Chưa phục vụ được"}})
    async def read_readiness(response: Response) -> Readiness:
        """Trả lời 503 khi chưa phục vụ được; không cần mã truy cập."""
        readiness = await probe.readiness()
        if readiness.status is Status.UNREADY:
            response.status_code = 503
            response.headers["Retry-After"] = "5"
        return readiness

    return router
