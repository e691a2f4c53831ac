"""Documents say what is true: generated ones are current, named things exist, settings and commands are explained."""

from pathlib import Path

import pytest

from deploy.contract_documents import DOCS, documents

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["events.md", "asyncapi.yaml"])
def test_generated_documents_are_current(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == documents()[name], "run `make docs`"
