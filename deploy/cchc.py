"""The `cchc` command: all that a person does to an installation. Each command loads what it needs, and no more."""

import os
import re
import sys
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from deploy.commands import access_keys, certificate, consoles, dead_letters, doctor, journals, listen, servers
from deploy.commands.refusal import CommandRefusedError
from deploy.embedded.home import Home
from deploy.embedded.refusal import StartRefusedError
from deploy.embedded.settings import PROJECT, SETTINGS, home_directory
from shared.setting_names import SettingsRefused

EPILOG = "Mã thoát: 0 xong; 1 bị từ chối hoặc hỏng; 2 lệnh hoặc thiết đặt sai; 3 hệ thống không chạy (exit codes)."

app = typer.Typer(
    name="cchc",
    help="Theo dõi kế hoạch cải cách hành chính. Hệ thống đang chạy được tìm theo CCHC_HOME (mặc định .cchc).",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(access_keys.app, name="access-keys")
servers.register(app)
certificate.register(app)
journals.register(app)
consoles.register(app)
doctor.register(app)
listen.register(app)


class RoleName(StrEnum):
    """The roles of shared.http.caller, named here so that this command need not load a web framework."""

    DEPARTMENT = "department"
    SECRETARIAT = "secretariat"
    LEADER = "leader"
    ADMIN = "admin"


def _settings_help() -> str:
    return "\n\n".join(f"{name}: {meaning}" for name, meaning in SETTINGS.items())


@app.command(epilog=f"{_settings_help()}\n\n{EPILOG}")
def run() -> None:
    """Chạy toàn bộ hệ thống trên máy này cho đến khi nhận Ctrl-C hoặc SIGTERM (run everything in the foreground)."""
    os.chdir(PROJECT)
    os.execv(sys.executable, [sys.executable, "-m", "deploy.embedded.supervisor"])  # noqa: S606 -- becomes the supervisor


@app.command()
def token(
    role: Annotated[RoleName, typer.Option(help="Vai trò (role).")],
    unit: Annotated[str | None, typer.Option(help="Mã đơn vị; bỏ trống là toàn hệ thống (unit code).")] = None,
    name: Annotated[str | None, typer.Option(help="Tên người dùng (name).")] = None,
    expires: Annotated[str, typer.Option(help="Thời hạn: 30m, 8h, 7d (lifetime).")] = "8h",
    keys: Annotated[Path | None, typer.Option(help="Thư mục chứa khóa ký; mặc định $CCHC_HOME/keys.")] = None,
) -> None:
    """In ra một mã truy cập (bearer token), không in gì khác (print one access token and nothing else).

    Với --keys, mã ghi CCHC_ISSUER và CCHC_AUDIENCE của hệ thống dùng khóa đó (of the system that these keys are for).
    """
    from deploy.commands.client import local_token
    from deploy.embedded.settings import inherited_environment

    if role is RoleName.DEPARTMENT and not unit:
        raise CommandRefusedError("Vai trò department cần --unit, ví dụ --unit TV-STP. [department needs a unit]")
    environment = inherited_environment() if keys else {}
    told = {
        option: environment[setting]
        for option, setting in (("issuer", "CCHC_ISSUER"), ("audience", "CCHC_AUDIENCE"))
        if environment.get(setting)
    }
    typer.echo(local_token(keys or _home().keys, role=role, unit=unit, name=name, expires=_lifetime(expires), **told))


@app.command()
def ps(
    as_json: Annotated[bool, typer.Option("--json", help="In dạng JSON (machine-readable).")] = False,
) -> None:
    """Liệt kê các tiến trình: tên, pid, cổng, số lần khởi động lại, trạng thái (processes)."""
    from deploy.commands.processes import show_processes

    show_processes(_home(), as_json=as_json)


@app.command()
def demo() -> None:
    """Chạy trọn công việc chính trên hệ thống đang chạy và kiểm tra số liệu (the whole main job, checked).

    Nhập một bản sao của kế hoạch mẫu, ban hành, 32 báo cáo hoàn thành kèm minh chứng, xác nhận, báo cáo 10 tháng.
    """
    from deploy.commands.demo import run_demo

    run_demo(_home())


def main() -> NoReturn:
    """Run the command; refusals become one sentence and an exit code."""
    try:
        app()
    except CommandRefusedError as refusal:
        sys.stderr.write(f"{refusal}\n")
        sys.exit(refusal.code)
    except StartRefusedError as refusal:
        sys.stderr.write(f"{refusal}\n")
        sys.exit(refusal.code)
    except SettingsRefused as refused:
        sys.stderr.write("".join(f"{sentence}\n" for sentence in refused.sentences))
        sys.exit(2)
    sys.exit(0)


def _home() -> Home:
    return Home(home_directory())


def _lifetime(text: str) -> timedelta:
    found = re.fullmatch(r"([1-9]\d{0,5})([smhd])", text)
    if found is None:
        raise CommandRefusedError(f"--expires {text!r} không đọc được: viết 30m, 8h hoặc 7d. [write 30m, 8h or 7d]")
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[found[2]]
    return timedelta(**{unit: int(found[1])})


if __name__ == "__main__":
    main()
