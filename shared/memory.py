"""What the garbage collector of a long-running process should look at."""

import gc
from typing import Final

YOUNG: Final = 50_000
"""Objects between two looks at the young ones, where Python takes 700. Decoding a thousand events makes more than that
many times over, all of them wanted: measured, the looks took half of the time of whoever reads the log."""
WHILE_CATCHING_UP: Final = 200_000
"""The same for who hears everything: more than the objects of the events that are on their way at one moment, so that
nobody looks at them; measured, that took a twelfth of the time. Costs some tens of megabytes at most."""


def leave_out_what_is_loaded(*, young: int = YOUNG) -> None:
    """Leave what the process has loaded out of all later collections; called once, when it is about to begin its work.

    Modules, models and routes stay for good, and every full collection would walk through all of them again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(young, 20, 100)
