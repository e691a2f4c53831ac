"""Golden samples: one event of every published type and version, as it stood on the wire. They stay for ever."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from shared.messaging.transports.port import Received, Record

FOLDER = Path(__file__).parents[1] / "contract" / "samples"


@dataclass(frozen=True)
class Sample:
    """One event: attributes as headers, its data as JSON."""

    type: str
    topic: str
    key: str
    headers: Mapping[str, str]
    value: Mapping[str, Any]

    def with_value(self, **changes: object) -> "Sample":
        return replace(self, value={**self.value, **changes})

    def without(self, field: str) -> "Sample":
        return replace(self, value={name: each for name, each in self.value.items() if name != field})

    @property
    def data(self) -> bytes:
        return json.dumps(self.value, ensure_ascii=False).encode()

    def received(self, *, value: bytes | None = None) -> Received:
        return Received(self.topic, 0, 0, self.key.encode(), dict(self.headers), self.data if value is None else value)

    def record(self) -> Record:
        return Record(self.topic, self.key, dict(self.headers), self.data)


def samples() -> list[Sample]:
    """Return all samples, in the order of their names."""
    return [Sample(path.stem, **json.loads(path.read_text(encoding="utf-8"))) for path in sorted(FOLDER.glob("*.json"))]


def sample(kind: str) -> Sample:
    """Return the sample of one event type, for example `cchc.task.completed.v1`."""
    (found,) = [each for each in samples() if each.type == kind]
    return found
