"""Counts that a test promises to print: they stand at the end of the run, whichever process made them."""

from collections.abc import Callable

import pytest

TOLD = "told"


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Print a line at the end of the run."""

    def say(line: str) -> None:
        record_property(TOLD, line)

    return say


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the tests told."""
    reports = [report for found in terminalreporter.stats.values() for report in found]
    told = [
        value
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, value in report.user_properties
        if name == TOLD
    ]
    if told:
        terminalreporter.section("what was counted")
        for line in told:
            terminalreporter.line(str(line))
