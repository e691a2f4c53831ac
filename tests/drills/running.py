"""One drill on one log, from its seed to its figures."""

import random
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from tests.drills.catalogue import Drill
from tests.drills.ground import Ground, Run
from tests.drills.line import Line
from tests.drills.tally import Tally


@dataclass(frozen=True)
class Result:
    """The figures, and how long it took."""

    tally: Tally
    seconds: float


async def play(
    ground: Ground, drill: Drill, transport: str, *, scale: str, seed: int, out: TextIO | None = sys.stderr
) -> Result:
    """Run a drill. What stops it half way, a fault that did not happen among it, is a complaint like others."""
    size = drill.sizes(scale)[transport]
    dice = random.Random(f"{seed} {drill.name} {transport}")  # noqa: S311 -- to be repeated, not to be secret
    line = Line(f"{drill.name} {transport}", drill.faults(size), seed, sent=drill.sent, out=out)
    began = time.monotonic()
    try:
        tally = await drill.run(Run(ground, transport, size, dice, line))
    except Exception as trouble:  # noqa: BLE001 -- it fails this drill, whatever it is; the others go on
        tally = Tally(faults=line.done, complaints=[f"stopped: {_told(trouble)}"])
    seconds = time.monotonic() - began
    verdict = "clean" if tally.is_clean else "FAILED: " + "; ".join(tally.complaints[:5])
    figures = f"; {tally.figures}" if tally.figures else ""
    line.end(
        f"{tally.faults} faults, {tally.sent} {drill.sent}, lost {tally.lost}, counted twice {tally.twice}, "
        f"consistent after {tally.longest:.1f} s{figures}; {verdict}; seed {seed}"
    )
    return Result(tally, seconds)


def _told(trouble: BaseException) -> str:
    """Return what went wrong and the drill's own line where it did: a deadline passed has no words of its own."""
    while isinstance(trouble, BaseExceptionGroup):
        trouble = trouble.exceptions[0]
    ours = [each for each in traceback.extract_tb(trouble.__traceback__) if Path(each.filename).parent.name == "drills"]
    place = f" ({Path(ours[-1].filename).name}:{ours[-1].lineno} {ours[-1].name})" if ours else ""
    return f"{type(trouble).__name__}: {str(trouble)[:500]}{place}"
