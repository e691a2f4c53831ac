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


class WebhookEndpointNotFound(ReportingError):
    """No such endpoint, or it is another office's."""


class WebhookDeliveryNotFound(ReportingError):
    """No such delivery, or it is another office's."""


class NoticeNotFound(ReportingError):
    """No such notice, or it is another office's."""


class NoticeForAnother(ReportingError):
    """Only whom a notice is meant for can say that it was seen."""


class WebhookEndpointChangedMeanwhile(ReportingError):
    """The endpoint is no longer the version that the caller has seen."""


class WebhookEndpointDisabled(ReportingError):
    """Nothing is sent to an endpoint that is switched off."""


class TooManyWebhookEndpoints(ReportingError):
    """The owner has as many endpoints as one may have."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most


class WebhooksNotSetUp(ReportingError):
    """The installation has no key under which secrets are sealed."""


class WebhookUrlRefused(ReportingError):
    """No webhook may be sent to this address. `sentence` is for its owner, Vietnamese first."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code)
        self.errors = [{"pointer": "/body/url", "code": code, "message": sentence}]


class WebhookFilterOutOfSight(ReportingError):
    """A filter may only name what the endpoint's owner sees; unknown and out of sight are told in the same words."""

    def __init__(self, *names: str) -> None:
        super().__init__(*names)
        self.errors = [
            {
                "pointer": f"/body/filter/{name}",
                "code": "not-in-sight",
                "message": "Không có trong phạm vi của chủ sở hữu [not within the owner's scope].",
            }
            for name in names
        ]
