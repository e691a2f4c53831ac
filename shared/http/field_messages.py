"""What is wrong with a field, said in Vietnamese and English: the texts of pydantic's error types."""

from collections.abc import Mapping
from typing import Any, Final

from shared.http.language import Language

_OTHERS: Final = ("Giá trị không hợp lệ.", "The value is not valid.")

_TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "missing": ("Thiếu trường bắt buộc.", "The field is required."),
    "extra_forbidden": ("Trường này không được phép.", "The field is not allowed."),
    "json_invalid": ("Nội dung không phải JSON hợp lệ.", "The body is not valid JSON."),
    "string_type": ("Phải là chuỗi ký tự.", "Must be a string."),
    "string_unicode": ("Chuỗi có ký tự không hợp lệ.", "The string holds an invalid character."),
    "string_characters": ("Chuỗi có ký tự điều khiển.", "The string holds a control character."),
    "string_too_short": ("Phải có ít nhất {min_length} ký tự.", "Must have at least {min_length} characters."),
    "string_too_long": ("Không được quá {max_length} ký tự.", "Must have at most {max_length} characters."),
    "string_pattern_mismatch": ("Không đúng mẫu quy định.", "Does not match the required pattern."),
    "int_type": ("Phải là số nguyên.", "Must be an integer."),
    "int_parsing": ("Phải là số nguyên.", "Must be an integer."),
    "int_parsing_size": ("Số quá lớn.", "The number is too large."),
    "int_from_float": ("Phải là số nguyên, không có phần lẻ.", "Must be an integer without a fraction."),
    "float_type": ("Phải là số.", "Must be a number."),
    "float_parsing": ("Phải là số.", "Must be a number."),
    "finite_number": ("Phải là số hữu hạn.", "Must be a finite number."),
    "decimal_type": ("Phải là số.", "Must be a number."),
    "decimal_parsing": ("Phải là số.", "Must be a number."),
    "bool_type": ("Phải là true hoặc false.", "Must be true or false."),
    "bool_parsing": ("Phải là true hoặc false.", "Must be true or false."),
    "greater_than": ("Phải lớn hơn {gt}.", "Must be greater than {gt}."),
    "greater_than_equal": ("Không được nhỏ hơn {ge}.", "Must be at least {ge}."),
    "less_than": ("Phải nhỏ hơn {lt}.", "Must be less than {lt}."),
    "less_than_equal": ("Không được lớn hơn {le}.", "Must be at most {le}."),
    "date_type": ("Phải là ngày dạng YYYY-MM-DD.", "Must be a date, YYYY-MM-DD."),
    "date_parsing": ("Phải là ngày có thật, dạng YYYY-MM-DD.", "Must be an existing date, YYYY-MM-DD."),
    "date_from_datetime_parsing": ("Phải là ngày có thật, dạng YYYY-MM-DD.", "Must be an existing date, YYYY-MM-DD."),
    "datetime_type": ("Phải là thời điểm dạng ISO 8601.", "Must be a moment in ISO 8601."),
    "datetime_parsing": ("Phải là thời điểm có thật, dạng ISO 8601.", "Must be an existing moment in ISO 8601."),
    "datetime_from_date_parsing": ("Phải là thời điểm dạng ISO 8601.", "Must be a moment in ISO 8601."),
    "timezone_aware": ("Thời điểm phải kèm múi giờ.", "The moment must carry a time zone."),
    "time_parsing": ("Phải là giờ dạng ISO 8601.", "Must be a time in ISO 8601."),
    "uuid_type": ("Phải là mã định danh UUID.", "Must be a UUID."),
    "uuid_parsing": ("Phải là mã định danh UUID.", "Must be a UUID."),
    "enum": ("Phải là một trong: {expected}.", "Must be one of: {expected}."),
    "literal_error": ("Phải là một trong: {expected}.", "Must be one of: {expected}."),
    "list_type": ("Phải là danh sách.", "Must be a list."),
    "tuple_type": ("Phải là danh sách.", "Must be a list."),
    "too_short": ("Phải có ít nhất {min_length} phần tử.", "Must have at least {min_length} items."),
    "too_long": ("Không được quá {max_length} phần tử.", "Must have at most {max_length} items."),
    "dict_type": ("Phải là đối tượng.", "Must be an object."),
    "model_type": ("Phải là đối tượng.", "Must be an object."),
    "model_attributes_type": ("Phải là đối tượng.", "Must be an object."),
    "url_parsing": ("Phải là địa chỉ URL hợp lệ.", "Must be a valid URL."),
    "url_type": ("Phải là địa chỉ URL hợp lệ.", "Must be a valid URL."),
    "url_scheme": ("Giao thức của URL phải là {expected_schemes}.", "The URL's scheme must be {expected_schemes}."),
    "union_tag_invalid": ("Phải là một trong: {expected_tags}.", "Must be one of: {expected_tags}."),
    "union_tag_not_found": ("Thiếu trường cho biết loại.", "The field that tells the kind is missing."),
    "unknown_parameter": ("Tham số này không được hỗ trợ.", "The parameter is not supported."),
    "unreadable_parameters": ("Phần truy vấn có ký tự không hợp lệ.", "The query holds an invalid character."),
}


def field_message(kind: str, context: Mapping[str, Any], language: Language) -> str:
    """Return the sentence for a pydantic error type; `context` holds its bounds, never what the caller sent.

    A validator of ours says its own sentences by raising `refuse(code, vi=..., en=...)` of shared.http.models.
    """
    own = context.get(language)
    if isinstance(own, str):
        return own
    text = _TEXTS.get(kind, _OTHERS)[language == "en"]
    return text.format_map(context) if context else text
