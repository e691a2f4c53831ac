"""/metrics: requests by route template (the framework's own histogram), the flow of events, the service's counters."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Final, NoReturn

import structlog
from fastapi import APIRouter
from opentelemetry.metrics import CallbackOptions, Observation
from prometheus_client import generate_latest
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.responses import Response

from shared.http.plumbing_state import PlumbingState, read_plumbing_state
from shared.telemetry import METRICS_EVERY_SECONDS, Telemetry

_MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_READ_SECONDS: Final = 5.0  # a scraper waits ten by default

_log = structlog.get_logger(__name__)
_Reader = Callable[[PlumbingState], Iterable[Observation]]

_GAUGES: Final[tuple[tuple[str, str, str, _Reader], ...]] = (
    (
        "cchc.outbox.unpublished",
        "{event}",
        "Events in the outbox that the broker has not confirmed yet.",
        lambda state: [Observation(state.unpublished)],
    ),
    (
        "cchc.outbox.oldest_unpublished.age",
        "s",
        "Age of the oldest unpublished event; 0 when there is none.",
        lambda state: [Observation(state.oldest_unpublished)],
    ),
    (
        "cchc.consumer.lag",
        "{message}",
        "Messages of a partition that the consumer group has not read yet, as the worker last saw it.",
        lambda state: [
            Observation(lag.messages, {"group": lag.group, "topic": lag.topic, "partition": lag.partition})
            for lag in state.lags
        ],
    ),
    (
        "cchc.dead_letters.open",
        "{message}",
        "Dead letters that no replay has resolved.",
        lambda state: [
            Observation(count, {"group": group, "reason_code": reason}) for group, reason, count in state.dead_letters
        ],
    ),
    (
        "cchc.parked_messages",
        "{message}",
        "Messages that wait for an earlier event.",
        lambda state: [Observation(count, {"group": group}) for group, count in state.parked],
    ),
    (
        "cchc.worker.heartbeat.age",
        "s",
        "Time since the last sign of life of a part of the worker.",
        lambda state: [
            Observation(worker.age, {"part": worker.part, "state": worker.state}) for worker in state.workers
        ],
    ),
)


class Scrape:
    """Reads the tables when /metrics is asked for; the gauges then show what was read."""

    def __init__(self, telemetry: Telemetry, engine: AsyncEngine) -> None:
        self._telemetry = telemetry
        self._engine = engine
        self._state: PlumbingState | None = None
        self._turn = asyncio.Lock()
        for name, unit, description, read in _GAUGES:
            telemetry.meter.create_observable_gauge(
                name, callbacks=[self._observing(read)], unit=unit, description=description
            )
        telemetry.meter.create_observable_gauge(
            "cchc.database.up",
            callbacks=[lambda _: [Observation(int(self._state is not None))]],
            unit="1",
            description="1 when the service's database answered this scrape; without it the other gauges are missing.",
        )

    def _observing(self, read: _Reader) -> Callable[[CallbackOptions], Iterable[Observation]]:
        return lambda _: read(self._state) if self._state is not None else ()

    async def text(self) -> bytes:
        """Return the metrics in Prometheus's text format."""
        async with self._turn:
            await self._read()
            return generate_latest(self._telemetry.registry)

    async def keep_fresh(self) -> NoReturn:
        """Read the tables as often as metrics are sent to a collector, which nobody may scrape beside."""
        while True:
            async with self._turn:
                await self._read()
            await asyncio.sleep(METRICS_EVERY_SECONDS)

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(_READ_SECONDS), self._engine.connect() as connection:
                self._state = await read_plumbing_state(connection)
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            self._state = None
            _log.warning("database not read for metrics", reason=type(error).__name__)


def metrics_router(telemetry: Telemetry, engine: AsyncEngine) -> APIRouter:
    """Return the route `/metrics`; open, see permissions.OPEN_PATHS."""
    scrape = Scrape(telemetry, engine)

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        reading = asyncio.create_task(scrape.keep_fresh()) if telemetry.exports else None
        try:
            yield
        finally:
            if reading is not None:
                reading.cancel()
                with suppress(asyncio.CancelledError):
                    await reading

    router = APIRouter(lifespan=lifespan)

    @router.get("/metrics", include_in_schema=False)
    async def read_metrics() -> Response:
        return Response(await scrape.text(), media_type=_MEDIA_TYPE)

    return router
