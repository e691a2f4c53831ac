"""What the rules refuse. Each name says the refusal; statuses and texts for people are given by api/errors.py."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a request. `pointer` is a JSON pointer into the request, which begins with `/body`."""

    pointer: str
    code: str
    message: str


class TaskRefusal(Exception):  # noqa: N818 -- errors say the refusal
    """Whatever the rules of this service refuse."""


class TaskNotFound(TaskRefusal):
    """There is no such task, or none that this caller may know of; the two cannot be told apart."""


class CompletionNotFound(TaskRefusal):
    """The task has no such completion."""


class NotALeadUnit(TaskRefusal):
    """Only a lead unit of the task (for a collective lead: the secretariat) reports it done."""


class NotATaskUnit(TaskRefusal):
    """Only a unit that leads or coordinates the task notes progress on it."""


class NotTheSecretariat(TaskRefusal):
    """Only the secretariat confirms, returns and reopens."""


class TaskAlreadyCompleted(TaskRefusal):
    """The task is done; reopen it first."""


class CompletionAwaitsConfirmation(TaskRefusal):
    """A completion was reported and waits for the secretariat."""


class TaskClosed(TaskRefusal):
    """A withdrawn, suspended or declined task takes no reports."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


class TaskNotDone(TaskRefusal):
    """Only a done task can be reopened."""


class CompletionAlreadyConfirmed(TaskRefusal):
    """The completion is confirmed: it is not confirmed twice, and not returned but reopened."""


class CompletionNoLongerStands(TaskRefusal):
    """The completion was returned or reopened before."""


class ReasonMissing(TaskRefusal):
    """Returning and reopening need a reason."""


class ProgressNoteMissing(TaskRefusal):
    """A progress note without text says nothing."""


class CompletionInvalid(TaskRefusal):
    """Dates or evidence of a completion break a rule; `errors` names every fault."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(", ".join(fault.code for fault in faults))
        self.errors = [asdict(fault) for fault in faults]


class VersionDiffers(TaskRefusal):
    """The task has changed since the caller read it (`If-Match`)."""

    def __init__(self, current: int) -> None:
        super().__init__(current)
        self.current = current


class PlanContradictsItself(TaskRefusal):
    """An issued plan names one task twice, or has a version that no history reaches."""


class UnitContradictsItself(TaskRefusal):
    """A unit stands above itself, or has a version that no history reaches."""


class TaskOfAnotherPlan(TaskRefusal):
    """An issued plan claims a task that another plan owns."""


class CalendarDayNotSet(TaskRefusal):
    """The office has set nothing for that day."""
