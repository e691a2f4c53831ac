"""How the refusals of this service are told: status, stable code, Vietnamese and English."""

from collections.abc import Mapping

from services.reporting.domain import errors
from shared.http.problems import ProblemSpec

PROBLEMS: Mapping[type[Exception], ProblemSpec] = {
    errors.PlanNotFound: ProblemSpec(
        404,
        "plan-not-found",
        "Không tìm thấy kế hoạch",
        "Plan not found",
        "Không có kế hoạch này trong phạm vi của anh/chị, hoặc kế hoạch vừa ban hành chưa được ghi nhận ở đây.",
        "There is no such plan within your scope, or it was issued a moment ago and has not arrived here yet.",
    ),
    errors.ReportNotFound: ProblemSpec(
        404,
        "report-not-found",
        "Không tìm thấy báo cáo",
        "Report not found",
        "Không có báo cáo này trong phạm vi của anh/chị.",
        "There is no such report within your scope.",
    ),
    errors.FigureNotFound: ProblemSpec(
        404,
        "figure-not-found",
        "Không có số liệu này",
        "Figure not found",
        "Báo cáo không có số liệu mang mã “{figure_id}”.",
        "The report has no figure with the id “{figure_id}”.",
    ),
    errors.FormatNotAvailable: ProblemSpec(
        406,
        "format-not-available",
        "Không có định dạng này",
        "Format not available",
        "Báo cáo không có bản “{wanted}”; các định dạng hiện có: {available}.",
        "The report is not made as “{wanted}”; available formats: {available}.",
    ),
    errors.ReportAlreadyIssued: ProblemSpec(
        409,
        "report-already-issued",
        "Báo cáo đã phát hành",
        "Report already issued",
        "Báo cáo đã phát hành thì không thay đổi; cần đính chính thì lập báo cáo mới có ghi báo cáo được đính chính.",
        "An issued report never changes; a correction is a new report that names this one.",
    ),
    errors.ReportNumberTaken: ProblemSpec(
        409,
        "report-number-taken",
        "Số báo cáo đã dùng",
        "Report number taken",
        "Trong năm đã có báo cáo khác của đơn vị mang số này.",
        "Another report of the unit has this number in the same year.",
    ),
    errors.ReportChangedMeanwhile: ProblemSpec(
        412,
        "report-changed-meanwhile",
        "Báo cáo đã thay đổi",
        "Report changed meanwhile",
        "Báo cáo đã được người khác sửa sau lần xem của anh/chị; hãy tải lại rồi sửa tiếp.",
        "Someone changed the report after you read it; load it again before changing it.",
    ),
    errors.CorrectedReportNotIssued: ProblemSpec(
        422,
        "corrected-report-not-issued",
        "Không đính chính được",
        "Nothing to correct",
        "Báo cáo được đính chính phải là báo cáo đã phát hành của cùng kế hoạch.",
        "Only an issued report of the same plan can be corrected.",
    ),
    errors.PeriodBackwards: ProblemSpec(
        422,
        "period-backwards",
        "Kỳ báo cáo không hợp lệ",
        "Period ends before it begins",
        "Ngày kết thúc kỳ báo cáo phải từ ngày bắt đầu trở đi.",
        "The period must not end before it begins.",
    ),
    errors.AsOfInTheFuture: ProblemSpec(
        422,
        "as-of-in-the-future",
        "Thời điểm ở tương lai",
        "Moment in the future",
        "Thời điểm ghi nhận (as_of) không được sau hiện tại.",
        "`as_of` must not be later than now.",
    ),
    errors.ReportTemplateBroken: ProblemSpec(
        500,
        "report-template-broken",
        "Mẫu báo cáo bị lỗi",
        "Report template broken",
        "Mẫu Word của báo cáo có chỗ không dùng được: {place}. Hãy sửa mẫu rồi thử lại.",
        "The Word template of reports cannot be used: {place}. Mend it and try again.",
    ),
}
