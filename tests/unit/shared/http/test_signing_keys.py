"""Where signing keys come from, and what happens while the source is away."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from joserfc.jwk import OKPKey, RSAKey

from shared.signing_keys import FileKeys, IssuerKeys, KeysUnavailable, key_source, parse_key_set


class Issuer:
    """A real HTTP server that hands out a key set, or whatever a test wants."""

    def __init__(self) -> None:
        self.body = b"{}"
        self.status = 200
        self.asked = 0
        self.address = ""


@contextmanager
def running(issuer: Issuer) -> Iterator[Issuer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked += 1
            self.send_response(issuer.status)
            if issuer.status == 302:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(issuer.body)))
            self.end_headers()
            self.wfile.write(issuer.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the parent's name
            del format, args

    server = HTTPServer(("127.0.0.1", 0), Handler)
    issuer.address = f"http://127.0.0.1:{server.server_port}/jwks"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with running(Issuer()) as found:
        yield found


@pytest.fixture
def moving_time(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that the module's monotonic clock shows; a test moves them."""
    seconds = [1000.0]
    monkeypatch.setattr("shared.signing_keys.monotonic", lambda: seconds[0])
    return seconds


def key_set(*keys: OKPKey) -> bytes:
    return json.dumps({"keys": [key.as_dict(private=False) for key in keys]}).encode()


FIRST = OKPKey.generate_key("Ed25519", parameters={"kid": "first"})
SECOND = OKPKey.generate_key("Ed25519", parameters={"kid": "second"})


async def test_keys_of_an_issuer_are_fetched_when_first_needed(issuer: Issuer) -> None:
    issuer.body = key_set(FIRST)
    keys = IssuerKeys(issuer.address)
    assert await keys.find("first") is not None
    assert await keys.find("first") is not None
    assert issuer.asked == 1


async def test_unknown_kid_asks_the_issuer_again_but_not_at_once(issuer: Issuer, moving_time: list[float]) -> None:
    issuer.body = key_set(FIRST)
    keys = IssuerKeys(issuer.address)
    await keys.refresh()
    issuer.body = key_set(FIRST, SECOND)
    assert await keys.find("second") is None
    assert issuer.asked == 1
    moving_time[0] += 31
    assert await keys.find("second") is not None
    for _ in range(20):
        assert await keys.find("invented") is None
    assert issuer.asked == 2


async def test_withdrawn_key_goes_with_the_next_fetch(issuer: Issuer, moving_time: list[float]) -> None:
    issuer.body = key_set(FIRST)
    keys = IssuerKeys(issuer.address)
    await keys.refresh()
    issuer.body = key_set(SECOND)
    moving_time[0] += 601
    await keys.refresh()
    assert await keys.find("first") is None
    assert keys.generation == 2


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b""), (302, b""), (200, b"not json"), (200, b'{"keys": []}'), (200, b"[]"), (200, b" " * 300_000)],
    ids=["error", "redirect", "no json", "no keys", "no set", "too large"],
)
async def test_old_keys_stay_while_the_issuer_answers_nonsense(
    issuer: Issuer, moving_time: list[float], status: int, body: bytes
) -> None:
    issuer.body = key_set(FIRST)
    keys = IssuerKeys(issuer.address)
    await keys.refresh()
    issuer.status, issuer.body = status, body
    moving_time[0] += 601
    await keys.refresh()
    assert await keys.find("first") is not None
    assert (issuer.asked, keys.generation) == (2, 1)


async def test_old_keys_stay_while_the_issuer_is_away(moving_time: list[float]) -> None:
    with running(Issuer()) as issuer:
        issuer.body = key_set(FIRST)
        keys = IssuerKeys(issuer.address)
        await keys.refresh()
    moving_time[0] += 601
    await keys.refresh()
    assert await keys.find("first") is not None


async def test_issuer_that_never_answered_gives_no_verdict(issuer: Issuer) -> None:
    issuer.status = 500
    keys = IssuerKeys(issuer.address)
    with pytest.raises(KeysUnavailable):
        await keys.find("first")
    assert keys.generation == 0


async def test_key_file_is_read_again_when_it_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    keys = FileKeys(file)
    with pytest.raises(KeysUnavailable):
        await keys.find("first")
    file.write_bytes(key_set(FIRST))
    assert await keys.find("first") is not None
    other = tmp_path / "new"
    other.write_bytes(key_set(SECOND))
    other.replace(file)
    assert await keys.find("first") is None
    assert await keys.find("second") is not None


async def test_damaged_or_missing_key_file_leaves_the_old_keys(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    file.write_bytes(key_set(FIRST))
    keys = FileKeys(file)
    await keys.refresh()
    file.write_text("{ half")
    assert await keys.find("first") is not None
    file.unlink()
    assert await keys.find("first") is not None


@pytest.mark.filterwarnings("ignore:Key size should be >= 2048 bits")  # said by the library that makes the weak key
def test_weak_nameless_and_encryption_keys_are_left_out() -> None:
    entries = [
        {**OKPKey.generate_key("Ed25519").as_dict(private=False), "kid": None},
        {**OKPKey.generate_key("Ed25519").as_dict(private=False), "kid": "encrypts", "use": "enc"},
        {**RSAKey.generate_key(1024).as_dict(private=False), "kid": "weak"},
        {"kty": "OKP", "crv": "Ed25519", "kid": "broken", "x": "?"},
        {"kty": "new", "kid": "unknown kind"},
        "text",
        FIRST.as_dict(private=False),
    ]
    assert set(parse_key_set(json.dumps({"keys": entries}).encode())) == {"first"}


@pytest.mark.parametrize(
    "address", ["http://issuer.example/jwks", "ftp://127.0.0.1/", "/etc/keys", "http://127.0.0.1.evil/"]
)
def test_keys_do_not_come_over_an_open_wire(address: str) -> None:
    with pytest.raises(ValueError, match="https://"):
        key_source(address)


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("https://issuer.example/jwks", IssuerKeys),
        ("http://127.0.0.1:9/jwks", IssuerKeys),
        ("http://localhost:9/jwks", IssuerKeys),
        ("file:///var/lib/cchc/jwks.json", FileKeys),
        ("file://.cchc/keys/jwks.json", FileKeys),
    ],
)
def test_keys_come_from_a_file_or_an_issuer(address: str, kind: type) -> None:
    assert isinstance(key_source(address), kind)
