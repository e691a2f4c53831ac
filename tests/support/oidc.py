"""A real OpenID Connect provider (the npm package `oidc-provider`) as a process of its own."""

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from joserfc.jwk import RSAKey

from tests.support.ports import free_port

FOLDER = Path(__file__).with_name("oidc_provider")
SECRET = "bi-mat-cua-phan-mem-thu-nghiem"
INSTALL_SECONDS = 180


@pytest.fixture(scope="session")
def oidc_program() -> list[str]:
    """The command that starts a provider; skips where there is no node, or no registry to install from."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("a real OpenID Connect provider needs node and npm")
    manifest = json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))
    wanted = manifest["dependencies"]["oidc-provider"]
    installed = FOLDER / "node_modules" / "oidc-provider" / "package.json"
    if not installed.exists() or json.loads(installed.read_text(encoding="utf-8"))["version"] != wanted:
        _install(npm)
    return [node, str(FOLDER / "server.mjs")]


def _install(npm: str) -> None:
    """Install beside, and move it into place whole: another test process may be doing the same."""
    with tempfile.TemporaryDirectory(prefix=".node_modules-", dir=FOLDER) as beside:
        shutil.copy(FOLDER / "package.json", beside)
        command = [npm, "install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"]
        try:
            done = subprocess.run(
                command, cwd=beside, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            pytest.skip("npm has not installed the OpenID Connect provider in time")
        if done.returncode:
            pytest.skip(f"npm cannot install the OpenID Connect provider: {done.stderr[-300:]}")
        target = FOLDER / "node_modules"
        if target.exists():
            target.rename(Path(beside) / "old")
        try:
            (Path(beside) / "node_modules").rename(target)
        except OSError:
            assert target.exists(), "neither we nor another process has installed it"


def a_key(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, parameters={"kid": kid, "alg": "RS256", "use": "sig"})


@dataclass
class Provider:
    """What a provider is configured with. One that has stopped may start again with other keys."""

    program: Sequence[str]
    claims: Mapping[str, Mapping[str, Any]]
    """Client -> what its tokens say beside the standard claims."""
    keys: list[RSAKey] = field(default_factory=lambda: [a_key("k1")])
    port: int = field(default_factory=free_port)
    issuer: str = ""
    clock_offset: int = 0
    """Seconds by which its clock is wrong."""

    def __post_init__(self) -> None:
        self.issuer = self.issuer or self.address

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Provider"]:
        process = await asyncio.create_subprocess_exec(
            *self.program,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={"PATH": os.defpath, "NODE_NO_WARNINGS": "1"},
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(self._configuration())
            await process.stdin.drain()
            async with asyncio.timeout(30):
                while (line := await process.stdout.readline()) != b"listening\n":
                    assert line, f"the provider has ended: {process.returncode}"
            yield self
        finally:
            if process.returncode is None:
                process.terminate()
            process.stdin.close()
            await process.wait()

    def _configuration(self) -> bytes:
        told = {
            "port": self.port,
            "issuer": self.issuer,
            "jwks": [key.as_dict(private=True) for key in self.keys],
            "clients": dict.fromkeys(self.claims, SECRET),
            "claims": self.claims,
            "algorithm": "RS256",
            "clockOffset": self.clock_offset,
        }
        return json.dumps(told).encode() + b"\n"

    async def token(self, client: str, *, resource: str = "urn:cchc") -> str:
        """Return an access token that the client got by its own credentials (RFC 6749, 4.4)."""
        async with httpx2.AsyncClient(trust_env=False, timeout=10) as http:
            answer = await http.post(
                f"{self.address}/token",
                data={"grant_type": "client_credentials", "resource": resource},
                auth=(client, SECRET),
            )
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["access_token"]
        return token
