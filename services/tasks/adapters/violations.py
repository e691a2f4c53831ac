"""Which constraint said no."""

from sqlalchemy.exc import IntegrityError


def violated(error: IntegrityError) -> str | None:
    """Return the name of the constraint or unique index that refused, as PostgreSQL tells it."""
    cause: BaseException | None = error.orig
    while cause is not None:
        name = getattr(cause, "constraint_name", None)
        if name is not None:
            return str(name)
        cause = cause.__cause__
    return None
