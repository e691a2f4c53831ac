"""The topics: who owns each, how many partitions it has, how large an event may be.

What depends on the installation and not on the product is a setting: how many copies (CCHC_KAFKA_REPLICATION) and for
how long (CCHC_KAFKA_RETENTION_DAYS).
"""

from dataclasses import dataclass

MAX_EVENT_BYTES = 4 * 1024 * 1024
"""Largest value of an event; a plan of a thousand tasks with all its texts is about one MiB."""
ENVELOPE_BYTES = 64 * 1024
"""Room for key, headers and framing beside the largest value."""


@dataclass(frozen=True)
class Topic:
    """One stream of events. Key and partition are the plan's id, so one plan's events stay in order.

    The number of partitions is part of the contract: it decides where a key goes. See docs/operations.md before it is
    changed.
    """

    name: str
    owner: str
    partitions: int
    description: str
    max_message_bytes: int = MAX_EVENT_BYTES + ENVELOPE_BYTES


PLANS = Topic("cchc.plans.v1", "plans", 6, "Đơn vị và kế hoạch: ban hành, điều chỉnh, kết thúc")
TASKS = Topic("cchc.tasks.v1", "tasks", 6, "Việc thực hiện từng nhiệm vụ: tiến độ, hoàn thành, xác nhận, trả lại")
REPORTS = Topic("cchc.reports.v1", "reporting", 3, "Báo cáo đã phát hành, kết luận phiên họp, mốc tiến độ")

ALL = (PLANS, TASKS, REPORTS)
