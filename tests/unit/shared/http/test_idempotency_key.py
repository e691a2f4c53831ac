"""The fingerprint of a request under an Idempotency-Key."""

from pathlib import Path

import httpx2
import pytest

from tests.support.tiny_service import TinyService


async def fingerprint(tiny: TinyService, content: bytes = b"{}", query: str = "") -> str:
    async with tiny.client() as caller:
        answer = await caller.post(f"/v1/keys{query}", content=content, headers={"idempotency-key": "k-1"})
    assert answer.status_code == 200
    return str(answer.json()["sha256"])


async def test_same_request_has_the_same_fingerprint(tmp_path: Path) -> None:
    tiny = TinyService(tmp_path)
    assert await fingerprint(tiny) == await fingerprint(tiny)
    assert await fingerprint(tiny) != await fingerprint(tiny, b"{ }")


async def test_request_without_key_has_none(tmp_path: Path) -> None:
    async with TinyService(tmp_path).client() as caller:
        assert (await caller.post("/v1/keys")).json() == {"sha256": None, "caller": None}


async def test_key_belongs_to_its_caller(tmp_path: Path) -> None:
    tiny = TinyService(tmp_path)
    callers = set()
    for role, unit in (("secretariat", None), ("department", "SNV"), ("department", "STC")):
        async with tiny.client(role, unit) as caller:
            callers.add((await caller.post("/v1/keys", headers={"idempotency-key": "k"})).json()["caller"])
    assert len(callers) == 3


async def test_form_is_known_again_under_another_boundary(tmp_path: Path) -> None:
    tiny = TinyService(tmp_path)
    found = []
    for content in (b"plan", b"plan", b"plam"):
        async with tiny.client() as caller:
            answer = await caller.post(
                "/v1/forms",
                files={"file": ("kế hoạch.xlsx", content)},
                data={"unit": "SNV"},
                headers={"idempotency-key": "k"},
            )
        assert answer.json()["bytes"] == 4
        found.append(answer.json()["sha256"])
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize("key", [b"", b" ", b"a" * 201, b"\xc3\xa9", b"a\tb"])
async def test_unusable_key_is_refused(tmp_path: Path, key: bytes) -> None:
    tiny = TinyService(tmp_path)
    async with tiny.client() as caller:
        answer = await caller.post("/v1/keys", headers=httpx2.Headers([(b"idempotency-key", key)]))
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-idempotency-key")


async def test_two_keys_are_refused(tmp_path: Path) -> None:
    async with TinyService(tmp_path).client() as caller:
        answer = await caller.post("/v1/keys", headers=[("idempotency-key", "a"), ("idempotency-key", "b")])
    assert answer.status_code == 400
