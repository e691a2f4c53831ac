"""One worker process of a service: relay, consumer, whatever else the service gives, and their signs of life."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import structlog
from prometheus_client import start_http_server
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.contracts.topics import Topic
from shared.database.revisions import pending
from shared.messaging.backoff import Backoff, pause
from shared.messaging.consumer import Consumer
from shared.messaging.fault_points import arm, read_faults
from shared.messaging.relay import Relay
from shared.messaging.status import Status, kind_of, write_status
from shared.messaging.subscription import Subscription
from shared.messaging.transports import create_transport
from shared.settings import SharedSettings
from shared.telemetry import Telemetry, start_telemetry

BEAT_EVERY = 1.0
STOP_WITHIN = 6.0
"""Seconds that running parts have to finish what they hold; with the last writes a stop takes less than eight."""
HEALTHY_AFTER = 10.0
"""Seconds of work after which a part that fails is started again as fast as the first time."""

Part = Callable[[asyncio.Event], Awaitable[None]]
"""Works until the event is set."""

_log = structlog.get_logger(__name__)


async def run_worker(
    *,
    service: str,
    settings: SharedSettings,
    engine: AsyncEngine,
    topics: Sequence[Topic],
    subscription: Subscription | None,
    parts: Mapping[str, Part] | None = None,
    stop: asyncio.Event | None = None,
    metrics_at: tuple[str, int] | None = None,
) -> None:
    """Run until SIGTERM or SIGINT (or `stop`), then leave within eight seconds.

    A part that fails is started again after a growing pause; a halted consumer stays halted until the process is
    started again, which is the operator's decision to go on.

    Args:
        service: name of the service, for example `tasks`.
        settings: say which event log, and after how many dead letters in a row the consumer halts.
        engine: the service's database; the caller disposes of it.
        topics: what the service owns and its relay publishes to.
        subscription: what it hears.
        parts: further work, by name: reminders, deliveries.
        stop: for whoever runs a worker inside another program; signals are then left alone.
        metrics_at: host and port where `/metrics` shows what this process counts; None: nowhere.

    Raises:
        OSError: another program listens at `metrics_at`.
    """
    arm(read_faults(settings.faults))
    stop = stop if stop is not None else _stop_on_signals()
    telemetry = start_telemetry(f"{service}-worker", otlp_endpoint=settings.otlp_endpoint)
    try:
        with _shown(telemetry, metrics_at):
            await _wait_for_migrations(service, engine, stop)
            await _work(
                settings=settings,
                engine=engine,
                topics=topics,
                subscription=subscription,
                parts=parts or {},
                stop=stop,
                telemetry=telemetry,
            )
    finally:
        await asyncio.to_thread(telemetry.shutdown)


async def _work(
    *,
    settings: SharedSettings,
    engine: AsyncEngine,
    topics: Sequence[Topic],
    subscription: Subscription | None,
    parts: Mapping[str, Part],
    stop: asyncio.Event,
    telemetry: Telemetry,
) -> None:
    transport = create_transport(settings)
    await transport.start()
    work, statuses = dict(parts), {name: Status(name) for name in parts}
    if topics:
        relay = Relay(engine, transport, topics, tracer=telemetry.tracer)
        work["relay"], statuses["relay"] = relay.run, relay.status
    if subscription is not None:
        consumer = Consumer(
            engine,
            transport,
            subscription,
            dead_letters_in_a_row=settings.dead_letters_in_a_row,
            tracer=telemetry.tracer,
        )
        work[consumer.status.part], statuses[consumer.status.part] = consumer.run, consumer.status
    tasks = [asyncio.create_task(_keep_running(part, statuses[name], stop), name=name) for name, part in work.items()]
    beat = asyncio.create_task(_beat(engine, list(statuses.values()), stop), name="beat")
    _log.info("worker started", parts=sorted(work))
    await stop.wait()
    _, late = await asyncio.wait([*tasks, beat], timeout=STOP_WITHIN)
    for task in late:
        _log.warning("part cut off", part=task.get_name())
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
    await transport.stop()
    await _say_stopped(engine, list(statuses.values()))
    _log.info("worker stopped")


@contextmanager
def _shown(telemetry: Telemetry, at: tuple[str, int] | None) -> Iterator[None]:
    if at is None:
        yield
        return
    server, thread = start_http_server(at[1], at[0], telemetry.registry)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _wait_for_migrations(service: str, engine: AsyncEngine, stop: asyncio.Event) -> None:
    """Do not begin on a database that is not ready: every message would be our fault."""
    backoff = Backoff(most=2)
    while not stop.is_set():
        try:
            missing = await pending(engine, f"services.{service}")
        except (SQLAlchemyError, OSError) as error:
            missing = f"database: {kind_of(error)}"
        if missing is None:
            return
        _log.warning("worker waits", reason=missing)
        await backoff.wait(stop)


async def _keep_running(part: Part, status: Status, stop: asyncio.Event) -> None:
    backoff = Backoff(first=0.5, most=10)
    while not stop.is_set():
        began = time.monotonic()
        try:
            await part(stop)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            status.set("retrying", "cancelled from inside")  # a library's own, that it let out
        except Exception as error:  # noqa: BLE001 -- the other parts go on, whatever it is
            status.set("retrying", kind_of(error))
            _log.exception("part failed", part=status.part)
        if time.monotonic() - began > HEALTHY_AFTER:  # the failures of last week are no reason to wait longer today
            backoff.reset()
        await backoff.wait(stop)
        if status.state == "retrying":  # a part that never tells of itself would be told of in trouble for ever
            status.set("running")


async def _beat(engine: AsyncEngine, statuses: Sequence[Status], stop: asyncio.Event) -> None:
    """Write what each part says, every second; the first time over what the process before has left."""
    force = True
    while not stop.is_set():
        try:
            for status in statuses:
                await write_status(engine, status, force=force)
            force = False
        except (SQLAlchemyError, OSError) as error:
            _log.warning("no sign of life written", reason=kind_of(error))
        await pause(stop, BEAT_EVERY)


async def _say_stopped(engine: AsyncEngine, statuses: Sequence[Status]) -> None:
    try:
        async with asyncio.timeout(1):
            for status in statuses:
                if not status.silent:
                    status.set("stopped")
                    await write_status(engine, status, force=True)
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        _log.warning("end not written", reason=kind_of(error))
