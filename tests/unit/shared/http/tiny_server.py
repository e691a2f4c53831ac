"""The tiny service as a process of its own: `python tiny_server.py DIRECTORY HOST PORT`."""

import asyncio
import sys
from pathlib import Path

from fastapi import APIRouter

from shared.http.server import serve
from tests.support.tiny_service import EVERYBODY, PERMISSIONS, TinyService, router

slow = APIRouter(prefix="/v1")


@slow.get("/slow")
async def read_slowly() -> str:
    sys.stderr.write("in flight\n")
    sys.stderr.flush()
    await asyncio.sleep(1.5)
    return "finished"


if __name__ == "__main__":
    directory, host, port = sys.argv[1:]
    permissions = {**PERMISSIONS, "read_slowly": EVERYBODY}
    tiny = TinyService(Path(directory), routers=[router, slow], permissions=permissions)
    serve(tiny.app, host, int(port))
