"""Type and version to model: the one list of what travels."""

from shared.contracts import plans, reports, tasks
from shared.contracts.envelope import Contract

CONTRACTS: dict[str, type[Contract]] = {
    contract.event_type: contract
    for contract in (
        plans.UnitChangedV1,
        plans.PlanIssuedV1,
        tasks.TaskProgressedV1,
        tasks.TaskCompletedV1,
        tasks.CompletionConfirmedV1,
        tasks.CompletionReturnedV1,
        tasks.TaskReopenedV1,
        reports.ReportIssuedV1,
        reports.PlanProgressReachedV1,
    )
}
