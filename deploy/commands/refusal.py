"""What the `cchc` command says when it cannot do what was asked."""

FAILED, NOT_RUNNING = 1, 3
"""Exit codes beside 0 (done) and 2 (the command was written wrongly)."""


class CommandRefusedError(RuntimeError):
    """The command cannot be carried out; the message is one sentence for the person who gave it."""

    def __init__(self, sentence: str, *, code: int = FAILED) -> None:
        super().__init__(sentence)
        self.code = code
