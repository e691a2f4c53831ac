"""What `cchc run` shows: one line that is written over on a terminal, plain lines elsewhere, and a log file."""

import sys
import time
from pathlib import Path

from shared.clock import SystemClock


class Terminal:
    """Tells the person in front of the terminal, and the supervisor's own log, what happens."""

    def __init__(self, log_file: Path) -> None:
        self._log_file = log_file
        self._began = time.monotonic()
        self._over_written = 0

    @property
    def seconds(self) -> str:
        """How long it has been going on, Vietnamese decimal comma."""
        return f"{time.monotonic() - self._began:.1f}".replace(".", ",")

    def tell(self, sentence: str) -> None:
        """Show a sentence that stays, and log it."""
        with self._log_file.open("a", encoding="utf-8") as log:
            log.write(f"{SystemClock().now().isoformat(timespec='milliseconds')} {sentence}\n")
        self._show(f"{self._blank()}{sentence}\n")

    def progress(self, sentence: str) -> None:
        """Show where the start stands; the next one takes its place on a terminal."""
        line = f"{sentence} ({self.seconds} giây)"
        if sys.stdout.isatty():
            self._show(f"{self._blank()}{line}")
            self._over_written = len(line)
        else:
            self._show(f"{line}\n")

    def _blank(self) -> str:
        blank = f"\r{' ' * self._over_written}\r" if self._over_written else ""
        self._over_written = 0
        return blank

    @staticmethod
    def _show(text: str) -> None:
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except OSError:  # the terminal or the pipe is gone; the system goes on
            sys.stdout = Path("/dev/null").open("w", encoding="utf-8")  # noqa: SIM115 -- stays open as standard output
