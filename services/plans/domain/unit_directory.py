"""Finds the units that a cell of a plan names."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from services.plans.domain.unit import Unit, UnitKind
from services.plans.domain.unit_names import initials, is_collective, name_key, without_bullet

_HARD_BREAK = re.compile(r"[;\n\r]+")
_SOFT_BREAK = re.compile(r"(\s*,\s*|\s*/\s*|\s+và\s+|\s+va\s+|\s*\+\s*)", re.IGNORECASE)


class AmbiguousUnit(Exception):  # noqa: N818 -- says the refusal
    """Several units, equally near to the plan's own, have the name."""

    def __init__(self, codes: tuple[str, ...]) -> None:
        super().__init__(", ".join(codes))
        self.codes = codes


@dataclass(frozen=True)
class Named:
    """A piece of a cell: the name as written and the unit it means, if any."""

    name: str
    unit: Unit | None


@dataclass
class UnitDirectory:
    """The units of one tree, seen from the unit whose plan is read.

    A name is looked for in that unit's own subtree first, then among the nearest relatives: "Phòng Kinh tế" of a
    commune's plan is the commune's own.
    """

    home: str
    year: int
    units: dict[str, Unit] = field(default_factory=dict)
    _by_key: dict[str, list[Unit]] = field(default_factory=dict)
    _endings: tuple[str, ...] = ()

    @classmethod
    def of(cls, units: Iterable[Unit], *, home: str, year: int) -> "UnitDirectory":
        """Build the directory of `units` for a plan of the unit `home` in `year`."""
        made = cls(home=home, year=year)
        for unit in units:
            made._add(unit)
        root = made.units[made._ancestors(home)[-1]]
        made._endings = (f" {name_key(root.name)}", " tinh", " thanh pho", f" {name_key(root.name).split(' ', 1)[-1]}")
        for unit in list(made.units.values()):
            made._index(made._loose(name_key(unit.name)), unit)
        return made

    def _add(self, unit: Unit) -> None:
        self.units[unit.code] = unit
        for spelling in (unit.name, *unit.aliases):
            self._index(name_key(spelling), unit)

    def _index(self, key: str, unit: Unit) -> None:
        known = self._by_key.setdefault(key, [])
        if unit not in known:
            known.append(unit)

    def _loose(self, key: str) -> str:
        """Return the key without "tỉnh" or the province's name at its end."""
        for ending in self._endings:
            if key.endswith(ending) and len(key) > len(ending) + 3:
                return key[: -len(ending)]
        return key

    def _ancestors(self, code: str) -> list[str]:
        """Return the unit and those above it, nearest first."""
        line = [code]
        while (unit := self.units.get(line[-1])) and unit.parent and unit.parent in self.units:
            line.append(unit.parent)
        return line

    def find(self, name: str) -> Unit | None:
        """Return the unit of that name that is nearest to the plan's own.

        Raises:
            AmbiguousUnit: several are equally near.
        """
        key = name_key(name)
        found = self._by_key.get(key) or self._by_key.get(self._loose(key))
        if not found:
            return None
        nearest = self._nearest(found)
        living = [unit for unit in nearest if unit.lives_through(self.year)] or nearest
        if len(living) > 1:
            raise AmbiguousUnit(tuple(sorted(unit.code for unit in living)))
        return living[0]

    def _nearest(self, candidates: list[Unit]) -> list[Unit]:
        line = self._ancestors(self.home)
        distances = {
            unit.code: next((step for step, code in enumerate(line) if code in self._ancestors(unit.code)), len(line))
            for unit in candidates
        }
        least = min(distances.values())
        return [unit for unit in candidates if distances[unit.code] == least]

    def split(self, cell: str) -> list[Named]:
        """Return the bodies a cell names, in order and once each.

        Semicolons and new lines always part them. Commas, "và", slashes part them only where every part is a known
        unit, because names hold commas too ("Các sở, ban, ngành").

        Raises:
            AmbiguousUnit: as `find`.
        """
        named: list[Named] = []
        for raw in _HARD_BREAK.split(cell):
            piece = " ".join(without_bullet(raw).split())
            if piece:
                named.extend(self._split_softly(piece))
        unique: dict[str, Named] = {}
        for one in named:
            unique.setdefault(one.unit.code if one.unit else name_key(one.name), one)
        return list(unique.values())

    def _split_softly(self, piece: str) -> list[Named]:
        whole = self.find(piece)
        if whole:
            return [Named(piece, whole)]
        tokens = _SOFT_BREAK.split(piece)
        return self._cover(tokens, 0, {}) or [Named(piece, None)]

    def _cover(self, tokens: list[str], start: int, tried: dict[int, list[Named] | None]) -> list[Named] | None:
        """Cover tokens (names at even places, breaks between) from `start` by known names, longest first."""
        if start >= len(tokens):
            return []
        if start in tried:
            return tried[start]
        tried[start] = None
        for end in range(len(tokens), start, -2):
            name = "".join(tokens[start:end]).strip()
            unit = self.find(name) if name else None
            rest = self._cover(tokens, end + 1, tried) if unit else None
            if rest is not None:
                tried[start] = [Named(name, unit), *rest]
                break
        return tried[start]

    def like(self, name: str) -> list[str]:
        """Return at most two names of known units that look like `name`."""
        keys = difflib.get_close_matches(name_key(name), self._by_key, n=2, cutoff=0.75)
        return list(dict.fromkeys(self._by_key[key][0].name for key in keys))

    def create(self, name: str) -> Unit:
        """Return a new unit of that name below the plan's unit, with a code made from the name's initials."""
        kind = UnitKind.GROUP if is_collective(name) else UnitKind.DEPARTMENT
        stem = f"{self.home[:14]}-{initials(name) or 'DV'}".rstrip("-")
        code, count = stem, 1
        while code in self.units:
            count += 1
            code = f"{stem}{count}"
        unit = Unit(code=code, name=name, kind=kind, parent=self.home)
        self._add(unit)
        return unit
