"""What a model says is wrong with what it was given, without what only follows from another wrong."""

from __future__ import annotations

from pydantic import ValidationError
from pydantic_core import ErrorDetails


def wrongs(error: ValidationError) -> list[ErrorDetails]:
    found = error.errors(include_url=False)
    # A list whose only item is faulty is counted as empty, too.
    return [wrong for wrong in found if wrong["type"] != "too_short" or not any(within(one, wrong) for one in found)]


def within(wrong: ErrorDetails, other: ErrorDetails) -> bool:
    """Whether a wrong lies inside what another one is about."""
    around = other["loc"]
    return len(wrong["loc"]) > len(around) and wrong["loc"][: len(around)] == around
