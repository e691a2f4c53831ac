"""Finding the units that a cell names."""

from datetime import date

import pytest

from services.plans.adapters.seed_files import seed_units
from services.plans.domain.unit import Unit, UnitKind
from services.plans.domain.unit_directory import AmbiguousUnit, UnitDirectory
from services.plans.domain.unit_names import initials, is_collective, name_key


@pytest.fixture
def province() -> UnitDirectory:
    return UnitDirectory.of([unit for unit in seed_units() if unit.code.startswith("TV")], home="TV", year=2023)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("Sở Nội vụ", "TV-SNV"),
        ("SO NOI VU", "TV-SNV"),
        ("Sở Nội vụ tỉnh Trà Vinh", "TV-SNV"),
        ("Sở TT&TT", "TV-STTTT"),
        ("Sở TTTT", "TV-STTTT"),
        ("Sở Kế hoạch & Đầu tư", "TV-SKHDT"),
        ("Sở LĐTBXH", "TV-SLDTBXH"),
        ("VP UBND tỉnh", "TV-VPUBND"),
        ("Văn phòng Ủy ban nhân dân tỉnh", "TV-VPUBND"),
        ("Ủy ban nhân dân cấp huyện", "TV-UBNDCH"),
        ("UBND các huyện, thị xã, thành phố", "TV-UBNDCH"),
        ("Kho bạc Nhà nước", "TV-KBNN"),
        ("Ủy ban nhân dân tỉnh", "TV"),
        ("UBND huyện Càng Long", "TV-HCL"),
    ],
)
def test_usual_spellings_mean_the_same_unit(province: UnitDirectory, written: str, code: str) -> None:
    found = province.find(written)
    assert found is not None
    assert found.code == code


@pytest.mark.parametrize(
    ("cell", "codes"),
    [
        ("Các sở; UBND cấp huyện; UBND cấp xã", ["TV-CS", "TV-UBNDCH", "TV-UBNDCX"]),
        ("Các sở, ban, ngành", ["TV-CSBN"]),
        ("Các sở, ban, ngành, UBND cấp huyện", ["TV-CSBN", "TV-UBNDCH"]),
        ("Sở Nội vụ, Sở Tư pháp và Sở Tài chính", ["TV-SNV", "TV-STP", "TV-STC"]),
        ("- Sở Nội vụ\n- Sở Tư pháp.", ["TV-SNV", "TV-STP"]),
        ("Sở Nội vụ; SỞ NỘI VỤ", ["TV-SNV"]),
        ("Sở Nội vụ / Sở Tư pháp", ["TV-SNV", "TV-STP"]),
        ("Báo, Đài Phát thanh và Truyền hình tỉnh", ["TV-BAODAI"]),
        ("Sở Nội vụ, Hội Cây cảnh", [None]),
        (" ; ", []),
    ],
)
def test_cell_is_parted_only_where_names_end(province: UnitDirectory, cell: str, codes: list[str | None]) -> None:
    assert [one.unit.code if one.unit else None for one in province.split(cell)] == codes


def test_own_units_are_nearer_than_namesakes_elsewhere() -> None:
    units = [
        Unit("P", "Tỉnh P", UnitKind.PROVINCE),
        Unit("P-A", "Xã A", UnitKind.COMMUNE, "P"),
        Unit("P-B", "Xã B", UnitKind.COMMUNE, "P"),
        Unit("P-A-KT", "Phòng Kinh tế", UnitKind.DEPARTMENT, "P-A"),
        Unit("P-B-KT", "Phòng Kinh tế", UnitKind.DEPARTMENT, "P-B"),
    ]
    found = UnitDirectory.of(units, home="P-B", year=2026).find("Phòng Kinh tế")
    assert found is not None
    assert found.code == "P-B-KT"
    with pytest.raises(AmbiguousUnit):
        UnitDirectory.of(units, home="P", year=2026).find("Phòng Kinh tế")


def test_unit_that_still_lives_is_meant_before_its_ended_namesake() -> None:
    units = [
        Unit("P", "Tỉnh P", UnitKind.PROVINCE),
        Unit("P-1", "Sở Xây dựng", UnitKind.DEPARTMENT, "P", valid_to=date(2025, 2, 28)),
        Unit("P-2", "Sở Xây dựng", UnitKind.DEPARTMENT, "P", valid_from=date(2025, 3, 1)),
    ]
    found = UnitDirectory.of(units, home="P", year=2026).find("sở xây dựng")
    assert found is not None
    assert found.code == "P-2"


def test_created_units_have_codes_of_their_own(province: UnitDirectory) -> None:
    first, second = province.create("Hội Luật gia"), province.create("Hội Làm vườn Gỗ")
    assert (first.code, first.kind, first.parent) == ("TV-HLG", UnitKind.DEPARTMENT, "TV")
    assert second.code == "TV-HLVG"
    assert province.create("Hội Lâm nghiệp giỏi").code == "TV-HLNG"
    assert province.create("Hạt Lê Gai").code == "TV-HLG2"
    assert province.create("Các hội quần chúng").kind is UnitKind.GROUP
    assert province.find("hoi luat gia") == first


def test_names_are_compared_without_marks_case_and_punctuation() -> None:
    assert name_key("Sở Lao động - Thương binh & Xã hội") == name_key("sở LĐ-TB&XH")
    assert is_collective("UBND cấp xã")
    assert not is_collective("Sở Nội vụ")
    assert initials("Phòng Văn hóa - Xã hội") == "PVHXH"
