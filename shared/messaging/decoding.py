"""From bytes that anybody may have written to a typed event, or to the reason why not."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from pydantic import ValidationError

from shared.contracts.envelope import Attributes, Contract, Event, from_headers
from shared.contracts.registry import CONTRACTS
from shared.messaging.transports.port import MAX_RECORD_BYTES, Received

MAX_AHEAD = timedelta(days=1)
"""An event's time may be ahead of our clock by so much; later ones are a clock gone wrong and would disturb figures."""
LARGEST_INTEGER = 2**63 - 1
SHOWN_ERRORS = 5
_MOST_DIGITS = len(str(-LARGEST_INTEGER))
EARLIEST = datetime(2, 1, 1, tzinfo=UTC)
"""From here on every moment has an hour in UTC."""
MEDIA_TYPE = "application/json"


class Undecodable(Exception):  # noqa: N818 -- errors say the refusal
    """The message is no event of ours in good order.

    `code` is one of: no-type, bad-attributes, bad-content-type, no-data, too-large, not-utf8, not-json, duplicate-key,
    not-a-number, number-too-large, control-character, wrong-topic, breaks-contract, time-in-future.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


def type_of(received: Received) -> str:
    """Return the event type that the message claims.

    Raises:
        Undecodable: it claims none.
    """
    claimed = received.headers.get("ce_type")
    if not isinstance(claimed, str) or not claimed:
        raise Undecodable("no-type", "header ce_type is missing or not UTF-8")
    return claimed


def decode(received: Received, *, now: datetime, contracts: Mapping[str, type[Contract]] = CONTRACTS) -> Event[Any]:
    """Return the event in `received`, whose type is one of `contracts`.

    JSON is read strictly: no duplicate keys, NaN, Infinity, NUL or integers that no column holds; no "7" for 7.

    Raises:
        Undecodable: with the reason; its text holds names of fields and no values.
    """
    plain = decode_plain(received, now=now, contracts=contracts)
    return decode_carefully(received, now=now, contracts=contracts) if plain is None else plain


def decode_plain(
    received: Received, *, now: datetime, contracts: Mapping[str, type[Contract]] = CONTRACTS
) -> Event[Any] | None:
    """Return the event where it has the form in which ours are sent and nothing is wrong with it, else None.

    Never returns what `decode_carefully` would refuse or read otherwise; that one decides, and words, all refusals.
    """
    headers, value = received.headers, received.value
    try:
        contract = contracts[headers["ce_type"]]  # type: ignore[index]  # bytes are no key
        if received.topic != contract.topic.name or headers["content-type"] != MEDIA_TYPE:
            return None
        if not value or len(value) > MAX_RECORD_BYTES or "\0" in "".join(headers.values()):  # type: ignore[arg-type]
            return None
        attributes = Attributes.model_validate(_named(headers))
        text = value.decode()
        if "\\u0000" in text or _scan(text, 0)[1] != len(text):
            return None
        data = contract.model_validate_json(value, strict=True)
    except (LookupError, TypeError, ValueError, StopIteration, RecursionError, Undecodable):
        return None
    return Event(attributes, data) if EARLIEST < attributes.time <= now + MAX_AHEAD else None


def _named(headers: Mapping[str, bytes | str]) -> dict[str, bytes | str]:
    """Return the attributes by their names; quicker than looking at every header's name."""
    named = {
        "id": headers["ce_id"],
        "source": headers["ce_source"],
        "type": headers["ce_type"],
        "specversion": headers["ce_specversion"],
        "subject": headers["ce_subject"],
        "time": headers["ce_time"],
        "partitionkey": headers["ce_partitionkey"],
    }
    if "ce_traceparent" in headers:
        named["traceparent"] = headers["ce_traceparent"]
    if "ce_tracestate" in headers:
        named["tracestate"] = headers["ce_tracestate"]
    return named


def decode_carefully(
    received: Received, *, now: datetime, contracts: Mapping[str, type[Contract]] = CONTRACTS
) -> Event[Any]:
    """Do the same as `decode`, one check after another.

    Raises:
        Undecodable: see `decode`.
    """
    contract = contracts[type_of(received)]
    if received.topic != contract.topic.name:
        raise Undecodable("wrong-topic", f"this type travels on {contract.topic.name}")
    attributes = _attributes(received.headers, now)
    value = _checked(received.value)
    try:
        data = contract.model_validate_json(value, strict=True)
    except ValidationError as error:
        raise Undecodable("breaks-contract", _told(error)) from error
    return Event(attributes, data)


