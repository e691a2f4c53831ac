"""Bad states are impossible: every constraint refuses its row. Migrations climb the stairway."""

from typing import Any

import pytest
from sqlalchemy import CheckConstraint, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.plans.adapters.tables import metadata
from tests.support.migrations import assert_nothing_left, assert_stairway
from tests.support.plans_service import PlansService
from tests.support.postgres import DatabaseFactory

PLAN = "00000000-0000-7000-8000-000000000001"
TASK = "00000000-0000-7000-8000-000000000002"
OTHER = "00000000-0000-7000-8000-000000000003"
GOOD: dict[str, dict[str, Any]] = {
    "units": {
        "code": "Z-1",
        "name": "Z",
        "name_folded": "z",
        "kind": "department",
        "parent": "TV",
        "path": "TV/Z-1/",
        "valid_from": "2023-01-01",
        "valid_to": "2023-12-31",
        "successors": "{}",
        "aliases": "{}",
        "version": 1,
    },
    "programmes": {"code": "P", "name": "P", "from_year": 2021, "to_year": 2030},
    "programme_fields": {"programme": "P", "code": "I", "position": 1, "name": "I"},
    "plans": {
        "id": PLAN,
        "unit": "Z-1",
        "unit_name": "Z",
        "unit_kind": "department",
        "year": 2023,
        "title": "Kế hoạch",
        "programme": "P",
        "counts_when": "confirmed",
        "evidence_required": True,
        "state": "issued",
        "version": 2,
        "document_number": "1/KH",
        "document_issued_on": "2023-01-01",
        "document_signed_by": None,
        "issued_at": "2023-01-01T00:00:00Z",
        "imported_at": "2023-01-01T00:00:00Z",
    },
    "plan_tasks": {
        "id": TASK,
        "plan_id": PLAN,
        "position": 1,
        "code": "T1",
        "number": "1",
        "programme": "P",
        "field": "I",
        "title": "T",
        "deadline_phrase": "",
        "deadline_kind": "milestones",
        "deadline_date": "2023-12-31",
        "deadline_dates": "{2023-06-30,2023-12-31}",
    },
    "plan_task_units": {
        "task_id": TASK,
        "duty": "lead",
        "position": 0,
        "unit": "Z-1",
        "name": "Z",
        "kind": "department",
    },
    "plan_task_progress": {"task_id": TASK, "version": 1, "state": "reported"},
    "access_key_grants": {
        "key_id": OTHER,
        "name": "Phần mềm",
        "created_by": "u-1",
        "created_at": "2023-01-01T00:00:00Z",
        "revoked_by": None,
        "revoked_at": None,
    },
}
NO_DOCUMENT = {"document_number": None, "document_issued_on": None, "issued_at": None}
BAD: list[tuple[str, dict[str, Any], str]] = [
    ("units", {"code": "z 1", "path": "TV/z 1/"}, "ck_units_code_well_formed"),
    ("units", {"name": ""}, "ck_units_name_not_empty"),
    ("units", {"kind": "office"}, "ck_units_kind_known"),
    ("units", {"parent": "Z-1"}, "ck_units_not_its_own_parent"),
    ("units", {"path": "TV/"}, "ck_units_path_ends_in_itself"),
    ("units", {"parent": None}, "ck_units_path_ends_in_itself"),
    ("units", {"valid_to": "2022-12-31"}, "ck_units_ends_after_it_begins"),
    ("units", {"successors": "{Z-1}"}, "ck_units_not_its_own_successor"),
    ("units", {"version": 0}, "ck_units_version_counts"),
    ("units", {"parent": "Q", "path": "Q/Z-1/"}, "fk_units_parent"),
    ("programmes", {"to_year": 2020}, "ck_programmes_ends_after_it_begins"),
    ("programme_fields", {"programme": "Q"}, "fk_programme_fields_programme"),
    ("plans", {"unit": "Q"}, "fk_plans_unit"),
    ("plans", {"programme": "Q"}, "fk_plans_programme"),
    ("plans", {"year": 1999}, "ck_plans_year_plausible"),
    ("plans", {"title": ""}, "ck_plans_title_not_empty"),
    ("plans", {"unit_kind": "office"}, "ck_plans_unit_kind_known"),
    ("plans", {"counts_when": "never"}, "ck_plans_counts_when_known"),
    ("plans", {"state": "gone"}, "ck_plans_state_known"),
    ("plans", {"version": 0}, "ck_plans_version_counts"),
    ("plans", {"state": "draft"}, "ck_plans_issued_by_a_document"),
    ("plans", NO_DOCUMENT, "ck_plans_issued_by_a_document"),
    ("plans", {"issued_at": None}, "ck_plans_issued_by_a_document"),
    ("plans", {**NO_DOCUMENT, "state": "draft", "document_signed_by": "A"}, "ck_plans_signed_with_a_document"),
    ("plan_tasks", {"plan_id": OTHER}, "fk_plan_tasks_plan_id_programme"),
    ("plan_tasks", {"programme": "NQ76"}, "fk_plan_tasks_plan_id_programme"),
    ("plan_tasks", {"field": "II"}, "fk_plan_tasks_programme_field"),
    ("plan_tasks", {"number": ""}, "ck_plan_tasks_named"),
    ("plan_tasks", {"code": ""}, "ck_plan_tasks_named"),
    ("plan_tasks", {"title": ""}, "ck_plan_tasks_named"),
    ("plan_tasks", {"deadline_kind": "soon"}, "ck_plan_tasks_deadline_kind_known"),
    ("plan_tasks", {"deadline_dates": "{}"}, "ck_plan_tasks_milestones_end_with_the_deadline"),
    ("plan_tasks", {"deadline_date": "2023-06-30"}, "ck_plan_tasks_milestones_end_with_the_deadline"),
    ("plan_tasks", {"deadline_kind": "date"}, "ck_plan_tasks_milestones_end_with_the_deadline"),
    ("plan_tasks", {"deadline_kind": "recurring", "deadline_dates": "{}"}, "ck_plan_tasks_lasting_duty_has_no_day"),
    (
        "plan_tasks",
        {"deadline_kind": "month", "deadline_dates": "{}", "deadline_date": None},
        "ck_plan_tasks_dated_kind_has_a_day",
    ),
    ("plan_task_units", {"task_id": OTHER}, "fk_plan_task_units_task_id"),
    ("plan_task_units", {"unit": "Q"}, "fk_plan_task_units_unit"),
    ("plan_task_units", {"duty": "helper"}, "ck_plan_task_units_duty_known"),
    ("plan_task_units", {"unit": None}, "ck_plan_task_units_lead_is_a_unit"),
    ("plan_task_units", {"name": ""}, "ck_plan_task_units_named"),
    ("plan_task_units", {"kind": "office"}, "ck_plan_task_units_kind_known"),
    ("plan_task_progress", {"task_id": OTHER}, "fk_plan_task_progress_task_id"),
    ("plan_task_progress", {"version": 0}, "ck_plan_task_progress_version_counts"),
    ("plan_task_progress", {"state": "done"}, "ck_plan_task_progress_state_known"),
    ("access_key_grants", {"name": ""}, "ck_access_key_grants_named"),
    ("access_key_grants", {"revoked_by": "u-1"}, "ck_access_key_grants_revoked_together"),
]
SAME_AGAIN: list[tuple[str, dict[str, Any], str]] = [
    ("programme_fields", {"code": "II"}, "uq_programme_fields_programme_position"),
    ("plan_tasks", {"id": OTHER, "number": "2", "code": "T2"}, "uq_plan_tasks_plan_id_position"),
    ("plan_tasks", {"id": OTHER, "position": 2, "code": "T2"}, "uq_plan_tasks_plan_id_number"),
    ("plan_tasks", {"id": OTHER, "position": 2, "number": "2"}, "uq_plan_tasks_plan_id_code"),
]


