"""The one exception for things a user can fix."""


class InputError(ValueError):
    """Wrong input: the message says what is wrong, where, and what to do about it.

    The command line prints it as one line and exits with status 2.
    """


class Remark(UserWarning):
    """What a user should know of a model or a text when it is opened; workers, who open it again, do not repeat it."""
