"""The data directory of one installation: what lies where, and that one supervisor at a time has it."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded.refusal import SettingRefusedError, StartRefusedError

LARGEST_LOG = 10 * 1024 * 1024  # bytes; looked at when the system starts
KEPT_LOGS = 3


@dataclass(frozen=True)
class Home:
    """Where things are under `CCHC_HOME`."""

    path: Path

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def secrets(self) -> Path:
        return self.path / "secrets"

    @property
    def keys(self) -> Path:
        return self.path / "keys"

    @property
    def webhook_key(self) -> Path:
        """Opens the secrets of webhooks; to be backed up beside the databases, and kept apart from them."""
        return self.secrets / "webhook.key"

    @property
    def run(self) -> Path:
        return self.path / "run"

    @property
    def kafka(self) -> Path:
        return self.path / "kafka"

    def log_of(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def make(self) -> None:
        """Make the directories, closed to other users.

        Raises:
            SettingRefusedError: they cannot be made there.
        """
        try:
            for directory in (self.path, self.logs, self.secrets, self.run):
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SettingRefusedError(
                f"Không tạo được thư mục dữ liệu {self.path} (CCHC_HOME): {error.strerror}. "
                "[the data directory cannot be made]"
            ) from error

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the directory for one supervisor; the lock goes with the process, however that ends.

        Raises:
            StartRefusedError: another one has it.
        """
        with (self.run / "lock").open("a+", encoding="ascii") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                lock.seek(0)
                pid = lock.read().strip() or "?"
                raise StartRefusedError(
                    f"Hệ thống đang chạy trên {self.path} (pid {pid}): dừng nó trước, hoặc đặt CCHC_HOME và CCHC_PORT "
                    f"khác. [already running on this data directory, pid {pid}]"
                ) from error
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield


def rotate_log(path: Path) -> None:
    """Move a log aside when it has grown past 10 MiB; three old ones are kept."""
    if not path.exists() or path.stat().st_size <= LARGEST_LOG:
        return
    for number in range(KEPT_LOGS - 1, 0, -1):
        older = path.with_name(f"{path.name}.{number}")
        if older.exists():
            older.replace(path.with_name(f"{path.name}.{number + 1}"))
    path.replace(path.with_name(f"{path.name}.1"))
