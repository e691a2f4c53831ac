"""Access keys of departments' programs: who may have one made, for how long, and how one ends."""

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Final

from services.plans.domain.errors import AccessKeyExpiryInvalid
from shared.access_keys import AccessKey
from shared.clock import VIETNAM, vietnam_date

LONGEST_DAYS: Final = 1096
"""Three years, as long as the certificates with which offices sign: what nobody renews, nobody watches."""


@dataclass(frozen=True)
class Grant:
    """A key with what only this service knows of it."""

    key: AccessKey
    name: str
    """What the program is called, for people who read the list."""
    created_by: str
    created_at: datetime
    revoked_by: str | None = None
    revoked_at: datetime | None = None

    def revoke(self, *, by: str, at: datetime) -> "Grant":
        """Return the grant with its key revoked, as its next version."""
        revoked = replace(self.key, revoked=True, version=self.key.version + 1)
        return replace(self, key=revoked, revoked_by=by, revoked_at=at)


def end_of(expires_on: date, *, now: datetime) -> datetime:
    """Return the moment at which a key ends whose last day is `expires_on`, a Vietnamese calendar day.

    Raises:
        AccessKeyExpiryInvalid: the day is over, or too far off.
    """
    today = vietnam_date(now)
    latest = today + timedelta(days=LONGEST_DAYS)
    if not today <= expires_on <= latest:
        raise AccessKeyExpiryInvalid(latest)
    return datetime.combine(expires_on + timedelta(days=1), time(), VIETNAM)
