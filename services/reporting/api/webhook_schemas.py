"""Requests about webhooks."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, WithJsonSchema, field_validator

from services.reporting.api.schemas import FIRST_MOMENT
from services.reporting.domain.webhooks.endpoint import EndpointState, EventFilter, Subscription
from services.reporting.handlers import EndpointChange, NewEndpoint
from shared.contracts.webhooks import WEBHOOKS
from shared.http.models import RequestModel, refuse

LONGEST_URL, LONGEST_DESCRIPTION, MOST_PER_SECOND = 2000, 500, 1000
LONGEST_OVERLAP_HOURS = 720


def _known(event_type: str) -> str:
    if event_type not in WEBHOOKS:
        raise refuse(
            "event_type_unknown",
            vi="Không có loại sự kiện này; xem GET /v1/webhook-event-types.",
            en="There is no such event type; see GET /v1/webhook-event-types.",
        )
    return event_type


Url = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_URL)]
EventType = Annotated[str, AfterValidator(_known), WithJsonSchema({"type": "string", "enum": list(WEBHOOKS)})]
EventTypes = Annotated[list[EventType], Field(min_length=1, max_length=len(WEBHOOKS))]
Code = Annotated[str, StringConstraints(min_length=1, max_length=32)]
Description = Annotated[str, StringConstraints(max_length=LONGEST_DESCRIPTION)]
PerSecond = Annotated[int, Field(ge=1, le=MOST_PER_SECOND)]


class FilterRequest(RequestModel):
    """Chỉ báo sự kiện khớp mọi điều kiện; không nêu thì mọi sự kiện trong phạm vi của chủ sở hữu."""

    plan_id: UUID | None = Field(default=None, description="Một kế hoạch.")
    unit: Code | None = Field(
        default=None, description="Kế hoạch của đơn vị này hoặc cấp dưới, hoặc nhiệm vụ do họ chủ trì."
    )
    field: Code | None = Field(default=None, description="Lĩnh vực của nhiệm vụ, ví dụ `II`.")

    def event_filter(self) -> EventFilter:
        """Return the filter in the words of the domain."""
        return EventFilter(self.plan_id, self.unit, self.field)


class EndpointRequest(RequestModel):
    """Đăng ký một địa chỉ nhận webhook."""

    url: Url = Field(description="Địa chỉ https nhận POST.", examples=["https://lanhdao.example.vn/cchc"])
    event_types: EventTypes
    filter: FilterRequest | None = None
    description: Description | None = None
    scheme: Literal["hmac", "ed25519"] = Field(
        default="hmac", description="Ký bằng bí mật chung (v1), hoặc bằng khoá mà ai cũng kiểm được (v1a)."
    )
    per_second: PerSecond | None = Field(default=None, description="Nhiều nhất bao nhiêu lần gửi mỗi giây.")

    def new_endpoint(self) -> NewEndpoint:
        """Return what is to be made."""
        chosen = Subscription(
            url=self.url,
            event_types=tuple(dict.fromkeys(self.event_types)),
            filter=EventFilter() if self.filter is None else self.filter.event_filter(),
            description=self.description,
            per_second=self.per_second,
        )
        return NewEndpoint(chosen, self.scheme)


class EndpointPatch(RequestModel):
    """Chỉ trường được gửi mới thay đổi; `filter`, `description`, `per_second` là null thì bỏ trống."""

    url: Url | None = None
    event_types: EventTypes | None = None
    filter: FilterRequest | None = None
    description: Description | None = None
    per_second: PerSecond | None = None
    state: EndpointState | None = Field(
        default=None, description="`enabled` bật lại, kể cả sau khi hệ thống tự tắt; `disabled` tạm dừng."
    )

    @field_validator("url", "event_types", "state")
    @classmethod
    def _not_emptied(cls, value: object) -> object:
        if value is None:
            raise refuse("null_not_allowed", vi="Trường này không được để trống.", en="The field cannot be empty.")
        return value

    def change(self) -> EndpointChange:
        """Return what is to be otherwise."""
        return EndpointChange(self._applied_to, self.state)

    def _applied_to(self, before: Subscription) -> Subscription:
        given: Mapping[str, Any] = {name: getattr(self, name) for name in self.model_fields_set - {"state"}}
        chosen = dict(given)
        if "event_types" in chosen:
            chosen["event_types"] = tuple(dict.fromkeys(chosen["event_types"]))
        if "filter" in chosen:
            chosen["filter"] = EventFilter() if self.filter is None else self.filter.event_filter()
        return replace(before, **chosen)


class RotationRequest(RequestModel):
    """Đổi khoá ký."""

    overlap_hours: int | None = Field(
        default=None,
        ge=0,
        le=LONGEST_OVERLAP_HOURS,
        description="Khoá cũ còn ký bao nhiêu giờ; bỏ trống: theo cài đặt. 0 khi khoá cũ đã lộ.",
    )


class TestRequest(RequestModel):
    """Gửi thử."""

    event_type: EventType


class RecoveryRequest(RequestModel):
    """Gửi lại những gì đã hỏng."""

    since: Annotated[AwareDatetime, Field(ge=FIRST_MOMENT)] = Field(
        description="Mọi lần gửi bị coi là hỏng từ thời điểm này, có múi giờ."
    )
