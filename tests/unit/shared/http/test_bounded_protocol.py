"""Heads of requests over real sockets: bounded in size and in time."""

import asyncio
import json
from pathlib import Path

import pytest

from shared.http.bounded_protocol import BoundedProtocol
from tests.support.raw_http import connected
from tests.support.tiny_service import TinyService
from tests.support.waiting import eventually


class HastyProtocol(BoundedProtocol):
    head_seconds = 0.2


async def read_all(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(10):
        return await reader.read()


async def test_head_without_end_is_refused(tmp_path: Path) -> None:
    async with connected(TinyService(tmp_path).app) as (reader, writer):
        writer.write(b"GET /health/live HTTP/1.1\r\nx: ")
        for _ in range(8):
            writer.write(b"a" * 16_384)
            await writer.drain()
        answer = await reader.readuntil(b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert b"content-type: application/problem+json\r\n" in answer


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",  # TLS at the door of HTTP
        b"GET /health/live\x00 HTTP/1.1\r\n\r\n",
        b"POST /health/live HTTP/1.1\r\nx\x7f: y\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_told_so_in_a_problem_document(tmp_path: Path, sent: bytes) -> None:
    async with connected(TinyService(tmp_path).app) as (reader, writer):
        writer.write(sent)
        head, _, body = (await read_all(reader)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"content-type: application/problem+json" in head
    assert b"connection: close" in head
    told = json.loads(body)
    assert (told["code"], told["status"]) == ("malformed-request", 400)
    assert told["detail"] == "Dữ liệu nhận được không phải là một yêu cầu HTTP hợp lệ."


async def test_connection_that_says_nothing_is_hung_up_on(tmp_path: Path) -> None:
    async with connected(TinyService(tmp_path).app, HastyProtocol) as (reader, _):
        assert await read_all(reader) == b""


async def test_head_that_is_never_complete_is_hung_up_on(tmp_path: Path) -> None:
    async with connected(TinyService(tmp_path).app, HastyProtocol) as (reader, writer):
        writer.write(b"GET /health/live HTTP/1.1\r\nhost: x\r\n")
        assert await read_all(reader) == b""


async def test_second_request_of_a_connection_has_its_own_bounds(tmp_path: Path) -> None:
    async with connected(TinyService(tmp_path).app, HastyProtocol) as (reader, writer):
        writer.write(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n")
        async with asyncio.timeout(10):
            first = await reader.readuntil(b'"alive"}')
        writer.write(b"GET /health/live HTTP/1.1\r\nhost: x\r\n")
        assert await read_all(reader) == b""
    assert first.startswith(b"HTTP/1.1 200 OK")


async def test_large_body_is_not_counted_as_head(tmp_path: Path) -> None:
    tiny = TinyService(tmp_path)
    body = b" " * 150_000
    fields = ["host: x", f"authorization: Bearer {tiny.token()}", f"content-length: {len(body)}"]
    head = "\r\n".join(["POST /v1/files HTTP/1.1", *fields, "", ""])
    async with connected(TinyService(tmp_path).app) as (reader, writer):
        writer.write(head.encode())
        writer.write(body)
        async with asyncio.timeout(10):
            answer = await reader.readuntil(b"}")
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(b'{"bytes":150000}')


async def test_more_at_once_than_there_may_be_are_refused_in_a_problem_document(tmp_path: Path) -> None:
    async with connected(TinyService(tmp_path).app, at_once=2) as (reader, writer):
        port = writer.get_extra_info("peername")[1]
        _, second = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /health/live HTTP/1.1\r\nhost: x\r\naccept-language: en\r\n\r\n")
        async with asyncio.timeout(10):
            head = await reader.readuntil(b"\r\n\r\n")
            body = json.loads(await reader.readuntil(b"}"))
        second.close()
        await second.wait_closed()
        await eventually(lambda: _is_let_in(reader, writer), tell="let in once the other has gone")
    assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"content-type: application/problem+json\r\n" in head
    assert b"retry-after: 5\r\n" in head
    assert b"x-content-type-options: nosniff\r\n" in head  # it went the way of all answers: headers, line, metrics
    assert (body["code"], body["title"]) == ("overloaded", "Overloaded")


async def _is_let_in(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    writer.write(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n")
    async with asyncio.timeout(10):
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
    return head.startswith(b"HTTP/1.1 200 ")
