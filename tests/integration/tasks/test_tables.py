"""Bad states are impossible: every constraint refuses its row. Migrations climb the stairway."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import CheckConstraint, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.tasks.adapters.tables import (
    ONE_LIVE_COMPLETION,
    ONE_REMINDER_A_COMPLETION,
    ONE_REMINDER_A_DEADLINE,
    metadata,
)
from tests.support.migrations import assert_nothing_left, assert_stairway
from tests.support.postgres import DatabaseFactory
from tests.support.tasks_service import TasksService

TASK = "00000000-0000-0000-0000-000000000001"
GOOD: dict[str, dict[str, Any]] = {
    "units": {"code": "A", "version": 1, "name": "A", "kind": "department", "parent": "B", "lineage": "{A,B}"},
    "plans": {
        "id": "00000000-0000-0000-0000-000000000002",
        "version": 1,
        "unit": "A",
        "year": 2023,
        "title": "Kế hoạch",
        "counts_when": "confirmed",
        "evidence_required": True,
    },
    "tasks": {
        "id": TASK,
        "plan_id": "00000000-0000-0000-0000-000000000002",
        "position": 0,
        "code": "T",
        "number": "1",
        "title": "T",
        "field": "I",
        "deadline_phrase": "",
        "deadline_kind": "none",
        "state": "in_progress",
        "version": 1,
        "completed_on": None,
    },
    "task_units": {"task_id": TASK, "duty": "lead", "position": 0, "code": "A", "name": "A", "kind": "department"},
    "completions": {
        "id": "00000000-0000-0000-0000-000000000003",
        "task_id": TASK,
        "completed_on": "2023-10-18",
        "reported_at": "2023-10-18T00:00:00Z",
        "recorded_at": "2023-10-18T00:00:00Z",
        "by_subject": "x",
        "evidence": "[]",
        "state": "awaiting",
        "decided_at": None,
        "decided_by": None,
        "reason": None,
    },
    "task_history": {
        "task_id": TASK,
        "version": 1,
        "kind": "completed",
        "actor_subject": "x",
        "moment": "2023-10-18T00:00:00Z",
        "payload": "{}",
    },
    "reminders": {
        "event_id": "00000000-0000-0000-0000-000000000006",
        "task_id": TASK,
        "kind": "overdue",
        "deadline": "2023-10-17",
        "round": 0,
        "completion_id": None,
        "day": "2023-10-18",
        "version": 2,
        "made_at": "2023-10-18T01:00:00Z",
    },
    "holidays_overrides": {
        "day": "2023-10-18",
        "is_working": False,
        "name": "Nghỉ hoán đổi",
        "set_by": "x",
        "set_at": "2023-10-01T00:00:00Z",
    },
}
ABOUT_A_COMPLETION = {"kind": "unconfirmed", "completion_id": "00000000-0000-0000-0000-000000000003"}
DECIDED = {"decided_at": "2023-10-19T00:00:00Z", "decided_by": "x"}
BAD: dict[str, tuple[str, dict[str, Any]]] = {
    "ck_units_version_counts": ("units", {"version": -1}),
    "ck_units_kind_known": ("units", {"kind": None}),
    "ck_units_not_its_own_parent": ("units", {"parent": "A"}),
    "ck_units_lineage_holds_itself": ("units", {"lineage": "{B}"}),
    "ck_plans_version_counts": ("plans", {"version": 0}),
    "ck_plans_year_plausible": ("plans", {"year": 1999}),
    "ck_plans_counts_when_known": ("plans", {"counts_when": "never"}),
    "ck_tasks_version_counts": ("tasks", {"version": -1, "state": "not_started"}),
    "ck_tasks_position_counts": ("tasks", {"position": -1}),
    "ck_tasks_state_known": ("tasks", {"state": "xong"}),
    "ck_tasks_deadline_kind_known": ("tasks", {"deadline_kind": "soon"}),
    "ck_tasks_untouched_is_not_started": ("tasks", {"version": 0}),
    "ck_tasks_completed_has_its_day": ("tasks", {"state": "done"}),
    "ck_task_units_duty_known": ("task_units", {"duty": "watch"}),
    "ck_task_units_lead_is_a_unit": ("task_units", {"code": None}),
    "ck_completions_state_known": ("completions", {"state": "lost", **DECIDED}),
    "ck_completions_evidence_is_a_list": ("completions", {"evidence": "{}"}),
    "ck_completions_decided_by_someone": ("completions", {"state": "confirmed"}),
    "ck_completions_refused_with_reason": ("completions", {"state": "returned", **DECIDED}),
    "ck_completions_reason_says_something": ("completions", {"state": "returned", "reason": "", **DECIDED}),
    "ck_task_history_version_counts": ("task_history", {"version": 0}),
    "ck_task_history_kind_known": ("task_history", {"kind": "lost"}),
    "ck_task_history_payload_is_an_object": ("task_history", {"payload": "[]"}),
    "ck_reminders_kind_known": ("reminders", {"kind": "lost"}),
    "ck_reminders_about_a_completion": ("reminders", {"kind": "unconfirmed"}),
    "ck_reminders_about_a_deadline": ("reminders", {"deadline": None}),
    "ck_reminders_round_counts": ("reminders", {"round": -1}),
    "ck_reminders_version_counts": ("reminders", {"version": 0}),
    "ck_holidays_overrides_name_says_something": ("holidays_overrides", {"name": ""}),
    "ck_holidays_overrides_day_plausible": ("holidays_overrides", {"day": "1999-12-31"}),
}


def violated(error: IntegrityError) -> str | None:
    """Return the name of the constraint that refused."""
    cause = None if error.orig is None else error.orig.__cause__
    return getattr(cause, "constraint_name", None)


def literal(value: object) -> str:
    return "NULL" if value is None else f"'{value}'"


async def put(connection: AsyncConnection, table: str, **changed: Any) -> None:  # noqa: ANN401 -- any column
    row = GOOD[table] | changed
    values = ", ".join(literal(value) for value in row.values())
    await connection.execute(text(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({values})"))  # noqa: S608 -- our own


def test_every_check_has_a_row_that_breaks_it() -> None:
    checks = {
        str(constraint.name)
        for table in metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    }
    assert checks == set(BAD)


@pytest.mark.parametrize("name", BAD)
async def test_a_check_refuses_its_row(service: TasksService, name: str) -> None:
    table, changed = BAD[name]
    async with service.engine.connect() as connection:
        for before in GOOD:
            if before == table:
                break
            await put(connection, before)
        with pytest.raises(IntegrityError) as refused:
            await put(connection, table, **changed)
    assert violated(refused.value) == name


@pytest.mark.parametrize(
    ("about", "name"), [({}, ONE_REMINDER_A_DEADLINE), (ABOUT_A_COMPLETION, ONE_REMINDER_A_COMPLETION)]
)
async def test_a_reminder_is_there_once(service: TasksService, about: dict[str, Any], name: str) -> None:
    async with service.engine.connect() as connection:
        for table in ("plans", "tasks", "completions"):
            await put(connection, table)
        await put(connection, "reminders", **about)
        with pytest.raises(IntegrityError) as refused:
            await put(connection, "reminders", event_id=str(UUID(int=7)), version=3, **about)
    assert violated(refused.value) == name


async def test_a_task_has_one_completion_that_stands(service: TasksService) -> None:
    async with service.engine.connect() as connection:
        for table in ("plans", "tasks", "completions"):
            await put(connection, table)
        returned = {"state": "returned", "reason": "x", **DECIDED}
        await put(connection, "completions", id=str(UUID(int=4)), **returned)
        with pytest.raises(IntegrityError) as refused:
            await put(connection, "completions", id=str(UUID(int=5)), state="confirmed", **DECIDED)
    assert violated(refused.value) == ONE_LIVE_COMPLETION


@pytest.mark.parametrize(
    "statement", ["UPDATE task_history SET kind = kind", "DELETE FROM task_history", "TRUNCATE task_history"]
)
async def test_history_is_only_added_to(service: TasksService, statement: str) -> None:
    async with service.engine.connect() as connection:
        with pytest.raises(DBAPIError, match="append-only"):
            await connection.execute(text(statement))


async def test_migrations_climb_the_stairway_and_leave_nothing_to_do(database_factory: DatabaseFactory) -> None:
    dsn = await database_factory(())
    await assert_stairway(dsn, "services.tasks")
    await assert_nothing_left(dsn, "services.tasks", [metadata])
