"""CloudEvents 1.0: what surrounds every event.

Binary mode on the wire: attributes are `ce_*` headers, data is the value.
"""

from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, StringConstraints

from shared.contracts.topics import Topic
from shared.text import nfc


def _in_utc(value: datetime) -> datetime:
    """Refuse the hours at both ends of the calendar that UTC does not have: no database column takes them."""
    if MINYEAR < value.year < MAXYEAR:
        return value
    try:
        value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("not in the calendar of UTC") from error
    return value


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A moment with its zone."""
Text = Annotated[str, StringConstraints(max_length=4000), AfterValidator(nfc)]
"""Free text: NFC, no control characters."""
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(nfc)]
"""A name, a title, a number of a document."""
UnitCode = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9.\-]{0,31}$")]
"""Short code of an organisational unit, for example `TV-SNV`."""


class Part(BaseModel):
    """A piece of a contract. Readers are open (unknown fields are passed over), so publishers may add fields."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Contract(Part):
    """The data of one event type in one version. Published: others read it, so fields are only added, never changed."""

    event_type: ClassVar[str]
    topic: ClassVar[Topic]
    description: ClassVar[str]


DataT = TypeVar("DataT", bound=Contract)


class Attributes(Part):
    """The context attributes of CloudEvents 1.0, `partitionkey` and the distributed-tracing extension included."""

    id: UUID
    source: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    type: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    specversion: Literal["1.0"] = "1.0"
    subject: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    time: AwareDatetime
    partitionkey: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    traceparent: str | None = None
    tracestate: str | None = None


@dataclass(frozen=True, slots=True)
class Event(Generic[DataT]):
    """One event: its attributes and its typed data, each checked by itself."""

    attributes: Attributes
    data: DataT


def event(data: DataT, *, event_id: UUID, time: datetime, source: str, subject: str, key: str) -> Event[DataT]:
    """Wrap `data` into its envelope.

    Args:
        data: what happened.
        event_id: UUIDv7, the identity by which every consumer recognises a repeat.
        time: the moment at which the publishing service recorded it (UTC).
        source: the publishing service, for example `/cchc/tasks`.
        subject: the aggregate, for example a task's id.
        key: the partition key, a plan's id (a unit's event: the code of the root of its tree).
    """
    attributes = Attributes(
        id=event_id, source=source, type=data.event_type, subject=subject, time=time, partitionkey=key
    )
    return Event(attributes=attributes, data=data)


def to_headers(attributes: Attributes) -> dict[str, str]:
    """Return the Kafka headers of binary mode: `ce_<name>` and `content-type` (CloudEvents Kafka binding 1.0.2)."""
    found = attributes.model_dump(mode="json", exclude_none=True)
    return {"content-type": "application/json", **{f"ce_{name}": value for name, value in found.items()}}


def from_headers(headers: dict[str, Any]) -> Attributes:
    """Read the attributes from Kafka headers.

    Raises:
        pydantic.ValidationError: one is missing or malformed.
    """
    return Attributes.model_validate({name[3:]: value for name, value in headers.items() if name.startswith("ce_")})
