"""The short way of decoding gives what the careful way gives, or leaves the message to it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contracts.envelope import Event
from shared.contracts.registry import CONTRACTS
from shared.messaging.decoding import Undecodable, decode, decode_carefully, decode_plain
from shared.messaging.transports.port import Received
from tests.support.bad_events import BadEvent, bad_events
from tests.support.samples import Sample, samples

NOW = datetime(2026, 11, 22, tzinfo=UTC)
PIECES = (
    b"", b" ", b"\n", b"\x00", b"\xff", b"\xc3", b"\\", b'"', b":", b",", b"{", b"}", b"[", b"]", b"NaN", b"-Infinity",
    b"null", b"0", b"-0", b"1.0", b"1e999", b"9" * 19, b"9" * 30, b"\\u0000", b"\\\\u0000", b"\\ud800",
    b'"version":1,', b'"version" : 2 ,', b'"x":{"y":1,"y":2},', b'"x":[NaN],', b'"\\u0076ersion":1,', b"\xe2\x80\x8f",
    b"\\ud83d\\ude00",
)  # fmt: skip
HEADER_VALUES = st.one_of(
    st.sampled_from(
        ["", "1.0", "7", "application/json", "application/json; charset=utf-8", "a\0b", "0001-01-01T00:00:00+14:00"]
        + ["9999-12-31T23:59:59-14:00", "2026-11-22T00:00:00", "1763769600", "2026-11-23T00:00:00Z"]
        + ["2026-11-23T00:00:01Z", "urn:uuid:01a205f4-982d-71e6-9a4b-ff4de0f142e6", "0002-01-01T00:00:00Z"]
        + [each.type for each in samples()]
    ),
    st.text(max_size=30),
    st.binary(max_size=10),
)
HEADER_NAMES = st.sampled_from(
    [
        "content-type",
        "ce_id",
        "ce_source",
        "ce_type",
        "ce_specversion",
        "ce_subject",
        "ce_time",
        "ce_partitionkey",
        "ce_traceparent",
        "ce_tracestate",
        "ce_dataschema",
        "other",
        "id",
    ]
)


def compact(sample: Sample) -> bytes:
    """The form in which our services write."""
    return json.dumps(sample.value, ensure_ascii=False, separators=(",", ":")).encode()


def told(received: Received, way: Callable[..., Event[Any]]) -> tuple[object, ...]:
    """What a way makes of a message."""
    try:
        event = way(received, now=NOW)
    except Undecodable as refusal:
        return refusal.code, refusal.reason
    return content(event)


def content(event: Event[Any]) -> tuple[object, ...]:
    return type(event.data), event.data, event.attributes, event.attributes.model_fields_set


def assert_the_same(received: Received) -> None:
    """The short way agrees with the careful one or says nothing; together they say what the careful one says."""
    if received.headers.get("ce_type") not in CONTRACTS:
        return
    careful = told(received, decode_carefully)
    plain = decode_plain(received, now=NOW)
    assert plain is None or content(plain) == careful
    assert told(received, decode) == careful


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.type)
def test_events_as_ours_are_sent_go_the_short_way(sample: Sample) -> None:
    for value in (sample.data, compact(sample)):
        assert decode_plain(sample.received(value=value), now=NOW) is not None


@pytest.mark.parametrize("case", bad_events(), ids=lambda case: case.name)
def test_no_bad_event_comes_through_the_short_way(case: BadEvent) -> None:
    assert decode_plain(case.received, now=NOW) is None
    assert_the_same(case.received)


@given(sample=st.sampled_from(samples()), data=st.data())
@settings(max_examples=1500, deadline=None)
def test_of_bytes_with_something_put_in_or_left_out_both_ways_say_the_same(sample: Sample, data: st.DataObject) -> None:
    value = compact(sample)
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(value)))
        end = min(len(value), start + data.draw(st.integers(0, 4)))
        piece = data.draw(st.one_of(st.sampled_from(PIECES), st.binary(max_size=4)))
        value = value[:start] + piece + value[end:]
    assert_the_same(sample.received(value=value))


@given(
    sample=st.sampled_from(samples()),
    changed=st.dictionaries(HEADER_NAMES, HEADER_VALUES, max_size=3),
    left_out=st.sets(HEADER_NAMES, max_size=2),
    topic=st.sampled_from(["", "cchc.plans.v1", "cchc.tasks.v1", "cchc.reports.v1"]),
)
@settings(max_examples=1500, deadline=None)
def test_of_other_headers_both_ways_say_the_same(
    sample: Sample, changed: Mapping[str, str | bytes], left_out: set[str], topic: str
) -> None:
    headers = {name: value for name, value in {**sample.headers, **changed}.items() if name not in left_out}
    assert_the_same(replace(sample.received(), headers=headers, topic=topic or sample.topic))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(sample=st.sampled_from(samples()), more=st.dictionaries(st.text(max_size=8), JSON, max_size=3), data=st.data())
@settings(max_examples=800, deadline=None)
def test_of_other_fields_both_ways_say_the_same(
    sample: Sample, more: Mapping[str, object], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from([*sample.value, "unknown"]))
    value = {**sample.value, **more, name: data.draw(JSON)}
    text = json.dumps(value, ensure_ascii=data.draw(st.booleans()))
    assert_the_same(sample.received(value=text.encode(errors="surrogatepass")))
