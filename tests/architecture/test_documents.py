"""Documents say what is true: generated ones are current, named things exist, settings and commands are explained."""

from pathlib import Path

import pytest

from deploy.contract_documents import DOCS, documents
from deploy.settings_document import OF_SERVICES
from shared.setting_names import variable

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", documents())
def test_generated_documents_are_current(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == documents()[name], "run `make docs`"


@pytest.mark.parametrize("service", OF_SERVICES)
def test_every_setting_says_what_it_does_and_stands_in_the_document(service: str) -> None:
    written = (DOCS / "settings.md").read_text(encoding="utf-8")
    for name, field in OF_SERVICES[service].model_fields.items():
        assert field.description, f"{name} has no description"
        assert f"| `{variable(name)}` |" in written


def test_every_service_has_its_settings_in_the_document() -> None:
    packages = {file.parent.name for file in (ROOT / "services").glob("*/settings.py")}
    assert packages == set(OF_SERVICES)
