"""The data directory as `cchc doctor` sees it: disk, half-made data, keys, passwords. Nothing is made or changed."""

import json
import os
import pwd
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deploy.commands.doctor_findings import Finding, broken, warning, well
from deploy.embedded.home import Home
from deploy.embedded.process import is_alive

GIB = 1024**3
LEAST_FREE, LEAST_SHARE, NOTHING_LEFT = GIB, 0.05, GIB // 5
"""Bytes, share of the disk, and the bytes below which PostgreSQL may stop at the next busy hour."""
PUBLIC_PARTS = ("kty", "crv", "x", "kid")


def look_at_home(home: Home) -> Iterator[Finding]:
    """Look at everything that lies in the data directory."""
    if not home.path.is_dir():
        yield warning(
            "home",
            str(home.path),
            f"Chưa có thư mục dữ liệu {home.path}. [no data directory yet]",
            "Chạy `make run` để tạo, hoặc đặt CCHC_HOME đúng chỗ.",
        )
        return
    usage = shutil.disk_usage(home.path)
    yield judge_disk(home.path, usage.free, usage.total)
    yield from _data(home.path / "pgdata")
    yield from _private_files(home.secrets, "passwords")
    yield from _keys(home.keys)


def judge_disk(path: Path, free: int, total: int) -> Finding:
    """Say whether `free` of `total` bytes are enough for the data under `path`."""
    told = f"còn {free / GIB:.1f} GiB trống ({100 * free / total:.0f} %)"
    if free >= LEAST_FREE and free >= LEAST_SHARE * total:
        return well("disk", str(path), f"Đĩa chứa {path} {told}. [disk]")
    kind = broken if free < NOTHING_LEFT else warning
    return kind(
        "disk",
        str(path),
        f"Đĩa chứa {path} sắp đầy, {told}. [disk nearly full]",
        f"Dọn đĩa hoặc chuyển CCHC_HOME sang đĩa lớn hơn; xóa được {path}/logs/*.log.1, .2, .3.",
    )


def _data(data: Path) -> Iterator[Finding]:
    """PostgreSQL's files. An initdb that was cut off leaves `pgdata.unfinished`, which the next start clears away."""
    if not data.is_dir() or not any(data.iterdir()):
        yield well("data", str(data), "Chưa có dữ liệu PostgreSQL, lần chạy đầu sẽ tạo. [no data yet]")
        return
    missing = [name for name in ("PG_VERSION", "global/pg_control", "base", "pg_wal") if not (data / name).exists()]
    if missing:
        yield broken(
            "data",
            str(data),
            f"Dữ liệu PostgreSQL trong {data} dở dang, thiếu {', '.join(missing)}. [half-made data directory]",
            f"Nếu có bản sao lưu: dừng hệ thống và chép lại cả thư mục. Nếu hệ thống chưa từng chạy xong: "
            f"`mv {data} {data}.hong` rồi `make run`, dữ liệu mới sẽ được tạo.",
        )
        return
    yield _owner(data)
    yield from _lock(data)


def _owner(data: Path) -> Finding:
    status = data.stat()
    allowed = {os.geteuid()} | ({pwd.getpwnam("nobody").pw_uid} if os.geteuid() == 0 else set())
    if status.st_uid not in allowed:
        return broken(
            "data",
            str(data),
            f"{data} thuộc về người dùng khác (uid {status.st_uid}), PostgreSQL sẽ từ chối. [wrong owner]",
            f"Chạy bằng đúng người dùng đó, hoặc `chown -R {os.geteuid()} {data}` khi hệ thống đã dừng.",
        )
    if status.st_mode & 0o027:
        return broken(
            "data",
            str(data),
            f"Quyền của {data} là {status.st_mode & 0o777:04o}, PostgreSQL chỉ nhận 0700 hoặc 0750. [permissions]",
            f"`chmod 0700 {data}`",
        )
    return well("data", str(data), "Thư mục dữ liệu PostgreSQL nguyên vẹn. [data directory complete]")


def _lock(data: Path) -> Iterator[Finding]:
    try:
        pid = abs(int((data / "postmaster.pid").read_text(encoding="ascii").splitlines()[0]))
    except FileNotFoundError:
        return
    except (OSError, ValueError, IndexError):
        yield broken(
            "data",
            str(data),
            f"{data}/postmaster.pid không đọc được, PostgreSQL sẽ không khởi động. [unreadable lock file]",
            f"Chắc chắn không còn PostgreSQL nào chạy trên {data}, rồi xóa tệp postmaster.pid đó.",
        )
        return
    if not is_alive(pid):
        sentence = (
            f"Khóa cũ của PostgreSQL (pid {pid}) còn lại sau một lần tắt đột ngột; lần chạy tới tự dọn. [stale lock]"
        )
        yield well("data", f"{data}/postmaster.pid", sentence)


def _private_files(directory: Path, check: str) -> Iterator[Finding]:
    """Files that only their owner may read."""
    wide = [path for path in sorted(directory.glob("*")) if path.is_file() and path.stat().st_mode & 0o077]
    for path in wide:
        yield warning(
            check,
            str(path),
            f"{path} mở cho người khác (quyền {path.stat().st_mode & 0o777:04o}). [readable by others]",
            f"`chmod 0600 {path}`; nếu máy có người lạ, đổi cả mật khẩu hoặc khóa.",
        )
    if not wide and directory.is_dir():
        yield well(check, str(directory), f"{directory} chỉ chủ sở hữu đọc được. [private]")


def _keys(directory: Path) -> Iterator[Finding]:
    """The issuer of an installation without an identity provider."""
    private, public = directory / "issuer.jwk", directory / "jwks.json"
    if not private.exists():
        if public.exists():
            yield broken(
                "keys",
                str(private),
                f"Mất khóa ký {private}, không cấp được mã truy cập. [signing key missing]",
                "Chép lại tệp từ bản sao lưu; không có thì `cchc keys` tạo khóa mới, mã đã cấp sẽ hết hiệu lực.",
            )
        return
    own, listed = _read(private), _read(public)
    if own is None:
        yield broken(
            "keys",
            str(private),
            f"Không đọc được khóa ký {private}. [unreadable signing key]",
            "Kiểm tra chủ sở hữu và nội dung; chép lại từ bản sao lưu, hoặc xóa tệp rồi `cchc keys` tạo khóa mới.",
        )
        return
    if private.stat().st_mode & 0o077:
        yield broken(
            "keys",
            str(private),
            f"Khóa ký {private} mở cho người khác (quyền {private.stat().st_mode & 0o777:04o}). [readable by others]",
            f"`chmod 0600 {private}`; nếu có thể đã bị đọc: xóa cả hai tệp trong {directory} rồi `cchc keys`.",
        )
    entries = listed.get("keys") if listed is not None else None
    if not isinstance(entries, list) or not any(_same_key(own, entry) for entry in entries):
        yield broken(
            "keys",
            str(public),
            f"Khóa công khai {public} không khớp khóa ký, mọi mã truy cập bị từ chối. [jwks does not match the key]",
            "`cchc keys` viết lại khóa công khai từ khóa ký.",
        )
    else:
        yield well("keys", str(directory), "Khóa ký và khóa công khai khớp nhau. [keys match]")


def _same_key(own: dict[str, Any], entry: object) -> bool:
    return isinstance(entry, dict) and all(entry.get(part) == own.get(part) for part in PUBLIC_PARTS)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
