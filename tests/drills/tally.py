"""What a drill has counted."""

from dataclasses import dataclass, field


@dataclass
class Tally:
    """The figures of one drill on one log. Complaints are sentences; each fails the drill, as do lost and twice."""

    faults: int = 0
    sent: int = 0
    """Completions (in some drills other deeds, named by the drill) whose acknowledgement the clients hold."""
    lost: int = 0
    twice: int = 0
    longest: float = 0.0
    """Seconds from the end of the faults until every reader agreed, the longest of all rounds."""
    complaints: list[str] = field(default_factory=list)
    figures: str = ""
    """What else was measured, in a few words for the drill's line."""

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.twice or self.complaints)

    def add(self, other: "Tally") -> None:
        """Take the figures of a round; what a round recounts from the beginning is not summed up by the caller."""
        self.lost = max(self.lost, other.lost)
        self.twice = max(self.twice, other.twice)
        self.longest = max(self.longest, other.longest)
        self.complaints += [each for each in other.complaints if each not in self.complaints]
