"""What README and docs name is there: files, make targets, subcommands of cchc."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WRITTEN = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("document", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file(document: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)\)", document.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("document", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_make_target_exists(document: Path) -> None:
    named = set(re.findall(r"(?:^|`|\s)make ([a-z]+)(?=[`\s,;)])", code_of(document), re.MULTILINE))
    assert named <= TARGETS


def test_every_subcommand_exists() -> None:
    named = set()
    for document in WRITTEN:
        named |= set(re.findall(r"(?:^|[`/\s(])cchc ([a-z][a-z-]+)", code_of(document), re.MULTILINE))
    known = subprocess.run(
        [str(Path(sys.executable).with_name("cchc")), "--help"], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    missing = {name for name in named if not re.search(rf"(?:│|^)\s+{re.escape(name)}\s", known, re.MULTILINE)}
    assert missing == set()


def code_of(document: Path) -> str:
    """Return what stands as code in the document: fenced blocks and spans between backticks."""
    text = document.read_text(encoding="utf-8")
    fenced = re.findall(r"^```[a-z]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    return "\n".join([*fenced, *spans])
