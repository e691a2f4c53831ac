"""A small HTTP/1.1 load client: keep-alive connections, one request at a time each, every latency kept."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Request:
    """One request; a POST unless it says otherwise."""

    path: str
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    method: str = "POST"

    def wire(self, host: str) -> bytes:
        about_body = ["Content-Type: application/json", f"Content-Length: {len(self.body)}"] if self.body else []
        lines = [
            f"{self.method} {self.path} HTTP/1.1",
            f"Host: {host}",
            *about_body,
            *(f"{name}: {value}" for name, value in self.headers),
        ]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


@dataclass(frozen=True)
class Round:
    """What one round of requests took."""

    seconds: float
    latencies: tuple[float, ...]
    failures: int

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """Return the latency in milliseconds that `share` (0..1) of the requests did not exceed."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wire: bytes) -> int:
    writer.write(wire)
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    lowered = head.lower()
    start = lowered.index(b"content-length:") + 15
    await reader.readexactly(int(lowered[start : lowered.index(b"\r\n", start)]))
    return status


async def play(port: int, requests: Sequence[Request], *, clients: int, expected: int = 201) -> Round:
    """Send all requests over `clients` connections; count every answer that is not `expected` as a failure."""
    waiting = list(reversed([request.wire(f"127.0.0.1:{port}") for request in requests]))
    latencies: list[float] = []
    failures = 0

    async def client() -> None:
        nonlocal failures
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while waiting:
            wire = waiting.pop()
            began = time.perf_counter()
            status = await _exchange(reader, writer, wire)
            latencies.append(time.perf_counter() - began)
            failures += status != expected
        writer.close()
        await writer.wait_closed()

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return Round(time.perf_counter() - began, tuple(latencies), failures)