def _attributes(headers: Mapping[str, bytes | str], now: datetime) -> Attributes:
    ours = {name: value for name, value in headers.items() if name.startswith("ce_") or name == "content-type"}
    for name, value in ours.items():
        if isinstance(value, bytes):
            raise Undecodable("not-utf8", f"header {name}")
        if "\0" in value:
            raise Undecodable("control-character", f"NUL in header {name}")
    media_type = str(ours.get("content-type", MEDIA_TYPE)).partition(";")[0].strip().lower()
    if media_type != MEDIA_TYPE:
        raise Undecodable("bad-content-type", "content-type is not application/json")
    if "ce_specversion" not in ours:
        raise Undecodable("bad-attributes", "specversion: missing")
    try:
        attributes = from_headers(ours)
        attributes.time.astimezone(UTC)  # the ends of the calendar have hours that no UTC has, nor any column
    except (ValidationError, ValueError, OverflowError) as error:
        raise Undecodable("bad-attributes", _told(error)) from error
    if attributes.time > now + MAX_AHEAD:
        raise Undecodable("time-in-future", "ce_time is more than a day ahead of this machine's clock")
    return attributes


def _checked(value: bytes | None) -> bytes:
    """Refuse what pydantic's reader would let pass."""
    if not value:
        raise Undecodable("no-data", "the message has no value")
    if len(value) > MAX_RECORD_BYTES:
        raise Undecodable("too-large", f"{len(value)} bytes, at most {MAX_RECORD_BYTES}")
    try:
        text = value.decode()
    except UnicodeDecodeError as error:
        raise Undecodable("not-utf8", f"byte {error.start} of the value") from error
    try:
        read = _STRICT_READER if "\\u0000" in text else _READER
        read.decode(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise Undecodable("not-json", type(error).__name__) from error
    return value


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Undecodable("duplicate-key", "a key stands twice in one object")
    return found


def _pairs_without_nul(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    for name, value in pairs:
        if "\0" in name or _has_nul(value):
            raise Undecodable("control-character", "NUL in the value")
    return _pairs(pairs)


def _has_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\0" in value
    return isinstance(value, list) and any(_has_nul(each) for each in value)


def _no_constant(_name: str) -> NoReturn:
    raise Undecodable("not-a-number", "NaN or Infinity")


def _small(digits: str) -> int:
    if len(digits) > _MOST_DIGITS or abs(found := int(digits)) > LARGEST_INTEGER:
        raise Undecodable("number-too-large", "an integer of more than 64 bits")
    return found


def _finite(digits: str) -> float:
    found = float(digits)
    if found in {float("inf"), float("-inf")}:
        raise Undecodable("number-too-large", "a number beyond double precision")
    return found


def _reader(pairs: Callable[[list[tuple[str, Any]]], dict[str, Any]]) -> json.JSONDecoder:
    return json.JSONDecoder(object_pairs_hook=pairs, parse_constant=_no_constant, parse_int=_small, parse_float=_finite)


_READER = _reader(_pairs)
_scan: Callable[[str, int], tuple[object, int]] = vars(_READER)["scan_once"]
"""Reads one JSON value from a place on; what else the decoder does is skipping of blanks around it."""
_STRICT_READER = _reader(_pairs_without_nul)
"""For texts in which NUL may stand: JSON knows it only escaped, so most need not be searched value by value."""


def _told(error: Exception) -> str:
    """Return where and what, without the values: reasons are listed on screens, bodies are not."""
    if not isinstance(error, ValidationError):
        return type(error).__name__
    found = error.errors(include_url=False, include_context=False, include_input=False)
    told = [f"{'.'.join(str(part)[:60] for part in each['loc']) or 'value'}: {each['type']}" for each in found]
    more = [f"and {len(told) - SHOWN_ERRORS} more"] if len(told) > SHOWN_ERRORS else []
    return "; ".join(told[:SHOWN_ERRORS] + more)
