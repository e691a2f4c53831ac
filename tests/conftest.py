"""Fixtures that every test may ask for; each lives in its own module of tests/support."""

from collections import defaultdict
from pathlib import Path

import pytest

pytest_plugins = ["tests.support.postgres", "tests.support.kafka", "tests.support.telling"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first, so that in the end no worker is alone with one while the others are done."""
    seconds: defaultdict[Path, float] = defaultdict(float)
    for item in items:
        for mark in item.iter_markers("slow"):
            seconds[item.path] = max(seconds[item.path], *mark.args)
    items.sort(key=lambda item: -seconds[item.path])
