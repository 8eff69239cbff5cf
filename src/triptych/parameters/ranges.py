"""Range checks for the dataclasses of parameters; a message starts with the field's name."""

import re


def check(condition: bool, message: str) -> None:
    """Raise ValueError with the message unless the condition holds."""
    if not condition:
        raise ValueError(message)


def check_share(name: str, value: float, *, zero: bool = True) -> None:
    """Check that a value is in [0, 1), or in (0, 1) where zero makes no sense."""
    check((0 if zero else 1e-12) <= value < 1, f"{name} must be in {'[' if zero else '('}0, 1), got {value}")


def check_within(low: float, high: float, **values: float) -> None:
    """Check that every value is in [low, high]."""
    for name, value in values.items():
        check(low <= value <= high, f"{name} must be in [{low}, {high}], got {value}")


def check_at_least(least: float, **values: float) -> None:
    """Check that no value is below `least`."""
    for name, value in values.items():
        check(value >= least, f"{name} must be at least {least}, got {value}")


def check_model_name(name: str) -> None:
    """Check a name for the model registry."""
    valid = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}", name) is not None
    check(valid, f"name must be 1 to 200 letters, digits, '-', '_' or '.', got {name!r}")
