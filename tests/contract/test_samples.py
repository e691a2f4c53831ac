"""Events of every past version are read for ever; newer ones by older readers, too."""

import copy
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from shared.contracts.registry import CONTRACTS
from shared.messaging.decoding import decode
from tests.support.messaging import World
from tests.support.samples import Sample, samples

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ALL = pytest.mark.parametrize("sample", samples(), ids=lambda each: each.type)


def test_every_published_type_has_a_sample_and_every_sample_a_type() -> None:
    assert {each.type for each in samples()} == set(CONTRACTS)
    assert all(each.headers["ce_type"] == each.type for each in samples())


@ALL
def test_every_past_version_is_read(sample: Sample) -> None:
    event = decode(sample.received(), now=NOW)
    assert event.attributes.type == sample.type
    written = event.data.model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert _instants(written) == _instants(dict(sample.value))


@ALL
def test_a_newer_publishers_fields_are_passed_over_at_every_depth(sample: Sample) -> None:
    newer = sample.with_value(**_with_unknown_fields(sample.value))
    assert newer.value != sample.value
    assert decode(newer.received(), now=NOW).data == decode(sample.received(), now=NOW).data


@ALL
def test_another_headers_attribute_is_passed_over(sample: Sample) -> None:
    received = sample.received()
    assert isinstance(received.headers, dict)
    received.headers["ce_sequence"] = "17"
    received.headers["x-odd"] = b"\xff"
    assert decode(received, now=NOW).attributes.type == sample.type


@ALL
async def test_an_independent_reader_reads_what_we_publish(sample: Sample, world: World) -> None:
    """The CloudEvents SDK in binary mode, on a record that went through outbox, relay format and log."""
    data = CONTRACTS[sample.type].model_validate_json(sample.data, strict=True)
    event_id = await world.add(data, key=sample.key)
    (row,) = await world.rows("SELECT headers, value FROM outbox")
    headers = {name: value.encode() for name, value in row.headers.items()}
    message = KafkaMessage(headers=headers, key=sample.key.encode(), value=bytes(row.value))
    event = from_binary(message, JSONFormat(), CloudEvent)
    assert (event.get_id(), event.get_type(), event.get_specversion()) == (str(event_id), sample.type, "1.0")
    assert event.get_extension("partitionkey") == sample.key
    assert event.get_datacontenttype() == "application/json"
    assert CONTRACTS[sample.type].model_validate(event.get_data()) == data


def _with_unknown_fields(value: Any) -> Any:  # noqa: ANN401 -- any JSON
    if isinstance(value, dict):
        grown = {name: _with_unknown_fields(copy.deepcopy(each)) for name, each in value.items()}
        only_text = value and all(isinstance(each, str) and len(each) == 64 for each in value.values())
        return grown if only_text else {**grown, "added_later": {"by": "a newer publisher"}}
    if isinstance(value, list):
        return [_with_unknown_fields(each) for each in value]
    return value


def _instants(value: Any) -> Any:  # noqa: ANN401 -- any JSON
    """Make moments comparable: `...Z` and `+00:00`, with and without fractions of a second."""
    if isinstance(value, dict):
        return {name: _instants(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_instants(each) for each in value]
    if isinstance(value, str) and len(value) > 18 and value[10:11] == "T":
        return datetime.fromisoformat(value)
    return value
