import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.messaging.decoding import Undecodable, decode
from shared.messaging.transports.port import Received
from tests.support.bad_events import BadEvent, bad_events
from tests.support.samples import sample, samples

NOW = datetime(2026, 11, 22, tzinfo=UTC)
BAD = bad_events()


def test_there_are_more_than_two_hundred_ways_to_be_wrong_each_with_its_name() -> None:
    assert len(BAD) >= 200
    assert len({case.name for case in BAD}) == len(BAD)


@pytest.mark.parametrize("case", BAD, ids=lambda case: case.name)
def test_a_bad_event_is_refused_with_its_reason_and_without_its_values(case: BadEvent) -> None:
    with pytest.raises(Undecodable) as refused:
        decode(case.received, now=NOW)
    assert refused.value.code == case.code
    assert len(refused.value.reason) < 1000
    assert "Sở Tư pháp" not in refused.value.reason


def test_text_in_decomposed_form_is_read_in_composed_form() -> None:
    progressed = sample("cchc.task.progressed.v1")
    note = str(progressed.value["note"])
    apart = progressed.with_value(note=unicodedata.normalize("NFD", note))
    assert apart.data != progressed.data
    assert decode(apart.received(), now=NOW).data.note == note


def test_escaped_backslash_before_u0000_is_no_nul() -> None:
    progressed = sample("cchc.task.progressed.v1").with_value(note=r"C:\u0000")
    assert decode(progressed.received(), now=NOW).data.note == r"C:\u0000"


def test_a_clock_that_is_two_hours_ahead_is_no_reason_to_refuse() -> None:
    progressed = sample("cchc.task.progressed.v1")
    headers = {**progressed.headers, "ce_time": "2026-11-22T02:00:00Z"}
    received = Received(progressed.topic, 0, 0, None, headers, progressed.data)
    assert decode(received, now=NOW).attributes.time.hour == 2


@given(value=st.binary(max_size=300), headers=st.dictionaries(st.text(max_size=20), st.binary(max_size=40) | st.text()))
@settings(max_examples=300, deadline=None)
def test_whatever_stands_in_a_message_it_is_refused_and_never_a_crash(
    value: bytes, headers: dict[str, bytes | str]
) -> None:
    for each in samples():
        for tried in (headers, {**each.headers, **headers}):
            received = Received(each.topic, 0, 0, None, tried | {"ce_type": each.type}, value)
            with pytest.raises(Undecodable):
                decode(received, now=NOW)
