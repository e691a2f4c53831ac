"""Promises whose tests count by themselves (W2, W4, W5, W12): the same tests, at the counts of the promise."""

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Awaitable, Callable

from tests.drills.ground import Run
from tests.drills.tally import Tally

_SUMMARY = re.compile(r"^(?:=+ )?((?:\d+ failed, )?\d+ passed[^=]*?) in ", re.MULTILINE)


def counted_by(promise: str, *files: str, number: str, only: str = "") -> Callable[[Run], Awaitable[Tally]]:
    """Return the drill that runs these tests with `size["scale"]` and keeps what they tell of `promise`.

    Args:
        promise: the name with which their lines begin, for example `W4`.
        files: paths of test files.
        number: pattern whose groups are the figures in those lines; their sum is how often it was tried.
        only: pytest's expression that chooses among them.
    """
    told_of = re.compile(rf"^{promise}: (.*)$", re.MULTILINE)

    async def drill(run: Run) -> Tally:
        chosen = ("-k", only) if only else ()
        environment = {**os.environ, "CCHC_TEST_SCALE": str(run.size["scale"])}  # noqa: TID251 -- a child's
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pytest", "-q", *files, *chosen), env=environment, stdout=PIPE, stderr=STDOUT
        )
        said = (await child.communicate())[0].decode(errors="replace")
        told, summary = told_of.findall(said), _SUMMARY.search(said)
        tried = sum(int(figure) for line in told for figure in re.findall(number, line))
        tally = Tally(faults=tried, sent=tried, figures="; ".join(told))
        if child.returncode or summary is None:
            tally.complaints.append(summary[1] if summary else said[-300:])
        if tried < run.size["promised"]:
            tally.complaints.append(f"{tried} tried, {run.size['promised']} promised")
        return tally

    return drill
