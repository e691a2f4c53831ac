"""What people and programs write into cells, cursors and headers: any of it is read or refused, and in time."""

import base64
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from starlette.types import Message

from services.plans.domain.deadline import DeadlineKind, read_deadline
from shared.http.language import preferred_language
from shared.http.paging import BadCursor, decode_cursor
from shared.http.preconditions import IfMatchInvalid, expected_version
from shared.security import make_issuer
from tests.fuzz.effort import examples
from tests.support.postgres import DatabaseFactory
from tests.support.tasks_service import TasksService

SLOWEST = 0.2
"""Seconds of processor time that one phrase of 500 characters may take; a pattern that backtracks takes minutes."""
LEADS = ("", "trước ngày ", "chậm nhất ", "trong ", "từ ", "hoàn thành trước ", "đến hết ", "kể từ ", "sau ", "theo ")
UNITS = ("ngày", "tháng", "quý", "năm", "tuần", "quí", "Q", "T", "tháng cuối quý", "6 tháng đầu năm", "nửa đầu")
FIGURES = (
    "1",
    "01",
    "31",
    "30/02",
    "15/12",
    "2/9/2023",
    "2023-02-29",
    "II",
    "IV",
    "Ⅱ",
    "l",
    "mười hai",
    "tư",
    "2023",
    "20230",
    "½",
    "٣",
)
JOINTS = (
    " và ",
    "; ",
    ",",
    " - ",
    "–",
    " đến ",
    "/",
    "\n",
    " (",
    ") ",
    "",
    " " * 9,
    "hằng ",
    "mỗi ",
    "lần",
    "\u200b",
    "e\u0301",
)
PHRASE = st.lists(
    st.tuples(*(st.sampled_from(words) for words in (LEADS, UNITS, (" ", ""), FIGURES, JOINTS))).map("".join),
    max_size=12,
).map("".join)
NOISY = st.tuples(PHRASE, st.text(max_size=6), st.integers(0, 200)).map(
    lambda made: made[0][: made[2]] + made[1] + made[0][made[2] :]
)
REPEATED = st.tuples(PHRASE, st.integers(1, 60)).map(lambda made: (made[0] * made[1])[:500])
effort = settings(max_examples=examples(400), deadline=None, database=None, suppress_health_check=list(HealthCheck))


@effort
@given(phrase=st.one_of(PHRASE, NOISY, REPEATED, st.text(max_size=600)), year=st.integers(2000, 2100))
@example(phrase="1 - " * 125, year=2023)
@example(phrase="quý i, " * 71, year=2023)
@example(phrase="tháng 1 đến " * 41, year=2023)
@example(phrase=" " * 500 + "x", year=2023)
@example(phrase="(" * 250 + ")" * 250, year=2023)
@example(phrase="1" * 500, year=2023)
def test_any_phrase_is_read_or_doubted_in_time(phrase: str, year: int) -> None:
    began = time.process_time()
    found = read_deadline(phrase, year)
    assert time.process_time() - began < SLOWEST
    assert found.phrase == phrase
    assert found.kind in DeadlineKind


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=6)


@effort
@given(
    cursor=st.one_of(
        st.text(max_size=1100),
        JSON.map(encoded),
        st.binary(max_size=50).map(lambda raw: base64.urlsafe_b64encode(raw).decode()),
    )
)
@example(cursor=encoded([10**30, "x"]))
@example(cursor=base64.urlsafe_b64encode(b"[" * 700).decode())
@example(cursor=base64.urlsafe_b64encode(b"1" * 750).decode())
def test_any_cursor_is_a_position_or_refused(cursor: str) -> None:
    for kinds in ((str,), (int, str), (str, int, str)):
        try:
            found = decode_cursor(cursor, kinds)
        except BadCursor:
            continue
        assert found is not None
        assert len(found) == len(kinds)


LANGUAGES = st.one_of(
    st.text(max_size=80),
    st.lists(st.sampled_from(("vi", "en", "*", ";q=", "0.5", ",", "1.0000", "-VN", " "))).map("".join),
)
TAGS = st.one_of(
    st.text(max_size=210), st.lists(st.sampled_from(('"', "W/", "1", "*", ",", " ", "99999999999"))).map("".join)
)


@effort
@given(language=LANGUAGES, tag=TAGS)
def test_any_language_and_any_entity_tag_is_read_or_refused(language: str, tag: str) -> None:
    assert preferred_language(language) in {"vi", "en"}
    try:
        found = expected_version(tag)
    except IfMatchInvalid:
        return
    assert found is None or -1 <= found < 10**9


@pytest.fixture(scope="session")
def fuzz_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("keys")
    make_issuer(directory)
    return directory


@pytest.fixture
async def service(database_factory: DatabaseFactory, fuzz_keys: Path) -> AsyncIterator[TasksService]:
    started = TasksService.start(await database_factory(("shared.messaging", "services.tasks")), fuzz_keys)
    await started.learn_units()
    yield started
    await started.stop()


async def status_of(service: TasksService, headers: list[tuple[bytes, bytes]], path: bytes, query: bytes) -> int:
    """Send one request in bytes that no client library would let through; return the status."""
    sent: list[Message] = []
    body = json.dumps({"note": "Đang làm"}).encode()

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path.decode("latin-1"),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": [(b"host", b"x"), (b"content-type", b"application/json"), *headers],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    await service.app(scope, receive, send)
    status: int = next(message["status"] for message in sent if message["type"] == "http.response.start")
    return status


NAMES = (
    b"authorization",
    b"idempotency-key",
    b"if-match",
    b"accept-language",
    b"content-type",
    b"traceparent",
    b"tracestate",
    b"content-length",
    b"accept",
)
VALUES = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        (
            b"",
            b" ",
            b"Bearer ",
            b"Bearer a.b.c",
            b"bearer " + b"x" * 9000,
            b"\xff",
            b'"1"',
            b"*",
            b"k" * 201,
            b"-1",
            b"99999999999999999999",
            b"application/json; charset=utf-7",
            b"text/plain",
            b"multipart/form-data",
            b"00-" + b"f" * 32 + b"-" + b"f" * 16 + b"-ff",
        )
    ),
)


@settings(max_examples=examples(150), deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(
    headers=st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=4),
    known=st.booleans(),
    tail=st.binary(max_size=12),
    query=st.binary(max_size=12),
)
async def test_any_bytes_in_the_head_of_a_request_bring_no_5xx(
    service: TasksService, headers: list[tuple[bytes, bytes]], known: bool, tail: bytes, query: bytes
) -> None:
    if known:
        headers = [(b"authorization", b"Bearer " + service.token("department", "TV-SYT").encode()), *headers]
    path = b"/v1/tasks/00000000-0000-7000-8000-000000000000/progress" + (b"" if known else tail)
    assert await status_of(service, headers, path, query) < 500
