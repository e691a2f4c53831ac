"""What the embedded system says when it will not start."""


class StartRefusedError(RuntimeError):
    """Something cannot be started as asked; the message is a sentence for the person who asked, with the way out."""

    code = 1
    """Exit code of the process."""


class SettingRefusedError(StartRefusedError):
    """A setting that cannot be meant."""

    code = 2