async def insert(connection: AsyncConnection, table: str, **changed: Any) -> None:  # noqa: ANN401 -- column values
    row = {**GOOD[table], **changed}
    columns = metadata.tables[table].c
    values = ", ".join(
        f"CAST(CAST(:{name} AS text) AS {columns[name].type.compile(connection.dialect)})" for name in row
    )
    plain = {name: None if value is None else str(value) for name, value in row.items()}
    await connection.execute(text(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({values})"), plain)  # noqa: S608 -- names from this file


async def refused(service: PlansService, table: str, changed: dict[str, Any], *, before: list[str]) -> str:
    """Insert the good rows of the tables `before`, then the changed row; return the constraint that says no."""
    async with service.engine.connect() as connection:
        for name in before:
            await insert(connection, name)
        with pytest.raises(IntegrityError) as caught:
            await insert(connection, table, **changed)
    return str(caught.value.orig)


def tables_before(table: str) -> list[str]:
    names = list(GOOD)
    return names[: names.index(table)]


async def test_every_constraint_refuses_its_row(service: PlansService) -> None:
    for table, changed, constraint in BAD:
        assert f'"{constraint}"' in await refused(service, table, changed, before=tables_before(table)), constraint
    for table, changed, constraint in SAME_AGAIN:
        before = [*tables_before(table), table]
        assert f'"{constraint}"' in await refused(service, table, changed, before=before), constraint


async def test_good_rows_are_taken(service: PlansService) -> None:
    async with service.engine.connect() as connection:
        for table in GOOD:
            await insert(connection, table)
        await insert(connection, "plan_task_units", duty="coordinating", unit=None, kind=None, name="Hội Nông dân tỉnh")


def test_every_check_constraint_has_its_refused_row() -> None:
    declared = {
        f"ck_{table.name}_{str(constraint.name).removeprefix(f'ck_{table.name}_')}"
        for table in metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    }
    assert declared <= {constraint for _, _, constraint in BAD}


async def test_migrations_climb_the_stairway_and_leave_nothing_to_do(database_factory: DatabaseFactory) -> None:
    dsn = await database_factory(())
    await assert_stairway(dsn, "services.plans")
    await assert_nothing_left(dsn, "services.plans", [metadata])
