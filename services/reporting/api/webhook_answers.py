"""What is answered about webhooks."""

import datetime as dt
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from services.reporting.domain.webhooks.endpoint import DisabledReason, EndpointState
from shared.http.models import ResponseModel


class FilterAnswer(ResponseModel):
    """Điều kiện lọc; null là không lọc."""

    plan_id: UUID | None
    unit: str | None
    field: str | None


class DisabledAnswer(ResponseModel):
    """Vì sao và từ khi nào bị tắt: chủ sở hữu, nơi nhận trả 410, hỏng nhiều ngày."""

    reason: DisabledReason
    at: dt.datetime


class KeyAnswer(ResponseModel):
    """Một khoá đang ký; `expires_at` khi đã có khoá mới. Bí mật không hiện ở đây."""

    created_at: dt.datetime
    expires_at: dt.datetime | None
    public_key: str | None


class EndpointAnswer(ResponseModel):
    """Một địa chỉ nhận webhook."""

    id: UUID
    url: str
    event_types: list[str]
    filter: FilterAnswer
    description: str | None
    scheme: Literal["hmac", "ed25519"]
    per_second: int | None
    state: EndpointState
    disabled: DisabledAnswer | None
    failures: int = Field(description="Số lần hỏng liên tiếp.")
    failing_since: dt.datetime | None
    paused_until: dt.datetime | None = Field(description="Tạm nghỉ sau nhiều lần hỏng; đến lúc đó mới thử lại.")
    keys: list[KeyAnswer]
    unit: str | None = Field(description="Cơ quan sở hữu; null: người dùng toàn hệ thống.")
    created_at: dt.datetime
    version: int


class EndpointWithKeyAnswer(EndpointAnswer):
    """Kèm khoá mới. Gửi lại cùng Idempotency-Key sau hơn một ngày thì `secret` là null."""

    secret: str | None = Field(examples=["whsec_..."], description="Chỉ hiện ở đây; hãy cất giữ. null với Ed25519.")
    public_key: str | None = Field(examples=["whpk_..."], description="Khoá công khai của Ed25519.")


class EndpointListAnswer(ResponseModel):
    """Một trang."""

    items: list[EndpointAnswer]
    next: str | None


class SentAnswer(ResponseModel):
    """Đã nhận; sẽ gửi như mọi lần gửi khác."""

    delivery_id: str
    event_id: UUID


class RecoveryAnswer(ResponseModel):
    """Bao nhiêu lần gửi được đưa vào hàng chờ lại."""

    since: dt.datetime
    recovered: int


class AttemptAnswer(ResponseModel):
    """Một lần gọi. Chưa có `status` lẫn `failure`: đang gọi, hoặc máy gửi dừng giữa chừng."""

    number: int
    started_at: dt.datetime
    duration_ms: int | None
    status: int | None
    failure: str | None
    excerpt: str | None = Field(description="Kilobyte đầu của câu trả lời; byte không phải UTF-8 thành ký tự thay thế.")


class DeliveryAnswer(ResponseModel):
    """Một sự kiện gửi đến một địa chỉ."""

    id: str
    endpoint_id: UUID
    event_id: UUID = Field(description="`webhook-id` mà nơi nhận thấy.")
    event_type: str
    plan_id: UUID | None
    task_id: UUID | None
    occurred_at: dt.datetime
    state: Literal["waiting", "delivered", "failed", "cancelled"]
    next_attempt_at: dt.datetime | None = Field(description="Sớm nhất là lúc nào; null: đã xong.")
    created_at: dt.datetime
    settled_at: dt.datetime | None
    attempt_count: int
    attempts: list[AttemptAnswer] = Field(description="Mới nhất trước, nhiều nhất 20.")


class DeliveryListAnswer(ResponseModel):
    """Một trang, sự kiện mới nhất trước."""

    items: list[DeliveryAnswer]
    next: str | None


class FullDeliveryAnswer(DeliveryAnswer):
    """Kèm nội dung đã gửi."""

    body: str


class EventTypeAnswer(ResponseModel):
    """Một loại sự kiện đăng ký được, kèm nội dung mẫu."""

    type: str
    description: str
    sample: dict[str, Any]


class EventTypeListAnswer(ResponseModel):
    """Mọi loại."""

    items: list[EventTypeAnswer]


class NoticeAnswer(ResponseModel):
    """Thông báo cho chủ sở hữu một địa chỉ: đã bị tắt vì nơi nhận trả 410 (`gone`) hoặc hỏng nhiều ngày (`failing`)."""

    id: str
    endpoint_id: UUID
    kind: str
    detail: dict[str, Any]
    created_at: dt.datetime
    seen_at: dt.datetime | None


class NoticeListAnswer(ResponseModel):
    """Một trang, mới nhất trước."""

    items: list[NoticeAnswer]
    next: str | None


class SeenAnswer(ResponseModel):
    """Đã xem từ lúc nào."""

    id: str
    seen_at: dt.datetime
