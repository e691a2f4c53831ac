"""A service's database as `cchc doctor` sees it: reachable, migrated, its clock, and how events flow through it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Final

from pydantic import SecretStr

from deploy.commands.doctor_findings import Finding, broken, duration, warning, well
from shared.clock import SystemClock
from shared.database.engine import DatabaseTrouble, Engine, create_engine
from shared.database.revisions import pending
from shared.http.health import LARGE_LAG_MESSAGES, OLD_UNPUBLISHED_SECONDS, STALE_HEARTBEAT_SECONDS
from shared.http.plumbing_state import PlumbingState, WorkerPart, read_plumbing_state
from shared.messaging.status import kind_of
from shared.messaging.transports.port import LOG_TRIMMED
from shared.messaging.vitals import Vitals, read_vitals

ANSWER_SECONDS: Final = 10.0
CLOCKS_APART: Final = 2.0
"""Seconds between this machine and the database; tokens hold for 60 more than they say, so more is an outage."""
CLOCKS_BROKEN: Final = 60.0


async def look_at_database(service: str, url: SecretStr) -> list[Finding]:
    """Look at the database of one service."""
    engine = create_engine(url, application_name="cchc-doctor", pool_size=2)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return [finding async for finding in _look(service, engine)]
    except (*DatabaseTrouble, TimeoutError) as error:
        return [
            broken(
                "database",
                service,
                f"Cơ sở dữ liệu của {service} không trả lời: {kind_of(error)}. [database does not answer]",
                "Xem PostgreSQL có chạy không (`cchc ps`, logs/postgres.log), mật khẩu và địa chỉ có đúng không. "
                "Yêu cầu nhận 503 và gửi lại được, không mất gì.",
            )
        ]
    finally:
        await engine.dispose()


async def _look(service: str, engine: Engine) -> AsyncIterator[Finding]:
    missing = await pending(engine, f"services.{service}")
    if missing is not None:
        yield broken(
            "migrations",
            service,
            f"Cơ sở dữ liệu của {service} chưa được nâng cấp. [{missing}]",
            "`cchc migrate`; chạy lại bao nhiêu lần cũng được.",
        )
        return
    yield well("migrations", service, f"Cơ sở dữ liệu của {service} đúng phiên bản. [migrated]")
    before = SystemClock().now()
    vitals = await read_vitals(engine)
    yield _clock(service, vitals, before, SystemClock().now())
    async with engine.connect() as connection:
        state = await read_plumbing_state(connection)
    for finding in [
        *_outbox(service, state),
        *_workers(service, state),
        *_lag(service, state),
        *_dead_letters(service, state),
        _parked(service, vitals),
    ]:
        yield finding


async def published_to(url: SecretStr) -> str | None:
    """Return the identity of the log to which the service's relay publishes; None: unknown as yet."""
    engine = create_engine(url, application_name="cchc-doctor", pool_size=1)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return (await read_vitals(engine)).published_to
    except (*DatabaseTrouble, TimeoutError):
        return None  # told elsewhere
    finally:
        await engine.dispose()


def _clock(service: str, vitals: Vitals, before: datetime, after: datetime) -> Finding:
    """Compare the database's clock, read between `before` and `after`, with ours and with its own past."""
    if vitals.newest_event is not None and (ahead := (vitals.newest_event - vitals.now).total_seconds()) > CLOCKS_APART:
        return broken(
            "clock",
            service,
            f"Đồng hồ máy cơ sở dữ liệu đã bị lùi: sự kiện mới nhất của {service} ghi sau bây giờ {duration(ahead)}. "
            "[the clock went backwards]",
            "Bật đồng bộ thời gian (`timedatectl set-ntp true`). Không sửa dữ liệu: thứ tự không theo đồng hồ; số liệu "
            f"'tính đến bây giờ' bỏ qua các sự kiện ấy cho đến khi đồng hồ qua {vitals.newest_event:%H:%M:%S} UTC.",
        )
    apart = max((before - vitals.now).total_seconds(), (vitals.now - after).total_seconds())
    if apart > CLOCKS_APART:
        kind = broken if apart > CLOCKS_BROKEN else warning
        return kind(
            "clock",
            service,
            f"Đồng hồ máy cơ sở dữ liệu của {service} lệch {duration(apart)} so với máy này. [clocks apart]",
            "Bật đồng bộ thời gian trên cả hai máy: `timedatectl set-ntp true`.",
        )
    return well("clock", service, f"Đồng hồ cơ sở dữ liệu của {service} đúng. [clock]")


