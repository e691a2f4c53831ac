"""Named places in relay, consumer and webhook sender where a drill ends, breaks or holds the process.

In normal running a place costs one comparison (some 30 ns, a few of them a batch): nothing is armed unless a drill has
started the process with CCHC_FAULTS, which is refused without CCHC_FAULTS_ALLOWED=1.
"""

import os
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

Action = Literal["kill", "raise", "sleep"]

POINTS: Final = {
    "relay.seated": "has the right to relay, has read nothing",
    "relay.greeted": "has decided what another or an emptied log needs again, uncommitted",
    "relay.read": "has read a batch, sent nothing",
    "relay.published": "the log has the batch, no row is marked",
    "relay.marked": "rows are marked, uncommitted",
    "relay.mark-committed": "rows are marked",
    "relay.lay-down": "asks commits to ring, has not looked a last time",
    "relay.woke": "was woken, or looks by itself",
    "consumer.fetched": "has messages, knows nothing of them",
    "consumer.agreed": "the reader stands where the database is",
    "consumer.position-set": "a partition's first position is written, uncommitted",
    "consumer.opened": "the position has moved, uncommitted; before the first handler",
    "consumer.handled": "a handler has run, uncommitted",
    "consumer.settled": "all handlers of the batch have run, uncommitted",
    "consumer.committed": "result and position are committed",
    "consumer.noted": "before the group's position in the log moves",
    "consumer.acknowledged": "the group's position in the log has moved",
    "hooks.claimed": "webhooks are claimed and their attempts written, none is posted",
    "hooks.posted": "a webhook was posted, what came of it is not recorded",
    "hooks.recorded": "what came of posted webhooks is recorded",
}
"""Each place, and how things stand there."""

SAID: Final = "drill fault "
"""What a line on standard error begins with that tells of a fault, right before it happens."""

_FAULT = re.compile(r"(?P<point>[a-z.-]+):(?P<passing>[1-9]\d{0,5}):(?P<action>[a-z]+)(?:=(?P<seconds>\d+(?:\.\d+)?))?")


@dataclass(frozen=True)
class Fault:
    """What happens when a place is passed for the n-th time since the process was armed.

    `kill` is kill -9 of this process, `raise` a broken connection, `sleep` a process that stands still.
    """

    point: str
    passing: int
    action: Action
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.point}:{self.passing}:{self.action}" + (f"={self.seconds:g}" if self.action == "sleep" else "")


class _Plan:
    def __init__(self, faults: Sequence[Fault]) -> None:
        self._faults = {(fault.point, fault.passing): fault for fault in faults}
        self._passed: Counter[str] = Counter()

    def reach(self, point: str) -> None:
        self._passed[point] += 1
        fault = self._faults.get((point, self._passed[point]))
        if fault is not None:
            sys.stderr.write(f"{SAID}{fault}\n")
            sys.stderr.flush()
        match fault:
            case Fault(action="kill"):
                os.kill(os.getpid(), signal.SIGKILL)
            case Fault(action="raise"):
                raise ConnectionResetError(f"drill: {point}")
            case Fault(action="sleep", seconds=seconds):
                time.sleep(seconds)  # the whole process stands still, as on a machine that hangs


_plan: _Plan | None = None


def reach(point: str) -> None:
    """Pass a place.

    Raises:
        ConnectionResetError: a drill wants a broken connection here.
    """
    if _plan is not None:
        _plan.reach(point)


def arm(faults: Sequence[Fault]) -> None:
    """From now on let these faults happen in this process; none of them: stop."""
    global _plan  # noqa: PLW0603 -- a process has one plan, and passing a place must cost nothing
    _plan = _Plan(faults) if faults else None


def read_faults(text: str) -> list[Fault]:
    """Read `point:passing:action[=seconds]`, separated by commas, for example `relay.published:3:kill`.

    Raises:
        ValueError: an unknown place or action, or another form.
    """
    return [_read_fault(each.strip()) for each in text.split(",") if each.strip()]


def _read_fault(text: str) -> Fault:
    found = _FAULT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not of the form point:passing:action[=seconds]")
    if found["point"] not in POINTS:
        raise ValueError(f"no fault point {found['point']!r}")
    for action in get_args(Action):
        if found["action"] == action and (action == "sleep") == (found["seconds"] is not None):
            return Fault(found["point"], int(found["passing"]), action, float(found["seconds"] or 0))
    raise ValueError(f"{found['action']!r} is not kill, raise or sleep=seconds")
