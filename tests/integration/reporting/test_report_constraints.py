"""What the database itself refuses, whoever asks."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tests.support.reporting_service import ReportingService


async def test_issued_reports_and_their_documents_cannot_be_changed(service: ReportingService) -> None:
    plan_id = await service.a_plan()
    report_id, draft_id = await service.a_draft(plan_id), await service.a_draft(plan_id)
    await service.issue(report_id)
    forbidden = [
        "UPDATE reports SET frozen = '{}' WHERE id = :id",
        "UPDATE reports SET state = 'draft' WHERE id = :id",
        "DELETE FROM reports WHERE id = :id",
        "TRUNCATE reports CASCADE",
        "UPDATE report_documents SET bytes = 'x' WHERE report_id = :id",
        "DELETE FROM report_documents WHERE report_id = :id",
        "TRUNCATE report_documents",
        "INSERT INTO report_documents VALUES (:id, 'json', 'x', encode(sha256('x'), 'hex'))",
        "INSERT INTO report_documents VALUES (:draft, 'docx', 'x', 'not the hash')",
        "UPDATE reports SET state = 'issued' WHERE id = :draft",
        "UPDATE reports SET number = '1/BC' WHERE id = :draft",
        "UPDATE reports SET period_to = '2022-01-01' WHERE id = :draft",
        "UPDATE reports SET corrects = id WHERE id = :draft",
        "UPDATE reports SET standing_tasks = 'other' WHERE id = :draft",
        "UPDATE reports SET rounding = 'other' WHERE id = :draft",
        "UPDATE reports SET version = 0 WHERE id = :draft",
    ]
    for statement in forbidden:
        values = {name: value for name, value in (("id", report_id), ("draft", draft_id)) if f":{name}" in statement}
        with pytest.raises(IntegrityError):
            async with service.engine.begin() as connection:
                await connection.execute(text(statement), values)
