"""Marks of a plan's progress."""

from collections.abc import Iterable

COUNTED_AT_ALL = 0
"""Stands among a plan's marks once it was counted for the first time."""


def marks_passed(done: int, total: int, marks: Iterable[int]) -> list[int]:
    """Return the marks (percents) that `done` of `total` tasks reach, exactly; a plan without tasks, none."""
    return [mark for mark in sorted(marks) if total > 0 and done * 100 >= mark * total]
