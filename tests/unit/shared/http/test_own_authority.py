"""An office's own certificate authority: keys come from a provider that it vouches for, and from no other."""

import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from joserfc.jwk import OKPKey

from deploy.commands.certificate import certificate
from shared.signing_keys import IssuerKeys, KeysUnavailable

KEY = OKPKey.generate_key("Ed25519", parameters={"kid": "first"})
KEYS = json.dumps({"keys": [KEY.as_dict(private=False)]}).encode()


class Handler(BaseHTTPRequestHandler):
    """Hands out the key set."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(KEYS)))
        self.end_headers()
        self.wfile.write(KEYS)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the parent's name
        del format, args


class QuietServer(HTTPServer):
    """Keeps to itself that a client did not trust it."""

    def handle_error(self, request: object, client_address: object) -> None:
        del request, client_address


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[str]:
    """A provider whose certificate is of an authority of its own, as `cchc certificate` makes them."""
    certificate(tmp_path / "server", tmp_path / "ca.pem", ["localhost"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server" / "tls.crt", tmp_path / "server" / "tls.key")
    server = QuietServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"https://localhost:{server.server_port}/certs"
    server.shutdown()
    server.server_close()
    thread.join()


async def test_keys_come_from_a_provider_that_the_offices_authority_vouches_for(provider: str, tmp_path: Path) -> None:
    assert await IssuerKeys(provider, tmp_path / "ca.pem").find("first") is not None


@pytest.mark.parametrize("authority", ["none of ours", "another of ours", "broken", "away"])
async def test_keys_of_a_provider_that_nobody_vouches_for_are_not_taken(
    provider: str, tmp_path: Path, authority: str
) -> None:
    files = {"none of ours": None, "another of ours": tmp_path / "other.pem", "broken": tmp_path / "broken.pem"}
    certificate(tmp_path / "other", tmp_path / "other.pem", ["localhost"])
    (tmp_path / "broken.pem").write_text("no certificate")
    keys = IssuerKeys(provider, files.get(authority, tmp_path / "away.pem"))
    with pytest.raises(KeysUnavailable):
        await keys.find("first")


async def test_another_name_of_the_same_machine_is_another_server(provider: str, tmp_path: Path) -> None:
    keys = IssuerKeys(provider.replace("localhost", "127.0.0.1"), tmp_path / "ca.pem")
    with pytest.raises(KeysUnavailable):
        await keys.find("first")


def test_a_certificate_is_made_once(tmp_path: Path) -> None:
    certificate(tmp_path / "server", tmp_path / "ca.pem", ["localhost"])
    found = (tmp_path / "server" / "tls.crt").read_bytes()
    certificate(tmp_path / "server", tmp_path / "ca.pem", ["localhost"])
    assert (tmp_path / "server" / "tls.crt").read_bytes() == found
