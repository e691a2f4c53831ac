"""Processes, ports and the services' own word, as `cchc doctor` sees them."""

import contextlib
import socket
from collections.abc import Iterator, Sequence
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx2

from deploy.commands.doctor_findings import Finding, broken, warning, well
from deploy.embedded.home import Home
from deploy.embedded.ports import KAFKA_PORTS, PORTS
from deploy.embedded.programs import SERVICES
from deploy.embedded.settings import OFFSETS
from deploy.embedded.state import ProcessRow, RunningSystem, is_same_process
from shared.clock import SystemClock

MANY_RESTARTS = 3
CLOCKS_APART = 3.0
"""Seconds; HTTP tells whole ones only."""
ANSWER_SECONDS = 6.0


def look_at_processes(home: Home, system: RunningSystem) -> Iterator[Finding]:
    """Look at the processes of a running system."""
    alarms = [alarm for row in system.processes if (alarm := _process(home, row)) is not None]
    yield from alarms
    if not alarms:
        yield well("process", "", f"{len(system.processes)} tiến trình đang chạy. [all processes run]")


def _process(home: Home, row: ProcessRow) -> Finding | None:
    log = home.log_of(row.name)
    if row.state != "running" or row.pid is None or not is_same_process(row.pid, row.mark):
        return broken(
            "process",
            row.name,
            f"{row.name} không chạy (trạng thái {row.state}, đã khởi động lại {row.restarts} lần). [not running]",
            f"Xem cuối {log}; hệ thống tự thử lại, nếu mãi không lên thì sửa nguyên nhân rồi chạy lại `make run`.",
        )
    if _is_halted(row.pid):
        return broken(
            "process",
            row.name,
            f"{row.name} (pid {row.pid}) bị treo: có người đã gửi SIGSTOP. [stopped by a signal]",
            f"`kill -CONT {row.pid}` để chạy tiếp, hoặc `kill -9 {row.pid}`: hệ thống sẽ tự khởi động lại nó.",
        )
    if row.restarts >= MANY_RESTARTS:
        return warning(
            "process",
            row.name,
            f"{row.name} đã chết và khởi động lại {row.restarts} lần từ khi hệ thống chạy. [restarted often]",
            f"Tìm dòng có level error và error_type trong {log}.",
        )
    return None


def _is_halted(pid: int) -> bool:
    with contextlib.suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] == "T"
    return False


def look_at_stopped(system: RunningSystem | None, base: int, *, with_kafka: bool) -> Iterator[Finding]:
    """Look at what a start would meet."""
    yield warning("process", "", "Hệ thống không chạy. [not running]", "`make run` (hoặc `cchc run`) để chạy.")
    for row in system.processes if system is not None else []:
        if row.pid is not None and is_same_process(row.pid, row.mark):
            yield warning(
                "process",
                row.name,
                f"{row.name} (pid {row.pid}) của lần chạy trước vẫn còn. [left over]",
                "Chờ vài giây; lần chạy tới tự dọn những tiến trình này.",
            )
    names = PORTS + KAFKA_PORTS if with_kafka else PORTS
    yield from _ports(base, names)


def _ports(base: int, names: Sequence[str]) -> Iterator[Finding]:
    free = True
    for name in names:
        port = base + OFFSETS[name]
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                free = False
                yield broken(
                    "port",
                    str(port),
                    f"Cổng {port} ({name}) đang bị {_listener(port)} chiếm. [port in use]",
                    f"Dừng chương trình đó, hoặc đặt CCHC_PORT khác {base}.",
                )
    if free:
        yield well("port", str(base), f"Các cổng từ {base} còn trống. [ports free]")


def _listener(port: int) -> str:
    """Return who listens there, where this system tells."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text(encoding="ascii").splitlines()[1:]:
                words = line.split()
                if words[3] == "0A" and int(words[1].rpartition(":")[2], 16) == port:
                    inodes.add(f"socket:[{words[9]}]")
    for process in Path("/proc").glob("[0-9]*") if inodes else []:
        with contextlib.suppress(OSError):
            if any(link.readlink().name in inodes for link in (process / "fd").iterdir()):
                name = (process / "comm").read_text(encoding="utf-8").strip()
                return f"{name} (pid {process.name})"
    return "chương trình khác"


def look_at_services(base: int) -> Iterator[Finding]:
    """Ask each API whether it is ready, and what time it is there."""
    for service in SERVICES:
        address = f"http://127.0.0.1:{base + OFFSETS[service]}/health/ready"
        try:
            answer = httpx2.get(address, timeout=ANSWER_SECONDS, trust_env=False)
            said = answer.json()
            failing = [check["detail"] for check in said["checks"] if check["status"] != "ready"]
        except (httpx2.HTTPError, ValueError, KeyError, TypeError) as error:
            yield broken(
                "service",
                service,
                f"{service} không trả lời ở {address}: {type(error).__name__}. [no answer]",
                f"Xem `cchc ps` và cuối logs/{service}-api.log.",
            )
            continue
        yield _clock_of(service, answer.headers.get("date"))
        if said["status"] == "ready":
            yield well("service", service, f"{service} sẵn sàng. [ready]")
            continue
        kind = broken if said["status"] == "unready" else warning
        yield kind(
            "service",
            service,
            f"{service} báo {said['status']}: {' '.join(failing)} [says so itself]",
            "Xem các dòng khác của bảng này: nguyên nhân có cách xử lý riêng ở đó.",
        )


def _clock_of(service: str, told: str | None) -> Finding:
    try:
        apart = (parsedate_to_datetime(told or "") - SystemClock().now()).total_seconds()
    except (ValueError, TypeError):
        apart = 0.0
    if abs(apart) > CLOCKS_APART:
        return warning(
            "clock",
            service,
            f"Đồng hồ của {service} lệch {apart:+.0f} giây so với máy này. [clocks apart]",
            "Bật đồng bộ thời gian (chrony hoặc systemd-timesyncd) trên mọi máy: `timedatectl set-ntp true`.",
        )
    return well("clock", service, f"Đồng hồ của {service} đúng. [clock]")
