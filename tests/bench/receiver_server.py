"""A receiver of webhooks that does nothing but note when what came: `python -m tests.bench.receiver_server PORT`.

POST /hang... is never answered, every other POST at once. GET /came tells, and forgets, what came: one line each with
the moment (seconds since 1970), the path and the body's task.
"""

import asyncio
import json
import sys

from shared.clock import SystemClock

_CLOCK = SystemClock()
_came: list[tuple[float, str, bytes]] = []
_OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve one connection."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            moment = _CLOCK.now().timestamp()
            method, path, _ = head.split(b" ", 2)
            lowered = head.lower()
            at = lowered.find(b"content-length:")
            length = int(lowered[at + 15 : lowered.index(b"\r\n", at)]) if at >= 0 else 0
            body = await reader.readexactly(length)
            if method == b"GET":
                told = "".join(
                    f"{when} {where} {json.loads(said)['data'].get('task_id')}\n" for when, where, said in _came
                ).encode()
                _came.clear()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(told) + told)
                continue
            _came.append((moment, path.decode(), body))
            if path.startswith(b"/hang"):
                await asyncio.sleep(3600)
            writer.write(_OK)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main(port: int) -> None:
    """Serve until the process is ended."""
    server = await asyncio.start_server(exchange, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
