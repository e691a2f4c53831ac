"""Answers that a webhook gets from strangers, and what is to be written down of each."""

import gzip
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from services.reporting.adapters.outgoing.answer import Failure
from services.reporting.adapters.outgoing.poster import MOST_BYTES
from tests.support.strangers import Behaviour, Caller, answering, repeating

NOW: Final = datetime(2023, 10, 31, 8, 0, tzinfo=UTC)
MIB: Final = 1024 * 1024
HUGE: Final = 64 * MIB
_BLOCK: Final = b"x" * 65536


@dataclass(frozen=True)
class Given:
    """An answer of the receiver, and the attempt that it makes."""

    behave: Behaviour
    status: int | None
    failure: Failure | None = None
    retry_after: float | None = None
    excerpt: bytes | None = None
    """What must stand in the log; None: not looked at."""


def plain(status: int, *headers: str, body: bytes = b"") -> bytes:
    """Return an answer in good order."""
    lines = [f"HTTP/1.1 {status} X", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


async def _early(caller: Caller) -> None:
    await caller.say(plain(413))
    caller.writer.close()


def _head(*lines: str) -> bytes:
    return "\r\n".join([*lines, "", ""]).encode()


OK: Final = "HTTP/1.1 200 OK"
_CHUNKED: Final = _head(OK, "Transfer-Encoding: chunked")

IN_ORDER: Final[dict[str, Given]] = {
    "with a body": Given(answering(plain(200, body=b"ok")), 200, excerpt=b"ok"),
    "without a body": Given(answering(plain(204)), 204, excerpt=b""),
    "accepted for later": Given(answering(plain(202, body=b"\xff\x00binary")), 202, excerpt=b"\xff\x00binary"),
    "no length, ended by closing": Given(answering(_head(OK), b"bye", then="close"), 200, excerpt=b"bye"),
    "HTTP/1.0": Given(answering(_head("HTTP/1.0 200 OK"), b"old", then="close"), 200, excerpt=b"old"),
    "a version of its own, framed as HTTP/1": Given(answering(b"HTTP/3.0 200 OK\r\n\r\n", then="close"), 200),
    "in chunks": Given(answering(_CHUNKED, b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n"), 200, excerpt=b"abcde"),
    "chunks with extensions": Given(answering(_CHUNKED, b"3;a=b\r\nabc\r\n0\r\n\r\n"), 200, excerpt=b"abc"),
    "chunks with trailers": Given(answering(_CHUNKED, b"1\r\na\r\n0\r\nX-T: 1\r\n\r\n"), 200, excerpt=b"a"),
    "early hints first": Given(answering(_head("HTTP/1.1 103 Early Hints", "Link: </a>"), plain(200)), 200),
    "continue first": Given(answering(_head("HTTP/1.1 100 Continue"), plain(201)), 201),
    "a hundred times processing first": Given(answering(_head("HTTP/1.1 102 Processing") * 100, plain(200)), 200),
    "line feeds alone": Given(answering(b"HTTP/1.1 200 OK\nContent-Length: 1\n\na"), 200, excerpt=b"a"),
    "no reason": Given(answering(b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"), 200),
    "one byte at a time": Given(answering(*(bytes([each]) for each in plain(200, body=b"slow"))), 200, excerpt=b"slow"),
    "a long body cut to its first kilobyte": Given(answering(plain(500, body=b"y" * 5000)), 500, excerpt=b"y" * 1024),
    "compressed, kept as it came": Given(
        answering(plain(200, "Content-Encoding: gzip", body=gzip.compress(b"a" * 10 * MIB, mtime=0))),
        200,
        excerpt=gzip.compress(b"a" * 10 * MIB, mtime=0)[:1024],
    ),
    "not found": Given(answering(plain(404, body=b"<html>")), 404, excerpt=b"<html>"),
    "gone": Given(answering(plain(410)), 410),
    "unauthorised": Given(answering(plain(401, "WWW-Authenticate: Basic")), 401),
    "error": Given(answering(plain(500)), 500),
    "bad gateway": Given(answering(plain(502)), 502),
    "an answer before the body was read": Given(_early, 413),
    "429, seconds": Given(answering(plain(429, "Retry-After: 120")), 429, retry_after=120),
    "429, date": Given(answering(plain(429, "Retry-After: Tue, 31 Oct 2023 08:10:00 GMT")), 429, retry_after=600),
    "503, seconds": Given(answering(plain(503, "retry-after:  7 ")), 503, retry_after=7),
    "503, date in the old form": Given(
        answering(plain(503, "Retry-After: Tuesday, 31-Oct-23 09:00:00 GMT")), 503, retry_after=3600
    ),
    "503, date gone by": Given(answering(plain(503, "Retry-After: Mon, 30 Oct 2023 08:10:00 GMT")), 503, retry_after=0),
    "503, nonsense": Given(answering(plain(503, "Retry-After: soon")), 503),
    "503, negative": Given(answering(plain(503, "Retry-After: -5")), 503),
    "503, more digits than years": Given(answering(plain(503, "Retry-After: 99999999999999999999")), 503),
    "503, twice": Given(answering(plain(503, "Retry-After: 3", "Retry-After: 9")), 503, retry_after=9),
    "body of just what is read": Given(answering(plain(200, body=b"z" * MOST_BYTES)), 200),
    "a second answer behind the first": Given(answering(plain(200, body=b"ok") + plain(500)), 200, excerpt=b"ok"),
    "a Retry-After behind the body": Given(
        answering(_head("HTTP/1.1 503 X", "Transfer-Encoding: chunked"), b"1\r\na\r\n0\r\nRetry-After: 9\r\n\r\n"), 503
    ),
    "moved, never followed": Given(answering(plain(301, "Location: {trap}")), 301, "redirect"),
    "found, never followed": Given(answering(plain(302, "Location: {trap}")), 302, "redirect"),
    "see other": Given(answering(plain(303, "Location: {trap}")), 303, "redirect"),
    "temporary": Given(answering(plain(307, "Location: {trap}")), 307, "redirect"),
    "permanent": Given(answering(plain(308, "Location: {trap}")), 308, "redirect"),
    "redirect without a place": Given(answering(plain(302)), 302, "redirect"),
    "refresh header, not a redirect": Given(answering(plain(200, "Refresh: 0; url={trap}")), 200),
}

OUT_OF_ORDER: Final[dict[str, Given]] = {
    "reset after the request": Given(answering(then="reset"), None, "reset"),
    "reset in the status line": Given(answering(b"HTTP/1.1 2", then="reset"), None, "reset"),
    "reset in the headers": Given(answering(b"HTTP/1.1 200 OK\r\nA: b\r\n", then="reset"), None, "reset"),
    "closed after the request": Given(answering(then="close"), None, "reset"),
    "closed in the headers": Given(answering(b"HTTP/1.1 200 OK\r\nA: b\r\n", then="close"), None, "reset"),
    "closed in the body": Given(answering(_head(OK, "Content-Length: 9"), b"abc", then="close"), 200, "reset"),
    "error closed in the body": Given(
        answering(_head("HTTP/1.1 500 X", "Content-Length: 9"), b"abc", then="close"), 500, "reset", excerpt=b"abc"
    ),
    "closed in the chunks": Given(answering(_CHUNKED, b"5\r\nab", then="close"), 200, "reset"),
    "broken chunk length": Given(answering(_CHUNKED, b"zz\r\nabc\r\n"), 200, "protocol"),
    "negative chunk length": Given(answering(_CHUNKED, b"-1\r\nabc\r\n"), 200, "protocol"),
    "endless chunk length": Given(answering(_CHUNKED, b"F" * 4000 + b"\r\n"), 200, "protocol"),
    "garbage": Given(answering(bytes(range(256)) + b"\r\n\r\n", then="close"), None, "protocol"),
    "another protocol": Given(answering(b"SSH-2.0-OpenSSH_9.9\r\n\r\n", then="close"), None, "protocol"),
    "another protocol, in the same words": Given(
        answering(b"RTSP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"), None, "protocol"
    ),
    "the same, a byte at a time": Given(
        answering(*(bytes([each]) for each in b"ICE/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")), None, "protocol"
    ),
    "lower-case protocol": Given(answering(b"http/1.1 200 ok\r\n\r\n", then="close"), None, "protocol"),
    "HTTP/2 without asking": Given(answering(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00\r\n\r\n"), None, "protocol"),
    "two figures of a status": Given(answering(b"HTTP/1.1 20 OK\r\n\r\n", then="close"), None, "protocol"),
    "status 000": Given(answering(b"HTTP/1.1 000 X\r\n\r\n", then="close"), None, "protocol"),
    "negative length": Given(answering(_head(OK, "Content-Length: -1"), then="close"), None, "protocol"),
    "two lengths": Given(answering(_head(OK, "Content-Length: 1", "Content-Length: 2"), b"ab"), None, "protocol"),
    "header without a colon": Given(answering(_head(OK, "Nonsense"), then="close"), None, "protocol"),
    "NUL in a header": Given(answering(_head(OK, "A: b\0c"), then="close"), None, "protocol"),
    "header of 200 KiB": Given(answering(_head(OK, "A: " + "a" * 200_000), then="close"), None, "protocol"),
    "a million headers": Given(repeating(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n" * 1000, times=1000), None, "protocol"),
    "a flood of interim answers": Given(
        repeating(b"", _head("HTTP/1.1 102 Processing") * 100, times=1000), None, "protocol"
    ),
    "a line of a thousand bytes for each chunk of one": Given(
        repeating(_CHUNKED, b"1;" + b"x" * 1000 + b"\r\na\r\n", times=5000), 200, "too-large-answer"
    ),
    "a trailer without end": Given(
        repeating(_CHUNKED + b"1\r\na\r\n0\r\nA: ", _BLOCK, times=100), 200, "too-large-answer", excerpt=b"a"
    ),
    "length and chunks at once": Given(
        answering(_head(OK, "Content-Length: 1", "Transfer-Encoding: chunked"), b"1\r\na\r\n0\r\n\r\n"),
        None,
        "protocol",
    ),
    "switching protocols": Given(answering(_head("HTTP/1.1 101 S", "Upgrade: ws")), None, "protocol"),
    "one byte more than is read": Given(answering(plain(200, body=b"z" * (MOST_BYTES + 1))), 200, "too-large-answer"),
    "huge, with its length": Given(
        repeating(_head(OK, f"Content-Length: {HUGE}"), _BLOCK, times=HUGE // 65536), 200, "too-large-answer"
    ),
    "huge, without a length": Given(repeating(_head(OK), _BLOCK, times=HUGE // 65536), 200, "too-large-answer"),
    "huge, in chunks": Given(
        repeating(_CHUNKED, b"10000\r\n" + _BLOCK + b"\r\n", times=HUGE // 65536), 200, "too-large-answer"
    ),
    "huge error": Given(
        repeating(_head("HTTP/1.1 500 X", f"Content-Length: {HUGE}"), _BLOCK, times=HUGE // 65536),
        500,
        "too-large-answer",
        excerpt=b"x" * 1024,
    ),
}

TOO_SLOW: Final[dict[str, Given]] = {
    "silent after the request": Given(answering(then="silent"), None, "timeout"),
    "silent in the status line": Given(answering(b"HTTP/1.1 20", then="silent"), None, "timeout"),
    "silent in the headers": Given(answering(b"HTTP/1.1 200 OK\r\nA: b\r\n", then="silent"), None, "timeout"),
    "silent in the body": Given(answering(_head(OK, "Content-Length: 9"), b"ab", then="silent"), 200, "timeout"),
    "dripping headers": Given(repeating(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n", every=0.05), None, "timeout"),
    "dripping body": Given(repeating(_head(OK, "Content-Length: 9999"), b"a", every=0.05), 200, "timeout"),
    "dripping error": Given(repeating(_head("HTTP/1.1 500 X"), b"a", every=0.05), 500, "timeout"),
    "dripping chunks": Given(repeating(_CHUNKED, b"1\r\na\r\n", every=0.05), 200, "timeout"),
    "processing for ever": Given(repeating(b"", _head("HTTP/1.1 102 Processing"), every=0.05), None, "timeout"),
}
