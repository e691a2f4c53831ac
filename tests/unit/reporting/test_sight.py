"""Who sees which plans, rows and drafts."""

from services.reporting.domain.sight import Sight, UnitTree, Viewer, sight

TREE = UnitTree(
    {"TV": None, "TV-SNV": "TV", "TV-SYT": "TV", "TV-SYT-CC": "TV-SYT", "LD": None, "LD-SYT": "LD", "LOST": "GONE"}
)


def seen(role: str, unit: str | None) -> Sight:
    return sight(Viewer("ai-do", unit, role in {"leader", "secretariat", "admin"}, role == "department"), TREE)


def test_a_leader_without_a_unit_sees_everything() -> None:
    assert seen("leader", None).sees_fully("LD")
    assert seen("leader", None).rows_of("TV") is None


def test_a_leader_of_a_unit_sees_its_subtree_and_nothing_above_or_beside() -> None:
    province, department = seen("leader", "TV"), seen("leader", "TV-SYT")
    assert province.sees_fully("TV-SYT-CC")
    assert not province.sees("LD")
    assert not department.sees("TV")


def test_a_department_sees_plans_above_with_its_own_rows_only() -> None:
    found = seen("department", "TV-SYT")
    assert found.sees("TV")
    assert found.sees("TV-SYT-CC")
    assert not found.sees_fully("TV")
    assert found.rows_of("TV") == frozenset({"TV-SYT", "TV-SYT-CC"})
    assert not found.sees("TV-SNV")
    assert not found.sees("LD")


def test_a_department_without_a_unit_sees_nothing() -> None:
    assert not seen("department", None).sees("TV")


def test_a_circle_in_the_units_ends() -> None:
    circle = UnitTree({"A": "B", "B": "C", "C": "A"})
    assert circle.ancestors("A") == {"B", "C"}
    assert circle.subtree("A") == {"A", "B", "C"}


def test_a_unit_that_was_never_heard_of_sees_itself() -> None:
    assert seen("department", "MOI").sees("MOI")
    assert not seen("department", "MOI").sees("TV")
