"""Errors that are the user's to mend."""


class InputError(ValueError):
    """What was given cannot be used; the message names the file and says what to do."""
