"""Plans, units and who may see them: the pure rules."""

from datetime import UTC, date, datetime

import pytest

from services.plans.adapters.seed_files import seed_programmes, seed_units
from services.plans.domain.access import Scope, may_act, may_read_plan
from services.plans.domain.deadline import Deadline, DeadlineKind
from services.plans.domain.errors import PlanAlreadyIssued, PlanVersionStale, PlanWithoutTasks, UnitInvalid
from services.plans.domain.plan import Document, Plan, PlanState, PlanTask, UnitName
from services.plans.domain.programme import is_roman
from services.plans.domain.unit import Unit, UnitKind
from shared.contracts.plans import DeadlineKind as PublishedDeadlineKind
from shared.contracts.plans import UnitKind as PublishedUnitKind
from shared.ids import TimeOrderedIds
from tests.support.plan_tables import COMMUNE_PLAN, PROVINCE_PLAN, sample_table

IDS = TimeOrderedIds()
NOW = datetime(2023, 1, 4, tzinfo=UTC)
DOCUMENT = Document("2715/QĐ-UBND", date(2022, 12, 28), "Chủ tịch UBND tỉnh")
PROVINCE = UnitName("TV", "Tỉnh Trà Vinh", UnitKind.PROVINCE)


def a_plan(**changed: object) -> Plan:
    task = PlanTask(IDS.new(), "TV23-01", "1", "I", "Việc", Deadline("", DeadlineKind.NONE), (PROVINCE,))
    plan = Plan(IDS.new(), PROVINCE, 2023, "Kế hoạch", "NQ76", tasks=(task,))
    return Plan(**{**plan.__dict__, **changed})


def test_draft_is_issued_once_by_its_document() -> None:
    issued = a_plan().issue(DOCUMENT, at=NOW)
    assert (issued.state, issued.version, issued.document, issued.issued_at) == (PlanState.ISSUED, 2, DOCUMENT, NOW)
    with pytest.raises(PlanAlreadyIssued):
        issued.issue(DOCUMENT, at=NOW)


def test_issue_refuses_an_empty_plan_and_a_stale_version() -> None:
    with pytest.raises(PlanWithoutTasks):
        a_plan(tasks=()).issue(DOCUMENT, at=NOW)
    with pytest.raises(PlanVersionStale):
        a_plan().issue(DOCUMENT, at=NOW, expected_version=2)
    assert a_plan().issue(DOCUMENT, at=NOW, expected_version=1).version == 2


def test_unit_counts_only_real_changes() -> None:
    unit = Unit("TV-X", "Sở X", UnitKind.DEPARTMENT, "TV", version=3)
    assert unit.changed_into(Unit("TV-X", "Sở X", UnitKind.DEPARTMENT, "TV")) is None
    renamed = unit.changed_into(Unit("TV-X", "Sở Y", UnitKind.DEPARTMENT, "TV"))
    assert renamed is not None
    assert renamed.version == 4


@pytest.mark.parametrize(
    "bad",
    [
        {"code": "tv"},
        {"code": "T" * 33},
        {"name": " "},
        {"parent": "TV-X"},
        {"successors": ("TV-X",)},
        {"valid_from": date(2025, 3, 1), "valid_to": date(2025, 2, 28)},
    ],
)
def test_impossible_unit_cannot_be_made(bad: dict[str, object]) -> None:
    with pytest.raises(UnitInvalid):
        Unit(**{"code": "TV-X", "name": "Sở X", "kind": UnitKind.DEPARTMENT, **bad})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("scope", "own", "path", "allowed"),
    [
        (Scope(None), None, "TV/", (True, True, True)),
        (Scope("TV"), "TV/", "TV/TV-SNV/", (True, True, True)),
        (Scope("TV-SNV"), "TV/TV-SNV/", "TV/", (False, False, False)),
        (Scope("TV-SNV", reads_above=True), "TV/TV-SNV/", "TV/", (False, True, False)),
        (Scope("TV-SNV", reads_above=True), "TV/TV-SNV/", "TV/TV-SYT/", (False, False, False)),
        (Scope("TV-S", reads_above=True), "TV/TV-S/", "TV/TV-SNV/", (False, False, False)),
        (Scope("KHONG-CO", reads_above=True), None, "TV/", (False, False, False)),
    ],
)
def test_scope_is_the_own_subtree_and_for_departments_issued_plans_above(
    scope: Scope, own: str | None, path: str, allowed: tuple[bool, bool, bool]
) -> None:
    acts, reads_issued, reads_draft = allowed
    assert may_act(scope, own, path) is acts
    assert may_read_plan(scope, own, path, PlanState.ISSUED) is reads_issued
    assert may_read_plan(scope, own, path, PlanState.DRAFT) is reads_draft


def test_own_words_and_published_ones_agree() -> None:
    assert {kind.value for kind in UnitKind} == {kind.value for kind in PublishedUnitKind}
    assert {kind.value for kind in DeadlineKind} == {kind.value for kind in PublishedDeadlineKind}


def test_seed_knows_every_body_that_the_sample_plans_name() -> None:
    names = {unit.name for unit in seed_units()}
    for path, lead, others in (
        (PROVINCE_PLAN, "co_quan_chu_tri", "co_quan_phoi_hop"),
        (COMMUNE_PLAN, "chu_tri", "phoi_hop"),
    ):
        heading, *rows = sample_table(path)
        for row in rows:
            cells = dict(zip(heading, row, strict=True))
            for cell in (cells[lead], cells[others]):
                named = {part.strip() for part in str(cell).split(";") if part.strip()}
                assert named <= names | {"các chủ đầu tư"}, named - names


def test_fields_are_found_by_name_alias_and_ordinal() -> None:
    nq76, nq30c = seed_programmes()
    assert [field.code for field in nq76.fields] == ["I", "II", "III", "IV", "V", "VI", "VII"]
    for name, code in (
        ("CẢI CÁCH THỂ CHẾ", "II"),
        ("3. Cải cách TTHC", "III"),
        ("Công tác chỉ đạo, điều hành cải cách hành chính", "I"),
        ("Cải cách tổ chức bộ máy", "IV"),
        ("Xây dựng và phát triển Chính quyền điện tử, Chính quyền số", "VII"),
    ):
        found = nq76.field_by_name(name)
        assert found is not None, name
        assert found.code == code
    assert nq76.field_by_name("Hiện đại hóa hành chính") is None
    assert nq30c.field_by_name("Hiện đại hóa hành chính") is not None
    assert nq76.field_by_name("Cải cách") is None
    ordinal = nq76.field_by_code("3.")
    assert ordinal is not None
    assert ordinal.code == "III"
    assert nq76.field_by_code("VIII") is None
    assert is_roman("iv.")
    assert not is_roman("a")
