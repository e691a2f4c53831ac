"""A report: a draft whose figures live, then an issue that never changes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.reporting.domain.errors import ReportAlreadyIssued, ReportChangedMeanwhile
from services.reporting.domain.events import ReportIssued
from services.reporting.domain.facts import DocumentFact
from services.reporting.domain.method import Method
from services.reporting.domain.periods import Period


class ReportState(StrEnum):
    """A draft can be edited; an issued report cannot."""

    DRAFT = "draft"
    ISSUED = "issued"


@dataclass(frozen=True, slots=True)
class Narrative:
    """The sections that people write. Paragraphs are separated by line ends; an empty section is not printed."""

    results: str = ""
    shortcomings: str = ""
    causes: str = ""
    directions: str = ""
    proposals: str = ""


SECTIONS = tuple(section.name for section in fields(Narrative))


@dataclass(frozen=True, slots=True)
class Issue:
    """The moment of issuing: the document, who did it, and up to which moment facts were taken."""

    document: DocumentFact
    signature: tuple[str, ...]
    """Lines above the signer's name, for example ("TL. CHỦ TỊCH", "GIÁM ĐỐC SỞ NỘI VỤ")."""
    issued_at: datetime
    issued_by: str
    as_of: datetime


@dataclass(slots=True)
class Report:
    """A report on one plan for one period under one counting method."""

    id: UUID
    plan_id: UUID
    unit_code: str
    period: Period
    method: Method
    created_by: str
    created_at: datetime
    corrects: UUID | None = None
    session_id: UUID | None = None
    narrative: Narrative = field(default_factory=Narrative)
    version: int = 1
    issue: Issue | None = None

    @property
    def state(self) -> ReportState:
        """Where the report stands."""
        return ReportState.DRAFT if self.issue is None else ReportState.ISSUED

    def edit(self, changes: Mapping[str, str], *, expected_version: int | None) -> None:
        """Replace the named sections.

        Raises:
            ReportAlreadyIssued: nothing in an issued report changes.
            ReportChangedMeanwhile: the caller saw another version.
        """
        self._require_draft(expected_version)
        self.narrative = replace(self.narrative, **changes)
        self.version += 1

    def issue_as(
        self, document: DocumentFact, *, signature: tuple[str, ...], at: datetime, by: str, expected_version: int | None
    ) -> None:
        """Issue the report: figures are those known at `at`.

        Raises:
            ReportAlreadyIssued: it has its number already.
            ReportChangedMeanwhile: the caller saw another version.
        """
        self._require_draft(expected_version)
        self.issue = Issue(document, signature, issued_at=at, issued_by=by, as_of=at)
        self.version += 1

    def issued_event(self, *, total: int, done: int, sha256: dict[str, str]) -> ReportIssued:
        """Return what others are told."""
        if self.issue is None:
            raise ValueError("a draft is told to nobody")
        return ReportIssued(
            report_id=self.id,
            version=self.version,
            plan_id=self.plan_id,
            period=self.period,
            document=self.issue.document,
            total=total,
            done=done,
            sha256=sha256,
            issued_at=self.issue.issued_at,
        )

    def _require_draft(self, expected_version: int | None) -> None:
        if self.issue is not None:
            raise ReportAlreadyIssued
        if expected_version is not None and expected_version != self.version:
            raise ReportChangedMeanwhile