def _outbox(service: str, state: PlumbingState) -> Iterator[Finding]:
    waiting = f"{state.unpublished} sự kiện của {service} chưa phát, cũ nhất {duration(state.oldest_unpublished)}"
    if state.oldest_unpublished < OLD_UNPUBLISHED_SECONDS:
        yield well("outbox", service, f"{waiting}. [outbox]")
        return
    yield warning(
        "outbox",
        service,
        f"{waiting}: số liệu báo cáo đang đi sau. [events wait to be published]",
        "Không mất gì. Xem dòng 'worker' và 'log' của bảng này: tiến trình nền hoặc nhật ký sự kiện đang dừng.",
    )


def _workers(service: str, state: PlumbingState) -> Iterator[Finding]:
    restart = f"Khởi động lại {service}-worker: `cchc ps` cho pid, `kill -9 <pid>`, hệ thống tự chạy lại nó."
    if not state.workers:
        yield warning(
            "worker",
            service,
            f"Tiến trình nền của {service} chưa chạy lần nào. [the worker never ran]",
            f"Chạy `make run`, hoặc `python -m services.{service}.worker` ở nơi triển khai riêng.",
        )
    for part in state.workers:
        yield _part(service, part, restart)


def _part(service: str, said: WorkerPart, restart: str) -> Finding:
    about, name = f"{service}/{said.part}", f"Phần {said.part} của {service}"
    if said.state == "halted":
        return broken(
            "worker",
            about,
            f"{name} đã tự dừng: {said.detail}. [halted]",
            f"Xem `cchc dead-letters list --service {service}`, sửa nguyên nhân, rồi: {restart} "
            f"Sau đó `cchc dead-letters replay --all --service {service}`.",
        )
    if said.state == "stopped":
        return warning("worker", about, f"{name} đã dừng. [stopped]", f"Chạy lại {service}-worker, hoặc `make run`.")
    if said.age >= STALE_HEARTBEAT_SECONDS:
        return broken("worker", about, f"{name} không báo tín hiệu đã {duration(said.age)}. [no sign of life]", restart)
    if said.state == "retrying":
        return warning(
            "worker",
            about,
            f"{name} đang thử lại: {said.detail}. [retrying]",
            "Nó tự chạy tiếp khi điều cản trở hết; xem dòng 'log' và 'database' của bảng này.",
        )
    if said.detail:
        return warning(
            "worker",
            about,
            f"{name} chạy, nhưng {said.detail}. [running, with a remark]",
            "Xem dòng 'topics' của bảng này, và cảnh báo của phần ấy trong logs.",
        )
    return well("worker", about, f"{name} đang chạy. [running]")


def _lag(service: str, state: PlumbingState) -> Iterator[Finding]:
    behind = sum(lag.messages for lag in state.lags)
    sentence = f"{service} còn {behind} thông điệp chưa đọc"
    if behind < LARGE_LAG_MESSAGES:
        yield well("lag", service, f"{sentence}. [lag]")
        return
    yield warning(
        "lag",
        service,
        f"{sentence}, số liệu đang đi sau. [far behind]",
        "Chờ nếu số này giảm dần; nếu không, xem dòng 'worker' của bảng này và tải của máy.",
    )


def _dead_letters(service: str, state: PlumbingState) -> Iterator[Finding]:
    if not state.dead_letters:
        yield well("dead-letters", service, f"{service} không có thông điệp hỏng. [no dead letters]")
    for group, reason, count in state.dead_letters:
        yield warning(
            "dead-letters",
            f"{service}/{group}",
            f"{service} có {count} thông điệp hỏng, lý do {reason}. [dead letters]",
            "Nhật ký đã xóa sự kiện trước khi được đọc: `cchc refill`, rồi `cchc dead-letters discard --why ...`."
            if reason == LOG_TRIMMED
            else f"`cchc dead-letters list --service {service}`, `show`, sửa nguyên nhân, `replay`; "
            "thông điệp không có nghĩa gì thì `discard --why ...`.",
        )


def _parked(service: str, vitals: Vitals) -> Finding:
    if not vitals.parked:
        return well("parked", service, f"{service} không có thông điệp chờ lâu. [nothing waits long]")
    return warning(
        "parked",
        service,
        f"{service} giữ {vitals.parked} thông điệp chờ sự kiện trước đến "
        f"{duration(vitals.parked_for.total_seconds())}, ví dụ chờ {vitals.parked_name}. [waits for another event]",
        "Xem dòng 'outbox' và 'worker' của plans; nếu ở đó ổn thì `cchc refill --service plans`.",
    )
