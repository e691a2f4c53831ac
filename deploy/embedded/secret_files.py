"""Passwords of one installation, made once, each in a file that only its owner may read."""

import os
import secrets
from base64 import b64encode
from pathlib import Path


def secret(directory: Path, name: str) -> str:
    """Return the secret `name`; made of 192 random bits when it is not there, whole or not at all."""
    path = directory / name
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        write_private(path, secrets.token_urlsafe(24))
        return path.read_text(encoding="ascii").strip()


def make_key(path: Path) -> None:
    """Write 32 random bytes in base64, unless the file is there."""
    if not path.exists():
        write_private(path, b64encode(secrets.token_bytes(32)).decode() + "\n")


def bring_over(old: Path, new: Path) -> None:
    """Move a key to where it is looked for now, unless one is there; the two may be on different file systems."""
    if old.exists() and not new.exists():
        write_private(new, old.read_text(encoding="utf-8"))
        old.unlink()


def write_private(path: Path, text: str) -> None:
    """Write `text` to `path`, readable by its owner only, whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
