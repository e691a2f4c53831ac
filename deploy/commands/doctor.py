"""`cchc doctor`: looks at a running or a stopped system, says in sentences what is wrong and what to do."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Final

import typer

from deploy.commands.doctor_findings import Finding, Level, broken

if TYPE_CHECKING:
    from deploy.commands.installation import Installation

MARKS: Final = {Level.WELL: "ổn", Level.WARNING: "CHÚ Ý", Level.BROKEN: "HỎNG"}
EPILOG: Final = "Mã thoát: 0 ổn; 1 có điều cần chú ý, kể cả khi hệ thống đang dừng; 2 có điều hỏng (exit codes)."


def register(app: typer.Typer) -> None:
    """Add the command to `cchc`."""
    app.command(epilog=EPILOG)(doctor)


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="In dạng JSON (machine-readable).")] = False,
) -> None:
    """Khám hệ thống đang chạy hoặc đang dừng: điều gì hỏng và phải làm gì (what is wrong, and what to do).

    Xem hệ thống ở CCHC_HOME; khi có CCHC_PLANS_DATABASE_URL (và TASKS, REPORTING) thì xem các cơ sở dữ liệu đó. Chỉ
    đọc, không sửa gì.
    """
    findings = sorted(look(), key=lambda finding: -finding.level)
    worst = max((finding.level for finding in findings), default=Level.WELL)
    if as_json:
        shown = [
            {
                "check": each.check,
                "about": each.about,
                "level": each.level.name.lower(),
                "sentence": each.sentence,
                "remedy": each.remedy,
            }
            for each in findings
        ]
        print(json.dumps({"level": worst.name.lower(), "findings": shown}, ensure_ascii=False))
    else:
        for each in findings:
            print(f"{MARKS[each.level]}: {each.sentence}" + (f"\n   → {each.remedy}" if each.remedy else ""))
    sys.exit(worst)


def look() -> list[Finding]:
    """Return everything that was found.

    Raises:
        SettingsRefused: a setting of the environment is wrong.
    """
    return list(_look())


def _look() -> Iterator[Finding]:
    from deploy.commands.installation import Installation

    described = Installation.from_environment()
    if described.services:
        yield from asyncio.run(_flow(described))
        return
    yield from _embedded()


def _embedded() -> Iterator[Finding]:
    """The system that was started, or will be, by `cchc run` on `CCHC_HOME`."""
    from deploy.commands.doctor_home import look_at_home
    from deploy.commands.doctor_processes import look_at_processes, look_at_services, look_at_stopped
    from deploy.commands.installation import Installation
    from deploy.embedded.home import Home
    from deploy.embedded.programs import roles
    from deploy.embedded.settings import read_settings
    from deploy.embedded.state import read_state

    settings = read_settings()
    home = Home(settings.home)
    yield from look_at_home(home)
    system = read_state(home.run)
    if system is None or not system.is_running:
        yield from look_at_stopped(system, settings.port, with_kafka=settings.starts_kafka)
        return
    yield from look_at_processes(home, system)
    yield from look_at_services(system.port)
    if unreadable := [role for role in roles() if not os.access(home.secrets / role, os.R_OK)]:
        yield broken(
            "passwords",
            str(home.secrets),
            f"Thiếu hoặc không đọc được mật khẩu {', '.join(unreadable)} trong {home.secrets}. [passwords unreadable]",
            "Chạy `cchc doctor` bằng người dùng đã chạy hệ thống; nếu mất tệp, dừng rồi chạy lại hệ thống: "
            "mật khẩu mới sẽ được đặt.",
        )
        return
    yield from asyncio.run(_flow(Installation.running()))


async def _flow(installation: "Installation") -> list[Finding]:
    """Databases and the event log: what is the same however the system was started."""
    from deploy.commands.doctor_databases import look_at_database
    from deploy.commands.doctor_log import look_at_log
    from shared.settings import log_not_named

    looks = [look_at_database(service, installation.url(service)) for service in installation.services]
    if not log_not_named(installation.settings):
        looks.append(look_at_log(installation))
    return [finding for found in await asyncio.gather(*looks) for finding in found]
