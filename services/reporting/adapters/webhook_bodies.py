"""What receivers are told of an event, made of the event and of its plan."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.reporting.adapters.webhook_facts import Facts, PlanDescribed
from shared.contracts.envelope import Contract
from shared.contracts.plans import CountsWhen
from shared.contracts.reports import PlanProgressReachedV1, ReportIssuedV1
from shared.contracts.tasks import CompletionReturnedV1, OfTask, TaskCompletedV1, TaskReminder
from shared.contracts.webhooks import (
    TASK_WEBHOOKS,
    ProgressData,
    ProgressReachedWebhook,
    ReportData,
    ReportIssuedWebhook,
    TaskData,
    TaskState,
    Webhook,
)


@dataclass(slots=True)
class News:
    """An event that was heard, or made, for the first time."""

    event_id: UUID
    occurred_at: datetime
    data: Contract

    @property
    def type(self) -> str:
        """The published type."""
        return self.data.event_type


def webhook_of(news: News, plan: PlanDescribed, facts: Facts) -> Webhook:
    """Return what receivers are told of an event."""
    data = news.data
    match data:
        case PlanProgressReachedV1():
            return ProgressReachedWebhook(
                timestamp=news.occurred_at,
                data=ProgressData(
                    plan_id=plan.plan_id,
                    unit=plan.unit,
                    year=plan.year,
                    threshold=data.threshold,
                    total=data.total,
                    done=data.done,
                ),
            )
        case ReportIssuedV1():
            return ReportIssuedWebhook(
                timestamp=news.occurred_at,
                data=ReportData(
                    plan_id=plan.plan_id,
                    report_id=data.report_id,
                    unit=plan.unit,
                    year=plan.year,
                    period=data.period,
                    number=data.document.number,
                    issued_on=data.document.issued_on,
                    total=data.total,
                    done=data.done,
                    sha256=data.sha256,
                ),
            )
        case OfTask():
            return _task_webhook(news, data, plan, facts)
    raise ValueError(f"nothing is told of {news.type}")


def _task_webhook(news: News, data: OfTask, plan: PlanDescribed, facts: Facts) -> Webhook:
    kind, task = TASK_WEBHOOKS[news.type], plan.tasks[data.task_id]
    when_reported = TaskState.DONE if plan.counts_when is CountsWhen.REPORTED else TaskState.AWAITING_CONFIRMATION
    completion_id = getattr(data, "completion_id", None)
    completed_on = data.completed_on if isinstance(data, TaskCompletedV1) else None
    if completed_on is None and isinstance(completion_id, UUID):
        completed_on = facts.days.get(completion_id)
    state = kind.after or when_reported
    if isinstance(data, TaskReminder) and facts.last.get(data.task_id) == CompletionReturnedV1.event_type:
        state = TaskState.RETURNED  # time goes on for what was returned as for what was never reported
    return kind(
        timestamp=news.occurred_at,
        data=TaskData(
            plan_id=plan.plan_id,
            unit=plan.unit,
            year=plan.year,
            task_id=task.id,
            code=task.code,
            number=task.number,
            title=task.title,
            field=task.field,
            lead_units=tuple(unit.code for unit in task.lead_units),
            deadline=task.deadline.date,
            completed_on=completed_on,
            state=state,
        ),
    )
