"""What an operator sees while a drill runs: one line that changes on a terminal, a line now and then in a log."""

import sys
import time
from typing import TextIO

LOG_EVERY = 20.0
"""Seconds between two lines where there is no terminal."""


class Line:
    """The progress of one drill.

    Args:
        name: what runs, for example `R2 kafka`.
        total: how many faults there will be.
        seed: with which the run can be repeated.
        sent: what is counted as sent.
        out: where to write; None is nowhere.
    """

    def __init__(
        self, name: str, total: int, seed: int, *, sent: str = "completions", out: TextIO | None = sys.stderr
    ) -> None:
        self._name, self._total, self._sent, self._out = name, total, sent, out
        self._began = self._told = time.monotonic()
        self.done = 0
        self._write(f"{name}: {total} faults, seed {seed}", last=True)

    def step(self, sent: int, now: str = "") -> None:
        """One fault more has happened; so many are acknowledged."""
        self.done += 1
        self.tell(sent, now)

    def tell(self, sent: int, now: str = "") -> None:
        on_terminal = self._out is not None and self._out.isatty()
        if not on_terminal and time.monotonic() - self._told < LOG_EVERY:
            return
        self._told = time.monotonic()
        self._write(
            f"{self._name}: {self.done:,}/{self._total:,} faults, {sent:,} {self._sent} {now}", last=not on_terminal
        )

    def end(self, result: str) -> None:
        self._write(f"{self._name}: {result}", last=True)

    def _write(self, text: str, *, last: bool) -> None:
        if self._out is None:
            return
        seconds = time.monotonic() - self._began
        start = "\r\x1b[K" if self._out.isatty() else ""
        self._out.write(f"{start}{text}, {seconds:.0f} s" + ("\n" if last else ""))
        self._out.flush()
