"""Asks a service whether it is ready. A dozen lines of HTTP instead of a client library: the supervisor stays small."""

import asyncio

LARGEST_ANSWER = 65_536


async def get(port: int, path: str, *, within: float = 3) -> tuple[int, str]:
    """Return status and body of a GET on 127.0.0.1; status 0 when nobody answers."""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
    try:
        async with asyncio.timeout(within):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(request.encode("ascii"))
                answer = bytearray()
                while len(answer) < LARGEST_ANSWER and (part := await reader.read(LARGEST_ANSWER)):
                    answer += part
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return 0, ""
    head, _, body = answer.decode(errors="replace").partition("\r\n\r\n")
    words = head.split(maxsplit=2)
    status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
    return status, body


async def is_ready(port: int) -> bool:
    """Whether the service there says that it can do its work."""
    status, _body = await get(port, "/health/ready")
    return status == 200  # noqa: PLR2004 -- HTTP's OK
