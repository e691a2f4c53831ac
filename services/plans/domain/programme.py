"""A programme (Nghị quyết 76/NQ-CP, before it 30c/NQ-CP) and its fields. The list of fields is data, not code."""

import re
from dataclasses import dataclass

from services.plans.domain.unit_names import name_key

_ROMANS = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII", "XIV", "XV")
_LEADING_ORDINAL = re.compile(r"^\s*(?:[IVX]{1,5}|[0-9]{1,2}|[A-Z])\s*[.):\-/]\s*")
_SHORTEST_PART = 10


@dataclass(frozen=True)
class ProgrammeField:
    """A field (lĩnh vực). `code` is its ordinal as plans print it ("III")."""

    code: str
    name: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Programme:
    """A programme with its fields in order, valid for plans of `from_year` to `to_year`."""

    code: str
    name: str
    from_year: int
    to_year: int
    fields: tuple[ProgrammeField, ...]

    def field_by_name(self, name: str) -> ProgrammeField | None:
        """Return the field that a heading names: its name, an alias, or a longer text that holds exactly one."""
        key = name_key(_LEADING_ORDINAL.sub("", name))
        if not key:
            return None
        spellings = [(name_key(text), one) for one in self.fields for text in (one.name, *one.aliases)]
        exact = [one for spelling, one in spellings if spelling == key]
        if exact:
            return exact[0]
        partly = {
            one.code: one
            for spelling, one in spellings
            if len(min(spelling, key, key=len)) >= _SHORTEST_PART and (spelling in key or key in spelling)
        }
        return next(iter(partly.values())) if len(partly) == 1 else None

    def field_by_code(self, code: str) -> ProgrammeField | None:
        """Return the field of a code or ordinal: "III", "3", "III."."""
        wanted = code.strip(" .)").upper()
        if wanted.isascii() and wanted.isdigit() and 1 <= int(wanted) <= len(_ROMANS):
            wanted = _ROMANS[int(wanted) - 1]
        return next((one for one in self.fields if one.code.upper() == wanted), None)


def is_roman(text: str) -> bool:
    """Tell whether `text` is a roman ordinal of a heading ("II", "iv.")."""
    return text.strip(" .)").upper() in _ROMANS
