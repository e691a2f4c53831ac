"""The shape of a problem: what a service writes in its table, and what a caller reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, Field


@dataclass(frozen=True)
class ProblemSpec:
    """How an error is told. The details are format strings over the error's attributes (`{number}`, `{due:%d/%m/%Y}`).

    An error's `.errors` (a list of dicts with `pointer`, or `row` and `column`, and `code`, `message`) is shown as
    `errors`. `code` is a promise to callers: kebab-case, never renamed.
    """

    status: int
    code: str
    title_vi: str
    title_en: str
    detail_vi: str
    detail_en: str
    headers: Mapping[str, str] = field(default_factory=dict)


class ProblemError(BaseModel):
    """One thing that is wrong, and where."""

    pointer: str | None = Field(default=None, description="JSON Pointer: /body/..., /query/..., /path/..., /header/...")
    row: int | None = Field(default=None, description="Dòng trong tệp nhập, đếm từ 1.")
    column: str | int | None = Field(default=None, description="Cột trong tệp nhập.")
    code: str
    message: str


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str = Field(description="urn:cchc:problem:<code>")
    title: str
    status: int
    detail: str
    code: str = Field(description="Mã ổn định, dành cho chương trình.")
    instance: str = Field(description="urn:cchc:trace:<mã tra cứu trong nhật ký>")
    errors: list[ProblemError] | None = None
