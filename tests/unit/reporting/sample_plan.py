"""The model plan of 38 tasks that comes with the program, as heard events, its completions confirmed."""

import csv
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from uuid import UUID, uuid5

from services.reporting.domain.facts import (
    CompletionState,
    DeadlineFact,
    DocumentFact,
    EvidenceFact,
    FieldFact,
    PlanFacts,
    TaskFacts,
    UnitFact,
)
from services.reporting.domain.fold import CompletionHeard, Heard, PlanHeard, VerdictHeard

ROOT = Path(__file__).resolve().parents[3]
PLAN_FILE = ROOT / "services" / "plans" / "seed" / "plan-tra-vinh-2023.tsv"
PERIODS_FILE = Path(__file__).parent / "data" / "reporting-periods.tsv"
NAMESPACE = UUID("0190d4d2-0000-7000-8000-000000000001")
PLAN_ID = uuid5(NAMESPACE, "plan")
KINDS = {
    "NGAY": "date",
    "THANG": "month",
    "QUY": "quarter",
    "NHIEU_MOC": "milestones",
    "THUONG_XUYEN": "continuous",
    "DINH_KY": "recurring",
    "SU_KIEN": "event",
}
LONG_AFTER = datetime(2024, 6, 1, tzinfo=UTC)


def rows(path: Path) -> list[dict[str, str]]:
    """Read a tab-separated file with comment lines."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader((line for line in file if not line.startswith("#")), delimiter="\t"))


def identifier(name: str) -> UUID:
    return uuid5(NAMESPACE, name)


def unit_code(name: str) -> str:
    """A code made from a name, stable and distinct within the sample."""
    return "TV-" + identifier(name).hex[:8].upper()


def midday(day: date) -> datetime:
    return datetime.combine(day, time(5), tzinfo=UTC)


def the_task(row: dict[str, str]) -> TaskFacts:
    leads = [name.strip() for name in row["co_quan_chu_tri"].split(";")]
    return TaskFacts(
        id=identifier(row["ma"]),
        code=row["ma"],
        number=row["stt"],
        field=row["muc"],
        title=row["nhiem_vu"],
        lead_units=tuple(UnitFact(unit_code(name), name) for name in leads),
        deadline=DeadlineFact(
            row["thoi_gian_hoan_thanh"], KINDS[row["loai_han"]], date.fromisoformat(row["han_chuan_hoa"])
        ),
        deliverable=row["san_pham"],
    )


def the_plan(counts_when: str = "confirmed") -> PlanFacts:
    found = rows(PLAN_FILE)
    fields = {row["muc"]: row["linh_vuc"] for row in found}
    return PlanFacts(
        id=PLAN_ID,
        version=1,
        unit=UnitFact("TV", "Ủy ban nhân dân tỉnh Trà Vinh"),
        year=2023,
        title="Kế hoạch cải cách hành chính năm 2023 của tỉnh Trà Vinh",
        fields=tuple(FieldFact(code, name) for code, name in fields.items()),
        counts_when=counts_when,
        document=DocumentFact("2715/QĐ-UBND", date(2022, 12, 28), "Người ký mẫu"),
        tasks=tuple(the_task(row) for row in found),
    )


def the_completions() -> list[Heard]:
    """Each completion as recorded on its own day, confirmed two days later."""
    heard: list[Heard] = []
    for row in rows(PLAN_FILE):
        if not row["ngay_hoan_thanh"]:
            continue
        day, task_id, name = date.fromisoformat(row["ngay_hoan_thanh"]), identifier(row["ma"]), row["ma"]
        completion = identifier(f"{name} completion")
        heard.append(
            CompletionHeard(
                event_id=identifier(f"{name} completed"),
                recorded_at=midday(day),
                task_id=task_id,
                version=1,
                completion_id=completion,
                completed_on=day,
                evidence=(EvidenceFact(row["minh_chung"], day),),
            )
        )
        heard.append(
            VerdictHeard(
                event_id=identifier(f"{name} confirmed"),
                recorded_at=midday(day + timedelta(days=2)),
                task_id=task_id,
                version=2,
                completion_id=completion,
                verdict=CompletionState.CONFIRMED,
            )
        )
    return heard


def the_sample() -> list[Heard]:
    issued = PlanHeard(identifier("plan issued"), midday(date(2022, 12, 28)), the_plan())
    return [issued, *the_completions()]
