"""Write side: one function per use case. API, batch and console all come through here, so every door makes one event.

Each is one unit of work: read the task, look whether the request was answered before, let the aggregate decide, commit
state, history, event and answer at once. A change or an answer that another request commits in between makes the
commit fail, and the use case runs again: of two equal requests one is carried out, and the other gets its answer.
"""

from services.tasks.handlers.calendar import CalendarDesk, remove_calendar_day, set_calendar_day
from services.tasks.handlers.changes import confirm_completion, reopen_task, report_progress, return_completion
from services.tasks.handlers.completions import report_batch, report_completion, report_together
from services.tasks.handlers.desk import Ask, CompletionAsk, Desk
from services.tasks.handlers.learning import learn_plan, learn_unit
from services.tasks.handlers.reminders import REMINDERS, ReminderDesk, make_reminders

__all__ = [
    "REMINDERS",
    "Ask",
    "CalendarDesk",
    "CompletionAsk",
    "Desk",
    "ReminderDesk",
    "confirm_completion",
    "learn_plan",
    "learn_unit",
    "make_reminders",
    "remove_calendar_day",
    "reopen_task",
    "report_batch",
    "report_completion",
    "report_progress",
    "report_together",
    "return_completion",
    "set_calendar_day",
]
