"""Reads the seed: units, what changes in 2025, programmes. Configuration in files, so another province has its own."""

import csv
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

from services.plans.domain.programme import Programme, ProgrammeField
from services.plans.domain.unit import Unit, UnitKind

SEED: Final = Path(__file__).resolve().parent.parent / "seed"
UNIT_FILES: Final = ("units.tsv", "units-2025.tsv", "units-model-commune.tsv")
"""Later files are laid over earlier ones, code by code."""


def seed_units(folder: Path = SEED) -> list[Unit]:
    """Return the seed's units, each after its parent and its successors."""
    found: dict[str, Unit] = {}
    for name in UNIT_FILES:
        for row in _rows(folder / name):
            found[row["code"]] = Unit(
                code=row["code"],
                name=row["name"],
                kind=UnitKind(row["kind"]),
                parent=row["parent"] or None,
                valid_from=_day(row["valid_from"]),
                valid_to=_day(row["valid_to"]),
                successors=_list(row["successors"]),
                aliases=_list(row["aliases"]),
            )
    ordered: dict[str, Unit] = {}
    for code in found:
        _place(code, found, ordered)
    return list(ordered.values())


def seed_programmes(folder: Path = SEED) -> list[Programme]:
    """Return the seed's programmes with their fields in order."""
    fields: dict[str, list[ProgrammeField]] = {}
    for row in _rows(folder / "programme-fields.tsv"):
        field = ProgrammeField(row["code"], row["name"], _list(row["aliases"]))
        fields.setdefault(row["programme"], []).append(field)
    return [
        Programme(row["code"], row["name"], int(row["from_year"]), int(row["to_year"]), tuple(fields[row["code"]]))
        for row in _rows(folder / "programmes.tsv")
    ]


def _place(code: str, found: dict[str, Unit], ordered: dict[str, Unit]) -> None:
    if code in ordered or code not in found:
        return
    unit = found[code]
    for needed in (unit.parent, *unit.successors):
        if needed:
            _place(needed, found, ordered)
    ordered[code] = unit


def _rows(path: Path) -> Iterator[dict[str, str]]:
    lines = (line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    yield from csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)


def _list(cell: str) -> tuple[str, ...]:
    return tuple(part for part in cell.split("|") if part)


def _day(cell: str) -> date | None:
    return date.fromisoformat(cell) if cell else None
