"""The event log as this project sees it: topics of ordered partitions, producers that hear "yes", groups of readers.

Two real implementations exist (kafka.py, postgres_log.py), held to the same scenarios in tests/contract. Delivery is
at least once and ordered within a partition; a key always goes to the same partition.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.contracts.topics import MAX_EVENT_BYTES, Topic

MAX_RECORD_BYTES = MAX_EVENT_BYTES
"""Largest value that a log takes."""

LOG_TRIMMED = "log-trimmed"
"""Reason code of the dead letter that stands for records which the log forgot before they were read."""

Partition = tuple[str, int]
"""Topic and partition number."""


class LogUnavailable(Exception):  # noqa: N818 -- errors say the refusal
    """The log does not answer, not in time, or not to us. Trying again later may help.

    The text is shown in readiness and logs: a state, never an address or a secret.
    """


class RecordRefused(Exception):  # noqa: N818 -- errors say the refusal
    """The log will not take this record, however often it is tried."""


class NotSent(Exception):  # noqa: N818 -- errors say the refusal
    """Held back, because an earlier record of the same key or partition did not get through."""


@dataclass(frozen=True, slots=True)
class Record:
    """What is published."""

    topic: str
    key: str
    headers: dict[str, str]
    value: bytes


@dataclass(slots=True)
class Received:
    """What is read; anybody may have written it, so nothing about its content is certain. Never changed.

    A header's value is `bytes` where it is not UTF-8. Not frozen: that takes four times as long to make, for each
    message of the log.
    """

    topic: str
    partition: int
    position: int
    key: bytes | None
    headers: Mapping[str, bytes | str]
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the group is in one partition: the next position to take in, and where the partition begins and ends.

    A partition that begins above 0 has forgotten its first records.
    """

    position: int
    end: int
    begin: int = 0

    @property
    def lag(self) -> int:
        return max(0, self.end - self.position)


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A topic that the log keeps in another way than it is declared."""

    topic: str
    setting: str
    declared: str
    found: str

    def __str__(self) -> str:
        return f"{self.topic}: {self.setting} = {self.found}, khai báo [declared] {self.declared}"


class Reader(Protocol):
    """One member of a group. Members of a group share the partitions and take over those of a member that dies."""

    epoch: int
    """Grows with every change of what this member is responsible for."""

    async def start(self) -> None:
        """Join the group.

        Raises:
            LogUnavailable: the log does not answer.
        """

    async def stop(self) -> None:
        """Leave the group at once, so that the others need not wait for a time limit."""

    async def fetch(self, timeout: float, limit: int) -> Sequence[Sequence[Received]]:  # noqa: ASYNC109 -- waits for news
        """Return what is new, one list a partition in the order of positions, at most `limit` records altogether.

        Waits up to `timeout` seconds for the first. What was returned is not returned again until `seek`, `rewind`
        or a change of members.

        Raises:
            LogUnavailable: the log does not answer; the next call tries to connect again.
        """

    async def commit(self, topic: str, partition: int, next_position: int) -> None:
        """Remember for the group that everything before `next_position` is taken in.

        A partition that has meanwhile gone to another member is passed over in silence: the consumer's database
        knows the truth.

        Raises:
            LogUnavailable: the log does not answer.
        """

    async def seek(self, topic: str, partition: int, position: int) -> int | None:
        """Go on reading at `position`, or from the beginning when the partition is shorter than that.

        Returns the position at which it goes on; None when the partition has gone to another member.

        Raises:
            LogUnavailable: the log does not answer.
        """

    def rewind(self) -> None:
        """Return again whatever was returned and not committed."""

    async def standing(self) -> Mapping[Partition, Standing]:
        """Return how far the group is in each partition of this member.

        Raises:
            LogUnavailable: the log does not answer.
        """


class Transport(Protocol):
    """An event log."""

    async def start(self) -> None:
        """Prepare; does not need the log to be there yet."""

    async def stop(self) -> None:
        """Let go of every connection."""

    async def cluster_id(self) -> str:
        """Return the log's identity: another one means that positions and published marks are void.

        Raises:
            LogUnavailable: the log does not answer.
        """

    async def ensure_topics(self, topics: Sequence[Topic]) -> None:
        """Make the topics that do not exist; those that do keep their partitions.

        Raises:
            LogUnavailable: the log does not answer or could not make them now.
        """

    async def shortfalls(self, topics: Sequence[Topic]) -> Sequence[Shortfall]:
        """Compare topics that exist with what is declared; whatever makes a promise weaker is in the answer.

        Raises:
            LogUnavailable: the log does not answer.
        """

    async def publish(self, records: Sequence[Record]) -> list[Exception | None]:
        """Append `records` and wait for the log's yes; returns for each None (durable) or what became of it.

        Records of one key are appended in the given order, and none of them after one that failed. Never raises for
        a log that is away, and never takes longer than the transport's deadline.
        """

    async def is_empty(self, topic: str) -> bool:
        """Tell whether the topic never held a record, or does not exist.

        Raises:
            LogUnavailable: the log does not answer.
        """

    def reader(self, group: str, topics: Sequence[Topic]) -> Reader:
        """Return a new member of `group`, not yet started."""
