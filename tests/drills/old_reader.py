"""A reader written for an earlier version: knows its frozen schema, passes over what it does not know.

Its own few lines of JSON Schema, so that neither our contracts nor their library decide whether it is content.
"""

import json
import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

FOLDER = Path(__file__).parents[1] / "contract" / "readers"
TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}
FORMATS: dict[str, Callable[[str], object]] = {
    "uuid": UUID,
    "date": date.fromisoformat,
    "date-time": datetime.fromisoformat,
}


def _is_of_type(wanted: str, value: object) -> bool:
    if wanted == "boolean" or isinstance(value, bool):
        return wanted == "boolean" and isinstance(value, bool)
    return isinstance(value, TYPES[wanted])


def _is_of_form(form: str, value: str) -> bool:
    try:
        FORMATS[form](value)
    except ValueError:
        return False
    return True


HOLDS: dict[str, Callable[[Any, Any], bool]] = {
    "type": _is_of_type,
    "format": _is_of_form,
    "enum": lambda wanted, value: value in wanted,
    "pattern": lambda wanted, value: re.search(wanted, value) is not None,
    "minLength": lambda wanted, value: len(value) >= wanted,
    "minItems": lambda wanted, value: len(value) >= wanted,
    "maxLength": lambda wanted, value: len(value) <= wanted,
    "minimum": lambda wanted, value: bool(value >= wanted),
    "maximum": lambda wanted, value: bool(value <= wanted),
    "$defs": lambda _wanted, _value: True,
}
"""A keyword that is not here, nor below, is an error: nothing is passed over."""


def readers() -> list[str]:
    """Return the event types that some reader was ever written for."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def complaints(kind: str, data: bytes) -> list[str]:
    """Return what the old reader of this event type has against the event; nothing when it can read it."""
    schema = json.loads((FOLDER / f"{kind}.json").read_text(encoding="utf-8"))
    return list(_check(schema, schema.get("$defs", {}), json.loads(data), kind))


def _check(schema: dict[str, Any], names: dict[str, Any], value: Any, place: str) -> Iterator[str]:  # noqa: ANN401 -- JSON
    for keyword, wanted in schema.items():
        if keyword in INSIDE:
            for inner, each, where in INSIDE[keyword](wanted, names, value):
                yield from _check(inner, names, each, f"{place}{where}")
        elif keyword == "anyOf":
            if all(list(_check(each, names, value, place)) for each in wanted):
                yield f"{place}: none of the alternatives"
        elif keyword == "required":
            yield from (f"{place}.{name} is missing" for name in wanted if name not in value)
        elif not HOLDS[keyword](wanted, value):
            yield f"{place}: {keyword} {wanted}"


Parts = Iterator[tuple[dict[str, Any], Any, str]]
"""Schema, value and place of what stands inside."""


def _named(wanted: str, names: dict[str, Any], value: Any) -> Parts:  # noqa: ANN401 -- JSON
    yield names[wanted.rpartition("/")[2]], value, ""


def _properties(wanted: dict[str, Any], _names: dict[str, Any], value: dict[str, Any]) -> Parts:
    yield from ((inner, value[name], f".{name}") for name, inner in wanted.items() if name in value)


def _items(wanted: dict[str, Any], _names: dict[str, Any], value: list[Any]) -> Parts:
    yield from ((wanted, each, f"[{number}]") for number, each in enumerate(value))


def _others(wanted: dict[str, Any], _names: dict[str, Any], value: dict[str, Any]) -> Parts:
    yield from ((wanted, each, f".{name}") for name, each in value.items())


INSIDE: dict[str, Callable[[Any, dict[str, Any], Any], Parts]] = {
    "$ref": _named,
    "properties": _properties,
    "items": _items,
    "additionalProperties": _others,
}
