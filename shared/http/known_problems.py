"""The problems that every service can answer with."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from shared.database.idempotency import IdempotencyKeyReused
from shared.http.caller import Forbidden, Unauthenticated, UnitRequired, VerbRequired
from shared.http.idempotency import BadIdempotencyKey
from shared.http.paging import BadCursor
from shared.http.preconditions import IfMatchInvalid
from shared.http.problem_spec import ProblemSpec
from shared.http.rate import TooManyAtOnce, TooManyRequests
from shared.security import InvalidToken, KeysUnavailable

UNAUTHENTICATED: Final = ProblemSpec(
    401,
    "unauthenticated",
    "Chưa đăng nhập",
    "Not authenticated",
    "Yêu cầu không có mã truy cập, hoặc mã truy cập không hợp lệ hay đã hết hạn.",
    "The request carries no bearer token, or one that is not valid or has expired.",
    {"WWW-Authenticate": "Bearer"},
)
FORBIDDEN: Final = ProblemSpec(
    403,
    "forbidden",
    "Không có quyền",
    "Forbidden",
    "Vai trò của người gọi không được phép thực hiện việc này.",
    "The caller's roles do not allow this.",
)
UNIT_REQUIRED: Final = ProblemSpec(
    403,
    "unit-required",
    "Chưa rõ đơn vị",
    "Unit required",
    "Mã truy cập của vai trò đơn vị chủ trì phải ghi mã đơn vị.",
    "A token with the role `department` must name a unit.",
)
VERB_REQUIRED: Final = ProblemSpec(
    403,
    "verb-required",
    "Khóa không được dùng cho việc này",
    "Access key not made for this",
    "Khóa truy cập không được cấp quyền cho việc này; việc này cần khóa khác hoặc người dùng đăng nhập.",
    "The access key was not made for this; it takes another key, or a person.",
)
TOO_MANY_REQUESTS: Final = ProblemSpec(
    429,
    "too-many-requests",
    "Quá nhiều yêu cầu",
    "Too many requests",
    "Người gọi gửi yêu cầu quá nhanh; xin thử lại sau {retry_after} giây.",
    "The caller sends requests too fast; please try again after {retry_after} s.",
)
INVALID_REQUEST: Final = ProblemSpec(
    422,
    "invalid-request",
    "Yêu cầu không hợp lệ",
    "Invalid request",
    "Một số trường còn thiếu hoặc không đúng; xem danh sách lỗi.",
    "Some fields are missing or wrong; see the list of errors.",
)
MALFORMED_REQUEST: Final = ProblemSpec(
    400,
    "malformed-request",
    "Không đọc được yêu cầu",
    "Malformed request",
    "Nội dung yêu cầu không đọc được (sai mã hoá, sai cấu trúc hoặc bị cắt cụt).",
    "The request's body cannot be read (wrong encoding, wrong structure, or cut short).",
)
HEAD_TOO_LARGE: Final = ProblemSpec(
    431,
    "head-too-large",
    "Phần đầu yêu cầu quá lớn",
    "Request head too large",
    "Địa chỉ và các trường tiêu đề của yêu cầu vượt quá dung lượng cho phép.",
    "The request's target and header fields are larger than allowed.",
)
NOT_HTTP: Final = ProblemSpec(
    MALFORMED_REQUEST.status,
    MALFORMED_REQUEST.code,
    MALFORMED_REQUEST.title_vi,
    MALFORMED_REQUEST.title_en,
    "Dữ liệu nhận được không phải là một yêu cầu HTTP hợp lệ.",
    "What arrived is no valid HTTP request.",
)
NOT_FOUND: Final = ProblemSpec(
    404, "not-found", "Không tìm thấy", "Not found", "Không có địa chỉ này.", "There is nothing at this address."
)
METHOD_NOT_ALLOWED: Final = ProblemSpec(
    405,
    "method-not-allowed",
    "Sai phương thức",
    "Method not allowed",
    "Địa chỉ này không nhận phương thức được dùng.",
    "This address does not take the method used.",
)
CONTENT_TOO_LARGE: Final = ProblemSpec(
    413,
    "content-too-large",
    "Nội dung quá lớn",
    "Content too large",
    "Nội dung gửi lên vượt quá dung lượng cho phép.",
    "The body is larger than allowed.",
)
UNSUPPORTED_MEDIA_TYPE: Final = ProblemSpec(
    415,
    "unsupported-media-type",
    "Sai kiểu nội dung",
    "Unsupported media type",
    "Nội dung phải được gửi với Content-Type: application/json.",
    "The body must be sent with Content-Type: application/json.",
)
INTERNAL_ERROR: Final = ProblemSpec(
    500,
    "internal-error",
    "Lỗi hệ thống",
    "Internal error",
    "Hệ thống gặp lỗi ngoài dự kiến. Khi báo cho quản trị, xin kèm mã tra cứu {trace_id}.",
    "The system met an unexpected error. Please tell the administrator the trace id {trace_id}.",
)
DATABASE_UNAVAILABLE: Final = ProblemSpec(
    503,
    "database-unavailable",
    "Cơ sở dữ liệu tạm thời không sẵn sàng",
    "Database unavailable",
    "Chưa kết nối được cơ sở dữ liệu. Xin thử lại sau ít giây.",
    "The database cannot be reached. Please try again in a few seconds.",
    {"Retry-After": "5"},
)
OVERLOADED: Final = ProblemSpec(
    503,
    "overloaded",
    "Hệ thống quá tải",
    "Overloaded",
    "Đang có quá nhiều yêu cầu cùng lúc. Xin thử lại sau ít giây.",
    "There are too many requests at once. Please try again in a few seconds.",
    {"Retry-After": "5"},
)

REFUSALS: Final[Mapping[type[Exception], ProblemSpec]] = {
    Unauthenticated: UNAUTHENTICATED,
    InvalidToken: ProblemSpec(
        UNAUTHENTICATED.status,
        UNAUTHENTICATED.code,
        UNAUTHENTICATED.title_vi,
        UNAUTHENTICATED.title_en,
        UNAUTHENTICATED.detail_vi,
        UNAUTHENTICATED.detail_en,
        {"WWW-Authenticate": 'Bearer error="invalid_token"'},
    ),
    Forbidden: FORBIDDEN,
    UnitRequired: UNIT_REQUIRED,
    VerbRequired: VERB_REQUIRED,
    TooManyRequests: TOO_MANY_REQUESTS,
    TooManyAtOnce: OVERLOADED,
    KeysUnavailable: ProblemSpec(
        503,
        "signing-keys-unavailable",
        "Chưa kiểm tra được mã truy cập",
        "Signing keys unavailable",
        "Chưa đọc được khoá công khai của nơi cấp mã truy cập. Xin thử lại sau ít giây.",
        "The public keys of the token issuer have not been read yet. Please try again in a few seconds.",
        {"Retry-After": "5"},
    ),
    IfMatchInvalid: ProblemSpec(
        400,
        "if-match-invalid",
        "If-Match không hợp lệ",
        "Invalid If-Match",
        "If-Match phải là ETag đã nhận hoặc “*”.",
        "If-Match must be an entity tag received before, or `*`.",
    ),
    BadCursor: ProblemSpec(
        400,
        "bad-cursor",
        "Sai con trỏ trang",
        "Bad cursor",
        "Con trỏ trang không đúng; hãy lấy lại từ trang đầu.",
        "The cursor is not one of ours; start again from the first page.",
    ),
    BadIdempotencyKey: ProblemSpec(
        400,
        "bad-idempotency-key",
        "Sai Idempotency-Key",
        "Bad Idempotency-Key",
        "Idempotency-Key phải có từ 1 đến 200 ký tự ASCII in được và chỉ xuất hiện một lần.",
        "Idempotency-Key must have 1 to 200 printable ASCII characters and come once.",
    ),
    IdempotencyKeyReused: ProblemSpec(
        422,
        "idempotency-key-reused",
        "Idempotency-Key đã dùng",
        "Idempotency-Key reused",
        "Idempotency-Key này đã được dùng cho một yêu cầu khác; hãy dùng khoá mới.",
        "This Idempotency-Key came before with another request; use a new one.",
    ),
}

_BY_STATUS: Final = {
    spec.status: spec
    for spec in (
        MALFORMED_REQUEST,
        UNAUTHENTICATED,
        FORBIDDEN,
        NOT_FOUND,
        METHOD_NOT_ALLOWED,
        CONTENT_TOO_LARGE,
        UNSUPPORTED_MEDIA_TYPE,
        INVALID_REQUEST,
    )
}


def for_status(status: int) -> ProblemSpec:
    """Return the problem for an error that the framework raised by its status alone."""
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "HTTP error"
    other = ProblemSpec(status, f"http-{status}", phrase, phrase, "Yêu cầu không thực hiện được.", "Request refused.")
    return _BY_STATUS.get(status, other)
