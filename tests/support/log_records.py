"""Numbered records for the scenarios of the event logs."""

import time

from shared.contracts.topics import Topic
from shared.messaging.transports.port import Reader, Received, Record


def records(topic: Topic, numbers: range, keys: int = 20) -> list[Record]:
    return [Record(topic.name, f"key-{number % keys}", {"n": str(number)}, f"{number}".encode()) for number in numbers]


async def read(reader: Reader, count: int, *, commit: bool = True, within: float = 20) -> list[Received]:
    """Read until `count` records have come, and no more than a moment longer."""
    found: list[Received] = []
    deadline = time.monotonic() + within
    while len(found) < count and time.monotonic() < deadline:
        for batch in await reader.fetch(0.2, 500):
            found += batch
            if commit:
                await reader.commit(batch[-1].topic, batch[-1].partition, batch[-1].position + 1)
    return found
