"""Bases of request and response models.

Requests are taken at their word: a number is not a string, `true` is not 1, an unknown field is a mistake. JSON has no
type for days, moments and identifiers, so those come as ISO strings, and as nothing else. Strings arrive composed
(NFC), without control characters, outer blanks removed, and bounded in length.
"""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from shared.text import nfc

LONGEST_TEXT: Final = 10_000
"""Characters of a string field that states no bound of its own."""

FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2199

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


def _plausible(value: dt.date) -> dt.date:
    """Refuse mistyped years (0023-10-20); and the ends of the calendar, which the driver stores as infinity."""
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        years = f"{FIRST_YEAR}-{LAST_YEAR}"
        raise refuse("date_implausible", vi=f"Năm của ngày phải trong khoảng {years}.", en=f"A day of {years}.")
    return value


def _in_utc(value: dt.datetime) -> dt.datetime:
    """Refuse the hours at both ends of the calendar that UTC does not have: no database column takes them."""
    if value.tzinfo is not None:
        try:
            value.astimezone(dt.UTC)
        except OverflowError as error:
            raise PydanticCustomError("datetime_parsing", "not in UTC's calendar") from error
    return value


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

_JSON_BRANCH: Final[Mapping[str, str]] = {"lax-or-strict": "strict_schema", "json-or-python": "json_schema"}
_ADAPTED: Final = "cchc_adapted"
_NOT_SCHEMAS: Final = frozenset({"metadata", "serialization", "default", "members", "expected", "config"})


def _adapted(schema: Any, handler: GetCoreSchemaHandler) -> Any:  # noqa: ANN401 -- a tree of plain dicts and lists
    """Return the schema with strings normalised and with JSON's stand-ins allowed where Python has richer types.

    The framework hands over parsed JSON as Python objects, for which strict mode would want real dates and tuples.
    """
    if isinstance(schema, list | tuple):
        return type(schema)(_adapted(item, handler) for item in schema)
    if not isinstance(schema, dict) or schema.get("type") == "model":
        return schema  # an inner model is adapted by its own class
    if schema.get("type") == "definition-ref":
        return _adapted_reference(schema, handler)
    if (branch := _JSON_BRANCH.get(str(schema.get("type")))) is not None:
        return _adapted(schema[branch], handler)
    inner = {name: value if name in _NOT_SCHEMAS else _adapted(value, handler) for name, value in schema.items()}
    return _taken_from_json(inner)


def _taken_from_json(schema: dict[str, Any]) -> Any:  # noqa: ANN401 -- see above
    kind = str(schema.get("type"))
    if kind == "str":
        bounded = {"max_length": LONGEST_TEXT, **schema}
        return core_schema.no_info_before_validator_function(normal_text, cast("CoreSchema", bounded))
    if kind in _FROM_JSON:
        lax: Any = {**schema, "strict": False}
        if kind == "date":
            lax = core_schema.no_info_after_validator_function(_plausible, lax)
        if kind == "datetime":
            lax = core_schema.no_info_after_validator_function(_in_utc, lax)
        return core_schema.no_info_before_validator_function(_FROM_JSON[kind], cast("CoreSchema", lax))
    return schema


def _adapted_reference(schema: dict[str, Any], handler: GetCoreSchemaHandler) -> Any:  # noqa: ANN401 -- see above
    try:
        target = handler.resolve_ref_schema(cast("CoreSchema", schema))
    except LookupError:  # a model that is being built: it holds itself
        return schema
    if target["type"] != "enum":
        return schema
    return _taken_from_json({name: value for name, value in target.items() if name != "ref"})


class RequestModel(BaseModel):
    """Base of every JSON request body and of its parts."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[BaseModel], handler: GetCoreSchemaHandler, /) -> CoreSchema:
        schema = handler(source)
        model: dict[str, Any] = cast("dict[str, Any]", schema)
        while str(model["type"]).startswith("function-"):  # model validators stand around the model
            model = model["schema"]
        if model["type"] == "model" and _ADAPTED not in model.get("metadata", {}):  # once, however often it is used
            model["schema"] = _adapted(model["schema"], handler)
            model["metadata"] = {**model.get("metadata", {}), _ADAPTED: True}
        return schema


class ResponseModel(BaseModel):
    """Base of every answer: built from attributes or keywords, and nothing that the API document does not name."""

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)


QueryDay = Annotated[dt.date, BeforeValidator(_day), AfterValidator(_plausible)]
"""A day in a query or a path, as an ISO date and as nothing else."""
QueryText = Annotated[str, BeforeValidator(normal_text)]
"""A string in a query or a path, composed (NFC): what is looked for must be written as what is stored."""
