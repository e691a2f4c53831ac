"""What the embedded system reads from the environment. Standard library only: the supervisor stays small."""

import os


def inherited_environment() -> dict[str, str]:
    """Return a copy of the environment, for children that need PATH and the like."""
    return dict(os.environ)  # noqa: TID251 -- the one place in deploy
