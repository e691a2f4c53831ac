"""When a delivery that was refused is tried again."""

from dataclasses import dataclass
from datetime import timedelta

SECOND, MINUTE, HOUR = 1.0, 60.0, 3600.0
DEFAULT_DELAYS = (
    *(5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE),
    *(1 * HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 12 * HOUR, 24 * HOUR, 24 * HOUR),
)
"""Pauses after each try, some 76 hours together: who is away from Friday evening to Monday misses nothing."""
JITTER = 0.2
"""Each pause is up to a fifth shorter or longer, so that many refused at once do not come back at once."""
LEAST, MOST = timedelta(seconds=1), timedelta(hours=24)
"""Bounds of what a receiver may ask for by Retry-After."""
OTHER_PAUSE_MOST = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Schedule:
    """The pauses in seconds after the first try, the second, ...; after the last pause comes the last try."""

    delays: tuple[float, ...] = DEFAULT_DELAYS

    def pause(self, tries: int, *, chance: float, retry_after: float | None = None) -> timedelta | None:
        """Return how long to wait after the `tries`-th try was refused, or None when that was the last.

        Args:
            tries: tries so far, from 1 on.
            chance: of [0, 1), decides on the jitter.
            retry_after: seconds that the receiver asked for; it takes the place of the schedule's pause.
        """
        if not 1 <= tries <= len(self.delays):
            return None
        if retry_after is not None:
            return asked_for(retry_after)
        return _jittered(self.delays[tries - 1], chance)

    def probe(self, failures: int, threshold: int, *, chance: float, retry_after: float | None = None) -> timedelta:
        """Return how long an endpoint with an open circuit is left alone: the same pace, an hour at most.

        A repaired receiver is to notice within the hour, though its oldest delivery waits for a day by then.
        """
        if retry_after is not None:
            return min(asked_for(retry_after), OTHER_PAUSE_MOST)
        place = min(max(0, failures - threshold), len(self.delays) - 1)
        return min(_jittered(self.delays[place], chance), OTHER_PAUSE_MOST) if self.delays else LEAST


def asked_for(retry_after: float) -> timedelta:
    """Return the pause that a receiver asked for, within its bounds; NaN and the like are the shortest."""
    if not retry_after > LEAST.total_seconds():
        return LEAST
    return MOST if retry_after >= MOST.total_seconds() else timedelta(seconds=retry_after)


def _jittered(seconds: float, chance: float) -> timedelta:
    return timedelta(seconds=seconds * (1 + JITTER * (2 * chance - 1)))
