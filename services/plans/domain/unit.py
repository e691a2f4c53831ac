"""Organisational units: a tree with dates, because units merge, split and change their names."""

import re
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from services.plans.domain.errors import UnitInvalid

CODE_PATTERN = re.compile(r"[A-Z0-9][A-Z0-9.\-]{0,31}")


class UnitKind(StrEnum):
    """What sort of body a unit is."""

    PROVINCE = "province"
    DEPARTMENT = "department"
    DISTRICT = "district"
    COMMUNE = "commune"
    CENTRAL_AGENCY = "central_agency"
    ORGANISATION = "organisation"
    GROUP = "group"
    """A collective ("các sở, ban, ngành") that a plan names as one."""


@dataclass(frozen=True)
class Unit:
    """One unit. `successors` take over its open tasks when it ends; old documents keep its name.

    `version` counts its changes from 1 on. Both `valid_from` and `valid_to` are included in its life.
    """

    code: str
    name: str
    kind: UnitKind
    parent: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    successors: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    """Other spellings under which plans name it."""
    version: int = 1

    def __post_init__(self) -> None:
        """Refuse what no unit can be.

        Raises:
            UnitInvalid: bad code, empty name, its own parent or successor, or an end before its beginning.
        """
        if not CODE_PATTERN.fullmatch(self.code):
            raise UnitInvalid("code", "Mã đơn vị chỉ gồm chữ hoa không dấu, số, dấu chấm, gạch nối; tối đa 32 ký tự.")
        if not self.name.strip():
            raise UnitInvalid("name", "Tên đơn vị không được để trống.")
        if self.parent == self.code:
            raise UnitInvalid("parent", "Đơn vị không thể là cấp trên của chính mình.")
        if self.code in self.successors:
            raise UnitInvalid("successors", "Đơn vị không thể tự kế thừa chính mình.")
        if self.valid_from and self.valid_to and self.valid_to < self.valid_from:
            raise UnitInvalid("valid_to", "Ngày hết hiệu lực trước ngày có hiệu lực.")

    def changed_into(self, wanted: "Unit") -> "Unit | None":
        """Return `wanted` as this unit's next version; None when nothing differs."""
        following = replace(wanted, version=self.version)
        return None if following == self else replace(following, version=self.version + 1)

    def lives_through(self, year: int) -> bool:
        """Tell whether it exists at the end of `year`, when the year's plan is accounted for."""
        began = self.valid_from is None or self.valid_from.year <= year
        return began and (self.valid_to is None or self.valid_to >= date(year, 12, 31))
