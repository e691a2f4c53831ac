"""What became known after a report was issued and would change it: kept beside the issue, which stays as it is."""

from services.reporting.domain.presentation import Answer


def errata(frozen: Answer, now: Answer) -> list[Answer]:
    """Compare a frozen report with the same period and method by what is known now.

    Args:
        frozen: the issued report's content.
        now: the same report by what is known today; its `tasks` are read.

    Returns:
        One line a task that is counted differently: before, now, and the events that were not known then.
    """
    before = {task["id"]: task for task in frozen["tasks"]}
    after = {task["id"]: task for task in now["tasks"]}
    lines = [_line(before.get(task_id), after.get(task_id)) for task_id in {**before, **after}]
    return [line for line in lines if line is not None]


def _line(then: Answer | None, now: Answer | None) -> Answer | None:
    counted_then, counted_now = _counted(then), _counted(now)
    task = now or then
    if task is None or counted_then == counted_now:
        return None
    known = set(then["events"]) if then else set()
    return {
        "task_id": task["id"],
        "number": task["number"],
        "title": task["title"],
        "then": counted_then,
        "now": counted_now,
        "events": [event for event in (now["events"] if now else ()) if event not in known],
        "evidence": now["evidence"] if now else [],
    }


def _counted(task: Answer | None) -> Answer | None:
    """What the figures see of a task: an open task's own state matters only through its timing."""
    if task is None:
        return None
    is_done = task["state"] == "done"
    return {
        "is_done": is_done,
        "timing": task["timing"],
        "is_due": task["is_due"],
        "completed_on": task["completed_on"],
    }
