"""How the refusals of this service are told: status, stable code, Vietnamese and English."""

from collections.abc import Mapping

from services.plans.domain import errors
from shared.http.problems import ProblemSpec

PROBLEMS: Mapping[type[Exception], ProblemSpec] = {
    errors.UnitNotFound: ProblemSpec(
        404,
        "unit-not-found",
        "Không tìm thấy đơn vị",
        "Unit not found",
        "Không có đơn vị mã {unit}.",
        "There is no unit with the code {unit}.",
    ),
    errors.UnitInvalid: ProblemSpec(
        422,
        "unit-invalid",
        "Đơn vị không hợp lệ",
        "Unit not valid",
        "Thông tin đơn vị chưa đúng; xem danh sách lỗi.",
        "The unit's data breaks a rule; see the list of errors.",
    ),
    errors.UnitOutsideCallersUnits: ProblemSpec(
        403,
        "unit-outside-scope",
        "Ngoài phạm vi đơn vị",
        "Outside of the caller's units",
        "Đơn vị {unit} không thuộc phạm vi đơn vị của anh/chị.",
        "The unit {unit} is not below the caller's own unit.",
    ),
    errors.UnitVersionStale: ProblemSpec(
        412,
        "unit-version-stale",
        "Đơn vị đã thay đổi",
        "Unit has changed",
        "Đơn vị đã được người khác sửa từ khi anh/chị xem; hãy tải lại rồi sửa.",
        "Somebody changed the unit since you read it; read it again first.",
    ),
    errors.ProgrammeNotFound: ProblemSpec(
        404,
        "programme-not-found",
        "Không tìm thấy chương trình",
        "Programme not found",
        "Không có chương trình mã {programme}.",
        "There is no programme with the code {programme}.",
    ),
    errors.PlanNotFound: ProblemSpec(
        404,
        "plan-not-found",
        "Không tìm thấy kế hoạch",
        "Plan not found",
        "Không có kế hoạch này trong phạm vi của anh/chị.",
        "There is no such plan within your scope.",
    ),
    errors.PlanAlreadyIssued: ProblemSpec(
        409,
        "plan-already-issued",
        "Kế hoạch đã ban hành",
        "Plan already issued",
        "Kế hoạch đã được ban hành, không ban hành lại.",
        "The plan has been issued; it is not issued again.",
    ),
    errors.PlanWithoutTasks: ProblemSpec(
        409,
        "plan-without-tasks",
        "Kế hoạch chưa có nhiệm vụ",
        "Plan without tasks",
        "Kế hoạch chưa có nhiệm vụ nào nên chưa thể ban hành.",
        "The plan has no task yet and cannot be issued.",
    ),
    errors.PlanVersionStale: ProblemSpec(
        412,
        "plan-version-stale",
        "Kế hoạch đã thay đổi",
        "Plan has changed",
        "Kế hoạch đã thay đổi từ khi anh/chị xem; hãy tải lại.",
        "The plan changed since you read it; read it again first.",
    ),
    errors.AccessKeyNotFound: ProblemSpec(
        404,
        "access-key-not-found",
        "Không tìm thấy khóa truy cập",
        "Access key not found",
        "Không có khóa truy cập này trong phạm vi của anh/chị.",
        "There is no such access key within your scope.",
    ),
    errors.AccessKeyExpiryInvalid: ProblemSpec(
        422,
        "access-key-expiry-invalid",
        "Ngày hết hạn không hợp lệ",
        "Expiry not valid",
        "Ngày hết hạn phải từ hôm nay đến {latest:%d/%m/%Y}.",
        "The last day must be between today and {latest:%Y-%m-%d}.",
    ),
    errors.ImportRefused: ProblemSpec(
        422,
        "import-refused",
        "Tệp kế hoạch có lỗi",
        "Plan file refused",
        "Tệp có {count} lỗi, chưa có gì được lưu. Sửa các ô nêu trong danh sách rồi nhập lại.",
        "The file has {count} errors; nothing was stored. Mend the cells in the list and import it again.",
    ),
}
