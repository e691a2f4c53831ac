"""What the plans service refuses. Each error says the refusal; api/errors.py gives it a status."""

from dataclasses import asdict, dataclass
from datetime import date
from uuid import UUID


class PlansRefusal(Exception):  # noqa: N818 -- errors say the refusal
    """Every refusal by a rule of this service."""


class UnitNotFound(PlansRefusal):
    """No such unit, or not one that the caller may see."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.unit = code


class UnitInvalid(PlansRefusal):
    """A unit cannot be like that."""

    def __init__(self, pointer: str, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.errors = [{"pointer": f"/{pointer}", "code": "unit-invalid", "message": message}]


class UnitOutsideCallersUnits(PlansRefusal):
    """The caller acts only within the subtree of the own unit."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.unit = code


class UnitVersionStale(PlansRefusal):
    """Somebody changed the unit since the caller read it."""


class ProgrammeNotFound(PlansRefusal):
    """No such programme."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.programme = code


class PlanNotFound(PlansRefusal):
    """No such plan, or not one that the caller may see."""

    def __init__(self, plan_id: UUID | None = None) -> None:
        super().__init__(str(plan_id))
        self.plan_id = plan_id


class PlanAlreadyIssued(PlansRefusal):
    """A plan is issued once."""


class PlanWithoutTasks(PlansRefusal):
    """An empty plan cannot be issued."""


class PlanVersionStale(PlansRefusal):
    """The plan changed since the caller read it (If-Match)."""


class AccessKeyNotFound(PlansRefusal):
    """No such access key, or not one that the caller may see."""


class AccessKeyExpiryInvalid(PlansRefusal):
    """An access key ends today at the earliest, and on `latest` at the latest."""

    def __init__(self, latest: date) -> None:
        super().__init__(latest.isoformat())
        self.latest = latest


class TaskUnknown(PlansRefusal):
    """A task event names a task that no plan of ours has."""

    def __init__(self, task_id: UUID) -> None:
        super().__init__(str(task_id))
        self.task_id = task_id


class FileRefused(PlansRefusal):
    """The file as a whole cannot be read; `code` is stable, `message` tells the user what to do."""

    def __init__(self, code: str, message: str, row: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.row = row


@dataclass(frozen=True)
class Issue:
    """One finding in a plan file: where, what, in words for the person who filled it in."""

    row: int
    """Row in the file, counted from 1 as a spreadsheet shows it; 0 stands for the whole file."""
    column: str
    """The column's heading as written in the file; empty for the whole row."""
    code: str
    message: str


class ImportRefused(PlansRefusal):
    """The file has errors; nothing was stored."""

    def __init__(self, errors: list[Issue], warnings: list[Issue]) -> None:
        super().__init__(f"{len(errors)} errors")
        self.count = len(errors)
        self.issues = errors
        self.errors = [asdict(issue) for issue in errors]
        self.warnings = [asdict(issue) for issue in warnings]
