"""Names of settings in the environment, and names that are none but look like one. Standard library only."""

from collections.abc import Collection, Iterator
from typing import Final

PREFIX: Final = "CCHC_"
MOST_SLIPS: Final = 2
"""So many letters too many, missing, wrong or swapped make a name another one's typo."""


class SettingsRefused(Exception):  # noqa: N818 -- errors say the refusal
    """Settings with which the process must not start; one sentence for each of them."""

    def __init__(self, sentences: Collection[str]) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = tuple(sentences)


def variable(field: str) -> str:
    """Return the environment variable of a field."""
    return f"{PREFIX}{field}".upper()


def typing_errors(given: Collection[str], known: Collection[str], elsewhere: Collection[str]) -> Iterator[str]:
    """Yield a sentence for each given name that nobody knows and that is very like a known one.

    Args:
        given: names of the variables that are set.
        known: names that this process reads.
        elsewhere: names that look like ours and belong to another program.
    """
    for name in sorted(given):
        if not name.startswith(PREFIX) or name in known or name in elsewhere:
            continue
        nearest = min(known, key=lambda candidate: (slips(name, candidate), candidate))
        if slips(name, nearest) <= MOST_SLIPS:
            yield f"{name}: không có thiết đặt này; có phải {nearest}? [unknown setting, did you mean {nearest}?]."


def slips(first: str, second: str) -> int:
    """Return how many letters must be put in, left out, changed or swapped with the next to make one of the other."""
    if abs(len(first) - len(second)) > MOST_SLIPS:
        return abs(len(first) - len(second))
    before: list[int] = []
    row = list(range(len(second) + 1))
    for i, one in enumerate(first, start=1):
        earlier, before, row = before, row, [i]
        for j, other in enumerate(second, start=1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (one != other))
            if i > 1 and j > 1 and one == second[j - 2] and first[i - 2] == other:
                best = min(best, earlier[j - 2] + 1)
            row.append(best)
    return row[-1]
