"""Bases of request and response models.

Requests are taken at their word: a number is not a string, `true` is not 1, an unknown field is a mistake. JSON has no
type for days, moments and identifiers, so those come as ISO strings, and as nothing else. Strings arrive composed
(NFC), without control characters, outer blanks removed, and bounded in length.
"""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from shared.text import nfc

LONGEST_TEXT: Final = 10_000
"""Characters of a string field that states no bound of its own."""

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOMENT: Final = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}.*", re.ASCII)


def refuse(code: str, *, vi: str, en: str) -> PydanticCustomError:
    """Return the error that a validator of a request model raises, with its own sentences.

    `raise refuse("unit_unknown", vi="Không có đơn vị này.", en="There is no such unit.")`
    """
    return PydanticCustomError(code, "{en}", {"vi": vi, "en": en})


def normal_text(value: object) -> object:
    """Return a string composed and trimmed (see shared.text.nfc); other types are left to their own check."""
    if not isinstance(value, str):
        return value
    try:
        return nfc(value)
    except ValueError as error:
        raise PydanticCustomError("string_characters", "control character or lone surrogate") from error


def _day(value: object) -> object:
    if isinstance(value, str) and not _DAY.fullmatch(value):
        raise PydanticCustomError("date_parsing", "not an ISO date")
    return _text_only(value, "date_type")


def _moment(value: object) -> object:
    if isinstance(value, str) and not _MOMENT.fullmatch(value):
        raise PydanticCustomError("datetime_parsing", "not an ISO moment")
    return _text_only(value, "datetime_type")


def _number(value: object) -> object:
    return _refuse_types(value, (bool, str), "decimal_type")


def _name(value: object) -> object:
    return value


def _text_only(value: object, code: str) -> object:
    return _refuse_types(value, (bool, int, float), code)


def _refuse_types(value: object, kinds: tuple[type, ...], code: str) -> object:
    if isinstance(value, kinds):
        raise PydanticCustomError(code, "wrong type")
    return value


_FROM_JSON: Final[Mapping[str, Callable[[object], object]]] = {
    "date": _day,
    "datetime": _moment,
    "time": lambda value: _text_only(value, "time_parsing"),
    "timedelta": lambda value: _text_only(value, "time_delta_parsing"),
    "uuid": lambda value: _text_only(value, "uuid_type"),
    "decimal": _number,
    "enum": _name,
    "tuple": _name,
    "set": _name,
    "frozenset": _name,
}

_OTHERS_OWN: Final = frozenset({"model", "definition-ref"})  # adapted by its own class
_NOT_SCHEMAS: Final = frozenset({"metadata", "serialization", "default", "members", "expected", "config"})


def _adapted(schema: Any) -> Any:  # noqa: ANN401 -- a core schema is a tree of plain dicts
    """Return the schema with strings normalised and with JSON's stand-ins allowed where Python has richer types.

    The framework hands over parsed JSON as Python objects, for which strict mode would want real dates and tuples.
    """
    if isinstance(schema, list):
        return [_adapted(item) for item in schema]
    if isinstance(schema, tuple):
        return tuple(_adapted(item) for item in schema)
    if not isinstance(schema, dict) or schema.get("type") in _OTHERS_OWN:
        return schema
    if schema.get("type") == "lax-or-strict":
        return _adapted(schema["strict_schema"])
    if schema.get("type") == "json-or-python":
        return _adapted(schema["json_schema"])
    inner = {name: value if name in _NOT_SCHEMAS else _adapted(value) for name, value in schema.items()}
    kind = inner.get("type")
    if kind == "str":
        inner.setdefault("max_length", LONGEST_TEXT)
        return core_schema.no_info_before_validator_function(normal_text, inner)
    if isinstance(kind, str) and kind in _FROM_JSON:
        return core_schema.no_info_before_validator_function(_FROM_JSON[kind], {**inner, "strict": False})
    return inner


class RequestModel(BaseModel):
    """Base of every JSON request body and of its parts."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[BaseModel], handler: GetCoreSchemaHandler, /) -> CoreSchema:
        schema = dict(handler(source))
        if schema.get("type") == "model":
            schema["schema"] = _adapted(schema["schema"])
        return schema


class ResponseModel(BaseModel):
    """Base of every answer: built from attributes or keywords, and nothing that the API document does not name."""

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)


class QueryModel(BaseModel):
    """Base of filters, `Annotated[Filters, Query()]`: a query's texts become numbers and days."""

    model_config = ConfigDict(extra="forbid", frozen=True)


QueryText = Annotated[str, BeforeValidator(normal_text)]
"""A string in a query or a path, composed (NFC): what is looked for must be written as what is stored."""
