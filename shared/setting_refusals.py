"""How wrong values of settings are told: the variable, what is expected, never the value, which may be a secret."""

import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError
from pydantic_settings import SettingsError

from shared.setting_names import variable

_EXPECTED: Final[Mapping[str, tuple[str, str]]] = {
    "missing": ("chưa được đặt", "is not set"),
    "int_parsing": ("phải là một số nguyên", "must be a whole number"),
    "int_from_float": ("phải là một số nguyên", "must be a whole number"),
    "decimal_parsing": ("phải là một số", "must be a number"),
    "finite_number": ("phải là một số", "must be a number"),
    "bool_parsing": ("phải là true hoặc false", "must be true or false"),
    "literal_error": ("phải là một trong: {expected}", "must be one of these"),
    "enum": ("phải là một trong: {expected}", "must be one of these"),
    "greater_than": ("phải lớn hơn {gt}", "must be greater"),
    "greater_than_equal": ("phải từ {ge} trở lên", "must not be less"),
    "less_than": ("phải nhỏ hơn {lt}", "must be less"),
    "less_than_equal": ("không được quá {le}", "must not be more"),
    "string_too_short": ("không được để trống", "must not be empty"),
    "string_too_long": ("dài quá {max_length} ký tự", "too long"),
    "too_long": ("nhiều quá {max_length} mục", "too many entries"),
}
"""pydantic's kind of fault -> Vietnamese, with the rule's figures; English."""


def told(error: ValidationError) -> list[str]:
    """Return one sentence for each setting that is wrong."""
    faults = error.errors(include_url=False, include_input=False)
    return [f"{_subject(fault)}{_fault(fault)}." for fault in faults]


def told_of_source(error: SettingsError) -> str:
    """Return a sentence for a value that could not even be taken apart."""
    found = re.search(r'field "(\w+)"', str(error))
    return f"{variable(found[1] if found else '...')}: không đọc được [not readable]."


def _subject(fault: Mapping[str, Any]) -> str:
    """Return the variable that a fault is about; a fault of several at once names them itself."""
    return f"{variable(str(fault['loc'][0]))}: " if fault["loc"] else ""


def _fault(fault: Mapping[str, Any]) -> str:
    context = fault.get("ctx", {})
    if isinstance(refusal := context.get("error"), ValueError):
        return str(refusal)
    vietnamese, english = _EXPECTED.get(fault["type"], ("giá trị không dùng được", "not usable"))
    figures = {key: str(value).replace(" or ", ", ").replace("'", "") for key, value in context.items()}
    return f"{vietnamese.format_map(figures)} [{english}]"
