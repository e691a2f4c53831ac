"""What `cchc run` says when everything is up: where to look, how to get in, what to try."""

import os
import sys
from pathlib import Path

from deploy.embedded.settings import PROJECT, EmbeddedSettings

LABELS = {
    "plans": "Kế hoạch, đơn vị    [plans]    ",
    "tasks": "Nhiệm vụ, hoàn thành [tasks]   ",
    "reporting": "Số liệu, báo cáo    [reporting]",
}


def welcome(settings: EmbeddedSettings, seconds: str) -> str:
    """Return the text, with commands that can be copied as they stand."""
    command = _shortest(Path(sys.executable).with_name("cchc"))
    own_home = [] if settings.home == PROJECT / ".cchc" else [f"  export CCHC_HOME={settings.home}"]
    plans = f"http://127.0.0.1:{settings.port_of('plans')}"
    return "\n".join(
        [
            f"cchc đang chạy sau {seconds} giây; Ctrl-C để dừng. [running; Ctrl-C stops]",
            *(f"  {label} http://127.0.0.1:{settings.port_of(name)}" for name, label in LABELS.items()),
            f"  Dữ liệu, nhật ký    [data, logs]  {settings.home}",
            "Mã truy cập [access token]:",
            *own_home,
            f"  TOKEN=$({command} token --role secretariat)",
            "Thử tiếp [try next]:",
            f"  {command} demo",
            f'  curl -H "Authorization: Bearer $TOKEN" {plans}/v1/plans',
            f"  {command} ps",
        ]
    )


def _shortest(path: Path) -> str:
    try:
        return str(path.relative_to(Path(os.path.abspath(os.curdir))))  # noqa: PTH100 -- resolve() would leave the venv
    except ValueError:
        return str(path)
