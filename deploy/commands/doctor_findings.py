"""What `cchc doctor` says: one sentence for each thing it looked at, and what to do about it."""

from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """How bad it is; the worst of all is the command's exit code."""

    WELL = 0
    WARNING = 1
    BROKEN = 2


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Args:
        check: what was looked at, kebab-case and stable: programs filter by it.
        about: the service, process, port or file; empty for the whole.
        level: how bad it is.
        sentence: what was found, Vietnamese with a short English in brackets; never an error's text or a secret.
        remedy: what to do; empty when all is well.
    """

    check: str
    about: str
    level: Level
    sentence: str
    remedy: str = ""


def well(check: str, about: str, sentence: str) -> Finding:
    """Return that this is as it should be."""
    return Finding(check, about, Level.WELL, sentence)


def warning(check: str, about: str, sentence: str, remedy: str) -> Finding:
    """Return that it works, and that somebody should look at it."""
    return Finding(check, about, Level.WARNING, sentence, remedy)


def broken(check: str, about: str, sentence: str, remedy: str) -> Finding:
    """Return that something does not work until somebody acts."""
    return Finding(check, about, Level.BROKEN, sentence, remedy)


def duration(seconds: float) -> str:
    """Return a length of time as people say it, for example `5 phút`."""
    for size, name in ((86_400, "ngày"), (3600, "giờ"), (60, "phút")):
        if seconds >= size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} giây"
