"""Requests are taken at their word."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal, Self
from uuid import UUID

import pytest
from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError, field_validator, model_validator

from shared.http.models import LONGEST_TEXT, RequestModel, refuse


class Colour(StrEnum):
    RED = "red"


class Part(RequestModel):
    number: str = Field(min_length=1, max_length=5)
    on: date | None = None


class Whole(RequestModel):
    day: date = date(2023, 10, 31)
    moment: AwareDatetime | None = None
    id: UUID | None = None
    colour: Colour = Colour.RED
    count: int = 0
    share: float = 0
    amount: Decimal | None = None
    claim: bool = False
    text: str = ""
    parts: list[Part] = Field(default_factory=list, max_length=2)
    days: tuple[date, ...] = ()
    kinds: frozenset[Colour] = frozenset()
    by_name: dict[str, int] = Field(default_factory=dict)
    choice: Literal["a", "b"] = "a"
    again: "Whole | None" = None

    @model_validator(mode="after")
    def not_empty(self) -> Self:
        return self


READ = TypeAdapter(Whole)


def read(**fields: object) -> Whole:
    """Read as the framework does: from parsed JSON, as Python objects."""
    return READ.validate_python(fields, from_attributes=True)


@pytest.mark.parametrize(
    ("field", "sent", "kept"),
    [
        ("day", "2024-02-29", date(2024, 2, 29)),
        ("moment", "2023-10-31T07:00:00+07:00", datetime.fromisoformat("2023-10-31T00:00:00+00:00")),
        ("id", "0191e0f0-0000-7000-8000-000000000000", UUID("0191e0f0-0000-7000-8000-000000000000")),
        ("colour", "red", Colour.RED),
        ("share", 1, 1.0),
        ("amount", 1.5, Decimal("1.5")),
        ("text", "  Kê\u0301  hoa\u0323ch \n mới ", "Kế hoạch mới"),
        ("parts", [{"number": " 18 ", "on": "2023-10-14"}], [Part(number="18", on=date(2023, 10, 14))]),
        ("days", ["2023-10-31"], (date(2023, 10, 31),)),
        ("kinds", ["red"], frozenset({Colour.RED})),
        ("by_name", {"a": 1}, {"a": 1}),
    ],
)
def test_json_stand_ins_are_taken(field: str, sent: object, kept: object) -> None:
    assert getattr(read(**{field: sent}), field) == kept


@pytest.mark.parametrize(
    ("field", "sent"),
    [
        ("day", 20231031),
        ("day", "1700000000"),
        ("day", "2023-10-31T00:00:00"),
        ("day", "31/10/2023"),
        ("day", "2023-02-30"),
        ("day", "0023-10-31"),
        ("day", "0001-01-01"),
        ("day", "9999-12-31"),
        ("day", "1899-12-31"),
        ("day", "2200-01-01"),
        ("on", "0001-01-01"),
        ("days", ["0001-01-01"]),
        ("day", "２０２３-10-31"),
        ("day", True),
        ("day", None),
        ("moment", 1700000000),
        ("moment", "1700000000"),
        ("moment", "2023-10-31"),
        ("moment", "2023-10-31T00:00:00"),
        ("id", 5),
        ("id", "x"),
        ("colour", "blue"),
        ("colour", 1),
        ("count", True),
        ("count", "1"),
        ("count", 1.0),
        ("share", True),
        ("share", "1"),
        ("share", float("nan")),
        ("share", float("inf")),
        ("amount", "1"),
        ("amount", True),
        ("claim", 1),
        ("claim", "true"),
        ("text", 1),
        ("text", None),
        ("text", "a\x00"),
        ("text", "a\x1b[31m"),
        ("text", "\ud800"),
        ("text", "a" * (LONGEST_TEXT + 1)),
        ("parts", [{"number": "  "}]),
        ("parts", [{"number": "a", "onn": 1}]),
        ("parts", {"number": "a"}),
        ("parts", [{"number": "a"}] * 3),
        ("days", "2023-10-31"),
        ("days", [1]),
        ("by_name", {"a": True}),
        ("by_name", {"\x00": 1}),
        ("choice", "c"),
        ("unknown", 1),
        ("again", {"count": "1"}),
    ],
)
def test_anything_else_is_refused(field: str, sent: object) -> None:
    with pytest.raises(ValidationError):
        read(**{field: sent})


def test_model_used_in_many_places_is_read_the_same_everywhere() -> None:
    class Left(RequestModel):
        kind: Literal["left"]
        on: date

        @field_validator("on")
        @classmethod
        def after_1945(cls, on: date) -> date:
            if on.year < 1945:
                raise refuse("too_early", vi="Trước năm 1945.", en="Before 1945.")
            return on

    class Right(RequestModel):
        kind: Literal["right"]
        id: UUID

    class Both(RequestModel):
        first: Annotated[Left | Right, Field(discriminator="kind")]
        second: list[Left] = Field(default_factory=list)

    reader = TypeAdapter(Both)
    left = {"kind": "left", "on": "2023-10-31"}
    assert reader.validate_python({"first": left, "second": [left]}).second[0].on == date(2023, 10, 31)
    with pytest.raises(ValidationError, match="Before 1945"):
        reader.validate_python({"first": {**left, "on": "1944-01-01"}})


def test_answers_document_the_same_fields_as_requests_take() -> None:
    schema = Part.model_json_schema()["properties"]
    assert schema["number"] == {"maxLength": 5, "minLength": 1, "title": "Number", "type": "string"}
    assert schema["on"]["anyOf"][0] == {"format": "date", "type": "string"}
