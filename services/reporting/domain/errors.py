"""What this service refuses. Each name says the refusal; api/errors.py gives it a status and its words."""

# ruff: noqa: N818 -- errors say the refusal


class ReportingError(Exception):
    """What every refusal of this service is."""


class PlanNotFound(ReportingError):
    """No such plan was heard of, or the caller may not see it."""


class ReportNotFound(ReportingError):
    """No such report, or the caller may not see it."""


class ReportAlreadyIssued(ReportingError):
    """An issued report never changes; a correction is a new report that names it."""


class ReportChangedMeanwhile(ReportingError):
    """The draft is no longer the version that the caller has seen."""


class ReportNumberTaken(ReportingError):
    """Another issued report of the unit has this number in the same year."""


class CorrectedReportNotIssued(ReportingError):
    """Only an issued report of the same plan can be corrected."""


class PeriodBackwards(ReportingError):
    """The period would end before it begins."""


class AsOfInTheFuture(ReportingError):
    """Nobody knows what will have been known."""


class FigureNotFound(ReportingError):
    """No such figure in this report."""

    def __init__(self, figure_id: str) -> None:
        super().__init__()
        self.figure_id = figure_id


class FormatNotAvailable(ReportingError):
    """The report is not made in this format."""

    def __init__(self, wanted: str, available: tuple[str, ...]) -> None:
        super().__init__()
        self.wanted = wanted
        self.available = ", ".join(available)


class ReportTemplateBroken(ReportingError):
    """The Word template names something that a report does not have, or cannot be read."""

    def __init__(self, place: str) -> None:
        super().__init__(place)
        self.place = place
