"""Every rule on imports holds, and each refuses the violation that was planted for it.

A guard that was never seen to fail guards nothing.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

VIOLATIONS = {
    "services-are-independent": ("services/tasks/queries.py", "import services.plans.queries"),
    "shared-is-below": ("shared/text.py", "import services.plans.domain"),
    "layers": ("services/plans/helpers.py", "ANSWER = 1"),
    "use-cases-see-ports": ("services/tasks/handlers.py", "import services.tasks.adapters.tables"),
    "pure-domain": ("services/reporting/domain/counting.py", "import pydantic"),
    "contracts-are-leaves": ("shared/contracts/tasks.py", "import shared.settings"),
    "sql-in-two-rooms": ("services/plans/consumers.py", "import sqlalchemy"),
    "kafka-in-one-room": ("shared/messaging/relay.py", "import aiokafka"),
    "http-at-the-edge": ("services/reporting/worker.py", "import fastapi"),
    "kit-stands-alone": ("kit/verify.py", "import shared.clock"),
}
"""Rule -> (file, line that breaks it)."""


def lint(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def copied_house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("house")
    for room in ("services", "shared", "deploy", "kit"):
        shutil.copytree(ROOT / room, root / room, ignore=shutil.ignore_patterns("__pycache__", "libs", "target"))
    shutil.copy(ROOT / "pyproject.toml", root)
    return root


def test_every_rule_holds(copied_house: Path) -> None:
    found = lint(copied_house)
    assert found.returncode == 0, found.stdout + found.stderr


def test_every_rule_has_a_planted_violation() -> None:
    configured = {
        line.split('"')[1] for line in (ROOT / "pyproject.toml").read_text().splitlines() if line.startswith("id = ")
    }
    assert configured == set(VIOLATIONS)


@pytest.mark.parametrize("rule", VIOLATIONS)
def test_a_planted_violation_is_refused(copied_house: Path, rule: str) -> None:
    name, line = VIOLATIONS[rule]
    place = copied_house / name
    before = place.read_text() if place.exists() else None
    place.write_text(f"{line}\n{before or ''}")
    try:
        found = lint(copied_house, "--contract", rule)
    finally:
        if before is None:
            place.unlink()
        else:
            place.write_text(before)
    assert found.returncode == 1, found.stdout + found.stderr
    assert "BROKEN" in found.stdout or "Missing layer" in found.stdout or "not listed" in found.stdout
