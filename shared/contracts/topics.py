"""The topics: who owns each and how many partitions it has."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """One stream of events. Key and partition are the plan's id, so one plan's events stay in order."""

    name: str
    owner: str
    partitions: int
    description: str


PLANS = Topic("cchc.plans.v1", "plans", 6, "Đơn vị và kế hoạch: ban hành, điều chỉnh, kết thúc")
TASKS = Topic("cchc.tasks.v1", "tasks", 6, "Việc thực hiện từng nhiệm vụ: tiến độ, hoàn thành, xác nhận, trả lại")
REPORTS = Topic("cchc.reports.v1", "reporting", 3, "Báo cáo đã phát hành, kết luận phiên họp, mốc tiến độ")

ALL = (PLANS, TASKS, REPORTS)
