"""The two statements of a write: one reads all that the rules ask about a task, one writes all that they decided.

They go to the driver as they are. A completion takes two round trips, and no transaction stays open between them.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

_NAME = re.compile(r"(?<!:):([a-z_][a-z0-9_]*)")


@dataclass(frozen=True)
class Statement:
    """SQL with numbered parameters, and their names in order."""

    sql: str
    names: tuple[str, ...]

    def arguments(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the values in the order of the numbers.

        Raises:
            KeyError: one is missing.
        """
        return tuple(values[name] for name in self.names)

    def columns(self, rows: Collection[Mapping[str, Any]]) -> tuple[list[Any], ...]:
        """Return the values of many rows, an array for each number.

        Raises:
            KeyError: one is missing.
        """
        return tuple([row[name] for row in rows] for name in self.names)


def statement(sql: str) -> Statement:
    """Read `:name` parameters."""
    names = tuple(dict.fromkeys(_NAME.findall(sql)))
    return Statement(_NAME.sub(lambda found: f"${names.index(found[1]) + 1}", sql), names)


_TASK = """
    SELECT tasks.*, plans.unit AS plan_unit, plans.year AS plan_year, plans.counts_when, plans.evidence_required,
        plan_unit.lineage AS plan_unit_lineage, answered.request_sha256, answered.status, answered.answer,
        (
            SELECT jsonb_agg(
                jsonb_build_object('duty', task_units.duty, 'code', task_units.code, 'name', task_units.name,
                    'kind', task_units.kind, 'lineage', to_jsonb(units.lineage))
                ORDER BY task_units.position)
            FROM task_units LEFT JOIN units ON units.code = task_units.code
            WHERE task_units.task_id = tasks.id
        ) AS units
    FROM tasks
    JOIN plans ON plans.id = tasks.plan_id
    LEFT JOIN units AS plan_unit ON plan_unit.code = plans.unit
    LEFT JOIN idempotency_keys AS answered ON answered.caller = {caller} AND answered.key = {key}
"""
_ONE_TASK = _TASK.format(caller=":caller", key=":key") + "WHERE tasks.id = :task_id"
READ_TASK = statement(_ONE_TASK)
LOCK_TASK = statement(f"{_ONE_TASK} FOR UPDATE OF tasks")
READ_TASKS = statement(
    f"""
    SELECT found.*
    FROM unnest(:task_ids::uuid[], :callers::text[], :keys::text[])
        WITH ORDINALITY AS asked (task_id, caller, key, place)
    LEFT JOIN LATERAL ({_TASK.format(caller="asked.caller", key="asked.key")} WHERE tasks.id = asked.task_id) AS found
        ON true
    ORDER BY asked.place
    """  # noqa: S608 -- our own text
)
"""What READ_TASK finds for each that is asked, in order; all columns are null where there is no such task."""
READ_ANSWER = statement(
    "SELECT request_sha256, status, answer FROM idempotency_keys WHERE caller = :caller AND key = :key"
)
READ_COMPLETION = statement("SELECT * FROM completions WHERE task_id = :task_id AND id = :completion_id")
READ_LIVE_COMPLETION = statement(
    "SELECT * FROM completions WHERE task_id = :task_id AND state IN ('awaiting', 'confirmed')"
)

# Everything is inserted from `changed`: nothing at all, that is, when the task has another version by now. It also
# puts the task's row lock before every other, so that no two writes can wait for each other in a circle.
_CHANGED = """
    WITH changed AS (
        UPDATE tasks SET state = :task_state, version = :version, completed_on = :task_completed_on
        WHERE id = :task_id AND version = :version - 1
        RETURNING id
    ), history AS (
        INSERT INTO task_history (task_id, version, kind, actor_subject, actor_unit, moment, payload)
        SELECT id, :version, :kind, :subject, :unit, :moment::timestamptz, :payload::jsonb FROM changed
    ), told AS (
        INSERT INTO outbox (event_id, topic, key, type, headers, value)
        SELECT :event_id::uuid, :topic, :event_key, :type, :headers::jsonb, :value::bytea FROM changed
    )"""
_DECIDED = """, decided AS (
        UPDATE completions
        SET state = :completion_state, decided_at = :moment, decided_by = :subject, reason = :reason
        FROM changed WHERE completions.id = :completion_id AND completions.task_id = changed.id
    )"""
_KEPT = """, kept AS (
        INSERT INTO idempotency_keys (caller, key, request_sha256, status, answer)
        SELECT :caller::text, :key, :request_sha256::bytea, :status::int, :answer::jsonb
        FROM changed WHERE :caller IS NOT NULL
    )"""
_WHETHER = " SELECT id FROM changed"

WRITE_PROGRESS = statement(_CHANGED + _KEPT + _WHETHER)
WRITE_DECISION = statement(_CHANGED + _DECIDED + _KEPT + _WHETHER)
"""A change of one task, its completion's fate with it; the answer is kept where there is a key. One row if written."""

_REPORT_COLUMNS: Mapping[str, str] = {
    "task_id": "uuid",
    "version": "int",
    "task_state": "text",
    "task_completed_on": "date",
    "kind": "text",
    "subject": "text",
    "unit": "text",
    "moment": "timestamptz",
    "payload": "text",
    "event_id": "uuid",
    "topic": "text",
    "event_key": "text",
    "type": "text",
    "headers": "text",
    "value": "bytea",
    "completion_id": "uuid",
    "completed_on": "date",
    "reported_at": "timestamptz",
    "evidence": "text",
    "note": "text",
    "caller": "text",
    "key": "text",
    "request_sha256": "bytea",
    "status": "int",
    "answer": "text",
}
# Whose row is locked by another, or has another version by now, is left out: nobody waits for a neighbour's task.
WRITE_REPORTS = statement(
    f"""
    WITH asked AS (
        SELECT * FROM unnest({", ".join(f":{name}::{kind}[]" for name, kind in _REPORT_COLUMNS.items())})
            AS asked ({", ".join(_REPORT_COLUMNS)})
    ), free AS (
        SELECT tasks.id FROM tasks JOIN asked ON asked.task_id = tasks.id AND tasks.version = asked.version - 1
        FOR UPDATE OF tasks SKIP LOCKED
    ), changed AS (
        UPDATE tasks SET state = asked.task_state, version = asked.version, completed_on = asked.task_completed_on
        FROM asked JOIN free ON free.id = asked.task_id
        WHERE tasks.id = asked.task_id AND tasks.version = asked.version - 1
        RETURNING asked.*
    ), history AS (
        INSERT INTO task_history (task_id, version, kind, actor_subject, actor_unit, moment, payload)
        SELECT task_id, version, kind, subject, unit, moment, payload::jsonb FROM changed
    ), told AS (
        INSERT INTO outbox (event_id, topic, key, type, headers, value)
        SELECT event_id, topic, event_key, type, headers::jsonb, value FROM changed
    ), reported AS (
        INSERT INTO completions
            (id, task_id, completed_on, reported_at, recorded_at, by_subject, by_unit, evidence, note)
        SELECT completion_id, task_id, completed_on, reported_at, moment, subject, unit, evidence::jsonb, note
        FROM changed
    ), kept AS (
        INSERT INTO idempotency_keys (caller, key, request_sha256, status, answer)
        SELECT caller, key, request_sha256, status, answer::jsonb FROM changed WHERE caller IS NOT NULL
    )
    SELECT task_id FROM changed
    """  # noqa: S608 -- our own text
)
"""Completions of different tasks in one transaction, a column an array; returns the tasks of those written."""
