"""The fixture of the messaging tests."""

from tests.support.messaging import world

__all__ = ["world"]
