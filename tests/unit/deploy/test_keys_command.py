"""`cchc keys` makes keys once, and takes private ones out of the directory that every service sees."""

import json
import stat
from pathlib import Path

from typer.testing import CliRunner

from deploy.cchc import app
from shared.security import make_issuer


def make_keys(folder: Path) -> None:
    arguments = ["--directory", "issuer", "--public-directory", "keys", "--webhook-key", "webhook/webhook.key"]
    paths = [each if each.startswith("--") else str(folder / each) for each in arguments]
    done = CliRunner().invoke(app, ["keys", *paths])
    assert done.exit_code == 0, done.output
    assert done.output.strip() == str(folder / "keys" / "jwks.json")


def held(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}


def test_made_once_each_where_it_belongs(tmp_path: Path) -> None:
    make_keys(tmp_path)
    made = held(tmp_path)
    assert set(made) == {"issuer/issuer.jwk", "keys/jwks.json", "webhook/webhook.key"}
    assert "d" not in json.loads(made["keys/jwks.json"])["keys"][0]
    make_keys(tmp_path)
    assert held(tmp_path) == made


def test_keys_of_an_earlier_version_are_moved_and_go_on_holding(tmp_path: Path) -> None:
    make_issuer(tmp_path / "keys")
    (tmp_path / "keys" / "webhook.key").write_text("AAAA\n")
    before = held(tmp_path)
    make_keys(tmp_path)
    assert held(tmp_path) == {
        "issuer/issuer.jwk": before["keys/issuer.jwk"],
        "keys/jwks.json": before["keys/jwks.json"],
        "webhook/webhook.key": before["keys/webhook.key"],
    }
    for name in ("issuer/issuer.jwk", "webhook/webhook.key"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
