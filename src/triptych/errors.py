"""Errors that are the user's to mend."""


class InputError(ValueError):
    """What was given cannot be used; the message names the file and says what to do."""


class StartAnewError(ValueError):
    """What a run has left does not serve to go on from; the message says how to start anew."""
