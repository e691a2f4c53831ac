"""Events that are wrong in one named way each, made from the golden samples."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

from shared.contracts.registry import CONTRACTS
from shared.messaging.transports.port import MAX_RECORD_BYTES, Received
from tests.support.samples import Sample, samples


@dataclass(frozen=True)
class BadEvent:
    """What is wrong, the message, and the reason code with which it must be refused."""

    name: str
    received: Received
    code: str


def bad_events() -> list[BadEvent]:
    """Return every case, with a name of its own."""
    return [
        BadEvent(f"{sample.type}: {case.name}", case.received, case.code)
        for sample in samples()
        for cases in (_bytes, _texts, _fields, _headers)
        for case in cases(sample)
    ]


def _bytes(sample: Sample) -> Iterator[BadEvent]:
    data = sample.data
    for name, value, code in (
        ("empty", b"", "no-data"),
        ("not UTF-8", b'{"a": "\xff"}', "not-utf8"),
        ("UTF-16", data.decode().encode("utf-16"), "not-utf8"),
        ("byte order mark", b"\xef\xbb\xbf" + data, "not-json"),
        ("cut off", data[:-1], "not-json"),
        ("something behind", data + b"x", "not-json"),
        ("two objects", data + data, "not-json"),
        ("single quotes", b"{'a': 1}", "not-json"),
        ("only a number", b"7", "breaks-contract"),
        ("null", b"null", "breaks-contract"),
        ("a list", b"[" + data + b"]", "breaks-contract"),
        ("an empty object", b"{}", "breaks-contract"),
        ("nested without end", b"[" * 200_000, "not-json"),
        ("too large", b'{"a": "' + b"x" * MAX_RECORD_BYTES + b'"}', "too-large"),
        ("raw NUL", data[:-1] + b', "x": "\x00"}', "not-json"),
        ("raw line break in a string", data[:-1] + b', "x": "\n"}', "not-json"),
    ):
        yield BadEvent(name, sample.received(value=value), code)
    yield BadEvent("no value", replace(sample.received(), value=None), "no-data")


def _texts(sample: Sample) -> Iterator[BadEvent]:
    data = sample.data[:-1]
    for name, more, code in (
        ("NaN", b', "x": NaN}', "not-a-number"),
        ("Infinity", b', "x": Infinity}', "not-a-number"),
        ("-Infinity", b', "x": [-Infinity]}', "not-a-number"),
        ("1e999", b', "x": 1e999}', "number-too-large"),
        ("integer of 65 bits", b', "x": 18446744073709551616}', "number-too-large"),
        ("integer of 5,000 digits", b', "x": ' + b"9" * 5000 + b"}", "number-too-large"),
        ("escaped NUL", b', "x": "a\\u0000b"}', "control-character"),
        ("escaped NUL deep inside", b', "x": [{"y": ["\\u0000"]}]}', "control-character"),
        ("NUL in a name", b', "a\\u0000": 1}', "control-character"),
        ("a key twice", b', "version": 1, "version": 1}', "duplicate-key"),
        ("a key twice deep inside", b', "x": [{"y": 1, "y": 2}]}', "duplicate-key"),
    ):
        yield BadEvent(name, sample.received(value=data + more), code)
    halves = json.dumps({**sample.value, "version": 1}, ensure_ascii=True)[:-1] + ', "x": "\\ud83d"}'
    yield BadEvent("half of a surrogate pair", sample.received(value=halves.encode()), "breaks-contract")


def _fields(sample: Sample) -> Iterator[BadEvent]:
    contract = CONTRACTS[sample.type]
    for field, described in contract.model_fields.items():
        name = described.alias or field
        if described.is_required():
            yield BadEvent(f"{name} missing", sample.without(name).received(), "breaks-contract")
            yield BadEvent(f"{name} null", sample.with_value(**{name: None}).received(), "breaks-contract")
        yield BadEvent(f"{name} of another type", sample.with_value(**{name: [[0.5]]}).received(), "breaks-contract")
        yield BadEvent(f"{name} a truth value", sample.with_value(**{name: [True]}).received(), "breaks-contract")
    for name, version in (("as text", "7"), ("with a fraction", 7.5), ("zero", 0), ("true", True)):
        if "version" in contract.model_fields:  # what happens once has none
            yield BadEvent(f"version {name}", sample.with_value(version=version).received(), "breaks-contract")
    yield from _values(sample)


def _values(sample: Sample) -> Iterator[BadEvent]:
    """Values that look right: each change is made where the sample has the field."""
    for field, wrong in (
        ("plan_id", "0190a1b2"),
        ("plan_id", "{0190a1b2-c3d4-7e5f-8a6b-0123456789abz}"),
        ("note", "x" * 1_000_000),
        ("note", "chuông\u0007"),
        ("reason", ""),
        ("reason", "y" * 501),
        ("name", "\u001b[31mđỏ"),
        ("completed_on", "2026-02-30"),
        ("completed_on", "30/02/2026"),
        ("completed_on", 20_260_230),
        ("completed_on", "hôm qua"),
        ("recorded_at", "2026-01-01T00:00:00"),
        ("recorded_at", 1_767_225_600),
        ("issued_at", "2026-13-01T00:00:00Z"),
        ("issued_at", "0001-01-01T00:00:00+14:00"),
        ("recorded_at", "9999-12-31T23:59:59-12:00"),
        ("expires_at", "0001-01-01T00:00:00+14:00"),
        ("expires_at", "9999-12-31T23:59:59-12:00"),
        ("percent", 101),
        ("percent", "60"),
        ("code", "tv stp"),
        ("code", "TV-SỞ"),
        ("kind", "bộ"),
        ("year", 1999),
        ("year", 20_260),
        ("total", -1),
        ("tasks", []),
        ("counts_when", "maybe"),
        ("evidence", {"number": "1"}),
        ("evidence", [{"number": "1", "issued_on": "2026-01-01", "sha256": "ABC"}]),
        ("actor", {"subject": ""}),
    ):
        if field in sample.value:
            shown = str(wrong)[:30].encode("unicode_escape").decode()
            yield BadEvent(f"{field} = {shown}", sample.with_value(**{field: wrong}).received(), "breaks-contract")


def _headers(sample: Sample) -> Iterator[BadEvent]:
    for name in ("ce_id", "ce_source", "ce_subject", "ce_time", "ce_partitionkey", "ce_specversion"):
        yield BadEvent(f"{name} missing", _with_header(sample, name, None), "bad-attributes")
    for name, value, code in (
        ("ce_type", None, "no-type"),
        ("ce_type", "", "no-type"),
        ("ce_type", b"\xff", "no-type"),
        ("ce_id", "17", "bad-attributes"),
        ("ce_id", b"\xff", "not-utf8"),
        ("ce_subject", "", "bad-attributes"),
        ("ce_subject", "x" * 201, "bad-attributes"),
        ("ce_subject", "a\0b", "control-character"),
        ("ce_source", "", "bad-attributes"),
        ("ce_time", "yesterday", "bad-attributes"),
        ("ce_time", "2026-01-01T00:00:00", "bad-attributes"),
        ("ce_time", "2026-02-30T00:00:00Z", "bad-attributes"),
        ("ce_time", "9999-12-31T23:59:59Z", "time-in-future"),
        ("ce_specversion", "0.3", "bad-attributes"),
        ("content-type", "application/cloudevents+json", "bad-content-type"),
        ("content-type", "text/xml", "bad-content-type"),
    ):
        shown = repr(value)[:24]
        yield BadEvent(f"{name} = {shown}", _with_header(sample, name, value), code)
    elsewhere = "cchc.plans.v1" if sample.topic != "cchc.plans.v1" else "cchc.tasks.v1"
    yield BadEvent("on another topic", replace(sample.received(), topic=elsewhere), "wrong-topic")


def _with_header(sample: Sample, name: str, value: bytes | str | None) -> Received:
    received = sample.received()
    headers = {each: kept for each, kept in received.headers.items() if each != name}
    return replace(received, headers=headers if value is None else {**headers, name: value})
