"""How many examples a property is tried with: few in `make test`, many in the drill."""

import os
from typing import Final

PROFILE: Final = os.environ.get("HYPOTHESIS", "test")  # noqa: TID251 -- a drill's choice
TIMES: Final = {"test": 1, "drill": 50}[PROFILE]


def examples(in_test: int) -> int:
    """Return how many examples to draw of a property that gets `in_test` of them in `make test`."""
    return in_test * TIMES
