"""Which rule of the database a write broke."""

from sqlalchemy.exc import IntegrityError


def violated(error: IntegrityError) -> str | None:
    """Return the name of the constraint or unique index that refused the write."""
    cause = getattr(error.orig, "__cause__", None)
    name = getattr(cause, "constraint_name", None)
    return name if isinstance(name, str) else None
